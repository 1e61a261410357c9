//! Every limit of the stores on disk: name, unit, default and why.
//!
//! Before it: the node's configuration, or a test that shrinks them. After it: [`crate::disk`].
//! Leaves to others: limits of a single key or value, which stand with the port.

use std::time::Duration;

const MIB: u64 = 1024 * 1024;

/// Threads that merge tables. 1, and not a setting: with several, the engine's first one spins while
/// another merges, and a wish to merge that comes in the middle of a merge is forgotten, so that
/// a group whose tables wait for it would wait forever.
pub(crate) const MERGING_THREADS: usize = 1;

/// Settings of the stores of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskSettings {
    /// Block cache of the node in bytes. 8 MiB: hot workers are in memory already, and an idle node
    /// has to stay small.
    pub cache_bytes: u64,
    /// Longest time that a unit waits to become durable. 5 s: a quiet group has little to replay,
    /// each table costs some seven flushes, and what a busy worker writes again and again is written
    /// once.
    pub flush_interval: Duration,
    /// Bytes of the units of all groups that wait, also of what later units wrote again, at which
    /// the largest groups are written. 8 MiB: some 24,000 messages, which a start applies again in
    /// half a second. With 4 MiB a ring on one node made 29,000 hops a second, with 8 MiB 37,000.
    pub flush_bytes: u64,
    /// Unmerged tables of a group at which they are merged. 12: they are small where many groups are
    /// busy, and each merge writes again what it meets.
    pub merged_tables: u8,
    /// Size in bytes of merged tables. 8 MiB: a merge takes whole tables, and the first level holds
    /// `merged_tables` of them, which bounds how much a merge of new tables writes again.
    pub table_bytes: u64,
    /// Unmerged tables of one group at which it gets no more until they are merged. 32: a read looks
    /// into each of them.
    pub unmerged_tables_max: usize,
    /// Open table files that are kept. 256: of the usual 1024 of a process, the log and connections
    /// need the rest.
    pub open_files: usize,
    /// How soon a group that was left out is tried again.
    pub retry_interval: Duration,
}

impl Default for DiskSettings {
    fn default() -> Self {
        Self {
            cache_bytes: 8 * MIB,
            flush_interval: Duration::from_secs(5),
            flush_bytes: 8 * MIB,
            merged_tables: 12,
            table_bytes: 8 * MIB,
            unmerged_tables_max: 32,
            open_files: 256,
            retry_interval: Duration::from_millis(5),
        }
    }
}

impl DiskSettings {
    /// Tiny limits, so that tests meet every one of them.
    pub fn tiny() -> Self {
        Self {
            cache_bytes: 64 * 1024,
            flush_interval: Duration::from_millis(1),
            flush_bytes: 1024,
            merged_tables: 2,
            table_bytes: 4 * 1024,
            unmerged_tables_max: 4,
            open_files: 16,
            retry_interval: Duration::from_millis(1),
        }
    }

    /// The nearest settings that the engine takes.
    pub(crate) fn bounded(mut self) -> Self {
        self.open_files = self.open_files.max(10);
        self.merged_tables = self.merged_tables.max(2);
        self.unmerged_tables_max = self
            .unmerged_tables_max
            .max(usize::from(self.merged_tables) + 1);
        self
    }
}
