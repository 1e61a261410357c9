//! `EffectDone`: what an external service said, or that it said nothing.
//!
//! Before it: the leader's driver, after a request on the bus. After it: the answer as a message to
//! the sender, the next message of the queue, or a rest. Guarantees: a message's result counts once.
//! Leaves to others: the service's queue (`shard::services`).

use vm::Intent;

use crate::command::{EffectDone, EffectResult};
use crate::message::{Message, Parcel};
use crate::outcome::Outcome;
use crate::record::MessageFate;
use crate::shard::{Shard, ShardError};

pub(crate) fn apply(shard: &mut Shard, done: &EffectDone) -> Result<Outcome, ShardError> {
    let service = done.service.without_key();
    match &done.result {
        EffectResult::Unanswered { reason } => {
            shard.service_silent(&service, done.message, reason)?;
        }
        EffectResult::Acknowledged => {
            if let Some(asked) = shard.service_done(&service, done.message)? {
                shard.note_message(&asked, MessageFate::Acknowledged { answer: None });
            }
        }
        EffectResult::Answer(body) => {
            if let Some(asked) = shard.service_done(&service, done.message)? {
                let stamp = shard.own_stamp(Some(&asked.stamp));
                let answer = asked.from.is_some().then_some(stamp.id);
                shard.note_message(&asked, MessageFate::Acknowledged { answer });
                if let Some(to) = asked.from {
                    shard.send(Parcel::Message(Message {
                        stamp,
                        from: Some(service),
                        to,
                        program: None,
                        hops: 0,
                        body: body.clone(),
                        // To who called, the answer is the reply.
                        intent: match asked.intent {
                            Intent::Ask(call) => Intent::Answer(call),
                            _ => Intent::Tell,
                        },
                    }))?;
                }
            }
        }
    }
    shard.run_queue()?;
    Ok(Outcome::Done)
}
