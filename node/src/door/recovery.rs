//! What an operator asks of a cluster that lost a quorum: that a shard, or the system group, goes on from one
//! node. Comes after the HTTP handlers; before the system group's log (shards), or this node's own system group.
//! Guarantees: what has a quorum is left alone; what may be lost is told before anything is done. Leaves to
//! others: making the replica fit, channels to and from the new life (`cluster_raft`).

use cluster::codes;
use cluster::outcome::Refusal;
use cluster::system::SystemCommand;
use cluster_raft::status::ReplicaStatus;
use transport::{Incarnation, NodeId, ShardId};

use super::{Door, DoorError};

/// What a recovery would go on from, and what it would leave behind.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// The shard.
    pub shard: ShardId,
    /// The life that it is in.
    pub incarnation: Incarnation,
    /// The replica that it would go on from.
    pub from: ReplicaStatus,
    /// The others, as they were heard last.
    pub others: Vec<ReplicaStatus>,
    /// Whether it has stopped because its replicas differ.
    pub stopped: bool,
}

impl Door {
    /// What the recovery of a shard would do.
    ///
    /// # Errors
    /// `E-has-quorum`, `E-recover-source` where the node cannot be gone on from, `E-shard-unknown`.
    pub async fn recovery(&self, shard: ShardId, from: NodeId) -> Result<Recovery, DoorError> {
        let system = self.system();
        let Some(assignment) = system.shards.get(&shard) else {
            return Err(refused(
                codes::SHARD_UNKNOWN,
                format!("there is no shard {shard}"),
            ));
        };
        let status = self.groups().status().await;
        let stopped = status
            .shards
            .iter()
            .any(|one| one.shard == shard && matches!(one.agreed, Some((_, None))));
        let mut replicas = self.groups().replicas(shard);
        let heard = replicas.iter().filter(|one| !one.is_silent).count();
        if !stopped && heard * 2 > replicas.len() {
            return Err(refused(
                codes::HAS_QUORUM,
                format!(
                    "{heard} of {} replicas of shard {shard} are heard: it goes on by itself",
                    replicas.len()
                ),
            ));
        }
        let at = replicas.iter().position(|one| one.node == from.0);
        let Some(at) = at.filter(|at| !replicas[*at].is_silent && !replicas[*at].is_fenced) else {
            return Err(refused(
                codes::RECOVER_SOURCE,
                format!(
                    "shard {shard} cannot go on from node {from}: it is silent, or holds no replica \
                     that takes part"
                ),
            ));
        };
        Ok(Recovery {
            shard,
            incarnation: assignment.incarnation,
            from: replicas.swap_remove(at),
            others: replicas,
            stopped,
        })
    }

    /// Lets a shard go on from that replica.
    ///
    /// # Errors
    /// It was recovered meanwhile, or the system group has no leader in time.
    pub async fn recover(&self, recovery: &Recovery) -> Result<(), DoorError> {
        self.change(SystemCommand::Recover {
            shard: recovery.shard,
            incarnation: recovery.incarnation,
            from: NodeId(recovery.from.node),
        })
        .await
    }

    /// Lets this node go on alone as the system group. Only looks where `dry`.
    ///
    /// # Errors
    /// `E-has-quorum`, or `E-recover-source` where `from` is another node.
    pub async fn recover_system(&self, from: NodeId, dry: bool) -> Result<(), DoorError> {
        let groups = self.groups();
        if from.0 != groups.local() {
            return Err(refused(
                codes::RECOVER_SOURCE,
                format!(
                    "only node {from} itself can go on as the system group: ask it, with --url"
                ),
            ));
        }
        if !groups.system_has_no_quorum() {
            return Err(refused(
                codes::HAS_QUORUM,
                "most voters of the system group are heard: it goes on by itself".to_owned(),
            ));
        }
        if dry {
            return Ok(());
        }
        let done = groups.recover_system().await;
        done.map_err(|error| DoorError::Unavailable {
            detail: error.to_string(),
            unknown: true,
        })
    }
}

fn refused(code: &str, message: String) -> DoorError {
    DoorError::Refused(Refusal::new(code, message))
}
