//! `RetryDeadLetter` and `DiscardDeadLetter`: what people decide about dead letters.
//!
//! Before it: the door. After it: the run queue, or nothing.
//! Guarantees: a dead letter is sent again once, under its own id. Leaves to others: listing.

use transport::Address;

use crate::codes;
use crate::command::DeadLetterRequest;
use crate::keys;
use crate::message::{Message, Parcel};
use crate::outcome::{Outcome, Refusal};
use crate::query::decode;
use crate::record::DeadLetter;
use crate::shard::{Job, Shard, ShardError};

pub(crate) fn retry(shard: &mut Shard, request: &DeadLetterRequest) -> Result<Outcome, ShardError> {
    with_letter(shard, request, |shard, letter| {
        let message = Message {
            hops: 0,
            ..letter.message
        };
        shard.push(Job::Parcel(Parcel::Message(message)));
        shard.run_queue()
    })
}

pub(crate) fn discard(
    shard: &mut Shard,
    request: &DeadLetterRequest,
) -> Result<Outcome, ShardError> {
    with_letter(shard, request, |shard, _| shard.run_queue())
}

fn with_letter(
    shard: &mut Shard,
    request: &DeadLetterRequest,
    act: impl FnOnce(&mut Shard, DeadLetter) -> Result<(), ShardError>,
) -> Result<Outcome, ShardError> {
    let key = keys::dead_letter(request.number);
    let letter: Option<DeadLetter> = match shard.store.get(&key)? {
        Some(bytes) => Some(decode(&key, &bytes)?),
        None => None,
    };
    let target: Option<Address> = letter.as_ref().map(|letter| letter.message.to.clone());
    shard.own_request(&request.door, target.as_ref(), |shard| {
        let Some(letter) = letter else {
            return Ok(Some(Refusal::new(
                codes::UNKNOWN_DEAD_LETTER,
                format!("this shard has no dead letter {}", request.number),
            )));
        };
        shard
            .meta
            .link(keys::DEAD_LETTER, &request.number.to_be_bytes());
        shard.store.delete(&key);
        act(shard, letter)?;
        Ok(None)
    })
}
