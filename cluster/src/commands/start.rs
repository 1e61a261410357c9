//! `Start`: a run that a client asks for, with a key or a fresh one.
//!
//! Before it: the door. After it: the first turn, here or at the shard of the fresh key.
//! Guarantees: an instance that runs is not started again (`E-running`); a key that only the
//! runtime makes is refused. Leaves to others: the run.

use transport::{Address, MessageId};

use crate::address::DEFAULT_KEY;
use crate::codes;
use crate::command::StartRequest;
use crate::limits::BODY_BYTES_MAX;
use crate::message::{Message, Parcel, ProgramId, Spawn};
use crate::outcome::{Outcome, Refusal};
use crate::shard::{Job, MADE_KEY_PREFIX, Shard, ShardError, made_key};

pub(crate) fn apply(shard: &mut Shard, request: &StartRequest) -> Result<Outcome, ShardError> {
    shard.request(&request.door, &request.to, |shard| {
        if let Some(refusal) = shard.busy() {
            return Ok(Some(refusal));
        }
        let bodies = [&request.config, &request.message];
        let largest = bodies.into_iter().flatten().map(|body| body.bytes().len());
        if let Some(bytes) = largest.max().filter(|bytes| *bytes > BODY_BYTES_MAX) {
            return Ok(Some(Refusal::new(
                codes::TOO_LARGE,
                format!("it has {bytes} bytes, at most {BODY_BYTES_MAX} can travel"),
            )));
        }
        match prepare(shard, request)? {
            Ok((instance, program)) => start(shard, request, &instance, program),
            Err(refusal) => Ok(Some(refusal)),
        }
    })
}

/// The instance to be started and its program.
fn prepare(
    shard: &mut Shard,
    request: &StartRequest,
) -> Result<Result<(Address, ProgramId), Refusal>, ShardError> {
    let to = &request.to;
    let serving = shard.programs.serving(&*shard.store, to)?;
    let Some((program, _, facts)) = serving else {
        return Ok(Err(Refusal::new(
            codes::UNKNOWN_WORKER,
            format!("no worker {} is deployed in {}", to.name(), to.namespace()),
        )));
    };
    if facts.reactive {
        return Ok(Err(Refusal::new(
            codes::REACTIVE,
            format!(
                "{} is a reactive function, which is not started: read it, `troupe watch {} ARGS` or \
                 GET /v1/reactive/{}?args=[…]",
                to.name(),
                to.name(),
                to.name()
            ),
        )));
    }
    let key = match to.key() {
        Some(key) if key.starts_with(MADE_KEY_PREFIX) => {
            return Ok(Err(Refusal::new(
                codes::RESERVED_KEY,
                format!("keys that begin with {MADE_KEY_PREFIX:?} are made by the runtime"),
            )));
        }
        Some(key) => key.to_owned(),
        None if facts.daemon && !facts.keyed => DEFAULT_KEY.to_owned(),
        None => made_key(request.door.stamp.id),
    };
    let instance = match to.with_key(key) {
        Ok(instance) => instance,
        Err(error) => return Ok(Err(Refusal::new(codes::BAD_ADDRESS, error.to_string()))),
    };
    let here = shard.shard_of(&instance) == shard.identity.shard;
    if here && shard.is_running(&instance)? == Some(true) {
        return Ok(Err(Refusal::new(
            codes::RUNNING,
            format!("{instance} runs already; kill it first, or choose another key"),
        )));
    }
    Ok(Ok((instance, program)))
}

fn start(
    shard: &mut Shard,
    request: &StartRequest,
    instance: &Address,
    program: ProgramId,
) -> Result<Option<Refusal>, ShardError> {
    let stamp = request.door.stamp.clone();
    let message = request.message.clone().map(|body| Message {
        stamp: stamp.caused(MessageId::first_of(stamp.id), shard.tick()),
        from: None,
        to: instance.clone(),
        program: Some(program),
        hops: 0,
        body,
        intent: vm::Intent::Tell,
    });
    let spawn = Spawn {
        stamp,
        child: instance.clone(),
        program,
        worker: instance.name().to_owned(),
        config: request.config.clone().unwrap_or_default(),
        outbox: None,
        watcher: None,
        hops: 0,
    };
    shard.watch_at(instance);
    if shard.shard_of(instance) != shard.identity.shard {
        shard.send(Parcel::Spawn(spawn))?;
        if let Some(message) = message {
            shard.send(Parcel::Message(message))?;
        }
        shard.watch_forwarded();
        return Ok(None);
    }
    if let Err(failure) = shard.start_run(spawn, true)? {
        return Ok(Some(Refusal::new(&failure.code, failure.message)));
    }
    if let Some(message) = message {
        shard.push(Job::Parcel(Parcel::Message(message)));
    }
    shard.run_queue()?;
    Ok(None)
}
