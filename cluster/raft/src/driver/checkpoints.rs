//! Has the shard's state hashed from time to time. The driver comes before it, the shard's proposer
//! after it. Guarantees: nothing is proposed where nothing was applied since. Left to others:
//! comparing the hashes of replicas.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use cluster::{Command, Outcome};

use super::DriverParts;

/// Proposes checkpoints for as long as this node leads.
pub(super) async fn run(parts: Arc<DriverParts>) {
    let mut applied = parts.group.applied();
    loop {
        tokio::time::sleep(Duration::from_millis(parts.limits.checkpoint_ms)).await;
        if parts.group.applied() == applied {
            continue;
        }
        let proposed = parts.proposer.propose(vec![Command::Checkpoint]).await;
        applied = parts.group.applied();
        if let Ok(outcomes) = proposed
            && let Some(Outcome::Checkpoint(hash)) = outcomes.first()
        {
            let mut checkpoint = parts
                .checkpoint
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *checkpoint = Some((applied, *hash));
        }
    }
}
