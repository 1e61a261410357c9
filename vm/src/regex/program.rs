//! What a pattern compiles to: instructions of a backtracking machine, and their tables.
//!
//! Before: `emit`. After: `matcher`. Guarantees: size in proportion to the pattern (properties are
//! looked up, not spelled out; counted repetition is a loop); registers are numbered at compile time.

use oxc_allocator::Allocator;

use super::class::Class;
use super::{Flags, PatternError, emit, first, parse};
use crate::text::Text;

/// No more bytes of program than this for each unit of the pattern, all tables counted.
pub(super) const BYTES_PER_UNIT: u32 = 192;

/// A register that holds no place.
pub(super) const NOWHERE: u32 = u32::MAX;

/// A repetition without upper bound.
pub(super) const UNBOUNDED: u32 = u32::MAX;

/// A compiled regular expression.
#[derive(Debug)]
pub(crate) struct Program {
    pub(super) flags: Flags,
    pub(super) ops: Vec<Op>,
    pub(super) classes: Vec<Class>,
    pub(super) loops: Vec<Loop>,
    pub(super) runs: Vec<Run>,
    /// Groups that a back reference may mean: more than one where alternatives share a name.
    pub(super) references: Vec<Vec<u32>>,
    /// How many registers there are; the first are begin and end of each group.
    pub(super) registers: u32,
    /// The groups, the whole match included.
    pub(super) groups: u32,
    /// Names and their groups, in the order of the text.
    pub(super) names: Vec<(Text, Vec<u32>)>,
    /// Which ASCII units a match can begin with, where that is known.
    pub(super) first: Option<u128>,
}

/// One instruction. `back` reads towards the begin, inside a look-behind.
#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    /// One character.
    One { single: Single, back: bool },
    /// As many characters as there are, then fewer.
    Run(u32),
    /// Goes on elsewhere.
    Jump(u32),
    /// Goes on behind; where that fails, elsewhere.
    Try(u32),
    /// Puts the place into a register.
    Save(u32),
    /// `^`
    Begin { multiline: bool },
    /// `$`
    End { multiline: bool },
    /// `\b`, or `\B`; `class` holds the characters of words.
    Boundary { negated: bool, class: u32 },
    /// `\1`, `\k<name>`
    Reference { table: u32, back: bool, fold: bool },
    /// Before the first round of a loop.
    LoopInit(u32),
    /// Decides on another round; the next instruction begins it.
    LoopEnter(u32),
    /// Begins a round.
    LoopRound(u32),
    /// Ends a round.
    LoopEnd(u32),
    /// Begins what is looked at; `register` and the next hold where it began.
    Look {
        negative: bool,
        register: u32,
        after: u32,
    },
    /// What was looked at is there.
    LookEnd { negative: bool, register: u32 },
    /// The end of the pattern.
    Match,
}

/// What one character must be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Single {
    /// This one.
    Exactly(u32),
    /// One of a class.
    Class(u32),
    /// Any.
    Any,
}

/// A general repetition.
#[derive(Debug)]
pub(super) struct Loop {
    pub(super) minimum: u32,
    pub(super) maximum: u32,
    pub(super) is_greedy: bool,
    /// Where `LoopEnter` stands.
    pub(super) enter: u32,
    /// Where to go on behind it.
    pub(super) exit: u32,
    /// Register of the rounds.
    pub(super) counter: u32,
    /// Register of the place where the round began, where a round can be empty.
    pub(super) place: Option<u32>,
    /// The registers of the groups inside, forgotten in each round.
    pub(super) inside: (u32, u32),
}

/// A greedy repetition of one character.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) single: Single,
    pub(super) minimum: u32,
    pub(super) maximum: u32,
    pub(super) back: bool,
}

impl Program {
    /// Compiles a pattern.
    pub(crate) fn compile(source: &Text, flags: Flags) -> Result<Program, PatternError> {
        let allocator = Allocator::default();
        let pattern = parse::parse(&allocator, source, flags)?;
        let mut program = emit::emit(&pattern, flags)?;
        program.first = first::first(&program);
        Ok(program)
    }

    /// Names and their groups, in the order of the text.
    pub(crate) fn names(&self) -> &[(Text, Vec<u32>)] {
        &self.names
    }

    /// Bytes that it takes, all tables counted.
    #[cfg(test)]
    pub(super) fn byte_size(&self) -> usize {
        let each = |count: usize, bytes: usize| count * bytes;
        let classes = self.classes.iter().map(Class::byte_size);
        let references = self.references.iter().map(|groups| 24 + groups.len() * 4);
        let names = self.names.iter();
        let names = names.map(|(name, groups)| 64 + name.byte_size() + groups.len() * 4);
        each(self.ops.capacity(), size_of::<Op>())
            + each(self.loops.capacity(), size_of::<Loop>())
            + each(self.runs.capacity(), size_of::<Run>())
            + classes.chain(references).chain(names).sum::<usize>()
    }
}
