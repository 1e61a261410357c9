//! Connections to the other nodes, made when their address is heard and made again when they end.
//! Before it: `announce`, which hears of addresses. After it: `connection`.
//! Guarantees: one attempt per lane and node at a time, with growing pauses; the latest address is used.
//! Leaves to others: the way of a request meanwhile (the bus below).

use std::sync::Arc;

use tokio::time::timeout;
use transport::NodeId;

use crate::connection::Connection;
use crate::lane::Lane;
use crate::limits::{CONNECT_DEADLINE, RETRY_MAX, RETRY_MIN};
use crate::node::Shared;

/// Another node, as one lane knows it.
#[derive(Default)]
pub(crate) struct Peer {
    /// The last connection; perhaps it has ended.
    pub(crate) connection: Option<Arc<Connection>>,
    /// Whether a task keeps it up.
    kept: bool,
}

/// Keeps a connection to a node from now on, unless that is done already.
pub(crate) fn keep(shared: &Arc<Shared>, lane: &Arc<Lane>, node: NodeId) {
    let mut peers = lane.peers();
    let peer = peers.entry(node).or_default();
    if !std::mem::replace(&mut peer.kept, true) {
        let task = keep_up(Arc::clone(shared), Arc::clone(lane), node);
        shared.spawn(task);
    }
}

async fn keep_up(shared: Arc<Shared>, lane: Arc<Lane>, node: NodeId) {
    let mut pause = RETRY_MIN;
    loop {
        let moved = shared.moved.notified();
        if connect(&shared, &lane, node).await {
            pause = RETRY_MIN;
        }
        // A new address is tried at once.
        let waited: Result<(), _> = timeout(pause, moved).await;
        pause = match waited {
            Ok(()) => RETRY_MIN,
            Err(_) => (2 * pause).min(RETRY_MAX),
        };
    }
}

/// Connects and carries frames until the connection ends. True where it was open.
async fn connect(shared: &Arc<Shared>, lane: &Arc<Lane>, node: NodeId) -> bool {
    let Some(place) = shared.book.find(node) else {
        return false;
    };
    let connecting = shared.tls.connect(&place.address, &place.token, lane.kind);
    let halves = match timeout(CONNECT_DEADLINE, connecting).await {
        Ok(Ok(halves)) => halves,
        Ok(Err(error)) => {
            tracing::debug!(%node, address = place.address, %error, "no direct connection");
            return false;
        }
        Err(_) => {
            tracing::debug!(%node, address = place.address, "no direct connection in time");
            return false;
        }
    };
    let (connection, queue) = Connection::new();
    if let Some(peer) = lane.peers().get_mut(&node) {
        peer.connection = Some(Arc::clone(&connection));
    }
    tracing::info!(%node, lane = ?lane.kind, address = place.address, "connected directly");
    // The other end asks nothing on a connection that this one made.
    let ended = connection.run(halves, queue, |_| {}).await;
    let error = ended.err().map(|error| error.to_string());
    tracing::info!(%node, lane = ?lane.kind, error, "a direct connection ended");
    true
}
