//! Where the other nodes are: the last word of each about its address.
//! Before it: `announce`, which hears it on the bus below. After it: `dial`.
//! Guarantees: none but what was heard; a node that moved or began anew has only its latest address.
//! Leaves to others: whether somebody is there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use transport::NodeId;

use crate::handshake::Token;

/// Where a node is, and what it wants to be told by whoever connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) address: String,
    pub(crate) token: Token,
}

/// All places, and the ids of this node.
#[derive(Default)]
pub(crate) struct Book {
    places: Mutex<BTreeMap<NodeId, Place>>,
    own: Mutex<BTreeSet<NodeId>>,
}

impl Book {
    /// Notes where a node is; true where that is new.
    pub(crate) fn note(&self, node: NodeId, place: &Place) -> bool {
        if lock(&self.own).contains(&node) {
            return false;
        }
        let before = lock(&self.places).insert(node, place.clone());
        before.as_ref() != Some(place)
    }

    /// Where a node is.
    pub(crate) fn find(&self, node: NodeId) -> Option<Place> {
        lock(&self.places).get(&node).cloned()
    }

    /// The nodes whose place is known.
    pub(crate) fn nodes(&self) -> Vec<NodeId> {
        lock(&self.places).keys().copied().collect()
    }

    /// Notes that this node answers under that id; true where that is new.
    pub(crate) fn is_own(&self, node: NodeId) -> bool {
        lock(&self.places).remove(&node);
        lock(&self.own).insert(node)
    }

    /// The ids under which this node answers.
    pub(crate) fn own(&self) -> Vec<NodeId> {
        lock(&self.own).iter().copied().collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
