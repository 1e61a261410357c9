//! Steps on their way: the operands that are not yet in a register, and what becomes of the last step.
//!
//! Before: `translate`, which follows the instructions. Guarantees: an operand that is only named
//! (a slot, a constant) is copied before anything changes what it names; whatever ways meet at an
//! instruction, all operands stand in the registers of their heights there.

use super::{Origin, Register, Step, Turn};

/// An operand of the instructions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Symbol {
    /// In the register of its height.
    Here,
    /// What a slot holds.
    Slot(u16),
    Undefined,
    Null,
    Boolean(bool),
    Integer(i32),
    Constant(u32),
}

/// The steps so far.
pub(super) struct Builder {
    pub(super) steps: Vec<Step>,
    pub(super) origins: Vec<Origin>,
    pub(super) turns: Vec<Turn>,
    pub(super) paths: Vec<Box<[u32]>>,
    /// The operands, by height.
    pub(super) symbols: Vec<Symbol>,
    /// The instruction that is translated.
    pub(super) at: u32,
    /// How many instructions the steps so far stand for.
    covered: u32,
    /// Steps before this one stay as they are: something jumps here.
    landing: usize,
    slots: u16,
}

impl Builder {
    pub(super) fn new(slots: u16) -> Builder {
        Builder {
            steps: Vec::new(),
            origins: Vec::new(),
            turns: Vec::new(),
            paths: Vec::new(),
            symbols: Vec::new(),
            at: 0,
            covered: 0,
            landing: 0,
            slots,
        }
    }

    /// The register of an operand at a height.
    pub(super) fn register(&self, height: usize) -> Register {
        self.slots + height as u16
    }

    /// The register of the next operand.
    pub(super) fn next_register(&self) -> Register {
        self.register(self.symbols.len())
    }

    pub(super) fn emit(&mut self, step: Step) {
        self.steps.push(step);
        self.origins.push(Origin {
            start: self.covered,
            end: self.at + 1,
            place: self.at,
        });
        self.covered = self.at + 1;
    }

    /// Adds a step that stands for instructions of another place as well, up to an end that is counted as if
    /// they stood here; its errors are about one of them.
    pub(super) fn emit_elsewhere(&mut self, step: Step, end: u32, place: u32) {
        self.emit(step);
        if let Some(origin) = self.origins.last_mut() {
            (origin.end, origin.place) = (end, place);
        }
    }

    /// Says which instruction turns the flow in the last step, and what lies before its end.
    pub(super) fn turns_at(&mut self, end: u32, place: u32) {
        let step = self.steps.len() as u32 - 1;
        self.turns.push(Turn { step, end, place });
    }

    /// Puts another step into the place of the last one.
    pub(super) fn replace_last(&mut self, step: Step) {
        if let Some(last) = self.steps.last_mut() {
            *last = step;
        }
    }

    /// A step that is there already, and what it stands for.
    pub(super) fn step_at(&self, at: u32) -> Option<(Step, Origin)> {
        let at = at as usize;
        Some((*self.steps.get(at)?, *self.origins.get(at)?))
    }

    /// Adds a step whose result is the next operand.
    pub(super) fn emit_operand(&mut self, step: Step) {
        self.emit(step);
        self.symbols.push(Symbol::Here);
    }

    /// Something jumps to the current instruction, where so many operands are.
    pub(super) fn land(&mut self, height: usize) {
        self.symbols.clear();
        self.symbols.resize(height, Symbol::Here);
        self.covered = self.at;
        self.landing = self.steps.len();
    }

    /// The last step, where nothing jumps behind it.
    pub(super) fn last(&self) -> Option<Step> {
        self.steps[self.landing..].last().copied()
    }

    /// Takes the last step back; it becomes part of the next.
    pub(super) fn take_back(&mut self) -> Option<Origin> {
        self.steps.pop();
        let origin = self.origins.pop()?;
        self.covered = origin.start;
        Some(origin)
    }

    /// Says which instruction an error of the last step is about.
    pub(super) fn about(&mut self, place: u32) {
        if let Some(origin) = self.origins.last_mut() {
            origin.place = place;
        }
    }

    /// Puts what a symbol names into a register.
    fn load(&mut self, to: Register, symbol: Symbol) {
        self.emit(match symbol {
            Symbol::Here => return,
            Symbol::Slot(from) => Step::Move { to, from },
            Symbol::Undefined => Step::Undefined { to },
            Symbol::Null => Step::Null { to },
            Symbol::Boolean(value) => Step::Boolean { to, value },
            Symbol::Integer(number) => Step::Integer { to, number },
            Symbol::Constant(constant) => Step::Constant { to, constant },
        });
    }

    /// Puts the operand at a height into its register.
    fn settle(&mut self, height: usize) {
        let symbol = std::mem::replace(&mut self.symbols[height], Symbol::Here);
        self.load(self.register(height), symbol);
    }

    /// Puts all operands into their registers.
    pub(super) fn settle_all(&mut self) {
        (0..self.symbols.len()).for_each(|height| self.settle(height));
    }

    /// Puts the operands that name a slot into their registers: the slot is about to change.
    fn release(&mut self, slot: u16) {
        for height in 0..self.symbols.len() {
            if self.symbols[height] == Symbol::Slot(slot) {
                self.settle(height);
            }
        }
    }

    /// A register that holds the topmost operand, which is taken.
    pub(super) fn pop_register(&mut self) -> Register {
        let height = self.symbols.len() - 1;
        let register = match self.symbols[height] {
            Symbol::Slot(slot) => slot,
            _ => {
                self.settle(height);
                self.register(height)
            }
        };
        self.symbols.pop();
        register
    }

    /// Registers that hold the two topmost operands, which are taken.
    pub(super) fn pop_two(&mut self) -> (Register, Register) {
        let right = self.pop_register();
        (self.pop_register(), right)
    }

    /// The small number on top, which is taken where there is one.
    pub(super) fn pop_integer(&mut self) -> Option<i32> {
        match self.symbols.last() {
            Some(Symbol::Integer(number)) => {
                let number = *number;
                self.symbols.pop();
                Some(number)
            }
            _ => None,
        }
    }

    /// Puts the topmost operand into a slot and takes it.
    pub(super) fn store(&mut self, slot: u16) {
        let height = self.symbols.len() - 1;
        let symbol = self.symbols.pop();
        let last_before = self.steps.len();
        self.release(slot);
        match symbol {
            None => {}
            Some(Symbol::Slot(from)) if from == slot => {}
            Some(Symbol::Here) => {
                let from = self.register(height);
                let is_last = self.steps.len() == last_before && self.writes_last(from);
                match self.steps.last_mut().and_then(Step::to_mut) {
                    Some(to) if is_last => {
                        *to = slot;
                        self.extend();
                    }
                    _ => self.emit(Step::Move { to: slot, from }),
                }
            }
            Some(symbol) => self.load(slot, symbol),
        }
    }

    /// Puts the topmost operand into a slot and keeps it.
    pub(super) fn store_and_keep(&mut self, slot: u16) {
        let top = self.symbols.last().copied();
        self.store(slot);
        self.symbols.push(match top {
            None | Some(Symbol::Here) => Symbol::Slot(slot),
            Some(symbol) => symbol,
        });
    }

    /// Whether the last step writes a register, and nothing jumps behind it.
    pub(super) fn writes_last(&self, register: Register) -> bool {
        let last = self.last();
        last.is_some_and(|mut step| step.to_mut().is_some_and(|to| *to == register))
    }

    /// Makes the current instruction part of the last step.
    fn extend(&mut self) {
        if let Some(origin) = self.origins.last_mut() {
            origin.end = self.at + 1;
        }
        self.covered = self.at + 1;
    }
}
