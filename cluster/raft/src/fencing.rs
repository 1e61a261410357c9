//! Takes a replica that differs from the majority out of service and lets it begin anew. The alarm
//! of a replica's `Standing` comes before it, `placement` (which takes it out of its group, and puts
//! it in again as a learner) after it. Guarantees: such a replica neither votes nor serves from the
//! moment it applies the verdict, a restart included; its state is kept aside before it begins anew;
//! it begins anew only after its group has let go of it. Left to others: who is right (the verdict).

use std::sync::Arc;
use std::time::Duration;

use transport::ShardId;

use crate::agreement::Divergence;
use crate::local::LocalShard;
use crate::router::group_of;
use crate::supervisor::Supervisor;

/// How often to look for replicas whose alarm was missed, because they were not open yet.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// Fences what differs, for as long as this node runs.
pub(crate) async fn run(supervisor: Arc<Supervisor>) {
    let alarm = Arc::clone(&supervisor.shared.alarm);
    loop {
        // Elapsed time is a reason to look, too.
        let _ = tokio::time::timeout(LOOK_AGAIN, alarm.notified()).await;
        for local in supervisor.shared.router.locals() {
            if let Some(divergence) = local.standing.divergence() {
                fence(&supervisor, &local, &divergence).await;
            }
        }
    }
}

/// Its machine has stopped already: what is left is to remember it and to close it.
async fn fence(supervisor: &Supervisor, local: &Arc<LocalShard>, divergence: &Divergence) {
    let shard = local.id;
    let flushed = local.group.host().with(|machine| machine.store().flush());
    if !matches!(flushed.await, Ok(Ok(()))) {
        tracing::warn!(%shard, "the last state of a replica that differs is not part of the evidence");
    }
    if let Err(error) = supervisor.shared.fences.set(divergence) {
        // It stays stopped as it is, and this is tried again.
        tracing::error!(%shard, %error, "a replica that differs is not fenced yet");
        return;
    }
    supervisor.shared.router.remove(shard);
    local.group.shutdown().await;
    supervisor.news.notify_one();
}

/// Lets fenced replicas go that the shard map does not name any more.
pub(crate) async fn release(supervisor: &Supervisor, is_let_go: impl Fn(ShardId) -> bool) {
    for shard in supervisor.shared.fences.shards() {
        if is_let_go(shard) {
            begin_anew(supervisor, shard).await;
        }
    }
}

/// Every step may be done again after a crash; the fence is lifted last.
async fn begin_anew(supervisor: &Supervisor, shard: ShardId) {
    let group = group_of(shard);
    let shared = &supervisor.shared;
    match shared.ports.stores.set_aside(group) {
        Ok(true) => {
            tracing::warn!(%shard, aside = %group.aside(), "the state that differed is kept");
        }
        Ok(false) => {}
        Err(error) => {
            tracing::error!(%shard, %error, "a replica that differs does not begin anew yet");
            return;
        }
    }
    if let Err(error) = shared.opener.remove(group).await {
        tracing::error!(%shard, %error, "a replica that differs does not begin anew yet");
        return;
    }
    if let Err(error) = shared.fences.lift(shard) {
        tracing::error!(%shard, %error, "a replica that differs does not begin anew yet");
        return;
    }
    supervisor.news.notify_one();
}
