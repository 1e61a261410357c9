//! `GET /v1/reactive/{name}?args=[…]`: the result of a reactive function, or, with
//! `Accept: text/event-stream`, its results as they change. A read keeps the function up to date for a
//! minute, a stream for as long as it is open. Events are what the function's instance puts out, so a stream
//! resumes after `Last-Event-ID`. Leaves to others: computing (`cluster`, `vm`).

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use cluster_raft::driver::waiters::Topic;
use serde::Deserialize;
use serde_json::Value;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use transport::Address;

use super::outbox::Reader;
use super::request::{Parameters, Place, WaitName, delivery, message};
use super::{Context, live, views};
use crate::api::{ReactiveEvent, ReactiveView};
use crate::door::{Delivery, DoorError, Heard, Listener};

/// How long a read waits for the first result unless it says so.
const WAIT_DEFAULT_MS: u64 = 10_000;

/// How long it may wait.
const WAIT_MAX_MS: u64 = 60_000;

/// How often a stream says that it is there: well within the minute that a read counts for.
const HOLD_EVERY: Duration = Duration::from_secs(20);

/// Results that one read of a stream takes.
const EVENTS_MAX: usize = 100;

/// `?args=[…]&wait=MS`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReactiveParameters {
    #[serde(default)]
    args: Option<String>,
    #[serde(default)]
    wait: Option<u64>,
}

/// What is read.
#[derive(Clone)]
struct Function {
    context: Context,
    source: Address,
    arguments: vm::Data,
}

/// The result, or a stream of results where the client asks for one.
pub(super) async fn read(
    State(context): State<Context>,
    place: Place,
    Parameters(parameters): Parameters<ReactiveParameters>,
    headers: HeaderMap,
) -> Result<Response, DoorError> {
    let arguments = match &parameters.args {
        Some(text) => message(text, &context)?,
        None => vm::Data::array(Vec::new()).unwrap_or_default(),
    };
    if arguments.as_array().is_none() {
        let why = "`args` is an array of JSON values: ?args=[\"ann\"]";
        return Err(DoorError::BadRequest(why.to_owned()));
    }
    let key = vm::reactive::instance_key(&arguments);
    let door = context.door()?;
    let source = door.address(place.namespace(), place.get("name"), Some(&key))?;
    let function = Function {
        context: context.clone(),
        source,
        arguments,
    };
    // Before the first read, so that nothing is missed between the two.
    let shard = door.shard_of(&function.source)?;
    let listener = door.listen(shard, Topic::Output(function.source.clone()));
    let delivery = delivery(&headers, WaitName::Commit)?;
    function.hold(&delivery).await?;
    if live::is_wanted(&headers) {
        return function.stream(listener, live::last_id(&headers)).await;
    }
    let wait_ms = parameters.wait.unwrap_or(WAIT_DEFAULT_MS).min(WAIT_MAX_MS);
    let deadline = Instant::now() + Duration::from_millis(wait_ms);
    Ok(Json(function.result(listener, deadline).await?).into_response())
}

impl Function {
    /// Has it kept up to date for a minute.
    async fn hold(&self, delivery: &Delivery) -> Result<(), DoorError> {
        let door = self.context.door()?;
        let held = door.read_reactive(&self.source, &self.arguments, delivery);
        held.await.map(drop)
    }

    /// Its result, once there is one.
    async fn result(
        &self,
        mut listener: Listener,
        deadline: Instant,
    ) -> Result<ReactiveView, DoorError> {
        loop {
            let (shown, _) = self.shown().await?;
            if is_result(&shown) {
                return views::reactive(&self.source, shown);
            }
            if listener.next(deadline).await == Heard::Over {
                let waits = views::reactive(&self.source, shown)?;
                let unknown = waits
                    .sources
                    .into_iter()
                    .filter(|known| known.version.is_none());
                let unknown: Vec<String> = unknown.map(|known| known.source).collect();
                return Err(DoorError::NoValue(format!(
                    "{} has no value yet: it waits for {}",
                    self.source,
                    unknown.join(", ")
                )));
            }
        }
    }

    /// What the state says, and how many results it has put out.
    async fn shown(&self) -> Result<(Value, u64), DoorError> {
        let found = self.context.door()?.reactive_result(&self.source).await?;
        Ok(match found {
            Some((instance, shown)) => (views::value(&shown)?, instance.emitted),
            None => (Value::Null, 0),
        })
    }

    /// Its results: the one that there is, or those after the last that the client has.
    async fn stream(self, listener: Listener, last: Option<&str>) -> Result<Response, DoorError> {
        let shard = self.context.door()?.shard_of(&self.source)?;
        let incarnation = live::incarnation(&self.context, shard)?;
        let (shown, emitted) = self.shown().await?;
        let from = match last {
            // What is no longer kept is no longer what the function says.
            Some(last) => live::number_after(last)?,
            None if is_result(&shown) => emitted.max(1),
            None => emitted + 1,
        };
        let context = self.context.clone();
        let reader = Reader {
            context: context.clone(),
            address: self.source.clone(),
            shard,
            incarnation,
        };
        let held = Held(tokio::spawn(hold_on(self)).abort_handle());
        let results = Results {
            reader,
            _held: held,
        };
        Ok(live::respond(context, results, listener, from))
    }
}

/// Says again and again that the function is read.
async fn hold_on(function: Function) {
    loop {
        tokio::time::sleep(HOLD_EVERY).await;
        if let Err(error) = function.hold(&Delivery::default()).await {
            // The leader may be changing: the next attempt comes in time.
            tracing::debug!(%error, function = %function.source, "a stream could not hold its function");
        }
    }
}

/// Ends the task that holds a function when its stream ends.
struct Held(AbortHandle);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The results of a function as a live source.
struct Results {
    reader: Reader,
    _held: Held,
}

impl live::Source for Results {
    async fn events(&self, from: u64) -> Result<Vec<(u64, Event)>, DoorError> {
        let page = self.reader.read(from, EVENTS_MAX).await?;
        let events = page.items.iter().filter_map(|item| {
            let output = views::output(item.number, &item.record, self.reader.incarnation).ok()?;
            let event = ReactiveEvent {
                id: output.id.clone(),
                at_ms: output.at_ms,
                result: views::reactive(&self.reader.address, output.message).ok()?,
            };
            let sent = Event::default().id(output.id);
            Some((item.number, sent.json_data(&event).ok()?))
        });
        Ok(events.collect())
    }
}

/// Whether there is a result. One that is `undefined` has neither value nor error, but no source is unknown.
fn is_result(shown: &Value) -> bool {
    let sources = shown.get("sources").and_then(Value::as_array);
    let known = |sources: &Vec<Value>| sources.iter().all(|source| !source["version"].is_null());
    shown.get("value").is_some() || shown.get("error").is_some() || sources.is_some_and(known)
}
