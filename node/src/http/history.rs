//! `GET …/{key}/history`: what an instance received and did, in pages.

use axum::Json;
use axum::extract::State;
use cluster::record::HistoryRecord;
use serde::Deserialize;
use transport::Address;

use super::instances::{instance_address, unknown};
use super::request::{Parameters, Place};
use super::{Context, views};
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

/// A page of history, oldest first.
pub(super) async fn page(
    State(context): State<Context>,
    place: Place,
    Parameters(parameters): Parameters<PageParameters>,
) -> Result<Json<HistoryPage>, DoorError> {
    let address = instance_address(&context, &place)?;
    let limit = parameters.limit.clamp(1, PAGE_MAX);
    let mut steps = read(&context, &address, parameters.cursor, limit).await?;
    if steps.is_empty() {
        // An instance without a step on this page is there all the same, or it is unknown.
        let door = context.door()?;
        let found = door.instance(&address, Consistency::Linearisable).await?;
        found.ok_or_else(|| unknown(&address))?;
        steps = read(&context, &address, parameters.cursor, limit).await?;
    }
    let next = steps
        .last()
        .filter(|_| steps.len() == limit)
        .map(|(step, _)| (step + 1).to_string());
    let events = steps
        .iter()
        .map(|(step, record)| views::event(*step, record));
    Ok(Json(HistoryPage {
        events: events.collect::<Result<_, _>>()?,
        next,
    }))
}

async fn read(
    context: &Context,
    address: &Address,
    from: u64,
    limit: usize,
) -> Result<Vec<(u64, HistoryRecord)>, DoorError> {
    let door = context.door()?;
    let query = Query::History {
        address: address.clone(),
        from,
        limit,
    };
    let shard = door.shard_of(address)?;
    match door.ask(shard, query, Consistency::Linearisable).await? {
        Answer::History(steps) => Ok(steps),
        _ => Err(mismatch()),
    }
}
