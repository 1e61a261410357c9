//! What travels between nodes, and the port it travels through: ids, causal stamp, envelope,
//! codec, subjects, and the `Bus` that adapters implement.
//! Before it on a message's way: the sender's outbox or a door. After it: the target's door.
//! Guarantees: pure (no clock, entropy, threads, files); every decoder is total and bounded.
//! Leaves to others: delivery (the `cluster` channels), the meaning of a message (`vm`), and
//! moving bytes (`transport-memory`, `transport-nats`).

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod address;
pub mod bus;
pub mod clock;
pub mod codec;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod envelope;
pub mod headers;
pub mod ids;
pub mod limits;
pub mod origin;
pub mod span;
pub mod stamp;
pub mod subject;
pub mod subjects;
pub mod subscription;
pub mod token;
pub mod trace;

pub use address::{Address, AddressError, Namespace};
pub use bus::{Bus, BusError, BusFuture, BusMessage, BusState, SubscribeOptions};
pub use clock::HybridTime;
pub use codec::{DecodeError, EncodeError};
pub use envelope::Envelope;
pub use headers::{HeaderError, Headers};
pub use ids::{ClusterId, IdError, Incarnation, MessageId, NodeId, RunId, ShardId};
pub use origin::{DoorOrigin, Origin, RunOrigin};
pub use span::{Attribute, NoSpans, Span, SpanSink};
pub use stamp::Stamp;
pub use subject::{Pattern, Subject, SubjectError};
pub use subjects::{ClusterName, RaftChannel, Route, Subjects};
pub use subscription::{DropCounter, Subscription};
pub use trace::{HopKind, TraceContext, TraceError, TraceState};
