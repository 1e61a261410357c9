//! `GET …/{key}/outbox`: what a root instance put out, as a page or, with `Accept: text/event-stream`, as
//! a live stream that resumes after `Last-Event-ID`. Ids are `INCARNATION-NUMBER`; asking for what is no
//! longer kept is answered `410` with the first id that is.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use cluster::query::OutputPage;
use cluster_raft::driver::waiters::Topic;
use futures::Stream;
use serde::Deserialize;
use tokio::time::Instant;
use transport::{Address, Incarnation, ShardId};

use super::instances::{instance_address, unknown};
use super::request::{Parameters, Place};
use super::{Context, views};
use crate::api::OutboxPage;
use crate::door::{Answer, Consistency, DoorError, Listener, Query, mismatch};

/// Messages on a page at most.
const PAGE_MAX: usize = 1000;
/// How long a live stream listens at most before it begins anew: it never ends by itself.
const LISTEN_MAX: Duration = Duration::from_secs(3600);

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
    let incarnation = incarnation(&context, shard)?;
    let resume = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let after = parameters.after.as_deref().or(resume);
    let from = match after {
        Some(id) => number_after(id)?,
        None => 0,
    };
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
    let page = match reader.read(from, limit).await {
        Err(DoorError::NotFound(_))
            if reader
                .context
                .door()?
                .await_arrivals(&reader.address)
                .await? =>
        {
            reader.read(from, limit).await?
        }
        read => read?,
    };
    if from > 0 && from < page.first {
        return Err(DoorError::Gone {
            first: format!("{}-{}", incarnation.0, page.first),
        });
    }
    let accepts = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    if accepts.is_some_and(|accepts| accepts.contains("text/event-stream")) {
        return Ok(Sse::new(stream(reader, listener, from))
            .keep_alive(KeepAlive::default())
            .into_response());
    }
    let messages = page
        .items
        .iter()
        .map(|item| views::output(item.number, &item.record, incarnation));
    let messages: Vec<_> = messages.collect::<Result<_, _>>()?;
    let next = messages
        .last()
        .filter(|_| messages.len() == limit)
        .map(|last| last.id.clone());
    Ok(Json(OutboxPage { messages, next }).into_response())
}

struct Reader {
    context: Context,
    address: Address,
    shard: ShardId,
    incarnation: Incarnation,
}

impl Reader {
    async fn read(&self, from: u64, limit: usize) -> Result<OutputPage, DoorError> {
        let query = Query::Output {
            address: self.address.clone(),
            from,
            limit,
        };
        match self
            .context
            .door()?
            .ask(self.shard, query, Consistency::Linearisable)
            .await?
        {
            Answer::Output(Some(page)) => Ok(page),
            Answer::Output(None) => Err(unknown(&self.address)),
            _ => Err(mismatch()),
        }
    }

    /// Until the instance put something out, or a look is due, or the node leaves.
    async fn await_news(&mut self, listener: &mut Listener) {
        let deadline = Instant::now() + LISTEN_MAX;
        tokio::select! {
            _ = listener.next(deadline) => {}
            _ = self.context.leaving.changed() => {}
        }
    }
}

/// News as they come, until the client goes or the node leaves. A read that fails is tried again: the
/// leader may be changing.
fn stream(
    reader: Reader,
    listener: Listener,
    from: u64,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let start = (reader, listener, from, Vec::new().into_iter());
    futures::stream::unfold(
        start,
        |(mut reader, mut listener, mut from, mut ready)| async move {
            loop {
                if let Some(event) = ready.next() {
                    return Some((Ok(event), (reader, listener, from, ready)));
                }
                if *reader.context.leaving.borrow() {
                    return None;
                }
                let page = reader.read(from, PAGE_MAX).await;
                let Some(page) = page.ok().filter(|page| !page.items.is_empty()) else {
                    reader.await_news(&mut listener).await;
                    continue;
                };
                from = page.items.last().map_or(from, |item| item.number + 1);
                ready = events(&page, reader.incarnation).into_iter();
            }
        },
    )
}

fn events(page: &OutputPage, incarnation: Incarnation) -> Vec<Event> {
    let events = page.items.iter().filter_map(|item| {
        let message = views::output(item.number, &item.record, incarnation).ok()?;
        Event::default()
            .id(message.id.clone())
            .json_data(&message)
            .ok()
    });
    events.collect()
}

fn incarnation(context: &Context, shard: ShardId) -> Result<Incarnation, DoorError> {
    let system = context.door()?.system();
    Ok(system
        .shards
        .get(&shard)
        .map_or(Incarnation(0), |assignment| assignment.incarnation))
}

fn number_after(id: &str) -> Result<u64, DoorError> {
    let number = id
        .split_once('-')
        .and_then(|(_, number)| number.parse::<u64>().ok());
    let number = number.and_then(|number| number.checked_add(1));
    number.ok_or_else(|| DoorError::BadRequest(format!("`{id}` is no id of an outbox: 0-17")))
}
