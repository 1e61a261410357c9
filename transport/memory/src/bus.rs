//! A node's end of the network in memory: the `Bus` itself.
//! Before it: raft's network, a door, a pump. After it: `network`.
//! Guarantees: what `transport::conformance` checks.
//! Leaves to others: routing (`network`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use tokio::sync::{mpsc, watch};
use transport::{
    Bus, BusError, BusFuture, BusMessage, BusState, DropCounter, Headers, NodeId, Pattern, Subject,
    SubscribeOptions, Subscription,
};

use crate::network::{Handed, Shared};
use crate::pending::Pending;
use crate::routes::Route;
use crate::subscriber::Subscriber;

/// A node's end of a `MemoryNetwork`. Dropping it closes it.
pub struct MemoryBus {
    shared: Arc<Shared>,
    id: u64,
    node: NodeId,
    /// State of the node, which its other buses share.
    link: watch::Receiver<BusState>,
    /// Becomes true once.
    closed: watch::Sender<bool>,
    is_closed: AtomicBool,
}

impl MemoryBus {
    pub(crate) fn new(shared: Arc<Shared>, node: NodeId) -> Self {
        let link = shared.links.watch(node);
        let id = shared.next_id();
        let closed = watch::Sender::new(false);
        Self {
            shared,
            id,
            node,
            link,
            closed,
            is_closed: AtomicBool::new(false),
        }
    }

    /// Ends all subscriptions of this bus; see `Bus::close`.
    fn end(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.closed.send_replace(true);
        self.shared.routes.remove_bus(self.id);
    }

    /// Refuses a message that cannot be sent now.
    fn check(&self, headers: &Headers, payload: &Bytes) -> Result<(), BusError> {
        self.check_state()?;
        let bytes = headers.wire_bytes() + payload.len();
        let max = self.shared.options.max_payload_bytes;
        if bytes > max {
            return Err(BusError::TooLarge { bytes, max });
        }
        Ok(())
    }

    fn check_state(&self) -> Result<(), BusError> {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(BusError::Closed);
        }
        if !self.shared.links.is_connected(self.node) {
            return Err(BusError::Disconnected);
        }
        Ok(())
    }

    async fn ask(
        &self,
        subject: Subject,
        headers: Headers,
        payload: Bytes,
        deadline: Duration,
    ) -> Result<BusMessage, BusError> {
        self.check(&headers, &payload)?;
        let id = self.shared.next_id();
        let mut ticket = self.shared.pending.open(id, self.node);
        let message = BusMessage {
            subject: subject.clone(),
            reply: Some(Pending::subject(id)),
            headers,
            payload,
        };
        if self.shared.send(self.node, message) == Handed::Nobody {
            return Err(BusError::NoResponders { subject });
        }
        match tokio::time::timeout(deadline, &mut ticket.answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(BusError::Disconnected),
            Err(_) => Err(BusError::Deadline { subject, deadline }),
        }
    }

    fn listen(
        &self,
        pattern: Pattern,
        options: SubscribeOptions,
    ) -> Result<Subscription, BusError> {
        self.check_state()?;
        let capacity = options
            .capacity
            .clamp(1, tokio::sync::Semaphore::MAX_PERMITS);
        let (sender, queue) = mpsc::channel(capacity);
        let drops = DropCounter::default();
        let route = Route {
            id: self.shared.next_id(),
            bus: self.id,
            node: self.node,
            pattern: pattern.clone(),
            group: options.queue_group,
            queue: sender,
            drops: drops.clone(),
        };
        let subscriber = Subscriber {
            shared: Arc::clone(&self.shared),
            pattern,
            route: route.id,
            queue,
        };
        self.shared.routes.add(Arc::new(route));
        if self.is_closed.load(Ordering::Acquire) {
            // Closed in between: its routes were removed before this one was added.
            return Err(BusError::Closed);
        }
        Ok(Subscription::new(subscriber.boxed(), drops))
    }
}

impl Bus for MemoryBus {
    fn publish(&self, subject: Subject, headers: Headers, payload: Bytes) -> BusFuture<'_, ()> {
        Box::pin(async move {
            self.check(&headers, &payload)?;
            let message = BusMessage {
                subject,
                reply: None,
                headers,
                payload,
            };
            self.shared.send(self.node, message);
            Ok(())
        })
    }

    fn request(
        &self,
        subject: Subject,
        headers: Headers,
        payload: Bytes,
        deadline: Duration,
    ) -> BusFuture<'_, BusMessage> {
        Box::pin(self.ask(subject, headers, payload, deadline))
    }

    fn subscribe(
        &self,
        pattern: Pattern,
        options: SubscribeOptions,
    ) -> BusFuture<'_, Subscription> {
        Box::pin(async move { self.listen(pattern, options) })
    }

    fn state(&self) -> BusState {
        if self.is_closed.load(Ordering::Acquire) {
            return BusState::Closed;
        }
        *self.link.borrow()
    }

    fn watch_state(&self) -> BoxStream<'static, BusState> {
        let watched = (self.link.clone(), self.closed.subscribe(), None);
        stream::unfold(watched, |(mut link, mut closed, mut last)| async move {
            loop {
                let now = match *closed.borrow_and_update() {
                    true => BusState::Closed,
                    false => *link.borrow_and_update(),
                };
                if last == Some(BusState::Closed) {
                    return None;
                }
                if last != Some(now) {
                    last = Some(now);
                    return Some((now, (link, closed, last)));
                }
                tokio::select! {
                    biased;
                    ended = closed.changed() => ended.ok()?,
                    ended = link.changed() => ended.ok()?,
                }
            }
        })
        .boxed()
    }

    fn max_payload(&self) -> usize {
        self.shared.options.max_payload_bytes
    }

    fn close(&self) -> BusFuture<'_, ()> {
        Box::pin(async move {
            self.end();
            Ok(())
        })
    }
}

impl Drop for MemoryBus {
    fn drop(&mut self) {
        self.end();
    }
}
