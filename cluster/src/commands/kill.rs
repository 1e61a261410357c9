//! `Kill`: an instance ended by a client.
//!
//! Before it: the door. After it: the end of the run.
//! Guarantees: takes effect at once, before what waits in the run queue; what the victim sent
//! stands; a bare name means the one instance of a worker without `key`.
//! Leaves to others: watchers and dead letters (`shard::ends`).

use transport::Address;

use crate::codes;
use crate::command::KillRequest;
use crate::message::Kill;
use crate::outcome::{Outcome, Refusal};
use crate::shard::{Shard, ShardError};

pub(crate) fn apply(shard: &mut Shard, request: &KillRequest) -> Result<Outcome, ShardError> {
    shard.request(&request.door, &request.target, |shard| {
        let target = match request.target.key() {
            Some(_) => Some(request.target.clone()),
            None => shard.only_instance(&request.target)?,
        };
        let Some(target) = target else {
            let message = format!(
                "{} is no instance: name one, as in {}/KEY",
                request.target, request.target
            );
            return Ok(Some(Refusal::new(codes::UNKNOWN_INSTANCE, message)));
        };
        shard.watch_at(&target);
        if let Some(refusal) = refusal(shard, &target)? {
            return Ok(Some(refusal));
        }
        shard.kill(Kill {
            stamp: request.door.stamp.clone(),
            from: None,
            target: request.target.clone(),
        })?;
        shard.run_queue()?;
        Ok(None)
    })
}

/// Why nothing can be done with an instance that never was, or has ended.
pub(super) fn refusal(shard: &mut Shard, target: &Address) -> Result<Option<Refusal>, ShardError> {
    let refusal = |code: &str, what: &str| Some(Refusal::new(code, format!("{target} {what}")));
    Ok(match shard.is_running(target)? {
        None => refusal(codes::UNKNOWN_INSTANCE, "is no instance"),
        Some(false) => refusal(codes::ENDED, "has ended already"),
        Some(true) => None,
    })
}
