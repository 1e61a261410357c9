//! What makes a node end by itself: its log or its store took a failed write, or another process runs under
//! its id. The log, the stores and what others say come before it; the node's process after it, which ends.
//! Guarantees: the first reason is kept and told to whoever waits. Left to others: ending (`node`), not
//! answering anything that is not flushed (the log, the stores).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::log::LogError;
use crate::supervisor::Supervisor;
use crate::types::NodeId;

/// How often is looked.
const EVERY: Duration = Duration::from_millis(250);

/// Why a node cannot go on, once that is so.
#[derive(Debug)]
pub struct Failure(watch::Sender<Option<String>>);

impl Default for Failure {
    fn default() -> Self {
        Self(watch::channel(None).0)
    }
}

impl Failure {
    fn set(&self, reason: String) {
        self.0.send_if_modified(|known| {
            let is_first = known.is_none();
            known.get_or_insert(reason);
            is_first
        });
    }

    /// Waits for a reason.
    pub async fn wait(&self) -> String {
        let mut reasons = self.0.subscribe();
        loop {
            if let Some(reason) = reasons.borrow_and_update().clone() {
                return reason;
            }
            reasons
                .changed()
                .await
                .expect("the sender lives as long as its subscriber is awaited");
        }
    }
}

/// Looks for as long as this node runs.
pub(crate) async fn watch(supervisor: Arc<Supervisor>) {
    let shared = &supervisor.shared;
    loop {
        if let Some(reason) = reason(&supervisor) {
            tracing::error!("{reason}; this node ends");
            shared.failure.set(reason);
            return;
        }
        tokio::time::sleep(EVERY).await;
    }
}

fn reason(supervisor: &Supervisor) -> Option<String> {
    let shared = &supervisor.shared;
    if let Err(error @ LogError::Poisoned { .. }) = shared.opener.log().check_accepting() {
        return Some(error.to_string());
    }
    let router = &shared.router;
    let mut locals = router.locals().into_iter();
    if let Some(error) = locals.find_map(|local| local.group.host().failed_write()) {
        return Some(error);
    }
    let other = router.board.twin()?;
    Some(twice(router.network.local, &other))
}

/// What is said where two processes have one id.
pub(crate) fn twice(node: NodeId, other: &str) -> String {
    format!(
        "E-node-twice: another process runs as node {node} ({other}); a data folder must not be copied: stop one of \
         the two, and start it with an empty data folder to have it join as a new node"
    )
}
