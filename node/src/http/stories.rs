//! `GET /v1/messages/{id}` and `…/trace`: what became of a message, and the causal tree of its story.

use axum::Json;
use axum::extract::State;
use cluster::record::MessageFate;
use transport::MessageId;

use super::instances::leader_name;
use super::request::{Parameters, Place, WaitParameter};
use super::{Context, views};
use crate::api::{MessageView, StoryMessage, StoryView};
use crate::door::{DoorError, Known};

/// `GET /v1/messages/{id}`: with `?wait=` it waits for more than what is known now.
pub(super) async fn message(
    State(context): State<Context>,
    place: Place,
    Parameters(wait): Parameters<WaitParameter>,
) -> Result<Json<MessageView>, DoorError> {
    let id = message_id(&place)?;
    let door = context.door()?;
    let known = door.message(id).await?;
    let (known, outcome) = match known {
        // It may have come further meanwhile.
        Some(known) => match door.wait_for(wait.wait.into(), &known).await? {
            Some(outcome) => (door.message(id).await?.or(Some(known)), Some(outcome)),
            None => (Some(known), None),
        },
        None => (None, None),
    };
    let status = match known.as_ref().map(|known| &known.record.fate) {
        None => "unknown",
        Some(MessageFate::DeadLetter { .. }) => "dead-letter",
        Some(MessageFate::Waiting | MessageFate::Routed { .. } | MessageFate::Service { .. }) => {
            "accepted"
        }
        Some(_) => "applied",
    };
    let applied = known.as_ref().map(|known| shown(&context, known));
    Ok(Json(MessageView {
        id: id.to_string(),
        status: status.to_owned(),
        applied,
        outcome,
    }))
}

/// `GET /v1/messages/{id}/trace`
pub(super) async fn trace(
    State(context): State<Context>,
    place: Place,
) -> Result<Json<StoryView>, DoorError> {
    let id = message_id(&place)?;
    let story = context.door()?.story(id).await?.ok_or_else(|| {
        DoorError::NotFound(format!(
            "no shard knows a message {id}, or its history is gone"
        ))
    })?;
    let mut messages: Vec<StoryMessage> = Vec::new();
    let mut ranks: Vec<u8> = Vec::new();
    for known in &story.messages {
        let (message, rank) = (shown(&context, known), known.rank());
        match messages.iter().position(|known| known.id == message.id) {
            Some(place) if ranks[place] < rank => (messages[place], ranks[place]) = (message, rank),
            Some(_) => {}
            None => {
                messages.push(message);
                ranks.push(rank);
            }
        }
    }
    let trace = story.trace.map(|trace| {
        trace
            .trace_id
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    });
    Ok(Json(StoryView {
        root: story.root.to_string(),
        trace: trace.unwrap_or_default(),
        messages,
    }))
}

fn shown(context: &Context, known: &Known) -> StoryMessage {
    views::story_message(known, leader_name(context, known.shard))
}

fn message_id(place: &Place) -> Result<MessageId, DoorError> {
    let text = place.get("id");
    text.parse()
        .map_err(|error| DoorError::BadRequest(format!("`{text}` is no message id: {error}")))
}
