//! The receiving end of a subscription: moves messages from the client library into a queue of
//! the subscriber's own capacity.
//! Before it: the connection. After it: `transport::Subscription`.
//! Guarantees: every drop is counted for the subscription that lost it (the library only reports
//! drops as events, which get lost themselves); dropping it unsubscribes.
//! Leaves to others: subscribing (`bus`).

use std::pin::Pin;
use std::task::{Context, Poll};

use async_nats::Subscriber;
use futures::{Stream, StreamExt};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::task::coop::unconstrained;
use transport::{BusMessage, BusState, DropCounter, Subscription};

use crate::convert;

/// Messages of one subscription.
struct Queue {
    messages: mpsc::Receiver<BusMessage>,
    mover: AbortHandle,
}

/// Starts moving messages; ends with the bus, or when the subscription is dropped.
pub(crate) fn subscription(
    from: Subscriber,
    capacity: usize,
    state: watch::Receiver<BusState>,
) -> Subscription {
    let capacity = capacity.clamp(1, tokio::sync::Semaphore::MAX_PERMITS);
    let (sender, messages) = mpsc::channel(capacity);
    let drops = DropCounter::default();
    // The connection hands over tens of thousands of messages at a time, and drops what the mover
    // leaves; so the mover takes all there is instead of yielding after the usual 128.
    let moving = unconstrained(move_messages(from, sender, drops.clone(), state));
    let moving = tokio::spawn(moving);
    let queue = Queue {
        messages,
        mover: moving.abort_handle(),
    };
    Subscription::new(queue.boxed(), drops)
}

async fn move_messages(
    mut from: Subscriber,
    to: mpsc::Sender<BusMessage>,
    drops: DropCounter,
    mut state: watch::Receiver<BusState>,
) {
    let closed = state.wait_for(|state| *state == BusState::Closed);
    let mut closed = std::pin::pin!(closed);
    loop {
        let message = tokio::select! {
            biased;
            message = from.next() => message,
            _ = &mut closed => None,
        };
        let Some(message) = message else { return };
        let Some(message) = convert::received(message) else {
            drops.add_one();
            continue;
        };
        match to.try_send(message) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => drops.add_one(),
            Err(mpsc::error::TrySendError::Closed(_)) => return,
        }
    }
}

impl Stream for Queue {
    type Item = BusMessage;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<BusMessage>> {
        self.messages.poll_recv(context)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // Ending the task drops the library's subscriber, which unsubscribes.
        self.mover.abort();
    }
}
