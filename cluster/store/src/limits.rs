//! Every limit of the stores on disk: name, unit, default and why.
//!
//! Before it: the node's configuration, or a test that shrinks them. After it: [`crate::disk`].
//! Leaves to others: limits of a single key or value, which stand with the port.

use std::time::Duration;

const MIB: u64 = 1024 * 1024;

/// Settings of the stores of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskSettings {
    /// Block cache of the node in bytes. 8 MiB: hot workers are in memory already, and an idle node
    /// has to stay small.
    pub cache_bytes: u64,
    /// Size in bytes at which a group's memtable goes to a table. 4 MiB: there is one per group, so
    /// 17 busy groups take 70 MiB, and a table that small is written in some 50 ms.
    pub memtable_bytes: u64,
    /// Size in bytes of all journals together at which the groups that pin the oldest are written
    /// out. 64 MiB, the least that the engine takes: a start reads all of it.
    pub journal_bytes: u64,
    /// Longest time that a unit waits to become durable. 1 s: the log can replay it, so flushing
    /// more often only takes the disk away from the log, and what a busy worker writes again
    /// and again is written once.
    pub flush_interval: Duration,
    /// Unflushed bytes of all groups at which a flush starts at once. 4 MiB, one memtable.
    pub flush_bytes: u64,
    /// The engine's threads for writing and merging tables. 2: with one, a long merge keeps
    /// memtables waiting.
    pub worker_threads: usize,
    /// Open table files that are kept. 256: of the usual 1024 of a process, the log and connections
    /// need the rest.
    pub open_files: usize,
    /// Memtables of one group that wait to be written at which it gets no more batches until one is
    /// done. 3: at 4 the engine makes the writer sleep, which would hold up the other groups.
    pub sealed_memtables_max: usize,
    /// Unmerged tables of one group at which it gets no more batches. 16: the engine brakes at 20.
    pub unmerged_tables_max: usize,
    /// How soon a group that got no batch is tried again.
    pub retry_interval: Duration,
}

impl Default for DiskSettings {
    fn default() -> Self {
        Self {
            cache_bytes: 8 * MIB,
            memtable_bytes: 4 * MIB,
            journal_bytes: 64 * MIB,
            flush_interval: Duration::from_secs(1),
            flush_bytes: 4 * MIB,
            worker_threads: 2,
            open_files: 256,
            sealed_memtables_max: 3,
            unmerged_tables_max: 16,
            retry_interval: Duration::from_millis(5),
        }
    }
}

impl DiskSettings {
    /// Tiny limits, so that tests meet every one of them.
    pub fn tiny() -> Self {
        Self {
            cache_bytes: 64 * 1024,
            memtable_bytes: 4 * 1024,
            flush_interval: Duration::from_millis(1),
            flush_bytes: 1024,
            worker_threads: 1,
            open_files: 16,
            sealed_memtables_max: 1,
            unmerged_tables_max: 4,
            retry_interval: Duration::from_millis(1),
            ..Self::default()
        }
    }

    /// The nearest settings that the engine takes.
    pub(crate) fn bounded(mut self) -> Self {
        self.journal_bytes = self.journal_bytes.max(64 * MIB);
        self.worker_threads = self.worker_threads.max(1);
        self.open_files = self.open_files.max(10);
        self.sealed_memtables_max = self.sealed_memtables_max.max(1);
        self.unmerged_tables_max = self.unmerged_tables_max.max(4);
        self
    }
}
