//! Asks external services on the bus, and brings what they say back into the log. The driver comes
//! before it, the service and then the shard's proposer after it. Guarantees: a call ends within
//! its deadline, with an answer, an acknowledgement or silence; the message id goes along as the
//! service's idempotency key. Left to others: trying again with backoff (the shard's state).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cluster::action::ServiceCall;
use cluster::command::{EffectDone, EffectResult};
use cluster::{Body, Command};
use tokio::sync::Semaphore;
use transport::{BusMessage, Headers};

use super::DriverParts;
use crate::spans;

/// Makes one call, when fewer than the bound are under way.
pub(super) async fn perform(parts: Arc<DriverParts>, calls: Arc<Semaphore>, call: ServiceCall) {
    let Ok(_permit) = calls.acquire().await else {
        return;
    };
    let start = parts.clock.unix_nanos();
    let result = ask(&parts, &call).await;
    if parts.spans.is_enabled() {
        let times = (start, parts.clock.unix_nanos());
        let error = match &result {
            EffectResult::Unanswered { reason } => Some(reason.clone()),
            _ => None,
        };
        let service = call.service.to_string();
        spans::effect(&call.stamp, &service, times, error, &*parts.spans);
    }
    let done = EffectDone {
        service: call.service,
        message: call.stamp.id,
        attempt: call.attempt,
        result,
    };
    parts.propose(Command::EffectDone(done)).await;
}

async fn ask(parts: &DriverParts, call: &ServiceCall) -> EffectResult {
    let payload = match to_json(&call.body) {
        Ok(payload) => payload,
        Err(reason) => return EffectResult::Unanswered { reason },
    };
    let network = &parts.router.network;
    let subject = network.subjects.service(&call.service);
    let headers = Headers::of_stamp(&call.stamp);
    let deadline = Duration::from_millis(parts.limits.service_deadline_ms);
    let bus = &network.buses.traffic;
    match bus.request(subject, headers, payload, deadline).await {
        Ok(answer) => read_answer(&answer),
        Err(error) => EffectResult::Unanswered {
            reason: error.to_string(),
        },
    }
}

fn read_answer(answer: &BusMessage) -> EffectResult {
    if answer.payload.is_empty() {
        return EffectResult::Acknowledged;
    }
    match from_json(&answer.payload) {
        Ok(body) => EffectResult::Answer(body),
        Err(reason) => EffectResult::Unanswered { reason },
    }
}

/// The body as JSON, as programs on the bus read it.
pub(super) fn to_json(body: &Body) -> Result<Bytes, String> {
    match body.data() {
        Ok(data) => Ok(Bytes::from(data.to_json())),
        Err(error) => Err(format!("the message cannot be read: {error}")),
    }
}

fn from_json(payload: &[u8]) -> Result<Body, String> {
    let text = std::str::from_utf8(payload)
        .map_err(|_| "the service answered what is no UTF-8 text".to_owned())?;
    match vm::Data::from_json(text, &vm::Limits::default()) {
        Ok(data) => Ok(Body::from_data(data)),
        Err(error) => Err(format!("the service answered what is no JSON: {error}")),
    }
}
