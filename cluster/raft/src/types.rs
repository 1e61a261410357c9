//! The types that every raft group of this project is built with. They come before everything
//! else in this crate: the log stores `EntryData`, the network carries it, the state machine
//! answers with `AppliedEntry`. Guarantees: the encoding on disk and on the wire never depends on
//! them (`log::encoding` has its own). What the bytes mean is left to `cluster`.

use std::cmp::Ordering;
use std::fmt;
use std::marker::PhantomData;

use bytes::Bytes;
use openraft::impls::leader_id_adv;
use openraft::{AsyncRuntime, RaftTypeConfig};
use serde::{Deserialize, Serialize};

/// Id of a node within its cluster. Made once, kept in the node's data folder, never reused.
pub type NodeId = u64;
/// The leader of a term, as openraft's advanced mode has it: (term, node).
pub type LeaderId = leader_id_adv::LeaderId<u64, NodeId>;
/// Id of an entry: leader and index.
pub type LogId = openraft::LogId<LeaderId>;
/// A vote, or the lead once `committed`.
pub type Vote = openraft::impls::Vote<LeaderId>;
/// What an entry holds: nothing, a command, or a membership.
pub type Payload = openraft::EntryPayload<EntryData, NodeId, NodeInfo>;
/// One entry of a group's log.
pub type Entry = openraft::Entry<LeaderId, Payload>;
/// The voters and learners of a group.
pub type Membership = openraft::Membership<NodeId, NodeInfo>;
/// A membership with the log id that set it.
pub type StoredMembership = openraft::StoredMembership<LeaderId, NodeId, NodeInfo>;

/// The encoded command entry: opaque to raft and to the log.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EntryData(pub Bytes);

impl fmt::Debug for EntryData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl fmt::Display for EntryData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// What applying one entry answers to the one who proposed it: encoded, opaque to raft.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AppliedEntry(pub Vec<u8>);

/// What a membership knows of a node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NodeInfo {
    /// The node's name, unique in its cluster.
    pub name: String,
    /// Where its HTTP door listens, `host:port`; empty if it has none.
    pub http: String,
}

impl fmt::Display for NodeInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.http)
    }
}

/// The configuration that production and tests use.
pub type Config = TypeConfig<openraft_rt_tokio::TokioRuntime>;

/// openraft's type configuration, generic over the task runtime so that a simulation can bring
/// its own. It holds nothing.
pub struct TypeConfig<R>(PhantomData<fn() -> R>);

impl<R> fmt::Debug for TypeConfig<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypeConfig")
    }
}

impl<R> Clone for TypeConfig<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for TypeConfig<R> {}

impl<R> Default for TypeConfig<R> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<R> PartialEq for TypeConfig<R> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<R> Eq for TypeConfig<R> {}

impl<R> PartialOrd for TypeConfig<R> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<R> Ord for TypeConfig<R> {
    fn cmp(&self, _: &Self) -> Ordering {
        Ordering::Equal
    }
}

impl<R: AsyncRuntime> RaftTypeConfig for TypeConfig<R> {
    type D = EntryData;
    type R = AppliedEntry;
    type NodeId = NodeId;
    type Node = NodeInfo;
    type Term = u64;
    type LeaderId = LeaderId;
    type Vote = Vote;
    type Payload = Payload;
    type Entry = Entry;
    type AsyncRuntime = R;
    type Responder<T>
        = openraft::impls::OneshotResponder<Self, T>
    where
        T: openraft::OptionalSend + 'static;
    type Batch<T>
        = openraft::impls::InlineBatch<T>
    where
        T: openraft::OptionalSend + 'static;
    type ErrorSource = openraft::impls::BoxedErrorSource;
}
