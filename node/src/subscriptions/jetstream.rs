//! Hears a stream of JetStream for a worker. JetStream is spoken to by messages on the bus, as its protocol
//! is: a durable consumer is made for the worker, which delivers to a subject of the cluster and wants an
//! acknowledgement for each message.
//! Guarantees: each message of the stream reaches the worker once. It is acknowledged after its commit; one
//! that comes again is known by its number in the stream (its idempotency key).
//! Leaves to others: the stream itself, which an operator makes.
//!
//! The protocol: docs.nats.io, "JetStream wire API" (`$JS.API.CONSUMER.CREATE`, `$JS.ACK`).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cluster::codes;
use futures::StreamExt;
use serde_json::{Value, json};
use transport::{Address, BusError, BusMessage, Headers, Subject, SubscribeOptions};

use super::feed::{IN_FLIGHT, PAUSE, deliver};
use crate::door::{Door, DoorError};

/// How long a message may be on its way into the log before the stream delivers it again: longer than the
/// door tries.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_secs(30);
/// How long the server may take to answer a call.
const CALL_DEADLINE: Duration = Duration::from_secs(5);
/// The longest pause before a consumer that cannot be made is tried again.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Hears a stream for a worker, until the task is aborted.
pub(super) async fn hear(door: Arc<Door>, name: Address, stream: String) {
    let mut pause = PAUSE;
    loop {
        match listen(&door, &name, &stream).await {
            Ok(()) => pause = PAUSE,
            Err(error) => {
                tracing::warn!(worker = %name, stream, error, "cannot hear the stream for the worker");
            }
        }
        tokio::time::sleep(pause).await;
        pause = (2 * pause).min(PAUSE_MAX);
    }
}

/// Takes the consumer of a worker away, which hears the stream no more.
pub(super) async fn forget(door: Arc<Door>, name: Address, stream: String) {
    let call = format!("CONSUMER.DELETE.{stream}.{}", consumer(&door, &name));
    if let Err(error) = ask(&door, &call, &Value::Null).await {
        tracing::warn!(worker = %name, stream, error, "the consumer of the worker was not removed");
    }
}

async fn listen(door: &Arc<Door>, name: &Address, stream: &str) -> Result<(), String> {
    let subject = door.groups().subjects().stream(name);
    let consumer = consumer(door, name);
    let options = SubscribeOptions::default().queue_group(consumer.clone());
    let messages = door.bus().subscribe(subject.pattern(), options).await;
    let messages = messages.map_err(|error| error.to_string())?;
    let settings = json!({
        "stream_name": stream,
        "config": {
            "durable_name": consumer,
            "deliver_subject": subject.as_str(),
            "deliver_group": consumer,
            "deliver_policy": "all",
            "ack_policy": "explicit",
            "ack_wait": ACKNOWLEDGE_WITHIN.as_nanos() as u64,
            "max_ack_pending": IN_FLIGHT,
            "max_deliver": -1,
            "replay_policy": "instant",
        },
    });
    let call = format!("CONSUMER.DURABLE.CREATE.{stream}.{consumer}");
    ask(door, &call, &settings).await?;
    let taken = messages.map(|message| async move { take(door, name, stream, &message).await });
    taken.buffered(IN_FLIGHT).for_each(|()| async {}).await;
    Err("the bus ended the subscription".to_owned())
}

/// Hands one message on, and says to the stream what became of it.
async fn take(door: &Door, name: &Address, stream: &str, message: &BusMessage) {
    let sequence = message.reply.as_ref().and_then(sequence);
    let Some(sequence) = sequence else {
        tracing::warn!(worker = %name, stream, "a message that did not come from the stream was left out");
        return;
    };
    let key = format!("jetstream:{stream}:{sequence}");
    let answer = match deliver(door, name, message, Some(key)).await {
        Ok(()) => "+ACK".to_owned(),
        Err(error) => {
            tracing::warn!(
                worker = %name, stream, sequence, %error,
                "a message of the stream did not reach the worker"
            );
            if is_final(&error) {
                door.count_heard_refused();
                "+TERM".to_owned()
            } else {
                format!("-NAK {{\"delay\":{}}}", PAUSE.as_nanos())
            }
        }
    };
    let told = door
        .bus()
        .respond(message, Headers::new(), Bytes::from(answer));
    if let Err(error) = told.await {
        // It comes again, and is known by its number.
        tracing::debug!(worker = %name, stream, sequence, %error, "not acknowledged");
    }
}

/// Whether the message would be refused again: then the stream need not deliver it again.
fn is_final(error: &DoorError) -> bool {
    match error {
        DoorError::BadBody(_) | DoorError::TooLarge { .. } => true,
        DoorError::Refused(refusal) => refusal.code == codes::TOO_LARGE,
        _ => false,
    }
}

/// The number of a message in its stream, from the subject that acknowledges it:
/// `$JS.ACK.STREAM.CONSUMER.DELIVERED.SEQUENCE.…`, with a domain and an account before the stream in
/// clusters that have them.
fn sequence(reply: &Subject) -> Option<u64> {
    let tokens: Vec<&str> = reply.as_str().split('.').collect();
    match tokens.as_slice() {
        ["$JS", "ACK", _, _, _, sequence, _, _, _] => sequence.parse().ok(),
        ["$JS", "ACK", _, _, _, _, _, sequence, _, _, _, ..] => sequence.parse().ok(),
        _ => None,
    }
}

/// The name of a worker's consumer: one token, other for each cluster, namespace and name.
fn consumer(door: &Door, name: &Address) -> String {
    door.groups()
        .subjects()
        .stream(name)
        .as_str()
        .replace('.', "_")
}

/// Calls JetStream's interface. A stream that is not there, or a server without JetStream, is an error.
async fn ask(door: &Door, call: &str, body: &Value) -> Result<(), String> {
    let subject = Subject::new(&format!("$JS.API.{call}")).map_err(|error| error.to_string())?;
    let payload = match body {
        Value::Null => Bytes::new(),
        body => Bytes::from(body.to_string()),
    };
    let answer = door
        .bus()
        .request(subject, Headers::new(), payload, CALL_DEADLINE)
        .await;
    let answer = answer.map_err(|error| match error {
        BusError::NoResponders { .. } => {
            "the bus has no JetStream: a NATS server with `--jetstream` has it".to_owned()
        }
        error => error.to_string(),
    })?;
    let answer: Value =
        serde_json::from_slice(&answer.payload).map_err(|error| error.to_string())?;
    match answer.pointer("/error/description").and_then(Value::as_str) {
        Some(description) => Err(description.to_owned()),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use cluster::outcome::Refusal;

    use super::*;

    #[test]
    fn what_is_too_large_is_not_asked_for_again() {
        let refused = |code| DoorError::Refused(Refusal::new(code, ""));
        assert!(is_final(&DoorError::TooLarge { max: 1 }));
        assert!(is_final(&refused(codes::TOO_LARGE)));
        assert!(is_final(&DoorError::BadBody(String::new())));
        assert!(!is_final(&refused(codes::BUSY)));
        assert!(!is_final(&DoorError::NotReady));
    }

    #[test]
    fn the_number_of_a_message_stands_in_its_reply_subject() {
        let number = |text: &str| sequence(&Subject::new(text).unwrap());
        assert_eq!(number("$JS.ACK.ORDERS.c.1.42.7.1700000000.0"), Some(42));
        assert_eq!(
            number("$JS.ACK.hub.ACCOUNT.ORDERS.c.1.42.7.1700000000.0.x"),
            Some(42)
        );
        assert_eq!(number("$JS.ACK.ORDERS.c.1"), None);
        assert_eq!(number("orders.new"), None);
    }
}
