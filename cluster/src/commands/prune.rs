//! `Prune`: history goes before its time, so that the disk has room.
//!
//! Before it: the leader's driver, which holds the node's bound against what the shard keeps. After it:
//! the next part of the walk. Guarantees: every replica forgets the same steps at the same place of
//! the log; no turn, message or result depends on them. Leaves to others: how much may stay.

use crate::command::Prune;
use crate::outcome::Outcome;
use crate::shard::{Shard, ShardError};

pub(crate) fn apply(shard: &mut Shard, prune: &Prune) -> Result<Outcome, ShardError> {
    let pruned = shard.prune(prune)?;
    shard.run_queue()?;
    Ok(Outcome::Pruned(pruned))
}
