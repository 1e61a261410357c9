//! Has the system group record what this node is, where it is not what is recorded: its name, its address, which
//! versions of what scripts mean its program runs. A node's start comes before it, the record of the member after
//! it. Guarantees: whether the node drains stays as it is. Left to others: taking it in (`start`).

use std::sync::Arc;
use std::time::Duration;

use cluster::system::Member;
use cluster::{SystemCommand, SystemOutcome, SystemState};

use crate::groups::Config;
use crate::local::Shared;

/// How long to wait before it is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Looks until it is recorded.
pub(crate) async fn run(shared: Arc<Shared>, config: Config) {
    let router = &shared.router;
    let deadline = Duration::from_millis(router.limits.request_ms);
    loop {
        let state = Arc::clone(&router.states.borrow());
        let Some(member) = differing(&state, router.network.local, &config) else {
            return;
        };
        let recorded = router.submit_system(vec![SystemCommand::Join(member)], deadline);
        match recorded.await.as_deref() {
            Ok([SystemOutcome::Done { .. }]) => {
                tracing::info!("what this node is has changed, and is recorded");
                return;
            }
            Ok(refused) => tracing::warn!(?refused, "what this node is now is not recorded"),
            Err(error) => tracing::debug!(%error, "what this node is now is recorded later"),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// What this node is, where the record says something else.
fn differing(state: &SystemState, local: u64, config: &Config) -> Option<Member> {
    let recorded = state.members.get(&transport::NodeId(local))?;
    let now = Member {
        name: config.info.name.clone(),
        http: config.info.http.clone(),
        semantics: config.founding.semantics,
        ..recorded.clone()
    };
    (now != *recorded).then_some(now)
}
