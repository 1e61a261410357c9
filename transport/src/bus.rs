//! The port to the bus: publish, request, subscribe.
//! Before it: a leader's pump, raft's network, a door. After it: an adapter, then the other node.
//! Guarantees (checked by `conformance`): one publisher's messages reach one subscription in
//! order; a request ends within its deadline; what is dropped is counted.
//! Leaves to others: delivery. A bus is at most once; channels number, acknowledge and resend.

use std::time::Duration;

use bytes::Bytes;
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;

use crate::headers::Headers;
use crate::limits::SUBSCRIPTION_CAPACITY;
use crate::subject::{Pattern, Subject};
use crate::subscription::Subscription;

/// What the calls of a bus return.
pub type BusFuture<'a, T> = BoxFuture<'a, Result<T, BusError>>;

/// Why a call of the bus failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// Nobody listens to the subject. The request was not handled by anyone.
    #[error("nobody listens to {subject}")]
    NoResponders {
        /// The subject of the request.
        subject: Subject,
    },
    /// No answer in time. Whether the request was handled is not known.
    #[error("no answer from {subject} within {} ms", deadline.as_millis())]
    Deadline {
        /// The subject of the request.
        subject: Subject,
        /// How long it was waited for.
        deadline: Duration,
    },
    /// There is no connection; it is being restored. Whether a request was handled is not known.
    #[error("there is no connection to the bus")]
    Disconnected,
    /// The message is larger than the bus takes; nothing was sent.
    #[error("the message has {bytes} bytes, the bus takes at most {max}")]
    TooLarge {
        /// Bytes of payload and headers.
        bytes: usize,
        /// Bytes that the bus takes.
        max: usize,
    },
    /// The message to answer asked for no answer.
    #[error("the message on {subject} asks for no answer")]
    NoReply {
        /// The subject of that message.
        subject: Subject,
    },
    /// The bus was closed by this node.
    #[error("the bus is closed")]
    Closed,
    /// The server or the settings of the connection refuse.
    #[error("{reason}")]
    Refused {
        /// What was said.
        reason: String,
    },
}

impl BusError {
    /// The stable code, with a page under `docs/errors`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoResponders { .. } => "E-bus-no-responders",
            Self::Deadline { .. } => "E-bus-deadline",
            Self::Disconnected => "E-bus-disconnected",
            Self::TooLarge { .. } => "E-bus-too-large",
            Self::NoReply { .. } => "E-bus-no-reply",
            Self::Closed => "E-bus-closed",
            Self::Refused { .. } => "E-bus-refused",
        }
    }

    /// Whether the message certainly reached nobody, so that sending it again repeats nothing.
    #[must_use]
    pub const fn is_unsent(&self) -> bool {
        !matches!(self, Self::Deadline { .. } | Self::Disconnected)
    }
}

/// Whether messages can pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusState {
    /// They can.
    Connected,
    /// They cannot now; the bus tries to reconnect.
    Disconnected,
    /// They never will again.
    Closed,
}

/// A message as it arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusMessage {
    /// Where it was published.
    pub subject: Subject,
    /// Where an answer is awaited; none where none is.
    pub reply: Option<Subject>,
    /// Its headers.
    pub headers: Headers,
    /// Its body.
    pub payload: Bytes,
}

/// How to subscribe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscribeOptions {
    /// Subscriptions of one group share the messages: each message goes to one of them.
    pub queue_group: Option<String>,
    /// Messages that may wait to be taken; what arrives beyond them is dropped and counted.
    pub capacity: usize,
}

impl Default for SubscribeOptions {
    fn default() -> Self {
        Self {
            queue_group: None,
            capacity: SUBSCRIPTION_CAPACITY,
        }
    }
}

impl SubscribeOptions {
    /// Shares the messages with the other subscriptions of that group.
    #[must_use]
    pub fn queue_group(mut self, group: impl Into<String>) -> Self {
        self.queue_group = Some(group.into());
        self
    }

    /// Lets that many messages wait to be taken; at least one.
    #[must_use]
    pub fn capacity(mut self, messages: usize) -> Self {
        self.capacity = messages.max(1);
        self
    }
}

/// A node's end of the bus.
pub trait Bus: Send + Sync + 'static {
    /// Sends a message to whoever listens. Success means handed over, not received: a message
    /// that nobody listens to, or that is under way when the connection breaks, is lost. While
    /// the bus is known to be disconnected, it fails with `Disconnected`.
    fn publish(&self, subject: Subject, headers: Headers, payload: Bytes) -> BusFuture<'_, ()>;

    /// Sends a message and waits for the first answer, at most `deadline`. Fails with
    /// `Disconnected` at once where the connection is lost, before or meanwhile.
    fn request(
        &self,
        subject: Subject,
        headers: Headers,
        payload: Bytes,
        deadline: Duration,
    ) -> BusFuture<'_, BusMessage>;

    /// Listens. When this returns, messages that anyone publishes from then on arrive.
    /// After a lost connection the bus restores the subscription. For a moment, others may then
    /// be connected again before this one listens, and get `NoResponders`.
    fn subscribe(&self, pattern: Pattern, options: SubscribeOptions)
    -> BusFuture<'_, Subscription>;

    /// Answers a message that asked for an answer.
    fn respond(&self, to: &BusMessage, headers: Headers, payload: Bytes) -> BusFuture<'_, ()> {
        match &to.reply {
            Some(reply) => self.publish(reply.clone(), headers, payload),
            None => {
                let error = BusError::NoReply {
                    subject: to.subject.clone(),
                };
                Box::pin(std::future::ready(Err(error)))
            }
        }
    }

    /// Whether messages can pass now.
    fn state(&self) -> BusState;

    /// The state now, and then every change. Changes that follow each other quickly may be
    /// reported as one; the last is never left out.
    fn watch_state(&self) -> BoxStream<'static, BusState>;

    /// Bytes that one message may have, its headers included (see `Headers::wire_bytes`).
    fn max_payload(&self) -> usize;

    /// Ends all subscriptions of this end; later calls fail with `Closed`. Messages that were
    /// published before are still sent, where there is a connection.
    fn close(&self) -> BusFuture<'_, ()>;
}
