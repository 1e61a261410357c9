//! `GET /v1/cluster`: members and shards, as the answering node sees them.

use axum::Json;
use axum::extract::State;
use cluster::system::MemberState;
use cluster_raft::groups::NodeStatus;

use super::Context;
use crate::api::{ClusterView, NodeView, ShardView};
use crate::door::DoorError;

/// The cluster.
pub(super) async fn show(State(context): State<Context>) -> Result<Json<ClusterView>, DoorError> {
    let door = context.door()?;
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
    });
    Ok(Json(ClusterView {
        name: door.system().name.clone(),
        id: status.cluster.ok_or(DoorError::NotReady)?.to_string(),
        answered_by: status.local,
        nodes: nodes.collect(),
        shards: shards.collect(),
    }))
}

fn state(node: &NodeStatus) -> &'static str {
    match (node.is_silent, node.member.state) {
        (true, _) => "silent",
        (false, MemberState::Draining) => "leaving",
        (false, MemberState::Active) => "live",
    }
}
