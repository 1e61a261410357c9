//! Marks: how a cut of one shard comes to the others with the messages between them.
//!
//! Before it: the leader's driver, which has something of this shard for another. After it: the other shard's
//! log, where the mark stands before what it marks.
//! Guarantees: what a shard did after a cut is taken by none that has not made that cut, neither a parcel nor an
//! acknowledgement; so no part of a backup holds an effect whose cause is missing, or lacks a message that is
//! nowhere else. Leaves to others: beginning a cut, and the state at it (`shard/cuts`).

use crate::command::Command;
use crate::outcome::Outcome;

/// What carries something of a shard whose last cut is `cut` into the log of another: the cut first, where there
/// is one.
#[must_use]
pub fn marked(cut: u64, command: Command) -> Vec<Command> {
    match cut {
        0 => vec![command],
        cut => vec![Command::Cut(cut), command],
    }
}

/// What the target of a channel answered to `Deliver`, marked or not: the number that it takes next, and its last
/// cut.
#[must_use]
pub fn expected(outcomes: &[Outcome]) -> Option<(u64, u64)> {
    match outcomes.last()? {
        Outcome::ChannelExpects(next) => Some((*next, 0)),
        Outcome::ChannelExpectsInCut { next, cut } => Some((*next, *cut)),
        _ => None,
    }
}
