//! One kind of traffic: its subscriptions, its connections to the other nodes and those that they made. One
//! kind never waits for another.
//! Before it: `bus`. After it: `dial` and `accept`.
//! Guarantees: at most one connection of a lane to each node. Leaves to others: making it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use transport::NodeId;

use crate::connection::Connection;
use crate::dial::Peer;
use crate::routes::Routes;

/// Which traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum LaneKind {
    /// Votes, heartbeats, hand-overs.
    Control = 1,
    /// Entries of the log.
    Log = 2,
    /// Messages of workers, requests between nodes, snapshots.
    Traffic = 3,
}

impl LaneKind {
    pub(crate) const ALL: [LaneKind; 3] = [LaneKind::Control, LaneKind::Log, LaneKind::Traffic];

    pub(crate) fn of(byte: u8) -> Option<LaneKind> {
        LaneKind::ALL.into_iter().find(|kind| *kind as u8 == byte)
    }
}

/// One lane of this node.
pub(crate) struct Lane {
    pub(crate) kind: LaneKind,
    pub(crate) routes: Arc<Routes>,
    /// To the other nodes, where requests go out.
    pub(crate) peers: Mutex<BTreeMap<NodeId, Peer>>,
    /// From the other nodes, where answers go out; by their numbers.
    pub(crate) accepted: Mutex<BTreeMap<u64, Arc<Connection>>>,
}

impl Lane {
    pub(crate) fn new(kind: LaneKind) -> Lane {
        Lane {
            kind,
            routes: Arc::default(),
            peers: Mutex::default(),
            accepted: Mutex::default(),
        }
    }

    pub(crate) fn peers(&self) -> MutexGuard<'_, BTreeMap<NodeId, Peer>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn accepted(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Connection>>> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection to a node, where it is open.
    pub(crate) fn connection(&self, node: NodeId) -> Option<Arc<Connection>> {
        let peers = self.peers();
        let connection = peers.get(&node)?.connection.as_ref()?;
        (!connection.is_closed()).then(|| Arc::clone(connection))
    }

    /// All connections to other nodes that are open.
    pub(crate) fn open(&self) -> Vec<Arc<Connection>> {
        let peers = self.peers();
        let connections = peers.values().filter_map(|peer| peer.connection.clone());
        connections
            .filter(|connection| !connection.is_closed())
            .collect()
    }
}
