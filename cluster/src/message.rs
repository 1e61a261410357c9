//! What travels: a message with its stamp, and the parcels that channels between shards carry.
//!
//! Before it: an effect of a turn, or a door. After it: the run queue of the target's shard.
//! Guarantees: every parcel has a stamp, so each can be traced and is the same at every resend.
//! Leaves to others: the body's meaning (`vm::Data`), numbers and resends (the channel).

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use transport::{Address, MessageId, Stamp};
use vm::Intent;

/// The hash that names a program.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProgramId(pub [u8; 32]);

impl std::fmt::Display for ProgramId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl std::fmt::Debug for ProgramId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "ProgramId({self})")
    }
}

/// A value of the language in the encoding of `vm::Data`. Opaque to everything but a turn.
///
/// What a turn has just sent keeps the value beside its bytes, so that a turn of the same shard
/// need not decode it; only the bytes count.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(from = "Bytes", into = "Bytes")]
pub struct Body {
    bytes: Bytes,
    data: Option<vm::Data>,
}

impl Body {
    /// The body that has these bytes, which may be anything.
    #[must_use]
    pub const fn from_bytes(bytes: Bytes) -> Body {
        Body { bytes, data: None }
    }

    /// The body of a value.
    #[must_use]
    pub fn from_data(data: vm::Data) -> Body {
        Body {
            bytes: Bytes::from(data.encode()),
            data: Some(data),
        }
    }

    /// Its bytes.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Its value; no bytes are `undefined`.
    ///
    /// # Errors
    ///
    /// Bytes that are no value.
    pub fn data(&self) -> Result<vm::Data, vm::data::DecodeError> {
        match &self.data {
            Some(data) => Ok(data.clone()),
            None if self.bytes.is_empty() => Ok(vm::Data::Undefined),
            None => vm::Data::decode(&self.bytes),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Body {
        Body::from_bytes(bytes)
    }
}

impl From<Body> for Bytes {
    fn from(body: Body) -> Bytes {
        body.bytes
    }
}

impl PartialEq for Body {
    fn eq(&self, other: &Body) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Body {}

impl std::fmt::Debug for Body {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Body({} bytes)", self.bytes.len())
    }
}

/// One message for a worker, an instance or an external service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Which message, why, when.
    pub stamp: Stamp,
    /// The sender; none for a client at the door.
    pub from: Option<Address>,
    /// The target: an instance, or a bare name, which its home shard routes on.
    pub to: Address,
    /// The program that the home of the name fixed, for the run that this message may start.
    pub program: Option<ProgramId>,
    /// Messages in a row before it without anything from outside.
    pub hops: u32,
    /// What is said.
    pub body: Body,
    /// Whether it asks for a reply, or is one.
    pub intent: Intent,
}

/// A run to be started: a spawned child, or a start without a key that its home gave one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spawn {
    /// The stamp of the start, cause of the run's first turn.
    pub stamp: Stamp,
    /// The new instance.
    pub child: Address,
    /// Its program.
    pub program: ProgramId,
    /// Which worker of the program.
    pub worker: String,
    /// Its configuration.
    pub config: Body,
    /// Where its `outbox` goes; none: to its own output, as for a root instance.
    pub outbox: Option<Address>,
    /// Who is told when it ends.
    pub watcher: Option<Address>,
    /// As in [`Message::hops`].
    pub hops: u32,
}

/// An instance to be ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kill {
    /// The stamp of the kill.
    pub stamp: Stamp,
    /// Who ends it; none for a client at the door.
    pub from: Option<Address>,
    /// Whom.
    pub target: Address,
}

/// What a channel carries from one shard to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Parcel {
    /// A message.
    Message(Message),
    /// A start.
    Spawn(Spawn),
    /// An end.
    Kill(Kill),
}

impl Parcel {
    /// Its stamp.
    #[must_use]
    pub fn stamp(&self) -> &Stamp {
        match self {
            Parcel::Message(message) => &message.stamp,
            Parcel::Spawn(spawn) => &spawn.stamp,
            Parcel::Kill(kill) => &kill.stamp,
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> MessageId {
        self.stamp().id
    }

    /// Whom it is for.
    #[must_use]
    pub fn target(&self) -> &Address {
        match self {
            Parcel::Message(message) => &message.to,
            Parcel::Spawn(spawn) => &spawn.child,
            Parcel::Kill(kill) => &kill.target,
        }
    }

    /// Its bytes, as the channel carries them.
    ///
    /// # Errors
    ///
    /// `TooLarge` beyond [`crate::limits::PARCEL_BYTES_MAX`].
    pub fn encode(&self) -> Result<Bytes, transport::EncodeError> {
        transport::codec::encode(self, crate::limits::PARCEL_BYTES_MAX)
    }

    /// Reads what [`Parcel::encode`] wrote.
    ///
    /// # Errors
    ///
    /// Any bytes that are no parcel.
    pub fn decode(bytes: &[u8]) -> Result<Parcel, transport::DecodeError> {
        transport::codec::decode(bytes, crate::limits::PARCEL_BYTES_MAX)
    }
}
