//! Who reaches whom: nodes that are cut off, partitions, and ways that lead nowhere.
//! Before it: `MemoryNetwork::{cut, heal, partition, block}`. After it: every publish asks it.
//! Guarantees: a network without faults pays one load per publish.
//! Leaves to others: messages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use tokio::sync::watch;
use transport::{BusState, NodeId};

use crate::faults::Faults;

/// The state of all nodes and of the links between them.
#[derive(Default)]
pub(crate) struct Links {
    /// Whether any node is cut off, any partition is in force or any way is blocked.
    faulty: AtomicBool,
    table: RwLock<Table>,
    /// What is lost or late on the way.
    pub(crate) faults: Faults,
}

#[derive(Default)]
struct Table {
    states: BTreeMap<NodeId, watch::Sender<BusState>>,
    /// Which set of a partition a node is in; 0 where it is in none.
    sets: BTreeMap<NodeId, usize>,
    /// From where to where nothing arrives.
    blocked: BTreeSet<(NodeId, NodeId)>,
}

impl Table {
    fn is_connected(&self, node: NodeId) -> bool {
        let state = self.states.get(&node);
        state.is_none_or(|state| *state.borrow() == BusState::Connected)
    }

    fn set_of(&self, node: NodeId) -> usize {
        self.sets.get(&node).copied().unwrap_or(0)
    }

    fn is_faulty(&self) -> bool {
        !self.sets.is_empty()
            || !self.blocked.is_empty()
            || self.states.keys().any(|node| !self.is_connected(*node))
    }

    fn pass(&self, from: NodeId, to: NodeId) -> bool {
        self.is_connected(from)
            && self.is_connected(to)
            && self.set_of(from) == self.set_of(to)
            && !self.blocked.contains(&(from, to))
    }
}

impl Links {
    /// Watches the state of a node, which is connected at first.
    pub(crate) fn watch(&self, node: NodeId) -> watch::Receiver<BusState> {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let state = table.states.entry(node);
        state
            .or_insert_with(|| watch::Sender::new(BusState::Connected))
            .subscribe()
    }

    /// Changes the state of a node.
    pub(crate) fn set_state(&self, node: NodeId, state: BusState) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let sender = table.states.entry(node);
        sender
            .or_insert_with(|| watch::Sender::new(state))
            .send_replace(state);
        self.faulty.store(table.is_faulty(), Ordering::Release);
    }

    /// Lets messages pass only within each of these sets and among the rest.
    pub(crate) fn partition(&self, sets: &[BTreeSet<NodeId>]) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        let numbered = sets.iter().zip(1..);
        table.sets = numbered
            .flat_map(|(set, number)| set.iter().map(move |node| (*node, number)))
            .collect();
        self.faulty.store(table.is_faulty(), Ordering::Release);
    }

    /// Loses what goes these ways, and nothing else any more.
    pub(crate) fn block(&self, ways: &[(NodeId, NodeId)]) {
        let mut table = self.table.write().unwrap_or_else(PoisonError::into_inner);
        table.blocked = ways.iter().copied().collect();
        self.faulty.store(table.is_faulty(), Ordering::Release);
    }

    /// Whether a node is on the network, so that others see its subscriptions.
    pub(crate) fn is_connected(&self, node: NodeId) -> bool {
        !self.is_faulty() || self.read(|table| table.is_connected(node))
    }

    /// Whether a message passes from one node to another.
    pub(crate) fn pass(&self, from: NodeId, to: NodeId) -> bool {
        !self.is_faulty() || self.read(|table| table.pass(from, to))
    }

    fn is_faulty(&self) -> bool {
        self.faulty.load(Ordering::Acquire)
    }

    fn read<T>(&self, look: impl FnOnce(&Table) -> T) -> T {
        look(&self.table.read().unwrap_or_else(PoisonError::into_inner))
    }
}
