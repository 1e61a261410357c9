//! `Checkpoint`: the hash of the state at this place of the log.
//!
//! Before it: the leader, now and then. After it: replicas that compare.
//! Guarantees: equal entries give an equal hash; only what changed since is hashed anew.
//! Leaves to others: collecting the answers and what follows from a difference.

use crate::outcome::Outcome;
use crate::shard::{Shard, ShardError};

pub(crate) fn apply(shard: &mut Shard) -> Result<Outcome, ShardError> {
    if !shard.agreement().is_stopped() {
        shard.run_queue()?;
    }
    shard.fold();
    Ok(Outcome::Checkpoint(shard.state_hash()))
}
