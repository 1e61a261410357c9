//! Keeps a shard's history within its part of the node's bound: looks from time to time, and has the oldest
//! forgotten by a command, so that all replicas keep the same. It runs beside the driver on every replica
//! and acts only where that leads: the shard's own count comes before it, the proposer after it.
//! Guarantees: one command at a time; where everything that may go is gone it says so once and rests.
//! Left to others: which history is the oldest (`cluster`).

use std::sync::Arc;
use std::time::Duration;

use cluster::command::{Prune, PruneFrom};
use cluster::outcome::Pruned;
use cluster::{Command, Outcome, query};
use tokio::time::Instant;

use super::DriverParts;

/// What is left of the bound after history was forgotten, in percent: not every new step forgets one.
const KEPT_PERCENT: u64 = 90;

/// How long a shard rests whose history does not fit although all that may go is gone.
const REST: Duration = Duration::from_secs(60);

/// Prunes whenever this node leads. Ends at once where there is no bound.
pub(crate) async fn run(parts: Arc<DriverParts>) {
    if parts.limits.history_bytes_max == 0 {
        return;
    }
    let look = Duration::from_millis(parts.limits.history_look_ms);
    let mut rests_until = Instant::now();
    loop {
        tokio::time::sleep(look).await;
        if !parts.group.leads() || Instant::now() < rests_until {
            continue;
        }
        let part = part(&parts);
        match query::history_size(&*parts.reader) {
            Ok(size) if size.bytes > part => {
                if !prune(&parts, part).await {
                    tracing::warn!(
                        shard = %parts.shard, bytes = size.bytes, part,
                        "history does not fit its part of the disk, and nothing more of it may go"
                    );
                    rests_until = Instant::now() + REST;
                }
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(shard = %parts.shard, %error, "history is not measured"),
        }
    }
}

/// The bytes of history that a shard of this node may keep now.
fn part(parts: &DriverParts) -> u64 {
    let shards = parts.router.locals().len().max(1) as u64;
    parts.limits.history_bytes_max / shards
}

/// Forgets until enough is gone. False where nothing more may go.
async fn prune(parts: &DriverParts, part: u64) -> bool {
    let keep_bytes = part / 100 * KEPT_PERCENT;
    let (mut steps, mut in_walk) = (0, 0);
    let mut from: Option<PruneFrom> = None;
    loop {
        let command = Command::Prune(Prune {
            keep_bytes,
            floor_steps: parts.limits.history_floor_steps,
            from: from.take(),
        });
        let pruned = match parts.proposer.propose(vec![command]).await {
            Ok(outcomes) => match outcomes.into_iter().next() {
                Some(Outcome::Pruned(pruned)) => pruned,
                // The shard has stopped.
                _ => return true,
            },
            // Another leads, or it is too busy: the next look goes on.
            Err(_) => return true,
        };
        steps += pruned.steps;
        in_walk += pruned.steps;
        match pruned {
            Pruned { history_bytes, .. } if history_bytes <= keep_bytes => {
                tracing::info!(shard = %parts.shard, steps, history_bytes, "old history was forgotten");
                return true;
            }
            Pruned {
                next: Some(next), ..
            } => from = Some(next),
            // A walk is over, and the next finds more to halve.
            Pruned { next: None, .. } if in_walk > 0 => in_walk = 0,
            Pruned { next: None, .. } => return false,
        }
    }
}
