//! Why the log refuses. These come out of `handle`, `read` and `recovery` and reach a user through
//! the node. Guarantees: each has a stable code and says what, where and what to do. Left to
//! others: who is told.

use std::io;

use super::GroupId;

/// An error of the log. Cheap to clone: one failure answers every request that waits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// A record that had been flushed cannot be read back.
    #[error(
        "E-log-corrupt: the raft log is damaged in {file} at offset {offset}: {reason}. Nothing \
         was changed. Restore the file, or remove this node's data folder and let it join anew"
    )]
    Corrupt {
        /// The segment file, within the log's folder.
        file: String,
        /// Byte offset of the first damaged record.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// A segment belongs to another node.
    #[error(
        "E-log-foreign: {file} was written by node {found}, this is node {expected}. Two nodes \
         must not share a data folder, and a log must not be copied between nodes"
    )]
    Foreign {
        /// The segment file.
        file: String,
        /// The node in its header.
        found: u64,
        /// The node that opens the log.
        expected: u64,
    },
    /// A segment has a format that this binary does not know.
    #[error(
        "E-log-version: {file} has format version {found}, this binary reads version {expected}. \
         Start the binary that wrote it"
    )]
    Version {
        /// The segment file.
        file: String,
        /// The version in its header.
        found: u16,
        /// The version that is known here.
        expected: u16,
    },
    /// There is too little room on the disk. Nothing was written.
    #[error(
        "E-disk-full: the disk of the raft log has {free_bytes} bytes free and needs \
         {needed_bytes}. Nothing was written; reads go on. Free some room"
    )]
    DiskFull {
        /// What is free.
        free_bytes: u64,
        /// What must be free for an append to be accepted.
        needed_bytes: u64,
    },
    /// A write or flush failed before. Nobody knows what is on the medium, so nothing is retried.
    #[error(
        "E-log-poisoned: the raft log stopped after a failure: {cause}. Nothing was acknowledged \
         since. Check the disk, then restart the node"
    )]
    Poisoned {
        /// The failure that stopped the log.
        cause: String,
    },
    /// An entry is larger than one write may be.
    #[error("E-log-entry-size: an entry of {bytes} bytes exceeds the limit of {limit_bytes}")]
    EntrySize {
        /// The entry's size as stored.
        bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
    /// An append would leave a hole or overwrite.
    #[error(
        "E-log-order: group {group} was given the entry {found}, the next one has index {expected}"
    )]
    Order {
        /// The group.
        group: GroupId,
        /// The index that comes next.
        expected: u64,
        /// The index that was given.
        found: u64,
    },
    /// The log is closed.
    #[error("E-log-closed: the raft log is closed; the node is stopping")]
    Closed,
    /// The limits contradict each other.
    #[error("E-log-limits: {contradiction}")]
    Limits {
        /// Which ones, and how.
        contradiction: String,
    },
    /// The disk refused something else.
    #[error("E-log-io: {action} {file} failed: {cause}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which file.
        file: String,
        /// What the medium reported.
        cause: String,
    },
}

impl LogError {
    /// The stable code, as it stands in the message.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Corrupt { .. } => "E-log-corrupt",
            Self::Foreign { .. } => "E-log-foreign",
            Self::Version { .. } => "E-log-version",
            Self::DiskFull { .. } => "E-disk-full",
            Self::Poisoned { .. } => "E-log-poisoned",
            Self::EntrySize { .. } => "E-log-entry-size",
            Self::Order { .. } => "E-log-order",
            Self::Closed => "E-log-closed",
            Self::Limits { .. } => "E-log-limits",
            Self::Io { .. } => "E-log-io",
        }
    }

    pub(super) fn io(action: &'static str, file: &str, cause: &io::Error) -> Self {
        Self::Io {
            action,
            file: file.to_owned(),
            cause: cause.to_string(),
        }
    }

    pub(super) fn corrupt(file: &str, offset: usize, reason: impl Into<String>) -> Self {
        Self::Corrupt {
            file: file.to_owned(),
            offset: offset as u64,
            reason: reason.into(),
        }
    }
}

impl From<LogError> for io::Error {
    fn from(error: LogError) -> Self {
        let kind = match error {
            LogError::Corrupt { .. } => io::ErrorKind::InvalidData,
            LogError::DiskFull { .. } => io::ErrorKind::StorageFull,
            LogError::EntrySize { .. } | LogError::Order { .. } => io::ErrorKind::InvalidInput,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}
