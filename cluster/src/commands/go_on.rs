//! `Continue`: go on with what earlier commands left in the run queue.
//!
//! Before it: the leader's driver, as long as something is left. After it: turns.
//! Guarantees: one command's budget is spent, then others have their turn.
//! Leaves to others: proposing it again.

use crate::outcome::Outcome;
use crate::shard::{Shard, ShardError};

pub(crate) fn apply(shard: &mut Shard) -> Result<Outcome, ShardError> {
    shard.run_queue()?;
    Ok(Outcome::Done)
}
