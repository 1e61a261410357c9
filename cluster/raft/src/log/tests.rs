//! Tests of the log: on the memory disk step by step, and on both disks with openraft's suite.
//! The files here are families: `commit` (flushes and refusals), `corruption`, `segments` (reuse
//! and relief), `model` (random operations with crashes), `suite` (openraft's), `group` (the
//! adapter and its encoding), `payloads` (which payloads are named).

use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::{GroupId, Log, LogConfig, LogError, LogWriter};
use crate::disk::MemoryDisk;
use crate::limits::LogLimits;

mod commit;
mod corruption;
mod group;
mod model;
mod payloads;
mod segments;
mod suite;

/// Limits that make rolls, relief and cache misses happen within a few records.
pub(super) fn tiny() -> LogLimits {
    LogLimits {
        segment_bytes: 8192,
        write_bytes_max: 2048,
        cache_bytes_max: 600,
        free_bytes_reserve: 1000,
        segments_pinned_max: 4,
        segments_spare_max: 2,
        read_bytes_max: 1000,
    }
}

pub(super) fn config(limits: LogLimits) -> LogConfig {
    LogConfig {
        node: 7,
        stamp: 1000,
        limits,
    }
}

/// Runs a future to its end on this thread.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}

/// What became of a request: nothing yet, flushed, or failed.
#[derive(Clone, Default)]
pub(super) struct Outcome(Arc<Mutex<Option<Result<(), LogError>>>>);

impl Outcome {
    pub(super) fn get(&self) -> Option<Result<(), LogError>> {
        self.0.lock().unwrap().clone()
    }

    pub(super) fn is_flushed(&self) -> bool {
        self.get() == Some(Ok(()))
    }

    pub(super) fn done(&self) -> super::Completion {
        let told = Arc::clone(&self.0);
        Box::new(move |outcome| {
            let before = told.lock().unwrap().replace(outcome);
            assert!(before.is_none(), "a request was completed twice");
        })
    }
}

/// A log on a memory disk, stepped by hand.
pub(super) struct Rig {
    pub(super) disk: MemoryDisk,
    pub(super) log: Log,
    pub(super) writer: LogWriter,
}

impl Rig {
    pub(super) fn new(limits: LogLimits) -> Self {
        Self::open(MemoryDisk::default(), limits).unwrap()
    }

    pub(super) fn open(disk: MemoryDisk, limits: LogLimits) -> Result<Self, LogError> {
        let (log, writer) = Log::open(Arc::new(disk.clone()), config(limits))?;
        Ok(Self { disk, log, writer })
    }

    /// The machine stops and starts again.
    pub(super) fn crash(self, seed: u64) -> Result<Self, LogError> {
        let limits = self.log.shared.config.limits.clone();
        Self::open(self.disk.crash(seed), limits)
    }

    pub(super) fn append(&self, group: u64, first: u64, payloads: &[&[u8]]) -> Outcome {
        let outcome = Outcome::default();
        let entries = payloads.iter().map(|bytes| Bytes::copy_from_slice(bytes));
        self.log
            .append(GroupId(group), first, entries.collect(), outcome.done())
            .unwrap();
        outcome
    }

    pub(super) fn vote(&self, group: u64, vote: &'static [u8]) -> Outcome {
        let outcome = Outcome::default();
        let vote = Bytes::from_static(vote);
        self.log
            .save_vote(GroupId(group), vote, outcome.done())
            .unwrap();
        outcome
    }

    pub(super) fn truncate(&self, group: u64, from: u64) -> Outcome {
        let outcome = Outcome::default();
        self.log
            .truncate_from(GroupId(group), from, outcome.done())
            .unwrap();
        outcome
    }

    pub(super) fn purge(&self, group: u64, index: u64) -> Outcome {
        let outcome = Outcome::default();
        let marker = Bytes::from(index.to_string());
        self.log
            .purge(GroupId(group), index, marker, outcome.done())
            .unwrap();
        outcome
    }

    /// Steps until nothing waits.
    pub(super) fn flush(&mut self) {
        while self.writer.step() {}
    }

    /// All entries of a group.
    pub(super) fn entries(&self, group: u64) -> Vec<(u64, Vec<u8>)> {
        let read = self
            .log
            .read(GroupId(group), 0, u64::MAX, u64::MAX)
            .unwrap();
        read.into_iter()
            .map(|(index, bytes)| (index, bytes.to_vec()))
            .collect()
    }

    /// Appends `count` entries of `bytes` bytes to a group, each flushed for itself.
    pub(super) fn fill(&mut self, group: u64, first: u64, count: u64, bytes: usize) {
        for index in first..first + count {
            let outcome = self.append(group, index, &[&vec![index as u8; bytes]]);
            self.flush();
            assert!(outcome.is_flushed());
        }
    }
}
