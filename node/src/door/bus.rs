//! The door on the bus: `troupe.C.NS.worker.NAME` and `…worker.NAME.KEY` take a message from any NATS
//! client and answer once it is committed. All nodes share the subjects in one queue group, so each
//! request enters through one door.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;
use serde_json::json;
use tokio::task::JoinHandle;
use transport::{Address, BusError, BusMessage, Headers, Route, SubscribeOptions};

use super::{Delivery, Door, DoorError, SendCall, Wait};

/// The queue group that all doors of a cluster share.
const QUEUE_GROUP: &str = "doors";

/// Serves requests from the bus until the node stops.
///
/// # Errors
/// The bus refuses the subscription.
pub async fn serve_bus(door: &Arc<Door>) -> Result<JoinHandle<()>, BusError> {
    let door = Arc::clone(door);
    let pattern = door.groups.subjects().all_workers();
    let options = SubscribeOptions::default().queue_group(QUEUE_GROUP);
    let mut requests = door.bus.subscribe(pattern, options).await?;
    Ok(tokio::spawn(async move {
        while let Some(message) = requests.next().await {
            let door = Arc::clone(&door);
            tokio::spawn(async move { answer(&door, &message).await });
        }
    }))
}

async fn answer(door: &Door, message: &BusMessage) {
    let body = match admit(door, message).await {
        Ok(body) => body,
        Err(error) => serde_json::to_value(error.problem()).unwrap_or_default(),
    };
    if message.reply.is_some() {
        let payload = Bytes::from(body.to_string());
        // A client that gets no answer sends again; its message id is its idempotency key.
        let _ = door.bus.respond(message, Headers::new(), payload).await;
    }
}

async fn admit(door: &Door, message: &BusMessage) -> Result<serde_json::Value, DoorError> {
    let to = target(door, message)?;
    let text = std::str::from_utf8(&message.payload)
        .map_err(|error| DoorError::BadBody(format!("the payload is not UTF-8: {error}")))?;
    let body = vm::Data::from_json(text, door.limits())
        .map_err(|error| DoorError::of_json(&error, door.limits()))?;
    let delivery = Delivery {
        trace: message.headers.trace().ok().flatten(),
        idempotency_key: message.headers.get("Idempotency-Key").map(str::to_owned),
        wait: Wait::Commit,
    };
    let admitted = door
        .send(&SendCall {
            to,
            body,
            heard: false,
            delivery,
        })
        .await?;
    Ok(json!({
        "message": admitted.receipt.message.to_string(),
        "instance": admitted.receipt.instance.as_ref().map(|instance| instance.to_string()),
        "duplicate": admitted.is_repeat(),
    }))
}

fn target(door: &Door, message: &BusMessage) -> Result<Address, DoorError> {
    let subject = message.subject.to_string();
    match door.groups.subjects().parse(&subject) {
        Ok(Route::Worker(address)) => Ok(address),
        _ => Err(DoorError::BadRequest(format!(
            "{subject} is no worker's subject"
        ))),
    }
}
