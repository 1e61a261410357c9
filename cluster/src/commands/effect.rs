//! `EffectDone`: what an external service said, or that it said nothing.
//!
//! Before it: the leader's driver, after a request on the bus. After it: the answer as a message to
//! the sender, the next message of the queue, or a rest. Guarantees: a message's result counts once.
//! Leaves to others: the service's queue (`shard::services`).

use transport::Address;
use vm::Intent;

use crate::command::{EffectDone, EffectResult};
use crate::message::{Body, Message, Parcel};
use crate::outcome::Outcome;
use crate::record::MessageFate;
use crate::shard::{Shard, ShardError};

pub(crate) fn apply(shard: &mut Shard, done: &EffectDone) -> Result<Outcome, ShardError> {
    let service = done.service.without_key();
    match &done.result {
        EffectResult::Unanswered { reason } => {
            shard.service_silent(&service, done.message, reason)?;
        }
        EffectResult::TooLarge { reason } => {
            shard.service_too_large(&service, done.message, reason)?;
        }
        EffectResult::Acknowledged => {
            if let Some(asked) = shard.service_done(&service, done.message)? {
                // A call waits for a reply, and there is none but this.
                let is_call = matches!(asked.intent, Intent::Ask(_));
                let reply = is_call.then(|| Body::from_data(vm::Data::Null));
                answer(shard, service, &asked, reply)?;
            }
        }
        EffectResult::Answer(body) => {
            if let Some(asked) = shard.service_done(&service, done.message)? {
                answer(shard, service, &asked, Some(body.clone()))?;
            }
        }
    }
    shard.run_queue()?;
    Ok(Outcome::Done)
}

/// Notes that a service took a message, and tells its sender what the service said.
fn answer(
    shard: &mut Shard,
    service: Address,
    asked: &Message,
    body: Option<Body>,
) -> Result<(), ShardError> {
    let Some((body, to)) = body.zip(asked.from.clone()) else {
        shard.note_message(asked, MessageFate::Acknowledged { answer: None });
        return Ok(());
    };
    let stamp = shard.own_stamp(Some(&asked.stamp));
    let answer = Some(stamp.id);
    shard.note_message(asked, MessageFate::Acknowledged { answer });
    shard.send(Parcel::Message(Message {
        stamp,
        from: Some(service),
        to,
        program: None,
        hops: 0,
        body,
        // To who called, the answer is the reply.
        intent: match asked.intent {
            Intent::Ask(call) => Intent::Answer(call),
            _ => Intent::Tell,
        },
    }))
}
