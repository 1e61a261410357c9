//! The receiving end of a subscription.
//! Before it: `routes`, which fills its queue. After it: `transport::Subscription`.
//! Guarantees: dropping it removes the subscription; it ends when its bus is closed.
//! Leaves to others: counting drops (`routes`).

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::Stream;
use tokio::sync::mpsc;
use transport::{BusMessage, Pattern};

use crate::network::Shared;

/// Messages of one subscription.
pub(crate) struct Subscriber {
    pub(crate) shared: Arc<Shared>,
    pub(crate) pattern: Pattern,
    pub(crate) route: u64,
    pub(crate) queue: mpsc::Receiver<BusMessage>,
}

impl Stream for Subscriber {
    type Item = BusMessage;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<BusMessage>> {
        self.queue.poll_recv(context)
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.shared.routes.remove(&self.pattern, self.route);
    }
}
