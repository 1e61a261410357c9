//! A node's connection to NATS: the `Bus` itself.
//! Before it: raft's network, a door, a pump. After it: the server, then other processes.
//! Guarantees: what `transport::conformance` checks; no call outlasts its deadline; while the
//! connection is known to be lost, calls fail at once instead of being kept for later.
//! Leaves to others: delivery. What was under way when the connection broke may be lost, or may
//! still be sent when it is back.

use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use async_nats::client::{PublishError, PublishErrorKind};
use async_nats::connection::State;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use tokio::time::{Instant, timeout, timeout_at};
use transport::{
    Bus, BusError, BusFuture, BusMessage, BusState, Headers, Pattern, Subject, SubscribeOptions,
    Subscription,
};

use crate::convert;
use crate::inbox::{Answer, Inbox};
use crate::options::NatsOptions;
use crate::state::Shared;
use crate::subscriber;

/// How often a waiting call looks at the connection itself, should an event have been lost.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A connection to NATS. Dropping it closes it.
pub struct NatsBus {
    client: Client,
    shared: Arc<Shared>,
    inbox: Inbox,
    call_deadline: Duration,
}

impl NatsBus {
    /// Starts to connect. The server may come up later: the bus is `Disconnected` until then,
    /// and keeps trying. Fails only on settings that are wrong in themselves.
    pub async fn connect(options: &NatsOptions) -> Result<Self, BusError> {
        let shared = Arc::new(Shared::default());
        let servers = options.servers()?;
        let client = options.connect_options(&shared)?.connect(servers).await;
        let client = client.map_err(|error| BusError::Refused {
            reason: error.to_string(),
        })?;
        let inbox = Inbox::open(&client, &shared).await?;
        Ok(Self {
            client,
            shared,
            inbox,
            call_deadline: options.call_deadline,
        })
    }

    /// Waits until there is a connection. After the deadline it fails with what was last said
    /// about why there is none; the bus goes on trying.
    pub async fn wait_connected(&self, deadline: Duration) -> Result<(), BusError> {
        match self.connected_by(Instant::now() + deadline).await {
            Err(BusError::Disconnected) => Err(match self.shared.last_error() {
                Some(reason) => BusError::Refused { reason },
                None => BusError::Disconnected,
            }),
            Ok(()) => {
                self.announce().await;
                Ok(())
            }
            other => other,
        }
    }

    /// Waits until those who watch the state know of the connection too.
    async fn announce(&self) {
        let mut state = self.shared.watch();
        let told = state.wait_for(|state| *state != BusState::Disconnected);
        if timeout(LOOK_AGAIN, told).await.is_err() && self.now() == BusState::Connected {
            // The library drops events when there are too many.
            self.shared.set(BusState::Connected);
        }
    }

    /// Messages that the client library dropped before they reached any subscriber's queue,
    /// over all subscriptions. Not 0 only where the runtime cannot keep up; under a flood the
    /// library tells of some drops only, so it is a sign and not a count.
    #[must_use]
    pub fn overruns(&self) -> u64 {
        self.shared.overruns()
    }

    /// The state of the connection itself, which may be ahead of the last event.
    fn now(&self) -> BusState {
        if self.shared.is_closed() {
            return BusState::Closed;
        }
        match self.client.connection_state() {
            State::Connected => BusState::Connected,
            State::Pending | State::Disconnected => BusState::Disconnected,
        }
    }

    fn check_state(&self) -> Result<(), BusError> {
        match self.now() {
            BusState::Connected => Ok(()),
            BusState::Disconnected => Err(BusError::Disconnected),
            BusState::Closed => Err(BusError::Closed),
        }
    }

    /// Refuses a message that cannot be sent now.
    fn check(&self, headers: &Headers, payload: &Bytes) -> Result<(), BusError> {
        self.check_state()?;
        let bytes = headers.wire_bytes() + payload.len();
        let max = self.client.max_payload();
        if bytes > max {
            return Err(BusError::TooLarge { bytes, max });
        }
        Ok(())
    }

    async fn connected_by(&self, until: Instant) -> Result<(), BusError> {
        let mut state = self.shared.watch();
        loop {
            match self.check_state() {
                Err(BusError::Disconnected) => {}
                other => return other,
            }
            if Instant::now() >= until {
                return Err(BusError::Disconnected);
            }
            let _ = timeout_at(until.min(Instant::now() + LOOK_AGAIN), state.changed()).await;
        }
    }

    /// Waits until the server has handled all that was sent before, by a message to ourselves:
    /// `flush` only empties the client's own buffer.
    async fn barrier(&self, until: Instant) -> Result<(), BusError> {
        loop {
            self.connected_by(until).await?;
            let (mut ticket, inbox) = self.inbox.ask(&self.shared.pending);
            self.client
                .publish(inbox, Bytes::new())
                .await
                .map_err(|error| self.failed(&error))?;
            match timeout_at(until, &mut ticket.answer).await {
                Ok(Ok(_)) => return Ok(()),
                // The connection broke meanwhile; it is tried again when it is back.
                Ok(Err(_)) => tokio::task::yield_now().await,
                Err(_) => return Err(BusError::Disconnected),
            }
        }
    }

    /// What a failed publish means.
    fn failed(&self, error: &PublishError) -> BusError {
        match error.kind() {
            // The task of the connection has ended, which it does only after a close.
            PublishErrorKind::Send => BusError::Closed,
            PublishErrorKind::MaxPayloadExceeded | PublishErrorKind::InvalidSubject => {
                BusError::Refused {
                    reason: error.to_string(),
                }
            }
        }
    }

    async fn send(
        &self,
        subject: &Subject,
        reply: Option<String>,
        headers: &Headers,
        payload: Bytes,
    ) -> Result<(), BusError> {
        let to = subject.as_str().to_owned();
        let client = &self.client;
        let sent = match (reply, convert::headers_to_send(headers)) {
            (None, None) => client.publish(to, payload).await,
            (None, Some(headers)) => client.publish_with_headers(to, headers, payload).await,
            (Some(reply), None) => client.publish_with_reply(to, reply, payload).await,
            (Some(reply), Some(headers)) => {
                client
                    .publish_with_reply_and_headers(to, reply, headers, payload)
                    .await
            }
        };
        sent.map_err(|error| self.failed(&error))
    }

    async fn tell(
        &self,
        subject: Subject,
        headers: Headers,
        payload: Bytes,
    ) -> Result<(), BusError> {
        self.check(&headers, &payload)?;
        let deadline = self.call_deadline;
        match timeout(deadline, self.send(&subject, None, &headers, payload)).await {
            Ok(sent) => sent,
            Err(_) => Err(BusError::Deadline { subject, deadline }),
        }
    }

    async fn ask(
        &self,
        subject: Subject,
        headers: Headers,
        payload: Bytes,
        deadline: Duration,
    ) -> Result<BusMessage, BusError> {
        self.check(&headers, &payload)?;
        let (mut ticket, reply) = self.inbox.ask(&self.shared.pending);
        let answered = timeout(deadline, async {
            self.send(&subject, Some(reply), &headers, payload).await?;
            (&mut ticket.answer)
                .await
                .map_err(|_| match self.shared.is_closed() {
                    true => BusError::Closed,
                    false => BusError::Disconnected,
                })
        });
        match answered.await {
            Ok(Ok(Answer::Message(message))) => Ok(message),
            Ok(Ok(Answer::NoResponders)) => Err(BusError::NoResponders { subject }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(BusError::Deadline { subject, deadline }),
        }
    }

    async fn listen(
        &self,
        pattern: Pattern,
        options: SubscribeOptions,
    ) -> Result<Subscription, BusError> {
        let until = Instant::now() + self.call_deadline;
        self.connected_by(until).await?;
        let subject = pattern.as_str().to_owned();
        let made = match options.queue_group {
            Some(group) => self.client.queue_subscribe(subject, group).await,
            None => self.client.subscribe(subject).await,
        };
        let made = made.map_err(|error| match self.shared.is_closed() {
            true => BusError::Closed,
            false => BusError::Refused {
                reason: error.to_string(),
            },
        })?;
        let subscription = subscriber::subscription(made, options.capacity, self.shared.watch());
        self.barrier(until).await?;
        Ok(subscription)
    }
}

impl Bus for NatsBus {
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
        self.now()
    }

    fn watch_state(&self) -> BoxStream<'static, BusState> {
        let watched = (self.shared.watch(), None);
        stream::unfold(watched, |(mut state, mut last)| async move {
            loop {
                if last == Some(BusState::Closed) {
                    return None;
                }
                let now = *state.borrow_and_update();
                if last != Some(now) {
                    last = Some(now);
                    return Some((now, (state, last)));
                }
                state.changed().await.ok()?;
            }
        })
        .boxed()
    }

    fn max_payload(&self) -> usize {
        self.client.max_payload()
    }

    fn close(&self) -> BusFuture<'_, ()> {
        Box::pin(async move {
            // Errors here say that the connection has ended already.
            if self.check_state().is_ok() {
                let _ = timeout(self.call_deadline, self.client.flush()).await;
            }
            self.shared.close();
            let _ = timeout(self.call_deadline, self.client.drain()).await;
            Ok(())
        })
    }
}

impl Drop for NatsBus {
    fn drop(&mut self) {
        self.shared.close();
    }
}
