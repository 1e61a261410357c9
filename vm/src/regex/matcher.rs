//! The backtracking machine: runs a program over a text, counting steps and bytes.
//!
//! Before: `builtins/regexp`. Guarantees: its stack is its own and charged before it grows; each
//! instruction, each character of a run and each undone entry is a step, so that no pattern runs
//! longer than its budget; what it uses depends on program, text and place alone.

use smallvec::SmallVec;

use super::class::is_line_end;
use super::fold::{Fold, canonical};
use super::program::{NOWHERE, Op, Program, Run, Single, UNBOUNDED};
use super::units::{UnitsOf, next, previous};
use crate::text::{Text, Units};

/// Bytes of one entry of the stack.
const ENTRY_BYTES: usize = 16;
/// Entries that the stack has room for at first; then it doubles.
const ENTRIES_FIRST: usize = 64;
/// Places that are skipped in one step.
const SKIPPED_A_STEP: usize = 8;

/// What a search may use; what is left afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    /// Steps of the machine.
    pub(crate) steps: u64,
    /// Bytes of memory.
    pub(crate) bytes: u64,
}

/// Which part of the budget ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exhausted {
    Steps,
    Bytes,
}

/// Begin and end of the match and of each group, `None` for a group that took no part.
pub(crate) type Captures = SmallVec<[Option<(usize, usize)>; 4]>;

/// What to undo or to try next.
#[derive(Clone, Copy, Debug)]
enum Entry {
    /// Goes on there.
    Branch { op: u32, at: u32 },
    /// A register gets its old value back.
    Restore { register: u32, old: u32 },
    /// A run gives a character back, down to `floor`.
    Shorten { op: u32, floor: u32, at: u32 },
}

/// Memory for more entries or registers than this is not kept for another turn.
const KEPT_MAX: usize = 4_096;

/// Memory that the searches of one turn share: paid for once, when it grows.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    registers: Vec<u32>,
    stack: Vec<Entry>,
    /// Registers and entries that have been paid for.
    paid: (usize, usize),
}

impl Scratch {
    /// Whether it has no room that another turn could use.
    pub(crate) fn has_no_room(&self) -> bool {
        self.stack.capacity() == 0 && self.registers.capacity() == 0
    }

    /// The same memory for another turn, which pays for it again.
    pub(crate) fn unpaid(self) -> Scratch {
        if self.stack.capacity().max(self.registers.capacity()) > KEPT_MAX {
            return Scratch::default();
        }
        Scratch {
            paid: (0, 0),
            ..self
        }
    }
}

/// Where to search.
#[derive(Clone, Copy, Debug)]
pub(crate) struct From {
    /// The first place.
    pub(crate) place: usize,
    /// Whether a match must begin there.
    pub(crate) only_there: bool,
}

/// Searches for the first match at or behind a place, or at the place alone.
pub(crate) fn search(
    program: &Program,
    text: &Text,
    from: From,
    scratch: &mut Scratch,
    budget: &mut Budget,
) -> Result<Option<Captures>, Exhausted> {
    match text.units() {
        Units::Ascii(ascii) => run(program, ascii, from, scratch, budget),
        Units::Wide(wide) => run(program, wide, from, scratch, budget),
    }
}

fn run<U: UnitsOf>(
    program: &Program,
    units: U,
    from: From,
    scratch: &mut Scratch,
    budget: &mut Budget,
) -> Result<Option<Captures>, Exhausted> {
    let only_there = from.only_there;
    // Places are 32 bits wide, and one value means none.
    if units.count() >= NOWHERE as usize {
        return Err(Exhausted::Bytes);
    }
    let mut matcher = Matcher::new(program, units, scratch, budget)?;
    let by_code_points = matcher.by_code_points;
    let mut start = from.place;
    // A place inside a pair means the character that it is part of.
    if by_code_points
        && start < units.count()
        && let Some((character, begin)) = previous(units, start + 1, true)
        && character > 0xFFFF
    {
        start = begin;
    }
    loop {
        if !only_there {
            start = matcher.skip(start)?;
        }
        if matcher.match_at(start)? {
            return Ok(Some(matcher.captures()));
        }
        match next(units, start, by_code_points) {
            Some((_, behind)) if !only_there => start = behind,
            _ => return Ok(None),
        }
    }
}

struct Matcher<'m, U> {
    program: &'m Program,
    units: U,
    by_code_points: bool,
    fold: Fold,
    scratch: &'m mut Scratch,
    budget: &'m mut Budget,
}

impl<'m, U: UnitsOf> Matcher<'m, U> {
    fn new(
        program: &'m Program,
        units: U,
        scratch: &'m mut Scratch,
        budget: &'m mut Budget,
    ) -> Result<Matcher<'m, U>, Exhausted> {
        let by_code_points = program.flags.by_code_points();
        let mut matcher = Matcher {
            program,
            units,
            by_code_points,
            fold: if by_code_points {
                Fold::Simple
            } else {
                Fold::Upper
            },
            scratch,
            budget,
        };
        let registers = program.registers as usize;
        matcher.pay(registers as u64 / 16)?;
        let (paid, entries) = matcher.scratch.paid;
        if registers > paid {
            matcher.pay_bytes((registers - paid) * 4)?;
            matcher.scratch.paid.0 = registers;
        }
        if entries == 0 {
            matcher.pay_bytes(ENTRIES_FIRST * ENTRY_BYTES)?;
            matcher.scratch.paid.1 = ENTRIES_FIRST;
        }
        matcher.scratch.registers.clear();
        matcher.scratch.registers.resize(registers, NOWHERE);
        Ok(matcher)
    }

    #[inline]
    fn pay(&mut self, steps: u64) -> Result<(), Exhausted> {
        if self.budget.steps < steps {
            self.budget.steps = 0;
            return Err(Exhausted::Steps);
        }
        self.budget.steps -= steps;
        Ok(())
    }

    fn pay_bytes(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let bytes = bytes as u64;
        if self.budget.bytes < bytes {
            self.budget.bytes = 0;
            return Err(Exhausted::Bytes);
        }
        self.budget.bytes -= bytes;
        Ok(())
    }

    #[inline]
    fn push(&mut self, entry: Entry) -> Result<(), Exhausted> {
        let room = self.scratch.paid.1;
        if self.scratch.stack.len() == room {
            self.pay_bytes(room * ENTRY_BYTES)?;
            self.scratch.paid.1 = room * 2;
        }
        self.scratch.stack.push(entry);
        Ok(())
    }

    #[inline]
    fn set(&mut self, register: u32, value: u32) -> Result<(), Exhausted> {
        let old = std::mem::replace(&mut self.scratch.registers[register as usize], value);
        self.push(Entry::Restore { register, old })
    }

    /// The next place at which a match can begin, or the end of the text.
    fn skip(&mut self, start: usize) -> Result<usize, Exhausted> {
        let Some(first) = self.program.first else {
            return Ok(start);
        };
        let words = [first as u64, (first >> 64) as u64];
        let mut at = start;
        while at < self.units.count() {
            let unit = self.units.unit(at);
            if unit >= 128 || words[unit as usize / 64] >> (unit % 64) & 1 != 0 {
                break;
            }
            at += 1;
        }
        self.pay(((at - start) / SKIPPED_A_STEP) as u64)?;
        Ok(at)
    }

    fn captures(&self) -> Captures {
        let groups = 0..self.program.groups as usize;
        let place = |register: usize| {
            let place = self.scratch.registers[register];
            (place != NOWHERE).then_some(place as usize)
        };
        groups
            .map(|group| Some((place(group * 2)?, place(group * 2 + 1)?)))
            .collect()
    }

    /// Runs the program from a place. Where it fails, the registers are as before.
    fn match_at(&mut self, start: usize) -> Result<bool, Exhausted> {
        self.scratch.stack.clear();
        self.set(0, start as u32)?;
        let (mut op, mut at) = (0u32, start);
        loop {
            self.pay(1)?;
            let program = self.program;
            let goes_on = match program.ops[op as usize] {
                Op::One { single, back } => self.step(single, at, back)?.map(|to| (op + 1, to)),
                Op::Run(run) => self.run(&program.runs[run as usize], op, at)?,
                Op::Jump(target) => Some((target, at)),
                Op::Try(target) => {
                    self.push(Entry::Branch {
                        op: target,
                        at: at as u32,
                    })?;
                    Some((op + 1, at))
                }
                Op::Save(register) => {
                    self.set(register, at as u32)?;
                    Some((op + 1, at))
                }
                Op::Match => {
                    // What it found is copied.
                    self.pay(u64::from(program.groups) / 4)?;
                    self.scratch.registers[1] = at as u32;
                    return Ok(true);
                }
                Op::Begin { .. } | Op::End { .. } | Op::Boundary { .. } => {
                    let holds = self.holds(program.ops[op as usize], at);
                    holds.then_some((op + 1, at))
                }
                Op::Reference { table, back, fold } => {
                    let groups = &program.references[table as usize];
                    let to = self.reference(groups, at, back, fold)?;
                    to.map(|to| (op + 1, to))
                }
                Op::Look { .. } | Op::LookEnd { .. } => self.look(op, at)?,
                _ => self.repeat(op, at)?,
            };
            match goes_on {
                Some((next_op, to)) => (op, at) = (next_op, to),
                None => match self.fail()? {
                    Some((next_op, to)) => (op, at) = (next_op, to),
                    None => return Ok(false),
                },
            }
        }
    }

    /// Undoes up to the last choice, `None` where there is none left.
    fn fail(&mut self) -> Result<Option<(u32, usize)>, Exhausted> {
        while let Some(entry) = self.scratch.stack.pop() {
            match entry {
                Entry::Restore { register, old } => {
                    self.pay(1)?;
                    self.scratch.registers[register as usize] = old;
                }
                Entry::Branch { op, at } => return Ok(Some((op, at as usize))),
                Entry::Shorten { op, floor, at } => {
                    let Op::Run(run) = self.program.ops[op as usize] else {
                        continue;
                    };
                    let back = self.program.runs[run as usize].back;
                    let shorter = self.character(at as usize, !back);
                    let Some((_, to)) = shorter else { continue };
                    if to != floor as usize {
                        self.scratch.stack.push(Entry::Shorten {
                            op,
                            floor,
                            at: to as u32,
                        });
                    }
                    return Ok(Some((op + 1, to)));
                }
            }
        }
        Ok(None)
    }

    #[inline]
    fn character(&self, at: usize, back: bool) -> Option<(u32, usize)> {
        if back {
            previous(self.units, at, self.by_code_points)
        } else {
            next(self.units, at, self.by_code_points)
        }
    }

    /// The place behind a character, where it is one that may stand there.
    #[inline]
    fn step(&mut self, single: Single, at: usize, back: bool) -> Result<Option<usize>, Exhausted> {
        let Some((character, to)) = self.character(at, back) else {
            return Ok(None);
        };
        let fits = match single {
            Single::Exactly(wanted) => character == wanted,
            Single::Class(class) => {
                let class = &self.program.classes[class as usize];
                if character >= 128 {
                    self.pay(class.weight)?;
                }
                class.contains(character)
            }
            Single::Any => true,
        };
        Ok(fits.then_some(to))
    }

    /// How many characters of a run, from its begin on, are ASCII.
    fn ascii_run(&self, run: &Run, start: usize) -> u32 {
        let units = self.units.count();
        if run.back || start >= units {
            return 0;
        }
        let fitting = match run.single {
            Single::Exactly(wanted) if wanted < 128 => 1 << wanted,
            Single::Exactly(_) => return 0,
            Single::Class(class) => self.program.classes[class as usize].ascii,
            Single::Any => u128::MAX,
        };
        let words = [fitting as u64, (fitting >> 64) as u64];
        let most = match run.maximum {
            UNBOUNDED => units - start,
            maximum => (units - start).min(maximum as usize),
        };
        let mut count = 0;
        while count < most {
            let unit = self.units.unit(start + count);
            if unit >= 128 || words[unit as usize / 64] >> (unit % 64) & 1 == 0 {
                break;
            }
            count += 1;
        }
        count as u32
    }

    fn run(&mut self, run: &Run, op: u32, start: usize) -> Result<Option<(u32, usize)>, Exhausted> {
        let mut count = self.ascii_run(run, start);
        self.pay(u64::from(count))?;
        let mut at = start + count as usize;
        let mut floor = (run.minimum <= count).then_some(start + run.minimum as usize);
        while run.maximum == UNBOUNDED || count < run.maximum {
            let Some(to) = self.step(run.single, at, run.back)? else {
                break;
            };
            self.pay(1)?;
            at = to;
            count = count.saturating_add(1);
            if count == run.minimum {
                floor = Some(at);
            }
        }
        let Some(floor) = floor else {
            return Ok(None);
        };
        if floor != at {
            self.push(Entry::Shorten {
                op,
                floor: floor as u32,
                at: at as u32,
            })?;
        }
        Ok(Some((op + 1, at)))
    }

    /// `^`, `$`, `\b`
    fn holds(&self, op: Op, at: usize) -> bool {
        let before = previous(self.units, at, false).map(|(unit, _)| unit);
        let behind = next(self.units, at, false).map(|(unit, _)| unit);
        let is_edge = |unit: Option<u32>, multiline: bool| {
            unit.is_none_or(|unit| multiline && is_line_end(unit))
        };
        match op {
            Op::Begin { multiline } => is_edge(before, multiline),
            Op::End { multiline } => is_edge(behind, multiline),
            Op::Boundary { negated, class } => {
                let class = &self.program.classes[class as usize];
                let is_word = |unit: Option<u32>| unit.is_some_and(|unit| class.contains(unit));
                (is_word(before) != is_word(behind)) != negated
            }
            _ => false,
        }
    }

    /// The place behind a repetition of what a group took; a group that took no part is empty.
    fn reference(
        &mut self,
        groups: &[u32],
        at: usize,
        back: bool,
        fold: bool,
    ) -> Result<Option<usize>, Exhausted> {
        let taken = groups.iter().find_map(|group| {
            let begin = self.scratch.registers[*group as usize * 2];
            let end = self.scratch.registers[*group as usize * 2 + 1];
            (begin != NOWHERE && end != NOWHERE).then_some((begin as usize, end as usize))
        });
        let Some((begin, end)) = taken else {
            return Ok(Some(at));
        };
        self.pay((end - begin) as u64)?;
        let (mut wanted, mut at) = (if back { end } else { begin }, at);
        let fold = if fold { self.fold } else { Fold::None };
        while wanted != if back { begin } else { end } {
            let (Some((left, left_to)), Some((right, right_to))) =
                (self.character(wanted, back), self.character(at, back))
            else {
                return Ok(None);
            };
            if left != right && canonical(left, fold) != canonical(right, fold) {
                return Ok(None);
            }
            (wanted, at) = (left_to, right_to);
        }
        Ok(Some(at))
    }

    fn repeat(&mut self, op: u32, at: usize) -> Result<Option<(u32, usize)>, Exhausted> {
        let program = self.program;
        let repeated = |index: u32| &program.loops[index as usize];
        match program.ops[op as usize] {
            Op::LoopInit(index) => {
                self.set(repeated(index).counter, 0)?;
                Ok(Some((op + 1, at)))
            }
            Op::LoopEnter(index) => {
                let repeated = repeated(index);
                let count = self.scratch.registers[repeated.counter as usize];
                if count < repeated.minimum {
                    return Ok(Some((op + 1, at)));
                }
                if repeated.maximum != UNBOUNDED && count >= repeated.maximum {
                    return Ok(Some((repeated.exit, at)));
                }
                let (now, later) = if repeated.is_greedy {
                    (op + 1, repeated.exit)
                } else {
                    (repeated.exit, op + 1)
                };
                self.push(Entry::Branch {
                    op: later,
                    at: at as u32,
                })?;
                Ok(Some((now, at)))
            }
            Op::LoopRound(index) => {
                let repeated = repeated(index);
                if let Some(place) = repeated.place {
                    self.set(place, at as u32)?;
                }
                let (first, behind) = repeated.inside;
                self.pay(u64::from(behind - first) / 4)?;
                for register in first..behind {
                    if self.scratch.registers[register as usize] != NOWHERE {
                        self.set(register, NOWHERE)?;
                    }
                }
                Ok(Some((op + 1, at)))
            }
            Op::LoopEnd(index) => {
                let repeated = repeated(index);
                let count = self.scratch.registers[repeated.counter as usize];
                let is_empty = repeated
                    .place
                    .is_some_and(|place| self.scratch.registers[place as usize] == at as u32);
                if is_empty && count >= repeated.minimum {
                    return Ok(None);
                }
                self.set(repeated.counter, count.saturating_add(1))?;
                Ok(Some((repeated.enter, at)))
            }
            _ => Ok(None),
        }
    }

    fn look(&mut self, op: u32, at: usize) -> Result<Option<(u32, usize)>, Exhausted> {
        match self.program.ops[op as usize] {
            Op::Look {
                negative,
                register,
                after,
            } => {
                let height = self.scratch.stack.len() as u32;
                if negative {
                    self.push(Entry::Branch {
                        op: after,
                        at: at as u32,
                    })?;
                }
                self.set(register, height)?;
                self.set(register + 1, at as u32)?;
                Ok(Some((op + 1, at)))
            }
            Op::LookEnd { negative, register } => {
                let height = self.scratch.registers[register as usize] as usize;
                let began = self.scratch.registers[register as usize + 1] as usize;
                self.pay((self.scratch.stack.len() - height) as u64)?;
                if negative {
                    self.undo_to(height);
                    return Ok(None);
                }
                // What it set stays and is undone with the rest; its choices are settled.
                let mut kept = height;
                for entry in height..self.scratch.stack.len() {
                    if let Entry::Restore { .. } = self.scratch.stack[entry] {
                        self.scratch.stack[kept] = self.scratch.stack[entry];
                        kept += 1;
                    }
                }
                self.scratch.stack.truncate(kept);
                Ok(Some((op + 1, began)))
            }
            _ => Ok(None),
        }
    }

    fn undo_to(&mut self, height: usize) {
        while self.scratch.stack.len() > height {
            if let Some(Entry::Restore { register, old }) = self.scratch.stack.pop() {
                self.scratch.registers[register as usize] = old;
            }
        }
    }
}
