//! Removes payloads that nothing needs any more. The groups' logs come before it: what they name is
//! needed, and they name it until their state is durable. Guarantees: a payload goes only after nothing
//! has named it, and nobody has asked for it, for a while; a log that names many payloads is cut as
//! far as its snapshot goes. Left to others: what a snapshot holds.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use cluster::store::GroupId;

use crate::blocking;
use crate::group::Group;
use crate::local::Shared;
use crate::log;

/// Looks for as long as this node runs.
pub(crate) async fn run(shared: Arc<Shared>) {
    loop {
        let look_ms = shared.router.network.payloads.limits.look_ms;
        tokio::time::sleep(Duration::from_millis(look_ms)).await;
        look(&shared).await;
    }
}

async fn look(shared: &Shared) {
    let log = shared.opener.log();
    let store = Arc::clone(&shared.router.network.payloads);
    if store.statistics().count == 0 {
        return;
    }
    let system = shared.router.system().map(|system| system.group);
    let locals = shared.router.locals();
    let groups = locals.iter().map(|local| local.group.clone()).chain(system);
    for group in groups {
        cut(log, &group, store.limits.named_bytes_max).await;
    }
    let named = log.payloads();
    let hashes: BTreeSet<[u8; 32]> = named.iter().map(|reference| reference.hash).collect();
    let swept = blocking::run(move || store.sweep(&hashes)).await;
    if let Err(error) | Ok(Err(error)) = swept {
        tracing::warn!(%error, "payloads that nobody needs were not removed");
    }
}

/// Cuts a log that names many payloads. What is behind a snapshot is only there for those who are late.
async fn cut(log: &log::Log, group: &Group, named_bytes_max: u64) {
    let GroupId(number) = group.id();
    let named = log.payloads_of(log::GroupId(u64::from(number)));
    let bytes: u64 = named.iter().map(|one| u64::from(one.length)).sum();
    if bytes <= named_bytes_max {
        return;
    }
    if let Some(snapshot) = group.metrics().snapshot
        && let Err(error) = group.raft().trigger().purge_log(snapshot.index).await
    {
        tracing::debug!(group = %group.id(), %error, "a log was not cut");
    }
}
