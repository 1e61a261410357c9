//! What a node in memory keeps of one group: its durable content, and the units above it.
//!
//! Before it: the handles of `memory`. After it: nothing. Guarantees: the live content is always
//! the durable one with the pending units over it, oldest first. Leaves to others: locking.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use crate::store::{Layer, StoreError};

/// A committed unit.
#[derive(Debug)]
pub(super) struct Committed {
    pub(super) index: u64,
    pub(super) changes: Layer,
}

/// One group of one node.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Raised by a crash or a removal; handles of an older number are fenced.
    pub(super) incarnation: u64,
    pub(super) open: bool,
    pub(super) poisoned: Option<Arc<str>>,
    /// What survives a crash for certain.
    pub(super) durable: Arc<BTreeMap<Bytes, Bytes>>,
    pub(super) flushed: u64,
    /// Units that a crash may lose, oldest first.
    pub(super) pending: VecDeque<Committed>,
    /// Bytes of keys and values in them.
    pub(super) pending_bytes: u64,
    /// What readers see.
    pub(super) live: BTreeMap<Bytes, Bytes>,
    pub(super) committed: u64,
}

impl Group {
    pub(super) fn check_writable(&self) -> Result<(), StoreError> {
        match &self.poisoned {
            Some(reason) => Err(StoreError::Poisoned {
                reason: Arc::clone(reason),
            }),
            None => Ok(()),
        }
    }

    /// Makes a unit visible.
    pub(super) fn commit(&mut self, unit: Committed) {
        apply(&mut self.live, &unit.changes);
        self.committed = unit.index;
        self.pending_bytes += unit.changes.bytes();
        self.pending.push_back(unit);
    }

    /// Makes the oldest `count` units durable.
    pub(super) fn flush_units(&mut self, count: usize) {
        let count = count.min(self.pending.len());
        if count == 0 || self.poisoned.is_some() {
            return;
        }
        // Views hold the content of before; where there is one, this copies.
        let durable = Arc::make_mut(&mut self.durable);
        for unit in self.pending.drain(..count) {
            apply(durable, &unit.changes);
            self.pending_bytes -= unit.changes.bytes();
            self.flushed = unit.index;
        }
        assert!(self.flushed <= self.committed, "flushed past the last unit");
    }

    /// Forgets what is not durable, and fences the handles.
    pub(super) fn restart(&mut self) {
        self.incarnation += 1;
        self.open = false;
        self.poisoned = None;
        self.pending.clear();
        self.pending_bytes = 0;
        self.load();
    }

    /// Starts from the durable content.
    pub(super) fn load(&mut self) {
        self.live = (*self.durable).clone();
        self.committed = self.flushed;
    }
}

fn apply(content: &mut BTreeMap<Bytes, Bytes>, changes: &Layer) {
    for (key, change) in changes.iter() {
        match change {
            Some(value) => content.insert(key.bytes(), value.clone()),
            None => content.remove(&key.bytes()),
        };
    }
}
