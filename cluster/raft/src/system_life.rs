//! The life of the system group. It begins a new one when an operator lets one node go on alone, after
//! most of the nodes that voted are gone for good; the other nodes that are left hear of it and begin
//! anew as its learners. The reports of nodes come before it, the system group after it. Guarantees:
//! nodes of two lives never count each other's votes; a node keeps its own id and its replicas. Left to
//! others: whether it is right to do so (the operator), the shards' own lives (`supervisor`).

use std::sync::Arc;
use std::time::Duration;

use transport::Incarnation;

use crate::error::StartError;
use crate::group::GroupError;
use crate::local::Shared;
use crate::start::{self, SYSTEM};
use crate::types::NodeInfo;

/// How often to look for a newer life, where nothing is heard.
const LOOK: Duration = Duration::from_millis(500);

/// This node goes on alone as the system group, from what it holds.
pub(crate) async fn begin(shared: &Arc<Shared>, info: &NodeInfo) -> Result<(), StartError> {
    let life = Incarnation(shared.lives.of(SYSTEM).0 + 1);
    tracing::warn!(%life, "this node goes on alone as the system group");
    if let Some(system) = shared.router.system() {
        system.group.close().await;
    }
    // First the life: from here on this node hears no node of the old one.
    shared.lives.note(SYSTEM, life)?;
    let local = shared.router.network.local;
    shared.opener.claim(SYSTEM, local, info.clone()).await?;
    start::open_system(shared).await
}

/// Begins anew as a learner wherever a newer life is heard of, for as long as this node runs.
pub(crate) async fn follow(shared: Arc<Shared>) {
    loop {
        shared.router.board.changed(LOOK).await;
        let life = shared.router.board.system_life();
        if life <= shared.lives.of(SYSTEM) {
            continue;
        }
        tracing::warn!(%life, "the system group goes on in a new life; this node joins it");
        if let Err(error) = begin_anew(&shared, life).await {
            tracing::error!(%error, "this node does not join the new life of the system group yet");
        }
    }
}

/// Every step may be done again after a crash; the life is noted last.
async fn begin_anew(shared: &Arc<Shared>, life: Incarnation) -> Result<(), StartError> {
    if let Some(system) = shared.router.system() {
        system.group.close().await;
    }
    let stores = &shared.ports.stores;
    let kept = stores.set_aside(SYSTEM);
    kept.map_err(|error| StartError::System(error.to_string()))?;
    shared.opener.remove(SYSTEM).await?;
    shared.lives.note(SYSTEM, life)?;
    start::open_system(shared).await
}

/// Whether too few of the voters of the system group are heard for it to go on by itself.
pub(crate) fn has_no_quorum(shared: &Shared) -> bool {
    let Some(system) = shared.router.system() else {
        return false;
    };
    let (voters, _) = system.group.members();
    let heard = voters.iter().filter(|node| shared.router.is_heard(**node));
    heard.count() * 2 <= voters.len()
}

/// Waits until the node that went on alone leads.
pub(crate) async fn await_lead(shared: &Shared, at_most: Duration) -> Result<(), GroupError> {
    let leads = async {
        loop {
            if shared.router.system().is_some_and(|one| one.group.leads()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let led = tokio::time::timeout(at_most, leads).await;
    led.map_err(|_| GroupError::Deadline {
        group: SYSTEM,
        after: at_most,
    })
}
