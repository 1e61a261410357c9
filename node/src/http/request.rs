//! What handlers read from a request: the namespace, the body as a message, the trace, the idempotency
//! key, pages. Guarantees: what cannot be read is a `DoorError` with a code, never a panic, and no body
//! is read beyond its limit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use bytes::{Bytes, BytesMut};
use cluster::codes;
use cluster::outcome::Refusal;
use futures::StreamExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::OwnedSemaphorePermit;
use transport::TraceContext;

use super::Context;
use crate::door::{Delivery, DoorError, Wait};

/// Bytes of a request's body: a start with a configuration and a message of the largest kind.
const BODY_BYTES_MAX: usize = 18 * 1024 * 1024;
/// Bytes of a body from which on it counts as large.
const LARGE_BYTES: usize = 256 * 1024;
/// Large bodies that a node reads and works on at a time; more wait to be read.
pub(super) const LARGE_BODIES: usize = 16;
/// How long a large body waits for its turn.
const LARGE_PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of a body that are read at most before it is refused: a client that still writes sees no answer.
const READ_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The parameters of a path, by name, with the namespace where the path has one.
#[derive(Clone)]
pub(super) struct Place(BTreeMap<String, String>);

impl Place {
    /// A parameter that the route has.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The namespace; `default` where the path names none.
    pub(super) fn namespace(&self) -> &str {
        self.0.get("namespace").map_or("default", String::as_str)
    }
}

impl FromRequestParts<Context> for Place {
    type Rejection = DoorError;

    async fn from_request_parts(parts: &mut Parts, state: &Context) -> Result<Place, DoorError> {
        let parameters = RawPathParams::from_request_parts(parts, state).await;
        let parameters = parameters.map_err(|error| DoorError::BadRequest(error.to_string()))?;
        Ok(Place(
            parameters
                .iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        ))
    }
}

/// A query string, with an error that has a code.
pub(super) struct Parameters<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Context> for Parameters<T> {
    type Rejection = DoorError;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Context,
    ) -> Result<Parameters<T>, DoorError> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(parameters)) => Ok(Parameters(parameters)),
            Err(error) => Err(DoorError::BadRequest(error.body_text())),
        }
    }
}

/// A body, whole, up to the limit.
pub(super) struct Body {
    bytes: Bytes,
    /// Held until the handler is done with it.
    _turn: Option<Turn>,
}

/// The turn of a large body, until it is dropped with the request.
pub(super) type Turn = OwnedSemaphorePermit;

impl FromRequest<Context> for Body {
    type Rejection = DoorError;

    async fn from_request(request: Request, context: &Context) -> Result<Body, DoorError> {
        let mut body = request.into_body().into_data_stream();
        let (mut kept, mut read, mut turn) = (BytesMut::new(), 0, None);
        while let Some(part) = body.next().await {
            if read > LARGE_BYTES && turn.is_none() {
                turn = Some(take_turn(context).await?);
            }
            let part = part.map_err(|error| {
                DoorError::BadBody(format!("the body did not come whole: {error}"))
            })?;
            read += part.len();
            if read > READ_BYTES_MAX {
                break;
            }
            if read <= BODY_BYTES_MAX {
                kept.extend_from_slice(&part);
            }
        }
        if read > BODY_BYTES_MAX {
            let max = BODY_BYTES_MAX;
            return Err(DoorError::TooLarge { max });
        }
        Ok(Body {
            bytes: kept.freeze(),
            _turn: turn,
        })
    }
}

/// Waits until another large body may be read.
async fn take_turn(context: &Context) -> Result<Turn, DoorError> {
    let turns = Arc::clone(&context.large_bodies);
    match tokio::time::timeout(LARGE_PATIENCE, turns.acquire_owned()).await {
        Ok(turn) => Ok(turn.expect("the turns of large bodies are never closed")),
        Err(_) => Err(DoorError::Refused(Refusal {
            code: codes::BUSY.to_owned(),
            message: format!("{LARGE_BODIES} large requests are under way already"),
            retry_after_ms: Some(1_000),
        })),
    }
}

impl Body {
    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The body as a message.
    pub(super) fn message(&self, context: &Context) -> Result<vm::Data, DoorError> {
        let text = std::str::from_utf8(&self.bytes)
            .map_err(|error| DoorError::BadBody(format!("the body is not UTF-8: {error}")))?;
        message(text, context)
    }

    /// The body as a request of its own type.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, DoorError> {
        serde_json::from_slice(&self.bytes).map_err(|error| DoorError::BadBody(error.to_string()))
    }
}

/// A JSON text as a message.
pub(super) fn message(text: &str, context: &Context) -> Result<vm::Data, DoorError> {
    let limits = context.door()?.limits();
    let max = usize::try_from(limits.message_bytes).unwrap_or(usize::MAX);
    if text.len() > max {
        return Err(DoorError::TooLarge { max });
    }
    vm::Data::from_json(text, limits).map_err(|error| DoorError::of_json(&error, limits))
}

/// `?wait=`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitParameter {
    /// `commit`, `turn` or `outcome`.
    #[serde(default)]
    pub wait: WaitName,
}

/// The values of `?wait=`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WaitName {
    /// It is committed.
    #[default]
    Commit,
    /// Its turn is done.
    Turn,
    /// Its run has ended.
    Outcome,
}

impl From<WaitName> for Wait {
    fn from(name: WaitName) -> Wait {
        match name {
            WaitName::Commit => Wait::Commit,
            WaitName::Turn => Wait::Turn,
            WaitName::Outcome => Wait::Outcome,
        }
    }
}

/// Trace and idempotency key of a request that changes something.
pub(super) fn delivery(headers: &HeaderMap, wait: WaitName) -> Result<Delivery, DoorError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // A `traceparent` that cannot be read starts a new trace, as W3C asks.
    let trace =
        text("traceparent").and_then(|parent| TraceContext::parse(parent, text("tracestate")).ok());
    let idempotency_key = match headers.get("idempotency-key") {
        None => None,
        Some(value) => Some(checked_key(value.to_str().ok())?),
    };
    Ok(Delivery {
        trace,
        idempotency_key,
        wait: wait.into(),
    })
}

fn checked_key(key: Option<&str>) -> Result<String, DoorError> {
    let max = cluster::limits::IDEMPOTENCY_KEY_BYTES_MAX;
    match key {
        Some(key) if !key.is_empty() && key.len() <= max => Ok(key.to_owned()),
        _ => Err(DoorError::BadRequest(format!(
            "an Idempotency-Key has 1 to {max} ASCII letters"
        ))),
    }
}
