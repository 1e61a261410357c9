//! `Pause`: an instance that is to take nothing, or to go on.
//!
//! Before it: the door. After it: the turns that waited, where it goes on.
//! Guarantees: takes effect at once, before what waits in the run queue; a repeat changes nothing.
//! Leaves to others: what waits meanwhile (`shard::pauses`).

use super::kill;
use crate::codes;
use crate::command::PauseRequest;
use crate::outcome::{Outcome, Refusal};
use crate::shard::{Shard, ShardError};

pub(crate) fn apply(shard: &mut Shard, request: &PauseRequest) -> Result<Outcome, ShardError> {
    let target = &request.target;
    shard.request(&request.door, target, |shard| {
        if target.key().is_none() {
            let message = format!("{target} is no instance: name one, as in {target}/KEY");
            return Ok(Some(Refusal::new(codes::UNKNOWN_INSTANCE, message)));
        }
        if let Some(refusal) = kill::refusal(shard, target)? {
            return Ok(Some(refusal));
        }
        if shard.computes(target)? {
            let message = format!(
                "{target} is computed from what it reads, and takes no messages that could wait"
            );
            return Ok(Some(Refusal::new(codes::REACTIVE, message)));
        }
        shard.pause(target, request.paused)?;
        shard.run_queue()?;
        Ok(None)
    })
}
