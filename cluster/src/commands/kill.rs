//! `Kill`: an instance ended by a client.
//!
//! Before it: the door. After it: the end of the run.
//! Guarantees: takes effect at once, before what waits in the run queue; what the victim sent
//! stands. Leaves to others: watchers and dead letters (`shard::ends`).

use crate::codes;
use crate::command::KillRequest;
use crate::message::Kill;
use crate::outcome::{Outcome, Refusal};
use crate::shard::{Shard, ShardError};

pub(crate) fn apply(shard: &mut Shard, request: &KillRequest) -> Result<Outcome, ShardError> {
    shard.request(&request.door, &request.target, |shard| {
        let unknown = |code: &str, what: &str| {
            let message = format!("{} {what}", request.target);
            Ok(Some(Refusal::new(code, message)))
        };
        match shard.is_running(&request.target)? {
            None => unknown(codes::UNKNOWN_INSTANCE, "is no instance"),
            Some(false) => unknown(codes::ENDED, "has ended already"),
            Some(true) => {
                shard.kill(Kill {
                    stamp: request.door.stamp.clone(),
                    from: None,
                    target: request.target.clone(),
                })?;
                shard.run_queue()?;
                Ok(None)
            }
        }
    })
}
