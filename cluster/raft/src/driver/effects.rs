//! Performs what messages to services ask for, and brings what comes back into the log. The driver
//! comes before it; a service on the bus, or one that is built in, and then the shard's proposer after
//! it. Guarantees: a call ends within its deadline, with an answer, an acknowledgement or silence; the
//! message id goes along as the service's idempotency key. Left to others: trying again with backoff
//! (the shard's state).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cluster::action::ServiceCall;
use cluster::command::{EffectDone, EffectResult};
use cluster::limits::BODY_BYTES_MAX;
use cluster::{Body, BuiltIn, Command};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use transport::{BusError, BusMessage, Headers};

use super::{DriverParts, services};
use crate::spans;

/// Makes one call, when fewer than the bound are under way.
pub(super) async fn perform(parts: Arc<DriverParts>, calls: Arc<Semaphore>, call: ServiceCall) {
    let Ok(_permit) = calls.acquire().await else {
        return;
    };
    let result = call_once(&parts, &call).await;
    record(parts, call, result).await;
}

/// Whether a call has to wait for those before it.
pub(super) fn is_ordered(call: &ServiceCall) -> bool {
    BuiltIn::of(call.service.name()).is_some_and(services::is_ordered)
}

/// Makes calls one after the other, in the order in which they were sent. What came of one is recorded
/// while the next is made.
pub(super) async fn run_ordered(
    parts: Arc<DriverParts>,
    mut calls: mpsc::UnboundedReceiver<ServiceCall>,
) {
    let mut records = JoinSet::new();
    while let Some(call) = calls.recv().await {
        let result = call_once(&parts, &call).await;
        records.spawn(record(Arc::clone(&parts), call, result));
        while records.try_join_next().is_some() {}
    }
}

async fn call_once(parts: &DriverParts, call: &ServiceCall) -> EffectResult {
    let start = parts.clock.unix_nanos();
    let (result, error) = match BuiltIn::of(call.service.name()) {
        Some(service) => services::perform(parts, service, call).await,
        None => ask(parts, call).await,
    };
    if parts.spans.is_enabled() {
        let times = (start, parts.clock.unix_nanos());
        let service = call.service.to_string();
        spans::effect(&call.stamp, &service, times, error, &*parts.spans);
    }
    result
}

async fn record(parts: Arc<DriverParts>, call: ServiceCall, result: EffectResult) {
    let done = EffectDone {
        service: call.service,
        message: call.stamp.id,
        attempt: call.attempt,
        result,
    };
    parts.propose(Command::EffectDone(done)).await;
}

/// Asks a service on the bus. The text says why there is no answer, for the span.
async fn ask(parts: &DriverParts, call: &ServiceCall) -> (EffectResult, Option<String>) {
    match ask_bus(parts, call).await {
        Ok(result) => (result, None),
        Err(reason) => {
            let why = Some(reason.clone());
            (EffectResult::Unanswered { reason }, why)
        }
    }
}

async fn ask_bus(parts: &DriverParts, call: &ServiceCall) -> Result<EffectResult, String> {
    let payload = to_json(&call.body)?;
    let network = &parts.router.network;
    let subject = network.subjects.service(&call.service);
    let headers = Headers::of_stamp(&call.stamp);
    let deadline = Duration::from_millis(parts.limits.service_deadline_ms);
    let bus = &network.buses.traffic;
    match bus.request(subject, headers, payload, deadline).await {
        Ok(answer) => read_answer(&answer),
        // Asked again, it would be as large.
        Err(error @ BusError::TooLarge { .. }) => Ok(EffectResult::TooLarge {
            reason: error.to_string(),
        }),
        Err(error) => Err(error.to_string()),
    }
}

fn read_answer(answer: &BusMessage) -> Result<EffectResult, String> {
    if answer.payload.is_empty() {
        return Ok(EffectResult::Acknowledged);
    }
    let body = from_json(&answer.payload)?;
    let bytes = body.bytes().len();
    // A larger one could not be logged: it would be asked for again and again without a pause.
    if bytes > BODY_BYTES_MAX {
        return Err(format!(
            "the service answered a value of {bytes} bytes, at most {BODY_BYTES_MAX} can be a message"
        ));
    }
    Ok(EffectResult::Answer(body))
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
