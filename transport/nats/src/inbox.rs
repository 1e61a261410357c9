//! Requests that wait for their answer, all on one subscription of the client's own.
//! Before it: `NatsBus::request`. After it: the answer, or the server's word that nobody listens.
//! Guarantees: one subscription for all requests; a request that ended leaves nothing behind.
//! Leaves to others: deadlines (`bus`).

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::{Client, StatusCode, Subscriber};
use futures::StreamExt;
use tokio::sync::{oneshot, watch};
use tokio::task::coop::unconstrained;
use transport::{BusError, BusMessage, BusState};

use crate::convert;
use crate::state::Shared;

/// What the server or another client said to a request.
pub(crate) enum Answer {
    /// Somebody answered.
    Message(BusMessage),
    /// The server knows no listener.
    NoResponders,
}

/// Open requests by number.
#[derive(Default)]
pub(crate) struct Pending {
    next: AtomicU64,
    open: Mutex<HashMap<u64, oneshot::Sender<Answer>>>,
}

/// An open request; dropping it closes the request.
pub(crate) struct Ticket<'p> {
    pending: &'p Pending,
    id: u64,
    /// The answer; an error where the connection was lost or the bus closed.
    pub(crate) answer: oneshot::Receiver<Answer>,
}

/// The subscription on which answers arrive.
pub(crate) struct Inbox {
    /// What the subjects of answers begin with, the dot included.
    prefix: String,
}

impl Pending {
    fn open(&self) -> Ticket<'_> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        self.lock().insert(id, sender);
        Ticket {
            pending: self,
            id,
            answer,
        }
    }

    fn answer(&self, id: u64, answer: Answer) {
        let sender = self.lock().remove(&id);
        if let Some(sender) = sender {
            // The asker may have stopped waiting meanwhile; then nobody misses the answer.
            let _ = sender.send(answer);
        }
    }

    /// Ends all open requests without an answer.
    pub(crate) fn fail_all(&self) {
        let open = std::mem::take(&mut *self.lock());
        drop(open);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, oneshot::Sender<Answer>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.pending.lock().remove(&self.id);
    }
}

impl Inbox {
    /// Subscribes, and starts the task that hands answers to those who wait for them.
    pub(crate) async fn open(client: &Client, shared: &Arc<Shared>) -> Result<Self, BusError> {
        let prefix = format!("{}.", client.new_inbox());
        let subscriber = client.subscribe(format!("{prefix}*")).await;
        let subscriber = subscriber.map_err(|error| BusError::Refused {
            reason: error.to_string(),
        })?;
        let watch = shared.watch();
        let dispatching = dispatch(subscriber, prefix.clone(), Arc::clone(shared), watch);
        // Takes all that has arrived at a time, as the movers of subscriptions do.
        tokio::spawn(unconstrained(dispatching));
        Ok(Self { prefix })
    }

    /// Opens a request: its ticket, and the subject at which it awaits its answer.
    pub(crate) fn ask<'p>(&self, pending: &'p Pending) -> (Ticket<'p>, String) {
        let ticket = pending.open();
        let subject = format!("{}{}", self.prefix, ticket.id);
        (ticket, subject)
    }
}

/// Hands answers out until the bus is closed.
async fn dispatch(
    mut answers: Subscriber,
    prefix: String,
    shared: Arc<Shared>,
    mut state: watch::Receiver<BusState>,
) {
    let closed = state.wait_for(|state| *state == BusState::Closed);
    let mut closed = std::pin::pin!(closed);
    loop {
        let message = tokio::select! {
            biased;
            message = answers.next() => message,
            _ = &mut closed => None,
        };
        let Some(message) = message else { return };
        let id = message
            .subject
            .strip_prefix(prefix.as_str())
            .and_then(|id| id.parse().ok());
        let Some(id) = id else { continue };
        if message.status == Some(StatusCode::NO_RESPONDERS) {
            shared.pending.answer(id, Answer::NoResponders);
        } else if let Some(message) = convert::received(message) {
            shared.pending.answer(id, Answer::Message(message));
        }
    }
}
