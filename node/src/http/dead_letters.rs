//! `/v1/dead-letters`: messages that could not be handed over, with why; sent again or discarded.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use transport::ShardId;

use super::request::{Parameters, Place, WaitName, delivery};
use super::{Context, views};
use crate::door::{Answer, Consistency, DoorError, Query, mismatch};

/// Dead letters of one shard that are listed at most.
const PAGE_MAX: usize = 1000;

/// `?from=&limit=`: from which number on, in each shard.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParameters {
    #[serde(default)]
    from: u64,
    #[serde(default = "page_default")]
    limit: usize,
}

fn page_default() -> usize {
    100
}

/// `GET /v1/dead-letters`
pub(super) async fn list(
    State(context): State<Context>,
    place: Place,
    Parameters(parameters): Parameters<ListParameters>,
) -> Result<Json<Value>, DoorError> {
    let limit = parameters.limit.clamp(1, PAGE_MAX);
    let mut letters = Vec::new();
    for shard in context.door()?.shards() {
        let query = Query::DeadLetters {
            from: parameters.from,
            limit,
        };
        let answer = context
            .door()?
            .ask(shard, query, Consistency::Linearisable)
            .await?;
        let Answer::DeadLetters(found) = answer else {
            return Err(mismatch());
        };
        for (number, letter) in found {
            if letter.message.to.namespace().as_str() != place.namespace() {
                continue;
            }
            letters.push(json!({
                "shard": shard.0,
                "number": number,
                "id": letter.message.stamp.id.to_string(),
                "from": letter.message.from.as_ref().map(ToString::to_string),
                "to": letter.message.to.to_string(),
                "message": views::value(&letter.message.body)?,
                "cause": views::failure(&letter.cause),
                "at_ms": letter.time_ms,
            }));
        }
    }
    letters.truncate(limit);
    Ok(Json(json!({ "dead_letters": letters })))
}

/// `POST /v1/dead-letters/{shard}/{number}/retry`
pub(super) async fn retry(
    State(context): State<Context>,
    place: Place,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Value>), DoorError> {
    let (shard, number) = letter(&place)?;
    context
        .door()?
        .retry_dead_letter(shard, number, &delivery(&headers, WaitName::Commit)?)
        .await?;
    Ok((
        StatusCode::ACCEPTED,
        Json(json!({ "shard": shard.0, "number": number })),
    ))
}

/// `DELETE /v1/dead-letters/{shard}/{number}`
pub(super) async fn discard(
    State(context): State<Context>,
    place: Place,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Value>), DoorError> {
    let (shard, number) = letter(&place)?;
    context
        .door()?
        .discard_dead_letter(shard, number, &delivery(&headers, WaitName::Commit)?)
        .await?;
    Ok((
        StatusCode::OK,
        Json(json!({ "shard": shard.0, "number": number })),
    ))
}

fn letter(place: &Place) -> Result<(ShardId, u64), DoorError> {
    let (shard, number) = (place.get("shard"), place.get("number"));
    match (shard.parse(), number.parse()) {
        (Ok(shard), Ok(number)) => Ok((ShardId(shard), number)),
        _ => Err(DoorError::BadRequest(format!(
            "`{shard}/{number}` is no dead letter"
        ))),
    }
}
