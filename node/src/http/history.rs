//! `GET …/{key}/history`: what an instance received and did, as a page or, with `Accept: text/event-stream`,
//! as a live stream that resumes after `Last-Event-ID`. Ids of a stream are `INCARNATION-STEP`; asking for
//! what is no longer kept, here or there, is answered `410` with the first id that is.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use cluster::limits::PAGE_BYTES_MAX;
use cluster::record::HistoryRecord;
use cluster_raft::driver::waiters::Topic;
use serde::Deserialize;
use transport::{Address, Incarnation, ShardId};

use super::instances::instance_address;
use super::request::{Parameters, Place};
use super::{Context, live, views};
use crate::api::HistoryPage;
use crate::door::{Answer, Consistency, DoorError, Query, mismatch};

/// Steps on a page at most.
const PAGE_MAX: usize = 1000;

/// `?limit=&cursor=`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageParameters {
    #[serde(default = "page_default")]
    limit: usize,
    #[serde(default)]
    cursor: u64,
}

fn page_default() -> usize {
    100
}

/// A page of history, oldest first, or a stream where the client asks for one.
pub(super) async fn page_or_stream(
    State(context): State<Context>,
    place: Place,
    Parameters(parameters): Parameters<PageParameters>,
    headers: HeaderMap,
) -> Result<Response, DoorError> {
    let address = instance_address(&context, &place)?;
    let shard = context.door()?.shard_of(&address)?;
    let incarnation = live::incarnation(&context, shard)?;
    let is_stream = live::is_wanted(&headers);
    let resumed = live::last_id(&headers).filter(|_| is_stream);
    let from = resumed.map_or(Ok(parameters.cursor), live::number_after)?;
    let reader = Reader {
        context,
        address,
        shard,
        incarnation,
    };
    // Before the first read, so that nothing is missed between the two.
    let topic = Topic::Steps(reader.address.clone());
    let listener = reader.context.door()?.listen(shard, topic);
    let limit = parameters.limit.clamp(1, PAGE_MAX);
    let mut steps = reader.read(from, limit).await?;
    let mut first = steps.first().map(|(step, _)| *step);
    if first.is_none() {
        // An instance without a step on this page is there all the same, or it is unknown.
        let door = reader.context.door()?;
        let found = door.instance(&reader.address, Consistency::Linearisable);
        let Some(found) = found.await? else {
            return Err(door.unknown_instance(&reader.address).await);
        };
        first = Some(found.view.history_first);
        steps = reader.read(from, limit).await?;
    }
    live::check_kept(from, first.unwrap_or(from), incarnation)?;
    if is_stream {
        return Ok(live::respond(
            reader.context.clone(),
            reader,
            listener,
            from,
        ));
    }
    let next = reader.next(&steps, limit).await?;
    let events = steps
        .iter()
        .map(|(step, record)| views::event(*step, record));
    let events = events.collect::<Result<_, _>>()?;
    Ok(Json(HistoryPage { events, next }).into_response())
}

struct Reader {
    context: Context,
    address: Address,
    shard: ShardId,
    incarnation: Incarnation,
}

impl Reader {
    /// Where the page after this one begins, where there may be one. A page of large steps ends early.
    async fn next(
        &self,
        steps: &[(u64, HistoryRecord)],
        limit: usize,
    ) -> Result<Option<String>, DoorError> {
        let Some((last, _)) = steps.last() else {
            return Ok(None);
        };
        let bytes: usize = steps.iter().map(|(_, record)| record.bytes()).sum();
        let ends_early = bytes >= PAGE_BYTES_MAX / 4 && !self.read(last + 1, 1).await?.is_empty();
        Ok((steps.len() == limit || ends_early).then(|| (last + 1).to_string()))
    }

    async fn read(&self, from: u64, limit: usize) -> Result<Vec<(u64, HistoryRecord)>, DoorError> {
        let query = Query::History {
            address: self.address.clone(),
            from,
            limit,
        };
        let door = self.context.door()?;
        match door
            .ask(self.shard, query, Consistency::Linearisable)
            .await?
        {
            Answer::History(steps) => Ok(steps),
            _ => Err(mismatch()),
        }
    }
}

impl live::Source for Reader {
    async fn events(&self, from: u64) -> Result<Vec<(u64, Event)>, DoorError> {
        let steps = self.read(from, live::EVENTS_MAX).await?;
        let events = steps.iter().filter_map(|(step, record)| {
            let shown = views::event(*step, record).ok()?;
            let id = format!("{}-{step}", self.incarnation.0);
            Some((*step, Event::default().id(id).json_data(&shown).ok()?))
        });
        Ok(events.collect())
    }
}
