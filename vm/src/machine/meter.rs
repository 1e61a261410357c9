//! Counting instructions, so that a step costs nothing and a jump one addition.
//!
//! Before: `run`, `frames`. Guarantees: what was used is known exactly at any step, from where the
//! innermost call is. The limit is looked at where the flow jumps, calls or ends: between two such
//! points there are never more instructions than a function has.

use crate::limits::Limits;
use crate::steps::Target;

/// What was used, but for the innermost call: that is taken to have run straight from its first
/// instruction to where it is. So the sum does not change while it does; a jump changes it by what it
/// passes over, forward (less was used) or back (more was).
#[derive(Debug)]
pub(super) struct Meter {
    besides: i64,
    limit: i64,
}

impl Meter {
    pub(super) fn new(limits: &Limits) -> Meter {
        Meter {
            besides: 0,
            limit: i64::try_from(limits.turn_instructions).unwrap_or(i64::MAX),
        }
    }

    /// What was used, where the innermost call is behind so many of its instructions.
    pub(super) fn used(&self, counted: u32) -> u64 {
        u64::try_from(self.besides.saturating_add(i64::from(counted))).unwrap_or(0)
    }

    /// Counts work besides instructions; false where there is too much.
    #[inline]
    pub(super) fn add(&mut self, instructions: u64) -> bool {
        let instructions = i64::try_from(instructions).unwrap_or(i64::MAX);
        self.besides = self.besides.saturating_add(instructions);
        self.is_within()
    }

    /// Whether there is not too much.
    #[inline]
    pub(super) fn is_within(&self) -> bool {
        self.besides <= self.limit
    }

    /// The same, with what the innermost call has run so far.
    #[inline]
    pub(super) fn is_within_with(&self, counted: u32) -> bool {
        // The limit is not negative, so that this stays in range.
        self.besides <= self.limit - i64::from(counted)
    }

    /// Goes on at a target; false where that is too much.
    #[inline]
    pub(super) fn jump(&mut self, target: Target) -> bool {
        self.besides += i64::from(target.skipped);
        self.is_within()
    }

    /// Takes a jump back.
    pub(super) fn undo(&mut self, target: Target) {
        self.besides -= i64::from(target.skipped);
    }

    /// Another call is the innermost one: it is behind so many of its instructions, the one before
    /// behind so many of its own.
    #[inline]
    pub(super) fn turn(&mut self, before: u32, counted: u32) {
        self.besides += i64::from(before) - i64::from(counted);
    }
}
