//! Who on this node listens to what a connection brings.
//! Before it: `accept`, with a message for this node. After it: the subscription.
//! Guarantees: messages of one connection reach a subscription in order; drops are counted there.
//! Leaves to others: messages that come by the bus below, which has routes of its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::mpsc;
use transport::{BusMessage, DropCounter, Pattern};

/// The subscriptions of one lane.
#[derive(Default)]
pub(crate) struct Routes {
    next: AtomicU64,
    all: RwLock<Vec<Route>>,
}

struct Route {
    id: u64,
    pattern: Pattern,
    queue: mpsc::Sender<BusMessage>,
    drops: DropCounter,
}

/// Messages of one subscription. Dropping it ends that.
pub(crate) struct Listener {
    routes: Arc<Routes>,
    id: u64,
    queue: mpsc::Receiver<BusMessage>,
}

impl Routes {
    /// Begins to hand over what matches.
    pub(crate) fn listen(
        self: &Arc<Self>,
        pattern: Pattern,
        capacity: usize,
        drops: DropCounter,
    ) -> Listener {
        let (sender, queue) = mpsc::channel(capacity.clamp(1, 1 << 20));
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let route = Route {
            id,
            pattern,
            queue: sender,
            drops,
        };
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        all.push(route);
        Listener {
            routes: Arc::clone(self),
            id,
            queue,
        }
    }

    /// Hands a message over; false where nobody listens.
    pub(crate) fn deliver(&self, message: &BusMessage) -> bool {
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        let mut found = false;
        for route in all
            .iter()
            .filter(|route| route.pattern.matches(&message.subject))
        {
            found = true;
            if route.queue.try_send(message.clone()).is_err() {
                route.drops.add_one();
            }
        }
        found
    }
}

impl Listener {
    /// The next message; it never ends.
    pub(crate) async fn next(&mut self) -> Option<BusMessage> {
        self.queue.recv().await
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut all = self
            .routes
            .all
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        all.retain(|route| route.id != self.id);
    }
}
