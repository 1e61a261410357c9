//! The `Bus` itself: what is for one node goes to it directly, everything else to the bus below.
//! Before it: raft's network, a door, a pump. After it: `connection`, or the bus below.
//! Guarantees: what `transport::conformance` checks. A request that was given to a connection is not tried
//! again on the bus below, since it may have been handled.
//! Leaves to others: which nodes there are (`announce`).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use transport::{
    Bus, BusError, BusFuture, BusMessage, BusState, Headers, NodeId, Pattern, Route, Subject,
    SubscribeOptions, Subscription,
};

use crate::accept;
use crate::connection::{AskError, Connection};
use crate::frame::{Content, Frame};
use crate::lane::Lane;
use crate::node::Shared;

/// One kind of traffic of a node, directly where it can be.
pub struct DirectBus {
    shared: Arc<Shared>,
    lane: Arc<Lane>,
    below: Arc<dyn Bus>,
}

impl DirectBus {
    pub(crate) fn new(shared: Arc<Shared>, lane: Arc<Lane>, below: Arc<dyn Bus>) -> DirectBus {
        DirectBus {
            shared,
            lane,
            below,
        }
    }

    #[cfg(test)]
    pub(crate) fn shared_for_tests(&self) -> &Shared {
        &self.shared
    }

    #[cfg(test)]
    pub(crate) fn lane_for_tests(&self) -> &Lane {
        &self.lane
    }

    /// The node that a subject belongs to.
    fn node_of(&self, subject: &str) -> Option<NodeId> {
        match self.shared.subjects.parse(subject) {
            Ok(Route::Node { node, .. } | Route::Raft { node, .. }) => Some(node),
            _ => None,
        }
    }

    /// The connection that leads to who listens to a subject.
    fn connection(&self, subject: &Subject) -> Option<Arc<Connection>> {
        self.lane.connection(self.node_of(subject.as_str())?)
    }

    fn check(&self, headers: &Headers, payload: &Bytes) -> Result<(), BusError> {
        let bytes = headers.wire_bytes() + payload.len();
        let max = self.below.max_payload();
        if bytes > max {
            return Err(BusError::TooLarge { bytes, max });
        }
        Ok(())
    }

    async fn tell(
        &self,
        subject: Subject,
        headers: Headers,
        payload: Bytes,
    ) -> Result<(), BusError> {
        let content = Content {
            subject: subject.clone(),
            headers: headers.clone(),
            payload: payload.clone(),
        };
        if let Some((connection, request)) = accept::reply(&self.lane, &subject) {
            self.check(&headers, &payload)?;
            // Who asked has gone with its connection, as an inbox goes with its client.
            if let Some(connection) = connection {
                let _ = connection.send(Frame::Answer(request, content)).await;
            }
            return Ok(());
        }
        let told = self.below.publish(subject.clone(), headers, payload).await;
        if told == Err(BusError::Disconnected) && subject == self.shared.subjects.hello() {
            // Nodes that are connected go on knowing of each other while the bus below is down.
            let open = self.lane.open();
            for connection in &open {
                let _ = connection.send(Frame::Word(content.clone())).await;
            }
            if !open.is_empty() {
                return Ok(());
            }
        }
        told
    }

    async fn ask(
        &self,
        subject: Subject,
        headers: Headers,
        payload: Bytes,
        deadline: Duration,
    ) -> Result<BusMessage, BusError> {
        let Some(connection) = self.connection(&subject) else {
            return self
                .below
                .request(subject, headers, payload, deadline)
                .await;
        };
        self.check(&headers, &payload)?;
        let content = Content {
            subject: subject.clone(),
            headers: headers.clone(),
            payload: payload.clone(),
        };
        match connection.ask(content, deadline).await {
            Ok(answer) => Ok(BusMessage {
                subject: answer.subject,
                reply: None,
                headers: answer.headers,
                payload: answer.payload,
            }),
            Err(AskError::Unsent) => {
                self.below
                    .request(subject, headers, payload, deadline)
                    .await
            }
            Err(AskError::Nobody) => Err(BusError::NoResponders { subject }),
            Err(AskError::Deadline) => Err(BusError::Deadline { subject, deadline }),
            Err(AskError::Ended) => Err(BusError::Disconnected),
        }
    }

    async fn listen(
        &self,
        pattern: Pattern,
        options: SubscribeOptions,
    ) -> Result<Subscription, BusError> {
        let capacity = options.capacity;
        let below = self.below.subscribe(pattern.clone(), options).await?;
        let node = self.node_of(pattern.as_str());
        let is_hello = pattern == self.shared.subjects.hello().pattern();
        if node.is_none() && !is_hello {
            return Ok(below);
        }
        let drops = below.drop_counter();
        let listener = self.lane.routes.listen(pattern, capacity, drops.clone());
        if let Some(node) = node
            && self.shared.book.is_own(node)
        {
            self.shared.renamed.notify_waiters();
        }
        let direct = stream::unfold(listener, |mut listener| async move {
            let message = listener.next().await?;
            Some((message, listener))
        });
        // The end of the bus below is the end of this one.
        let below = below.map(Some).chain(stream::once(async { None }));
        let both = stream::select(below, direct.map(Some));
        let messages = both
            .take_while(|message| std::future::ready(message.is_some()))
            .filter_map(std::future::ready);
        Ok(Subscription::new(messages.boxed(), drops))
    }
}

impl Bus for DirectBus {
    fn publish(&self, subject: Subject, headers: Headers, payload: Bytes) -> BusFuture<'_, ()> {
        Box::pin(self.tell(subject, headers, payload))
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
        Box::pin(self.listen(pattern, options))
    }

    fn state(&self) -> BusState {
        self.below.state()
    }

    fn watch_state(&self) -> BoxStream<'static, BusState> {
        self.below.watch_state()
    }

    fn max_payload(&self) -> usize {
        self.below.max_payload()
    }

    fn close(&self) -> BusFuture<'_, ()> {
        self.below.close()
    }
}
