//! Tells another shard that this one began a new life, and records what that one says. The driver comes
//! before it, the other shard's `Meet` and this one's `Met` after it. Guarantees: it goes on until the
//! shard's own log says that they have met. Left to others: the channels (`cluster`).

use std::sync::Arc;
use std::time::Duration;

use cluster::{Command, Outcome, query};
use transport::{Incarnation, ShardId};

use super::DriverParts;

pub(super) async fn meet(parts: Arc<DriverParts>, other: ShardId) {
    let pause = Duration::from_millis(parts.limits.channel_retry_ms);
    let deadline = Duration::from_millis(parts.limits.channel_deadline_ms);
    let own = (parts.shard, parts.incarnation);
    loop {
        let target = (other, life_of(&parts, other));
        let meet = match query::meeting(&*parts.reader, own, target) {
            Ok(Some(meet)) => meet,
            Ok(None) => return,
            Err(error) => {
                tracing::error!(shard = %parts.shard, %error, "what a shard knows of lives cannot be read");
                return;
            }
        };
        let asked = vec![Command::Meet(meet)];
        let answer = parts.router.submit(other, asked, deadline).await;
        match answer.map(|outcomes| outcomes.into_iter().next()) {
            Ok(Some(Outcome::Met(met))) => {
                if met.forgotten > 0 {
                    tracing::warn!(
                        shard = %parts.shard,
                        source = %other,
                        messages = met.forgotten,
                        "messages that the lost life of this shard had taken are lost"
                    );
                }
                parts.propose(Command::Met(met)).await;
                return;
            }
            other => {
                tracing::debug!(shard = %parts.shard, ?other, "a shard is told again of a new life");
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// The life that a shard is in, or will be in soon, by the shard map.
fn life_of(parts: &DriverParts, shard: ShardId) -> Incarnation {
    let state = parts.router.states.borrow();
    let assignment = state.shards.get(&shard);
    assignment.map_or(Incarnation(1), |assignment| assignment.incarnation)
}
