//! `…/instances`: list, start, look at and end instances.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use cluster::query::InstanceView as Instance;
use serde::Deserialize;
use serde_json::Value;
use transport::{Address, Namespace, NodeId, ShardId};

use super::request::{Body, Parameters, Place, WaitParameter, delivery, message};
use super::{Context, messages, views};
use crate::api::{Accepted, InstancePage, InstanceView, StartRequest};
use crate::door::{Answer, Consistency, DoorError, KillCall, Query, StartCall, mismatch};

/// Instances on a page at most.
const PAGE_MAX: usize = 1000;

/// `?consistency=`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadParameters {
    #[serde(default)]
    consistency: ConsistencyName,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ConsistencyName {
    #[default]
    #[serde(alias = "linearizable")]
    Linearisable,
    Local,
}

/// `GET /v1/workers/{name}/instances/{key}`
pub(super) async fn get(
    State(context): State<Context>,
    place: Place,
    Parameters(parameters): Parameters<ReadParameters>,
) -> Result<Json<InstanceView>, DoorError> {
    let address = instance_address(&context, &place)?;
    let consistency = match parameters.consistency {
        ConsistencyName::Linearisable => Consistency::Linearisable,
        ConsistencyName::Local => Consistency::Local,
    };
    show(&context, &address, consistency).await
}

async fn show(
    context: &Context,
    address: &Address,
    consistency: Consistency,
) -> Result<Json<InstanceView>, DoorError> {
    let door = context.door()?;
    let shard = door.shard_of(address)?;
    let Some(shown) = door.instance(address, consistency).await? else {
        return Err(door.unknown_instance(address).await);
    };
    let node = leader_name(context, shard);
    Ok(Json(views::instance(&shown, shard, node)?))
}

/// `POST /v1/workers/{name}/instances/{key}/pause`
pub(super) async fn pause(
    State(context): State<Context>,
    place: Place,
    headers: HeaderMap,
) -> Result<Json<InstanceView>, DoorError> {
    hold(&context, &place, &headers, true).await
}

/// `POST /v1/workers/{name}/instances/{key}/resume`
pub(super) async fn resume(
    State(context): State<Context>,
    place: Place,
    headers: HeaderMap,
) -> Result<Json<InstanceView>, DoorError> {
    hold(&context, &place, &headers, false).await
}

async fn hold(
    context: &Context,
    place: &Place,
    headers: &HeaderMap,
    paused: bool,
) -> Result<Json<InstanceView>, DoorError> {
    let target = instance_address(context, place)?;
    let delivery = delivery(headers, WaitParameter::default().wait)?;
    context.door()?.pause(&target, paused, &delivery).await?;
    show(context, &target, Consistency::Linearisable).await
}

/// `POST /v1/workers/{name}/instances`
pub(super) async fn start(
    State(context): State<Context>,
    place: Place,
    Parameters(wait): Parameters<WaitParameter>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Accepted>), DoorError> {
    let request: StartRequest = if body.is_empty() {
        StartRequest::default()
    } else {
        body.json()?
    };
    let to =
        context
            .door()?
            .address(place.namespace(), place.get("name"), request.key.as_deref())?;
    let data = |value: Option<Value>| {
        value
            .map(|value| message(&value.to_string(), &context))
            .transpose()
    };
    let call = StartCall {
        to,
        config: data(request.config)?,
        message: data(request.message)?,
        delivery: delivery(&headers, wait.wait)?,
    };
    let admitted = context.door()?.start(&call).await?;
    messages::answer(&context, &call.delivery, admitted).await
}

/// `DELETE /v1/workers/{name}/instances/{key}`
pub(super) async fn kill(
    State(context): State<Context>,
    place: Place,
    Parameters(wait): Parameters<WaitParameter>,
    headers: HeaderMap,
) -> Result<(StatusCode, Json<Accepted>), DoorError> {
    let target = instance_address(&context, &place)?;
    let call = KillCall {
        target,
        delivery: delivery(&headers, wait.wait)?,
    };
    let admitted = context.door()?.kill(&call).await?;
    messages::answer(&context, &call.delivery, admitted).await
}

/// `?status=&limit=&cursor=`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListParameters {
    status: Option<String>,
    #[serde(default = "page_default")]
    limit: usize,
    cursor: Option<String>,
}

fn page_default() -> usize {
    100
}

/// `GET /v1/instances`
pub(super) async fn list(
    State(context): State<Context>,
    place: Place,
    Parameters(parameters): Parameters<ListParameters>,
) -> Result<Json<InstancePage>, DoorError> {
    page(
        &context,
        Namespace::new(place.namespace())?,
        None,
        &parameters,
    )
    .await
}

/// `GET /v1/workers/{name}/instances`
pub(super) async fn list_of_name(
    State(context): State<Context>,
    place: Place,
    Parameters(parameters): Parameters<ListParameters>,
) -> Result<Json<InstancePage>, DoorError> {
    let door = context.door()?;
    let name = door.address(place.namespace(), place.get("name"), None)?;
    let namespace = name.namespace().clone();
    let found = page(&context, namespace, Some(name.clone()), &parameters).await?;
    // Instances of a name that was taken away are there all the same.
    if found.instances.is_empty() && parameters.status.is_none() && parameters.cursor.is_none() {
        door.require_worker(&name).await?;
    }
    Ok(found)
}

/// Goes through the shards in order, from where the cursor points, until the page is full.
async fn page(
    context: &Context,
    namespace: Namespace,
    name: Option<Address>,
    parameters: &ListParameters,
) -> Result<Json<InstancePage>, DoorError> {
    if let Some(status) = &parameters.status {
        check_status(status)?;
    }
    let limit = parameters.limit.clamp(1, PAGE_MAX);
    let (first, mut after) = cursor(&namespace, parameters.cursor.as_deref())?;
    let mut found: Vec<(ShardId, Instance)> = Vec::new();
    for shard in context
        .door()?
        .shards()
        .into_iter()
        .filter(|shard| *shard >= first)
    {
        loop {
            let query = Query::Instances {
                namespace: namespace.clone(),
                name: name.clone(),
                after: after.take(),
                limit: PAGE_MAX,
            };
            let answer = context
                .door()?
                .ask(shard, query, Consistency::Linearisable)
                .await?;
            let Answer::Instances(instances) = answer else {
                return Err(mismatch());
            };
            let full = instances.len() == PAGE_MAX;
            after = instances
                .last()
                .filter(|_| full)
                .map(|instance| instance.address.clone());
            let wanted = instances.into_iter().filter(|instance| {
                parameters
                    .status
                    .as_deref()
                    .is_none_or(|status| views::status(instance) == status)
            });
            found.extend(wanted.map(|instance| (shard, instance)));
            if found.len() > limit || after.is_none() {
                break;
            }
        }
        if found.len() > limit {
            break;
        }
    }
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|(shard, last)| {
        format!(
            "{}:{}/{}",
            shard.0,
            last.address.name(),
            last.address.key().unwrap_or("")
        )
    });
    let instances = found
        .iter()
        .map(|(shard, instance)| views::summary(instance, *shard))
        .collect();
    Ok(Json(InstancePage { instances, next }))
}

/// Refuses what no instance can have as its status.
fn check_status(status: &str) -> Result<(), DoorError> {
    if views::STATUSES.contains(&status) {
        return Ok(());
    }
    let guess = match vm::closest(status, views::STATUSES.into_iter()) {
        Some(guess) => format!(": did you mean `{guess}`?"),
        None => String::new(),
    };
    Err(DoorError::BadRequest(format!(
        "`{status}` is no status{guess}; there are {}",
        views::STATUSES.join(", ")
    )))
}

fn cursor(
    namespace: &Namespace,
    cursor: Option<&str>,
) -> Result<(ShardId, Option<Address>), DoorError> {
    let Some(cursor) = cursor else {
        return Ok((ShardId(0), None));
    };
    let parsed = cursor.split_once(':').and_then(|(shard, address)| {
        Some((
            shard.parse().ok()?,
            Address::parse(namespace.clone(), address).ok()?,
        ))
    });
    match parsed {
        Some((shard, address)) => Ok((ShardId(shard), Some(address))),
        None => Err(DoorError::BadRequest(format!(
            "`{cursor}` is no cursor of this list"
        ))),
    }
}

/// The instance that a path names.
pub(super) fn instance_address(context: &Context, place: &Place) -> Result<Address, DoorError> {
    context
        .door()?
        .address(place.namespace(), place.get("name"), Some(place.get("key")))
}

/// The name of the node that leads a shard, where one does.
pub(super) fn leader_name(context: &Context, shard: ShardId) -> Option<String> {
    let door = context.door().ok()?;
    let leader = NodeId(door.groups().leader_of(shard)?);
    door.system()
        .members
        .get(&leader)
        .map(|member| member.name.clone())
}
