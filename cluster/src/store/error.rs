//! What can go wrong with a state store.
//!
//! Before it: the adapters, which fill it in. After it: apply, which stops the group, and the door,
//! which answers with the code. Leaves to others: retrying, which is never right after `Poisoned`.

use std::sync::Arc;

use super::GroupId;

/// An error of the state store. Cheap to clone, because a failed store gives the same one to all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Reading or writing failed.
    #[error("state store could not {what}: {reason}")]
    Io {
        /// What was tried, in words that complete "could not".
        what: &'static str,
        /// The reason that the system or the engine gave.
        reason: Arc<str>,
    },
    /// A write failed earlier, so nothing further is accepted: what is on disk is a prefix of the
    /// units, and the log has the rest. Reads go on.
    #[error(
        "state store stopped after a failed write ({reason}); free or repair the disk and restart the node, the log replays the rest"
    )]
    Poisoned {
        /// The first failure.
        reason: Arc<str>,
    },
    /// Stored bytes do not mean what they should.
    #[error(
        "state of group {group} is corrupt: {reason}; remove its state to have it sent again by another replica"
    )]
    Corrupt {
        /// The group.
        group: GroupId,
        /// What was found.
        reason: Arc<str>,
    },
    /// The group is open already.
    #[error(
        "state of group {group} is open already; close the first handle before opening it again"
    )]
    InUse {
        /// The group.
        group: GroupId,
    },
    /// The group was removed, or the node of this handle crashed.
    #[error("state of group {group} is closed")]
    Closed {
        /// The group.
        group: GroupId,
    },
    /// A commit does not move forward.
    #[error("unit {index} cannot follow unit {committed}: log indexes must grow")]
    IndexBack {
        /// The index of the refused unit.
        index: u64,
        /// The index of the last unit.
        committed: u64,
    },
    /// A key or value outside its limits.
    #[error("{what} of {bytes} bytes is outside its limits of {bytes_min} to {bytes_max} bytes")]
    Limit {
        /// `key` or `value`.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The smallest allowed size.
        bytes_min: usize,
        /// The largest allowed size.
        bytes_max: usize,
    },
    /// The pairs of a snapshot are not in ascending order of their keys.
    #[error("snapshot is out of order after {pairs} pairs; it was not installed")]
    Order {
        /// How many pairs were in order.
        pairs: u64,
    },
    /// The source of a snapshot failed.
    #[error("snapshot could not be read: {reason}; it was not installed")]
    Source {
        /// What the source said.
        reason: Arc<str>,
    },
}

impl StoreError {
    /// The stable code that documentation and clients use.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "E-store-io",
            Self::Poisoned { .. } => "E-store-stopped",
            Self::Corrupt { .. } => "E-store-corrupt",
            Self::InUse { .. } => "E-store-in-use",
            Self::Closed { .. } => "E-store-closed",
            Self::IndexBack { .. } => "E-store-index",
            Self::Limit { .. } => "E-store-limit",
            Self::Order { .. } => "E-store-order",
            Self::Source { .. } => "E-store-snapshot",
        }
    }
}
