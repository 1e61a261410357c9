//! `GET …/{key}/history`: what an instance received and did, in pages.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use transport::{Address, ShardId};

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
    let shard = context.door()?.shard_of(&address)?;
    let limit = parameters.limit.clamp(1, PAGE_MAX);
    let query = Query::History {
        address: address.clone(),
        from: parameters.cursor,
        limit,
    };
    let answer = context
        .door()?
        .ask(shard, query, Consistency::Linearisable)
        .await?;
    let Answer::History(steps) = answer else {
        return Err(mismatch());
    };
    if steps.is_empty() {
        require_instance(&context, shard, &address).await?;
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

/// An instance without a step on this page is there all the same, or it is unknown.
async fn require_instance(
    context: &Context,
    shard: ShardId,
    address: &Address,
) -> Result<(), DoorError> {
    let query = Query::Instance(address.clone());
    let door = context.door()?;
    match door.ask(shard, query, Consistency::Linearisable).await? {
        Answer::Instance(None) => Err(unknown(address)),
        _ => Ok(()),
    }
}
