//! `/v1/cluster`: members and shards, as the answering node sees them; members that hand their work over, or
//! are forgotten; shards that are asked to be elsewhere.

use axum::Json;
use axum::extract::{Path, State};
use cluster::SystemState;
use cluster::placement::{Move, Place, Wish};
use cluster::system::MemberState;
use cluster_raft::Status;
use cluster_raft::status::{Behind, NodeStatus, ShardStatus};
use transport::{NodeId, ShardId};

use super::Context;
use super::request::Body;
use crate::api::{
    BehindView, ClusterView, NodeView, PlaceView, RebalanceRequest, RebalanceView,
    SemanticsRequest, ShardView, TransferRequest,
};
use crate::door::{Door, DoorError};

/// `POST /v1/cluster/nodes/{node}/drain`
pub(super) async fn drain(
    State(context): State<Context>,
    Path(node): Path<String>,
) -> Result<Json<ClusterView>, DoorError> {
    let door = context.door()?;
    door.set_draining(door.member(&node)?, true).await?;
    Ok(Json(view(door).await?))
}

/// `POST /v1/cluster/nodes/{node}/undrain`
pub(super) async fn undrain(
    State(context): State<Context>,
    Path(node): Path<String>,
) -> Result<Json<ClusterView>, DoorError> {
    let door = context.door()?;
    door.set_draining(door.member(&node)?, false).await?;
    Ok(Json(view(door).await?))
}

/// `DELETE /v1/cluster/nodes/{node}`
pub(super) async fn remove(
    State(context): State<Context>,
    Path(node): Path<String>,
) -> Result<Json<ClusterView>, DoorError> {
    let door = context.door()?;
    door.remove_member(door.member(&node)?).await?;
    Ok(Json(view(door).await?))
}

/// `POST /v1/cluster/shards/{shard}/transfer`
pub(super) async fn transfer(
    State(context): State<Context>,
    Path(shard): Path<String>,
    body: Body,
) -> Result<Json<ClusterView>, DoorError> {
    let door = context.door()?;
    let request: TransferRequest = body.json()?;
    let shard = self::shard(&shard)?;
    door.transfer(shard, door.member(&request.to)?).await?;
    Ok(Json(view(door).await?))
}

/// `POST /v1/cluster/rebalance`
pub(super) async fn rebalance(
    State(context): State<Context>,
    body: Body,
) -> Result<Json<RebalanceView>, DoorError> {
    let door = context.door()?;
    let request: RebalanceRequest = match body.is_empty() {
        true => RebalanceRequest::default(),
        false => body.json()?,
    };
    let places = door.uneven();
    let changes = places.iter().map(|(shard, one)| place(*shard, one));
    let changes = changes.collect();
    if !request.dry_run {
        door.rebalance(places).await?;
    }
    Ok(Json(RebalanceView {
        changes,
        cluster: view(door).await?,
    }))
}

/// `POST /v1/cluster/semantics`
pub(super) async fn raise_semantics(
    State(context): State<Context>,
    body: Body,
) -> Result<Json<ClusterView>, DoorError> {
    let door = context.door()?;
    let request: SemanticsRequest = body.json()?;
    door.raise_semantics(request.to).await?;
    Ok(Json(view(door).await?))
}

/// The number of a shard in a path.
pub(super) fn shard(text: &str) -> Result<ShardId, DoorError> {
    let number = text.parse().map(ShardId);
    number.map_err(|_| DoorError::BadRequest(format!("`{text}` is no number of a shard")))
}

fn place(shard: ShardId, place: &Place) -> PlaceView {
    PlaceView {
        shard: shard.0,
        by: match place.wish {
            Wish::Transfer => "transfer",
            Wish::Rebalance => "rebalance",
        }
        .to_owned(),
        leader: place.leader.map(|node| node.0),
        replicas: place.replicas.iter().map(|node| node.0).collect(),
    }
}

/// `GET /v1/cluster`
pub(super) async fn show(State(context): State<Context>) -> Result<Json<ClusterView>, DoorError> {
    let starting = match context.door() {
        Ok(door) => return Ok(Json(view(door).await?)),
        Err(starting) => starting,
    };
    let Some((system, status)) = context.beginning.status().await else {
        return Err(starting);
    };
    let mut view = view_of(&system, &status);
    view.name.clone_from(&context.cluster);
    view.waits = Some(context.beginning.waits());
    Ok(Json(view))
}

/// The cluster, as the answer to every call.
pub(super) async fn view(door: &Door) -> Result<ClusterView, DoorError> {
    let status = door.groups().status().await;
    match status.cluster {
        Some(_) => Ok(view_of(&door.system(), &status)),
        None => Err(DoorError::NotReady),
    }
}

fn view_of(system: &SystemState, status: &Status) -> ClusterView {
    let nodes = status.nodes.iter().map(|node| NodeView {
        id: node.member.id.0,
        name: node.member.name.clone(),
        http: node.member.http.clone(),
        state: state(node).to_owned(),
        semantics: [node.member.semantics.oldest, node.member.semantics.latest],
        clock_ahead_ms: node.clock_ahead_ms,
        wrong_clock: node.has_wrong_clock,
        leads: node.leads,
        replicas: node.replicas,
        load: node.load,
    });
    ClusterView {
        name: system.name.clone(),
        id: status
            .cluster
            .map_or_else(|| "not known yet".to_owned(), |id| id.to_string()),
        answered_by: status.local,
        waits: None,
        semantics: system.semantics,
        replicas: system.settings.replicas,
        nodes: nodes.collect(),
        shards: status
            .shards
            .iter()
            .map(|shard| shard_view(shard, system))
            .collect(),
    }
}

/// A move in the words of `cluster status`, where the shard stands before it.
fn said(step: Move, system: &SystemState) -> String {
    let name = |node: NodeId| {
        let member = system.members.get(&node);
        let same = |name: &str| {
            let members = system.members.values();
            members.filter(|member| member.name == name).count()
        };
        match member {
            Some(member) if same(&member.name) == 1 => member.name.clone(),
            Some(member) => format!("{} ({})", member.name, node.0),
            None => node.0.to_string(),
        }
    };
    match step {
        Move::AddReplica { node, .. } => format!("add on {}", name(node)),
        Move::RemoveReplica { node, .. } => format!("remove from {}", name(node)),
        Move::TransferLead { to, .. } => format!("hand the lead to {}", name(to)),
    }
}

fn shard_view(shard: &ShardStatus, system: &SystemState) -> ShardView {
    let moving = shard.moving.as_ref();
    let hash = |hash: Option<cluster::StateHash>| hash.map(|hash| hash.to_string());
    ShardView {
        id: shard.shard.0,
        incarnation: shard.incarnation.0,
        leader: shard.leader,
        replicas: shard.replicas.clone(),
        applied: shard.applied,
        state_hash: hash(shard.state_hash).unwrap_or_default(),
        stopped: matches!(shard.agreed, Some((_, None))),
        agreed: shard.agreed.map(|(unit, _)| unit.saturating_sub(1)),
        agreed_hash: hash(shard.agreed.and_then(|(_, hash)| hash)).unwrap_or_default(),
        fenced: shard.fenced.clone(),
        moving: moving.map(|moving| said(moving.step, system)),
        reason: moving.and_then(|moving| Some(moving.reason?.to_string())),
        caught_up_percent: moving.and_then(|moving| moving.percent),
        load: shard.load,
        behind: shard.behind.iter().map(behind).collect(),
        asked: shard.place.as_ref().map(|one| place(shard.shard, one)),
    }
}

fn behind(one: &Behind) -> BehindView {
    BehindView {
        node: one.node,
        entries: one.units,
        snapshot_bytes: one.snapshot_bytes,
    }
}

fn state(node: &NodeStatus) -> &'static str {
    match (node.is_silent, node.member.state) {
        (true, _) => "silent",
        (false, MemberState::Draining) => "draining",
        (false, MemberState::Active) => "live",
    }
}
