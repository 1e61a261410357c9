//! Requests that wait for their answer.
//! Before it: `MemoryBus::request`. After it: the answer, published to the request's own subject.
//! Guarantees: the first answer wins; a request that ended leaves nothing behind.
//! Leaves to others: deadlines (`bus`).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use transport::{BusMessage, NodeId, Subject};

/// What reply subjects begin with; the rest is the request's number.
const PREFIX: &str = "_INBOX.";

/// Open requests by number.
#[derive(Default)]
pub(crate) struct Pending {
    open: Mutex<HashMap<u64, Open>>,
}

struct Open {
    asker: NodeId,
    answer: oneshot::Sender<BusMessage>,
}

/// An open request; dropping it closes the request.
pub(crate) struct Ticket<'p> {
    pending: &'p Pending,
    id: u64,
    /// The answer, or an error where the asker was cut off.
    pub(crate) answer: oneshot::Receiver<BusMessage>,
}

impl Pending {
    /// Opens a request under a number that is not in use.
    pub(crate) fn open(&self, id: u64, asker: NodeId) -> Ticket<'_> {
        let (sender, answer) = oneshot::channel();
        let open = Open {
            asker,
            answer: sender,
        };
        self.lock().insert(id, open);
        Ticket {
            pending: self,
            id,
            answer,
        }
    }

    /// The subject at which a request awaits its answer.
    pub(crate) fn subject(id: u64) -> Subject {
        Subject::new(&format!("{PREFIX}{id}")).expect("a prefix and a number make a subject")
    }

    /// The number of the request that awaits its answer there; none for other subjects.
    pub(crate) fn id_of(subject: &Subject) -> Option<u64> {
        subject.as_str().strip_prefix(PREFIX)?.parse().ok()
    }

    /// The node that waits for this request's answer; none where it waits no more.
    pub(crate) fn asker(&self, id: u64) -> Option<NodeId> {
        self.lock().get(&id).map(|open| open.asker)
    }

    /// Gives an answer to the request, if it is still open.
    pub(crate) fn answer(&self, id: u64, message: BusMessage) {
        let open = self.lock().remove(&id);
        if let Some(open) = open {
            // The asker may have stopped waiting meanwhile; then nobody misses the answer.
            let _ = open.answer.send(message);
        }
    }

    /// Fails all open requests of a node.
    pub(crate) fn fail_node(&self, node: NodeId) {
        self.lock().retain(|_, open| open.asker != node);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.pending.lock().remove(&self.id);
    }
}
