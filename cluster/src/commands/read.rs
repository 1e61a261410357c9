//! `Read`: a client reads a reactive function, once or for as long as it repeats this.
//!
//! Before it: the door. After it: the function's run, here; the client reads its result from the state.
//! Guarantees: the run begins if it does not run, in the program that serves the name, and goes on for a
//! while without another reader. Leaves to others: waiting for the first result.

use vm::reactive::instance_key;

use crate::codes;
use crate::command::ReadRequest;
use crate::outcome::{Outcome, Refusal};
use crate::shard::{Shard, ShardError};

pub(crate) fn apply(shard: &mut Shard, request: &ReadRequest) -> Result<Outcome, ShardError> {
    shard.request(&request.door, &request.source, |shard| {
        if let Some(refusal) = shard.busy() {
            return Ok(Some(refusal));
        }
        let source = &request.source;
        let serving = shard.programs.serving(&*shard.store, source)?;
        let Some((_, _, facts)) = serving else {
            return Ok(Some(Refusal::new(
                codes::UNKNOWN_WORKER,
                format!("no reactive function {} is deployed in {}", source.name(), source.namespace()),
            )));
        };
        let arguments = request.arguments.data().unwrap_or_default();
        let is_key = source.key() == Some(instance_key(&arguments).as_str());
        if !facts.reactive || !is_key {
            return Ok(Some(Refusal::new(
                codes::REACTIVE,
                format!(
                    "{} is a worker, not a reactive function: look at its state, GET /v1/workers/{}/instances/KEY",
                    source.name(),
                    source.name()
                ),
            )));
        }
        let stamp = request.door.stamp.clone();
        shard.begin_reactive(source, &arguments, &stamp, 0)?;
        shard.hold_reactive(source)?;
        shard.run_queue()?;
        Ok(None)
    })
}
