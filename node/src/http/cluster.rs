//! `/v1/cluster`: members and shards, as the answering node sees them; members that hand their work over, or
//! are forgotten.

use axum::Json;
use axum::extract::{Path, State};
use cluster::system::MemberState;
use cluster_raft::groups::NodeStatus;

use super::Context;
use crate::api::{ClusterView, NodeView, ShardView};
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

/// `GET /v1/cluster`
pub(super) async fn show(State(context): State<Context>) -> Result<Json<ClusterView>, DoorError> {
    Ok(Json(view(context.door()?).await?))
}

async fn view(door: &Door) -> Result<ClusterView, DoorError> {
    let system = door.system();
    let status = door.groups().status().await;
    let nodes = status.nodes.iter().map(|node| NodeView {
        id: node.member.id.0,
        name: node.member.name.clone(),
        http: node.member.http.clone(),
        state: state(node).to_owned(),
        clock_ahead_ms: node.clock_ahead_ms,
        wrong_clock: node.has_wrong_clock,
        leads: node.leads,
        replicas: node.replicas,
    });
    let shards = status.shards.iter().map(|shard| ShardView {
        id: shard.shard.0,
        leader: shard.leader,
        replicas: shard.replicas.clone(),
        applied: shard.applied,
        state_hash: shard
            .state_hash
            .map(|hash| hash.to_string())
            .unwrap_or_default(),
        stopped: matches!(shard.agreed, Some((_, None))),
        agreed: shard.agreed.map(|(unit, _)| unit.saturating_sub(1)),
        agreed_hash: match shard.agreed {
            Some((_, Some(hash))) => hash.to_string(),
            _ => String::new(),
        },
        fenced: shard.fenced.clone(),
        moving: system
            .shards
            .get(&shard.shard)
            .and_then(|assignment| assignment.step)
            .map(|step| step.to_string()),
    });
    Ok(ClusterView {
        name: system.name.clone(),
        id: status.cluster.ok_or(DoorError::NotReady)?.to_string(),
        answered_by: status.local,
        replicas: system.settings.replicas,
        nodes: nodes.collect(),
        shards: shards.collect(),
    })
}

fn state(node: &NodeStatus) -> &'static str {
    match (node.is_silent, node.member.state) {
        (true, _) => "silent",
        (false, MemberState::Draining) => "draining",
        (false, MemberState::Active) => "live",
    }
}
