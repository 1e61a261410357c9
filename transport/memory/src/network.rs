//! The network that buses of one process share: its routes, its links, its open requests.
//! Before it: `bus`, which publishes. After it: `subscriber`, which receives.
//! Guarantees: a publish is one pass over the matching routes, without waiting.
//! Leaves to others: matching (`routes`), who reaches whom (`links`), answers (`pending`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use transport::limits::PAYLOAD_BYTES_MAX;
use transport::{BusMessage, BusState, NodeId};

use crate::bus::MemoryBus;
use crate::faults::LinkFaults;
use crate::links::Links;
use crate::pending::Pending;
use crate::routes::Routes;

/// Settings of a network.
#[derive(Debug, Clone)]
pub struct MemoryOptions {
    /// Bytes that one message may have, its headers included.
    pub max_payload_bytes: usize,
}

impl Default for MemoryOptions {
    fn default() -> Self {
        Self {
            max_payload_bytes: PAYLOAD_BYTES_MAX,
        }
    }
}

/// A network in memory. Clones are the same network.
#[derive(Clone, Default)]
pub struct MemoryNetwork {
    shared: Arc<Shared>,
}

/// What all buses of a network share.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) options: MemoryOptions,
    pub(crate) routes: Routes,
    pub(crate) links: Links,
    pub(crate) pending: Arc<Pending>,
    next_id: AtomicU64,
}

/// What became of a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handed {
    /// Somebody listens. A link or a full subscription may still have lost it.
    Sent,
    /// Nobody listens.
    Nobody,
}

impl MemoryNetwork {
    /// A network with these settings.
    #[must_use]
    pub fn new(options: MemoryOptions) -> Self {
        let shared = Shared {
            options,
            ..Shared::default()
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// A node's end of this network. A node may have several; they are cut and healed together.
    #[must_use]
    pub fn bus(&self, node: NodeId) -> MemoryBus {
        MemoryBus::new(Arc::clone(&self.shared), node)
    }

    /// Takes a node off the network, as if its connection broke: its buses are disconnected,
    /// its open requests fail, and others no longer see its subscriptions.
    pub fn cut(&self, node: NodeId) {
        self.shared.links.set_state(node, BusState::Disconnected);
        self.shared.pending.fail_node(node);
    }

    /// Puts a node that was cut off back on the network, with its subscriptions.
    pub fn heal(&self, node: NodeId) {
        self.shared.links.set_state(node, BusState::Connected);
    }

    /// Lets messages pass only within each of these sets; nodes in none of them form one more.
    /// Nobody is told: messages between sets are lost without a word, answers included.
    pub fn partition(&self, sets: &[BTreeSet<NodeId>]) {
        self.shared.links.partition(sets);
    }

    /// From now on nothing arrives of what the first node of each of these ways sends to the second; what was blocked
    /// before passes again.
    pub fn block(&self, ways: &[(NodeId, NodeId)]) {
        self.shared.links.block(ways);
    }

    /// Loses and delays messages between nodes from now on; none ends it. What is late by then
    /// still arrives, and is not overtaken.
    pub fn set_faults(&self, faults: Option<LinkFaults>) {
        self.shared.links.faults.set(faults);
    }

    /// Ends a partition. Nodes that were cut off stay cut off.
    pub fn heal_partition(&self) {
        self.shared.links.partition(&[]);
    }
}

impl Shared {
    pub(crate) fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Hands a message to whoever listens.
    pub(crate) fn send(&self, from: NodeId, message: BusMessage) -> Handed {
        if let Some(id) = Pending::id_of(&message.subject) {
            return self.answer(id, from, message);
        }
        self.routes.deliver(message, &self.links, from)
    }

    /// Hands an answer to the node that asked.
    fn answer(&self, id: u64, from: NodeId, message: BusMessage) -> Handed {
        let Some(asker) = self.pending.asker(id) else {
            return Handed::Nobody;
        };
        if !self.links.pass(from, asker) {
            return Handed::Sent;
        }
        if self.links.faults.concern(from, asker) {
            let pending = Arc::clone(&self.pending);
            let deliver = Box::new(move || pending.answer(id, message));
            self.links.faults.carry(from, asker, deliver);
        } else {
            self.pending.answer(id, message);
        }
        Handed::Sent
    }
}
