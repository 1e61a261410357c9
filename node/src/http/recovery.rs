//! `POST /v1/cluster/shards/{shard}/recover` and `POST /v1/cluster/system/recover`: what lost its quorum goes on
//! from one node. Without `confirmed` they only say what that would mean.

use axum::Json;
use axum::extract::{Path, State};
use cluster_raft::status::ReplicaStatus;

use super::Context;
use super::cluster::{shard, view};
use super::request::Body;
use crate::api::{ClusterView, RecoverRequest, RecoveryView, ReplicaView};
use crate::door::{DoorError, Recovery};

/// `POST /v1/cluster/shards/{shard}/recover`
pub(super) async fn recover_shard(
    State(context): State<Context>,
    Path(number): Path<String>,
    body: Body,
) -> Result<Json<RecoveryView>, DoorError> {
    let door = context.door()?;
    let request: RecoverRequest = body.json()?;
    let from = door.member(&request.from)?;
    let recovery = door.recovery(shard(&number)?, from).await?;
    if request.confirmed {
        door.recover(&recovery).await?;
    }
    Ok(Json(shown(&recovery, request.confirmed)))
}

/// `POST /v1/cluster/system/recover`
pub(super) async fn recover_system(
    State(context): State<Context>,
    body: Body,
) -> Result<Json<ClusterView>, DoorError> {
    let door = context.door()?;
    let request: RecoverRequest = body.json()?;
    let from = door.member(&request.from)?;
    door.recover_system(from, !request.confirmed).await?;
    Ok(Json(view(door).await?))
}

fn shown(recovery: &Recovery, done: bool) -> RecoveryView {
    let from = recovery.from.held.unwrap_or(0);
    RecoveryView {
        shard: recovery.shard.0,
        incarnation: recovery.incarnation.0,
        stopped: recovery.stopped,
        from: replica(&recovery.from, from),
        others: recovery
            .others
            .iter()
            .map(|one| replica(one, from))
            .collect(),
        done,
    }
}

fn replica(one: &ReplicaStatus, held: u64) -> ReplicaView {
    ReplicaView {
        node: one.node,
        silent_ms: one.silence.as_millis() as u64,
        applied: one.applied,
        held: one.held,
        lost: one.applied.map(|applied| applied.saturating_sub(held)),
    }
}
