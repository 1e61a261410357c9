//! Hands a command to the leader of a shard, here or on the node that leads it. `cluster-raft` looks for
//! the leader until the deadline, through elections and lost connections, always with the same door
//! sequence, so that a command which did arrive is not applied a second time.

use std::time::Duration;

use cluster::command::Command;
use cluster::outcome::{Outcome, Refusal};
use cluster::system::{SystemCommand, SystemOutcome};
use cluster_raft::proposer::ProposeError;
use tokio::time::Instant;
use transport::ShardId;

use super::{Door, DoorError, HANDOVER_DEADLINE};

/// The first pause between two looks.
const PAUSE_MIN: Duration = Duration::from_millis(2);
/// The longest pause between two looks: well below an election.
const PAUSE_MAX: Duration = Duration::from_millis(40);

/// Pauses that grow.
#[derive(Debug)]
pub(crate) struct Pause {
    next: Duration,
    max: Duration,
}

impl Default for Pause {
    fn default() -> Pause {
        Pause::new(PAUSE_MIN, PAUSE_MAX)
    }
}

impl Pause {
    /// Pauses from the first to the longest; each is twice as long as the one before.
    pub(crate) fn new(min: Duration, max: Duration) -> Pause {
        Pause { next: min, max }
    }

    /// When the next pause ends; none where the deadline is over by then.
    pub(crate) fn next(&mut self, deadline: Instant) -> Option<Instant> {
        let end = Instant::now() + self.next;
        self.next = (self.next * 2).min(self.max);
        (end < deadline).then_some(end)
    }

    /// Rests for a moment; false where the deadline is over.
    pub(crate) async fn rest_before(&mut self, deadline: Instant) -> bool {
        let Some(end) = self.next(deadline) else {
            return false;
        };
        tokio::time::sleep_until(end).await;
        true
    }
}

impl Door {
    /// Proposes one command to a shard, wherever its leader is.
    pub(super) async fn propose(
        &self,
        shard: ShardId,
        command: Command,
    ) -> Result<Outcome, DoorError> {
        let submitted = self
            .groups
            .submit(shard, vec![command], HANDOVER_DEADLINE)
            .await;
        let what = || format!("shard {shard} did not take the request");
        Ok(only(submitted.map_err(|error| refusal(error, &what()))?))
    }

    /// Proposes one command to the system group, wherever its leader is.
    pub(super) async fn propose_system(
        &self,
        command: SystemCommand,
    ) -> Result<SystemOutcome, DoorError> {
        let submitted = self
            .groups
            .propose_system(vec![command], HANDOVER_DEADLINE)
            .await;
        let what = || "the system group did not take the request".to_owned();
        Ok(only(submitted.map_err(|error| refusal(error, &what()))?))
    }
}

/// The outcome of the one command that was proposed.
fn only<T>(mut outcomes: Vec<T>) -> T {
    let only = outcomes.pop().filter(|_| outcomes.is_empty());
    only.expect("one command has one outcome")
}

fn refusal(error: ProposeError, what: &str) -> DoorError {
    match error {
        ProposeError::Overloaded { retry_after_ms, .. } => DoorError::Refused(Refusal {
            code: cluster::codes::BUSY.to_owned(),
            message: error.to_string(),
            retry_after_ms: Some(retry_after_ms),
        }),
        ProposeError::Behind { retry_after_ms, .. } => DoorError::Refused(Refusal {
            code: cluster::codes::DISK_BEHIND.to_owned(),
            message: error.to_string(),
            retry_after_ms: Some(retry_after_ms),
        }),
        ProposeError::Full { reason } => DoorError::DiskFull { reason },
        ProposeError::TooLarge { bytes_max, .. } => DoorError::TooLarge { max: bytes_max },
        ProposeError::Halted { reason } => {
            DoorError::Refused(Refusal::new(cluster::codes::DISAGREEMENT, reason))
        }
        other => DoorError::Unavailable {
            unknown: matches!(other, ProposeError::Unknown { .. }),
            detail: format!("{what}: {other}"),
        },
    }
}
