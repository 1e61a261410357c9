//! `POST …/messages`: a message to a bare name or to an instance. Hop 1; the next is `door::calls`.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use cluster::outcome::Progress;
use cluster::record::MessageFate;

use super::Context;
use super::request::{Body, Parameters, Place, WaitParameter, delivery};
use crate::api::Accepted;
use crate::door::{Admitted, Delivery, DoorError, SendCall, Wait};

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
        heard: false,
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
    let door = context.door()?;
    // It is committed: that something fails from now on must not read as if the message had been refused.
    let given_up = |error: DoorError| {
        tracing::debug!(%error, "a wait was given up");
        None
    };
    let waited = door.wait(delivery.wait, &mut admitted).await;
    let mut outcome = waited.unwrap_or_else(given_up);
    let receipt = &admitted.receipt;
    let mut trace = admitted.stamp.trace.trace_id;
    if admitted.is_repeat()
        && let Some(known) = door.message(receipt.message).await.unwrap_or_default()
    {
        trace = known.record.stamp.trace.trace_id;
        let found = door.outcome_of(&known.record.fate, known.shard).await;
        outcome = outcome.or(found.unwrap_or_else(given_up));
    }
    let mut run = None;
    match &receipt.progress {
        Progress::Applied { run: found, .. } => run = Some(found.to_string()),
        Progress::DeadLetter { number, code } if outcome.is_none() => {
            let (number, code) = (*number, code.clone());
            let fate = MessageFate::DeadLetter { number, code };
            let found = door.outcome_of(&fate, door.shard_of(&admitted.to)?).await;
            outcome = found.unwrap_or_else(given_up);
        }
        Progress::Queued | Progress::Forwarded | Progress::DeadLetter { .. } => {}
    }
    let accepted = Accepted {
        message: receipt.message.to_string(),
        trace: trace.iter().map(|byte| format!("{byte:02x}")).collect(),
        instance: receipt.instance.as_ref().map(ToString::to_string),
        run,
        first: admitted.first.map(|first| first.to_string()),
        duplicate: admitted.is_repeat(),
        outcome,
    };
    let status = match accepted.outcome {
        Some(_) if delivery.wait != Wait::Commit => StatusCode::OK,
        _ => StatusCode::ACCEPTED,
    };
    Ok((status, Json(accepted)))
}
