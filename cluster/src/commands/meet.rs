//! `Meet` and `Met`: a shard that began a new life says so to another, and hears how far that one has
//! taken the channel of the old life.
//!
//! Before it: the driver of the new life's leader. After it: both channels go on, numbered from 1.
//! Guarantees: either may be repeated. Leaves to others: the numbers (`shard/lives`).

use crate::command::{Meet, Met};
use crate::outcome::Outcome;
use crate::shard::{Shard, ShardError};

pub(crate) fn meet(shard: &mut Shard, meet: &Meet) -> Result<Outcome, ShardError> {
    let outcome = shard.meet(meet)?;
    shard.run_queue()?;
    Ok(outcome)
}

pub(crate) fn met(shard: &mut Shard, met: &Met) -> Result<Outcome, ShardError> {
    shard.met(met)?;
    shard.run_queue()?;
    Ok(Outcome::Done)
}
