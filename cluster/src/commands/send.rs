//! `Send`: a message through a door.
//!
//! Before it: the door of any node. After it: the run queue, behind what waits there.
//! Guarantees: applied once, however often the door or the client repeats it; refused while too
//! much waits. Leaves to others: routing and turns.

use transport::Address;

use crate::codes;
use crate::command::SendRequest;
use crate::message::{Message, Parcel};
use crate::outcome::{Outcome, Refusal};
use crate::shard::{Job, MADE_KEY_PREFIX, Shard, ShardError};

pub(crate) fn apply(shard: &mut Shard, request: &SendRequest) -> Result<Outcome, ShardError> {
    take(shard, request, true)
}

/// As [`apply`], for a message whose sender does not hear of it.
pub(crate) fn hear(shard: &mut Shard, request: &SendRequest) -> Result<Outcome, ShardError> {
    take(shard, request, false)
}

fn take(shard: &mut Shard, request: &SendRequest, is_told: bool) -> Result<Outcome, ShardError> {
    shard.request(&request.door, &request.to, |shard| {
        shard.tell_watched(is_told);
        if let Some(refusal) = shard.busy() {
            return Ok(Some(refusal));
        }
        if let Some(refusal) = shard.mailbox_busy(&request.to)? {
            return Ok(Some(refusal));
        }
        if let Some(refusal) = made_key_unknown(shard, &request.to)? {
            return Ok(Some(refusal));
        }
        if let Some(refusal) = reactive(shard, &request.to)? {
            return Ok(Some(refusal));
        }
        if request.body.bytes().len() as u64 > shard.limits.turn.message_bytes {
            return Ok(Some(Refusal::new(
                codes::TOO_LARGE,
                format!(
                    "the message has {} bytes, at most {} are allowed (limit `message_bytes`)",
                    request.body.bytes().len(),
                    shard.limits.turn.message_bytes
                ),
            )));
        }
        shard.push(Job::Parcel(Parcel::Message(Message {
            stamp: request.door.stamp.clone(),
            from: request.from.clone(),
            to: request.to.clone(),
            program: None,
            hops: 0,
            body: request.body.clone(),
            intent: vm::Intent::Tell,
        })));
        shard.run_queue()?;
        Ok(None)
    })
}

/// The refusal of a message to a reactive function, where this shard knows the name.
fn reactive(shard: &mut Shard, to: &Address) -> Result<Option<Refusal>, ShardError> {
    let serving = shard.programs.serving(&*shard.store, to)?;
    if !serving.is_some_and(|(_, _, facts)| facts.reactive) {
        return Ok(None);
    }
    let name = to.name();
    Ok(Some(Refusal::new(
        codes::REACTIVE,
        format!(
            "{name} is a reactive function, which takes no messages: read it, `troupe watch {name} ARGS` \
             or GET /v1/reactive/{name}?args=[…]"
        ),
    )))
}

/// The refusal of a key that only the runtime makes and has not made: a message must not make it.
fn made_key_unknown(shard: &mut Shard, to: &Address) -> Result<Option<Refusal>, ShardError> {
    let is_made = to.key().is_some_and(|key| key.starts_with(MADE_KEY_PREFIX));
    if !is_made || shard.is_running(to)?.is_some() {
        return Ok(None);
    }
    Ok(Some(Refusal::new(
        codes::UNKNOWN_INSTANCE,
        format!(
            "there is no {to}; keys that begin with {MADE_KEY_PREFIX:?} are made by the runtime"
        ),
    )))
}
