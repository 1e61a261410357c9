//! `BeginLife`: the shard goes on as a new life of itself, from what this replica holds.
//!
//! Before it: the leader of a group that was made anew from one replica. After it: every other shard is
//! told (`Meet`). Guarantees: a life that has begun does not begin again; a shard that had stopped for
//! want of a majority goes on. Leaves to others: which replica (an operator).

use transport::Incarnation;

use crate::outcome::Outcome;
use crate::shard::{Shard, ShardError};

pub(crate) fn apply(shard: &mut Shard, life: Incarnation) -> Result<Outcome, ShardError> {
    shard.begin_life(life);
    shard.run_queue()?;
    Ok(Outcome::Done)
}
