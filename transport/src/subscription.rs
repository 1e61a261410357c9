//! The receiving end of a subscription: a stream of messages that ends the subscription on drop.
//! Before it: an adapter, which feeds it. After it: a door, raft's network, a service.
//! Guarantees: messages in the order of arrival; drops are counted where they happen.
//! Leaves to others: capacity and wake-ups, which are the adapter's.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::stream::BoxStream;

use crate::bus::BusMessage;

/// Counts what a subscription had to drop. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct DropCounter(Arc<AtomicU64>);

impl DropCounter {
    /// Counts one more.
    pub fn add_one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How many so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Messages of one subscription. Ends when the bus is closed; dropping it unsubscribes.
pub struct Subscription {
    messages: BoxStream<'static, BusMessage>,
    drops: DropCounter,
}

impl Subscription {
    /// Made by adapters. Dropping `messages` must unsubscribe.
    #[must_use]
    pub fn new(messages: BoxStream<'static, BusMessage>, drops: DropCounter) -> Self {
        Self { messages, drops }
    }

    /// The next message; none when the bus is closed.
    pub async fn receive(&mut self) -> Option<BusMessage> {
        poll_fn(|context| self.messages.as_mut().poll_next(context)).await
    }

    /// Waits for a message and appends it and what else has arrived, at most `limit`, to `batch`.
    /// Gives how many were appended; 0 when the bus is closed.
    pub async fn receive_many(&mut self, batch: &mut Vec<BusMessage>, limit: usize) -> usize {
        let before = batch.len();
        poll_fn(|context| self.poll_many(context, batch, before, limit)).await;
        batch.len() - before
    }

    fn poll_many(
        &mut self,
        context: &mut Context<'_>,
        batch: &mut Vec<BusMessage>,
        before: usize,
        limit: usize,
    ) -> Poll<()> {
        while batch.len() - before < limit {
            match self.messages.as_mut().poll_next(context) {
                Poll::Ready(Some(message)) => batch.push(message),
                Poll::Ready(None) => return Poll::Ready(()),
                Poll::Pending if batch.len() == before => return Poll::Pending,
                Poll::Pending => return Poll::Ready(()),
            }
        }
        Poll::Ready(())
    }

    /// Messages that arrived while its capacity was used up, and are lost.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.drops.get()
    }

    /// The counter itself, for metrics.
    #[must_use]
    pub fn drop_counter(&self) -> DropCounter {
        self.drops.clone()
    }
}

impl Stream for Subscription {
    type Item = BusMessage;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<BusMessage>> {
        self.messages.as_mut().poll_next(context)
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Subscription(dropped {})", self.dropped())
    }
}
