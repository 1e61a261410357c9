//! `GET …/{key}/outbox`: what a root instance put out, as a page or, with `Accept: text/event-stream`, as
//! a live stream that resumes after `Last-Event-ID`. Ids are `INCARNATION-NUMBER`; asking for what is no
//! longer kept is answered `410` with the first id that is.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use cluster::query::OutputPage;
use cluster_raft::driver::waiters::Topic;
use serde::Deserialize;
use transport::{Address, Incarnation, ShardId};

use super::instances::instance_address;
use super::request::{Parameters, Place};
use super::{Context, live, views};
use crate::api::OutboxPage;
use crate::door::{Answer, Consistency, DoorError, Query, mismatch};

/// Messages on a page at most.
const PAGE_MAX: usize = 1000;

/// `?limit=&after=`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutboxParameters {
    #[serde(default = "page_default")]
    limit: usize,
    after: Option<String>,
}

fn page_default() -> usize {
    100
}

/// A page, or a stream where the client asks for one.
pub(super) async fn page_or_stream(
    State(context): State<Context>,
    place: Place,
    Parameters(parameters): Parameters<OutboxParameters>,
    headers: HeaderMap,
) -> Result<Response, DoorError> {
    let address = instance_address(&context, &place)?;
    let shard = context.door()?.shard_of(&address)?;
    let incarnation = live::incarnation(&context, shard)?;
    let after = parameters.after.as_deref().or(live::last_id(&headers));
    let from = after.map_or(Ok(0), live::number_after)?;
    let reader = Reader {
        context,
        address,
        shard,
        incarnation,
    };
    // Before the first read, so that nothing is missed between the two.
    let topic = Topic::Output(reader.address.clone());
    let listener = reader.context.door()?.listen(shard, topic);
    let limit = parameters.limit.clamp(1, PAGE_MAX);
    let mut page = reader.read(from, limit).await;
    if matches!(page, Err(DoorError::UnknownInstance { .. })) {
        let door = reader.context.door()?;
        if door.await_arrivals(&reader.address).await? {
            page = reader.read(from, limit).await;
        }
    }
    let page = page?;
    live::check_kept(from, page.first, incarnation)?;
    if live::is_wanted(&headers) {
        return Ok(live::respond(
            reader.context.clone(),
            reader,
            listener,
            from,
        ));
    }
    let messages = page
        .items
        .iter()
        .map(|item| views::output(item.number, &item.record, incarnation));
    let messages: Vec<_> = messages.collect::<Result<_, _>>()?;
    // A page of large values ends before its limit.
    let ends_early = page
        .items
        .last()
        .is_some_and(|last| last.number + 1 < page.next);
    let next = messages
        .last()
        .filter(|_| messages.len() == limit || ends_early)
        .map(|last| last.id.clone());
    Ok(Json(OutboxPage { messages, next }).into_response())
}

/// Reads what one instance put out.
pub(super) struct Reader {
    pub(super) context: Context,
    pub(super) address: Address,
    pub(super) shard: ShardId,
    pub(super) incarnation: Incarnation,
}

impl Reader {
    pub(super) async fn read(&self, from: u64, limit: usize) -> Result<OutputPage, DoorError> {
        let query = Query::Output {
            address: self.address.clone(),
            from,
            limit,
        };
        let door = self.context.door()?;
        match door
            .ask(self.shard, query, Consistency::Linearisable)
            .await?
        {
            Answer::Output(Some(page)) => Ok(page),
            Answer::Output(None) => Err(door.unknown_instance(&self.address).await),
            _ => Err(mismatch()),
        }
    }
}

impl live::Source for Reader {
    async fn events(&self, from: u64) -> Result<Vec<(u64, Event)>, DoorError> {
        let page = self.read(from, live::EVENTS_MAX).await?;
        let events = page.items.iter().filter_map(|item| {
            let message = views::output(item.number, &item.record, self.incarnation).ok()?;
            let event = Event::default().id(message.id.clone());
            Some((item.number, event.json_data(&message).ok()?))
        });
        Ok(events.collect())
    }
}
