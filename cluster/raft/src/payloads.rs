//! Large payloads: the commands of an entry that is larger than a threshold stand in a file beside the
//! log, named by their hash, and the entry on the log names them. The proposer comes before it, the
//! log, raft's network and the state machine after it. Guarantees: an entry is proposed only once its
//! payload is flushed on a quorum, and sent to a node only once that has its payload; what is applied
//! is the whole entry, so that a shard never sees where a value travelled; a node's log names only
//! payloads that it has had, and what the log names is kept. Left to others: what the commands mean.
//!
//! Inside: `reference` is what stands in the log; `store` the files; `claims` keeps those that are about
//! to be named; `spread` brings payloads to other nodes and back; `upkeep` removes what nothing names.

mod claims;
mod reference;
mod spread;
mod store;
pub(crate) mod upkeep;

pub(crate) use claims::Claim;
pub use reference::Reference;
pub(crate) use spread::{answer, doubt, ensure, obtain, place};
pub use store::{PayloadError, PayloadStatistics, PayloadStore};
