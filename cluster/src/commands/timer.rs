//! `TimerFired`: everything that is due at the entry's time.
//!
//! Before it: the leader's driver, when shard time reached the earliest timer. After it: the queue.
//! Guarantees: a timer fires once, however often this is proposed; what is too much for one command
//! is announced as due again. Leaves to others: waking up in time.

use crate::outcome::Outcome;
use crate::shard::{Shard, ShardError};

pub(crate) fn apply(shard: &mut Shard) -> Result<Outcome, ShardError> {
    let limit = shard.limits.timers_per_command;
    let due = shard
        .timers
        .take_due(&mut *shard.store, shard.now_ms, limit)?;
    for timer in due {
        shard.timer_job(timer)?;
    }
    shard.run_queue()?;
    Ok(Outcome::Done)
}
