//! Tells another shard that this one began a new life, and records what that one says. The driver comes
//! before it, the other shard's `Meet` and this one's `Met` after it. Guarantees: it goes on until the
//! shard's own log says that they have met. Left to others: the channels (`cluster`).

use std::sync::Arc;
use std::time::Duration;

use cluster::cut::marked;
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
            Err(error) => return unreadable(&parts, &error),
        };
        // Read after what is told. Also where no cut was made yet: the answer says that of the other shard.
        let cut = match query::last_cut(&*parts.reader) {
            Ok(cut) => cut,
            Err(error) => return unreadable(&parts, &error),
        };
        let asked = vec![Command::Cut(cut), Command::Meet(meet)];
        let answer = parts.router.submit(other, asked, deadline).await;
        match answer.as_deref() {
            Ok([Outcome::Cut(cut), Outcome::Met(met)]) => {
                if met.forgotten > 0 {
                    tracing::warn!(
                        shard = %parts.shard,
                        source = %other,
                        messages = met.forgotten,
                        "messages that the lost life of this shard had taken are lost"
                    );
                }
                let met = marked(*cut, Command::Met(met.clone()));
                parts.propose_all(&met).await;
                return;
            }
            other => {
                tracing::debug!(shard = %parts.shard, ?other, "a shard is told again of a new life");
                tokio::time::sleep(pause).await;
            }
        }
    }
}

fn unreadable(parts: &DriverParts, error: &query::QueryError) {
    tracing::error!(shard = %parts.shard, %error, "what a shard knows of lives cannot be read");
}

/// The life that a shard is in, or will be in soon, by the shard map.
fn life_of(parts: &DriverParts, shard: ShardId) -> Incarnation {
    let state = parts.router.states.borrow();
    let assignment = state.shards.get(&shard);
    assignment.map_or(Incarnation(1), |assignment| assignment.incarnation)
}
