//! What a node waits for before it serves, and what it knows meanwhile. The steps of its start come before
//! it, whoever asks while it starts (HTTP) after it. Guarantees: an answer without asking anybody; nothing of
//! the node is kept alive by it. Left to others: what is said once the node serves (`Groups`).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use cluster::SystemState;

use crate::group::Group;
use crate::local::Shared;
use crate::log::LogStatistics;
use crate::memory::MemoryStatistics;
use crate::room;
use crate::router::Router;
use crate::status::{self, Status};

/// A node's start, as others may look at it. Clones are of the same start.
#[derive(Clone, Default)]
pub struct Beginning(Arc<Inner>);

#[derive(Default)]
struct Inner {
    waits: Mutex<String>,
    shared: OnceLock<Weak<Shared>>,
}

/// Counts of a node that starts.
#[derive(Debug, Clone, Copy)]
pub struct Counts {
    /// Of its log.
    pub log: LogStatistics,
    /// Of its memory.
    pub memory: MemoryStatistics,
    /// Whether its disk is full.
    pub is_full: bool,
}

impl std::fmt::Debug for Beginning {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_tuple("Beginning").field(&self.waits()).finish()
    }
}

impl Beginning {
    /// What it waits for, in words; empty where nothing was said yet.
    #[must_use]
    pub fn waits(&self) -> String {
        let waits = self.0.waits.lock();
        waits.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it waits for from now on. A change is told in the log.
    pub(crate) fn wait_for(&self, what: String) {
        let waits = self.0.waits.lock();
        let mut waits = waits.unwrap_or_else(PoisonError::into_inner);
        if *waits != what {
            tracing::info!("this node does not serve yet: {what}");
            *waits = what;
        }
    }

    pub(crate) fn know(&self, shared: &Arc<Shared>) {
        // A start that is tried again has a `Beginning` of its own.
        let _ = self.0.shared.set(Arc::downgrade(shared));
    }

    fn shared(&self) -> Option<Arc<Shared>> {
        self.0.shared.get()?.upgrade()
    }

    /// The cluster as its disk knows it, and what was heard since.
    pub async fn status(&self) -> Option<(Arc<SystemState>, Status)> {
        let shared = self.shared()?;
        let state = Arc::clone(&shared.router.states.borrow());
        Some((state, status::of(&shared).await))
    }

    /// What it counts.
    #[must_use]
    pub fn counts(&self) -> Option<Counts> {
        let shared = self.shared()?;
        let log = shared.opener.log();
        Some(Counts {
            log: log.statistics(),
            memory: shared.memory.statistics(),
            is_full: room::shortage(log).is_some(),
        })
    }
}

/// Which voters of the system group are missing for a quorum, in words.
pub(crate) fn missing_voters(router: &Router, group: &Group, state: &SystemState) -> String {
    let (voters, _) = group.members();
    let (heard, silent): (BTreeSet<u64>, BTreeSet<u64>) =
        voters.iter().partition(|node| router.is_heard(**node));
    let needed = voters.len() / 2 + 1;
    if heard.len() >= needed {
        return "its system group is electing, or is behind its leader".to_owned();
    }
    let name = |node: &u64| {
        let member = state.members.get(&transport::NodeId(*node));
        member.map_or_else(
            || node.to_string(),
            |member| format!("{} ({node})", member.name),
        )
    };
    let silent: Vec<String> = silent.iter().map(name).collect();
    format!(
        "the system group has no quorum: {} of {needed} voters that it needs are there; not heard: {}",
        heard.len(),
        silent.join(", ")
    )
}
