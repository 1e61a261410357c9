//! `POST …/messages`: a message to a bare name or to an instance. Hop 1; the next is `door::calls`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use cluster::outcome::Progress;

use super::Context;
use super::request::{Body, Parameters, Place, WaitParameter, delivery};
use crate::api::Accepted;
use crate::door::{Admitted, Delivery, DoorError, SendCall};

type Answer = Result<(StatusCode, Json<Accepted>), DoorError>;

/// `POST /v1/workers/{name}/messages`: routed by the worker's key, or a run of its own.
pub(super) async fn send_to_name(
    State(context): State<Context>,
    place: Place,
    Parameters(wait): Parameters<WaitParameter>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    send(
        &context,
        &place,
        None,
        delivery(&headers, wait.wait)?,
        &body,
    )
    .await
}

/// `POST /v1/workers/{name}/instances/{key}/messages`
pub(super) async fn send_to_instance(
    State(context): State<Context>,
    place: Place,
    Parameters(wait): Parameters<WaitParameter>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    send(
        &context,
        &place,
        Some(place.get("key")),
        delivery(&headers, wait.wait)?,
        &body,
    )
    .await
}

async fn send(
    context: &Context,
    place: &Place,
    key: Option<&str>,
    delivery: Delivery,
    body: &Body,
) -> Answer {
    let to = context
        .door()?
        .address(place.namespace(), place.get("name"), key)?;
    let call = SendCall {
        to,
        body: body.message(context)?,
        delivery,
    };
    let admitted = context.door()?.send(&call).await?;
    answer(context, &call.delivery, admitted).await
}

/// Waits as the client asked, and says what is known then.
pub(super) async fn answer(
    context: &Context,
    delivery: &Delivery,
    mut admitted: Admitted,
) -> Answer {
    let waited = context.door()?.wait(delivery.wait, &mut admitted).await;
    // It is committed: that the wait failed must not read as if the message had been refused.
    let outcome = waited.unwrap_or_else(|error| {
        tracing::debug!(message = %admitted.receipt.message, %error, "a wait was given up");
        None
    });
    let run = match &admitted.receipt.progress {
        Progress::Applied { run, .. } => Some(run.to_string()),
        Progress::Queued | Progress::Forwarded | Progress::DeadLetter { .. } => None,
    };
    let trace = &admitted.stamp.trace.trace_id;
    let accepted = Accepted {
        message: admitted.receipt.message.to_string(),
        trace: trace.iter().map(|byte| format!("{byte:02x}")).collect(),
        instance: admitted.receipt.instance.as_ref().map(ToString::to_string),
        run,
        duplicate: admitted.receipt.duplicate,
        outcome,
    };
    let status = if accepted.outcome.is_some() {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    Ok((status, Json(accepted)))
}
