//! `Cut`: what was applied before it is this shard's part of a backup, what comes after it is not.
//!
//! Before it: whoever makes a backup, or a message of a shard that has made the cut. After it: nothing here;
//! the state at the cut is computed from an earlier one and the log (`shard/cuts`).
//! Guarantees: a cut is made once, and its number never falls. Leaves to others: carrying marks (`cut`).

use crate::outcome::Outcome;
use crate::shard::{Shard, ShardError};

pub(crate) fn apply(shard: &mut Shard, number: u64) -> Result<Outcome, ShardError> {
    shard.cut(number);
    shard.run_queue()?;
    Ok(Outcome::Cut(shard.last_cut))
}
