//! The raft log of a node: one sequence of segment files shared by all its groups. A group's
//! storage adapter (`group`) comes before it, the `disk` port after it. Guarantees: a completion
//! is called only after one flush that covers its record; all that waits shares that flush; after
//! a crash everything completed is there and of the rest a prefix. Left to others: what entries,
//! votes and markers mean (they are bytes here), and when to purge.
//!
//! Inside: `handle` takes requests into `state` (index, cache, queue); `writer` drains the queue
//! into one write and one flush; `segments` prepares and reuses files; `relief` moves old live
//! entries forward; `recovery` reads everything back; `format` is what is on disk.

mod cache;
mod checkpoint;
mod encoding;
mod error;
mod format;
mod group;
mod handle;
mod index;
mod read;
mod recovery;
mod relief;
mod replay;
mod segments;
mod state;
mod threads;
mod writer;

#[cfg(test)]
mod tests;

pub use encoding::{
    EncodingError, decode_entry, decode_log_id, decode_membership, decode_vote, encode_entry,
    encode_log_id, encode_membership, encode_vote,
};
pub use error::LogError;
pub use group::GroupLog;
pub use handle::{Completion, GroupState, Log, LogConfig, LogStatistics};
pub use threads::LogThreads;
pub use writer::LogWriter;

use std::fmt;

/// A raft group: 0 is the system group, the others are shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u64);

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
