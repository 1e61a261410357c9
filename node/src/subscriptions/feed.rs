//! Takes messages of the bus to a worker: from a subject, or as a stream delivers them. The bus comes before
//! it, the door after it. Guarantees: messages are handed to the door in the order in which they came; what
//! cannot be a message is told and counted. Leaves to others: acknowledging (`jetstream`).

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use transport::{Address, BusMessage, Pattern, SubscribeOptions};

use crate::door::{Delivery, Door, DoorError, SendCall, Wait};

/// Messages of one subscription that are on their way into the log at a time.
pub(super) const IN_FLIGHT: usize = 64;

/// The pause before a subscription that failed is tried again.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// Hears a subject for a worker, until the task is aborted. All nodes of a cluster that hear it for the same
/// worker at a time share its messages.
pub(super) async fn hear(door: Arc<Door>, name: Address, subject: String) {
    let pattern = match Pattern::new(&subject) {
        Ok(pattern) => pattern,
        Err(error) => {
            tracing::error!(worker = %name, subject, %error, "cannot subscribe for the worker");
            return;
        }
    };
    loop {
        let group = door.groups().subjects().stream(&name).to_string();
        let options = SubscribeOptions::default().queue_group(group);
        match door.bus().subscribe(pattern.clone(), options).await {
            Ok(messages) => {
                let sent = messages.map(|message| {
                    let (door, name) = (&door, &name);
                    async move {
                        if let Err(error) = deliver(door, name, &message, None).await {
                            door.count_heard_refused();
                            tracing::warn!(
                                worker = %name, subject = %message.subject, %error,
                                "a message of the bus did not reach the worker"
                            );
                        }
                    }
                });
                sent.buffered(IN_FLIGHT).for_each(|()| async {}).await;
            }
            Err(error) => {
                tracing::warn!(worker = %name, subject, %error, "cannot subscribe for the worker");
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Hands one message to the door; returns when it is committed.
pub(super) async fn deliver(
    door: &Door,
    name: &Address,
    message: &BusMessage,
    idempotency_key: Option<String>,
) -> Result<(), DoorError> {
    let delivery = Delivery {
        trace: message.headers.trace().ok().flatten(),
        idempotency_key,
        wait: Wait::Commit,
    };
    let call = SendCall {
        to: name.clone(),
        body: body(door, &message.payload)?,
        heard: true,
        delivery,
    };
    door.send(&call).await.map(|_| ())
}

/// The value of a payload: JSON, or else the text. Whether it is too large is the door's to say.
fn body(door: &Door, payload: &[u8]) -> Result<vm::Data, DoorError> {
    let text = std::str::from_utf8(payload)
        .map_err(|error| DoorError::BadBody(format!("the payload is not UTF-8: {error}")))?;
    match vm::Data::from_json(text, door.limits()) {
        Ok(value) => Ok(value),
        Err(_) if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() => {
            Ok(vm::Data::from(text))
        }
        Err(error) => Err(DoorError::of_json(&error, door.limits())),
    }
}
