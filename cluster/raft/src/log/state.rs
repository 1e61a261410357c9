//! What all handles, the writer and the housekeeper share, under one lock that is never held over
//! a disk call. The handle fills the queue, the writer empties it. Guarantees: what a request
//! changes is readable from the moment it is accepted; what it frees is counted as free only once
//! its record is flushed. Left to others: everything on disk.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::task::AtomicWaker;

use super::cache::Cache;
use super::format::{SegmentHeader, record_bytes};
use super::handle::{Completion, LogConfig, LogStatistics};
use super::index::{Dropped, GroupIndex};
use super::{GroupId, LogError};
use crate::disk::{Disk, DiskFile};

/// One log, as its parts see it.
pub(super) struct Shared {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) config: LogConfig,
    state: Mutex<State>,
    /// The writer's thread waits here for requests.
    pub(super) work: Condvar,
    /// The housekeeper waits here for files to prepare or reuse, the writer for a prepared one.
    pub(super) files: Condvar,
    /// Wakes a writer that is driven as a task.
    pub(super) waker: AtomicWaker,
}

impl Shared {
    pub(super) fn new(disk: Arc<dyn Disk>, config: LogConfig, state: State) -> Self {
        Self {
            disk,
            config,
            state: Mutex::new(state),
            work: Condvar::new(),
            files: Condvar::new(),
            waker: AtomicWaker::new(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock calls foreign code, so a panic there is a bug that has
        // already been reported; the other groups still get their answers.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes whoever drives the writer.
    pub(super) fn wake_writer(&self) {
        self.work.notify_one();
        self.waker.wake();
    }
}

/// The part under the lock.
#[derive(Default)]
pub(super) struct State {
    pub(super) groups: BTreeMap<GroupId, Group>,
    pub(super) cache: Cache,
    pub(super) queue: VecDeque<Request>,
    /// Groups whose committed mark goes out with the next write.
    pub(super) committed_changed: BTreeSet<GroupId>,
    /// Segments that hold records, oldest first; the last one is written to.
    pub(super) segments: BTreeMap<u32, Segment>,
    /// Bytes of live entries in all segments.
    pub(super) live_bytes: u64,
    pub(super) files: Files,
    pub(super) failure: Option<LogError>,
    /// Why appends are refused for now.
    pub(super) shortage: Option<LogError>,
    pub(super) closing: bool,
    pub(super) statistics: LogStatistics,
    next_ticket: u32,
}

/// The files behind and ahead of the segments in use.
#[derive(Default)]
pub(super) struct Files {
    /// The current segment has come so far that the next one should be made.
    pub(super) wanted: bool,
    /// The segment to go on with when the current one is full.
    pub(super) ready: Option<ReadySegment>,
    /// Someone is making `ready` right now.
    pub(super) preparing: bool,
    /// Sequence of the next segment to prepare.
    pub(super) next_sequence: u32,
    /// Segments without live entries, oldest first, to be reused or removed in this order.
    pub(super) retired: VecDeque<u32>,
    /// Taking a segment back failed: none is taken back any more, as the order matters.
    pub(super) stuck: bool,
    /// Names of files that can become segments.
    pub(super) spares: Vec<String>,
}

/// A segment with a flushed header and no record.
pub(super) struct ReadySegment {
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) header: SegmentHeader,
}

/// A segment in use.
pub(super) struct Segment {
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) seed: u32,
    pub(super) live_records: u64,
    pub(super) live_bytes: u64,
}

/// What is in memory of one group.
#[derive(Default)]
pub(super) struct Group {
    pub(super) index: GroupIndex,
    pub(super) marks: Marks,
}

/// The small state of a group that checkpoints repeat.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) vote: Option<Bytes>,
    /// The last purged index and the marker that came with it.
    pub(super) purged: Option<(u64, Bytes)>,
    pub(super) committed: Option<Bytes>,
}

impl Marks {
    /// Takes a purge over, unless a later one is known.
    pub(super) fn purge(&mut self, index: u64, marker: Bytes) {
        if self
            .purged
            .as_ref()
            .is_none_or(|(known, _)| *known <= index)
        {
            self.purged = Some((index, marker));
        }
    }
}

/// Something to be written, and whom to tell.
pub(super) struct Request {
    pub(super) group: GroupId,
    pub(super) operation: Operation,
    pub(super) done: Option<Completion>,
}

/// What is to be written.
pub(super) enum Operation {
    Append {
        first: u64,
        ticket: u32,
        entries: Vec<Bytes>,
    },
    Truncate {
        from: u64,
        dropped: Dropped,
    },
    Purge {
        index: u64,
        marker: Bytes,
        dropped: Dropped,
    },
    Vote(Bytes),
    Forget {
        dropped: Dropped,
    },
}

impl Operation {
    /// Bytes that the records of this operation take.
    pub(super) fn record_bytes(&self) -> usize {
        match self {
            Self::Append { entries, .. } => {
                entries.iter().map(|entry| record_bytes(entry.len())).sum()
            }
            Self::Truncate { .. } | Self::Forget { .. } => record_bytes(0),
            Self::Purge { marker, .. } => record_bytes(marker.len()),
            Self::Vote(vote) => record_bytes(vote.len()),
        }
    }

    pub(super) fn is_append(&self) -> bool {
        matches!(self, Self::Append { .. })
    }

    pub(super) fn dropped(&self) -> Option<&Dropped> {
        match self {
            Self::Truncate { dropped, .. }
            | Self::Purge { dropped, .. }
            | Self::Forget { dropped } => Some(dropped),
            Self::Append { .. } | Self::Vote(_) => None,
        }
    }
}

impl State {
    /// A number that no request in flight has; never 0.
    pub(super) fn ticket(&mut self) -> u32 {
        self.next_ticket = self.next_ticket.checked_add(1).unwrap_or(1);
        self.next_ticket
    }

    /// Fails when nothing can be written any more.
    pub(super) fn check_writable(&self) -> Result<(), LogError> {
        if let Some(failure) = &self.failure {
            return Err(failure.clone());
        }
        if self.closing {
            return Err(LogError::Closed);
        }
        Ok(())
    }

    /// Counts a record as live in its segment.
    pub(super) fn add_live(&mut self, segment: u32, bytes: u32) {
        if let Some(segment) = self.segments.get_mut(&segment) {
            segment.live_records += 1;
            segment.live_bytes += u64::from(bytes);
            self.live_bytes += u64::from(bytes);
        }
    }

    /// Counts records as dead in their segment.
    pub(super) fn remove_live(&mut self, segment: u32, records: u64, bytes: u64) {
        if let Some(segment) = self.segments.get_mut(&segment) {
            debug_assert!(
                segment.live_records >= records,
                "more records died than lived"
            );
            segment.live_records = segment.live_records.saturating_sub(records);
            segment.live_bytes = segment.live_bytes.saturating_sub(bytes);
            self.live_bytes = self.live_bytes.saturating_sub(bytes);
        }
    }

    /// Evicts recent entries beyond the limit, but none that waits for its flush.
    pub(super) fn evict(&mut self, bytes_max: u64) {
        let groups = &self.groups;
        self.cache.evict(bytes_max, |group, index| {
            groups
                .get(&group)
                .and_then(|group| group.index.get(index))
                .is_some_and(|location| !location.is_flushed())
        });
    }

    /// Takes segments without live entries off the old end, for reuse. The last one stays.
    pub(super) fn retire_dead_segments(&mut self) {
        while self.segments.len() > 1
            && let Some(oldest) = self.segments.first_entry()
            && oldest.get().live_records == 0
        {
            let (sequence, _) = oldest.remove_entry();
            self.files.retired.push_back(sequence);
        }
    }
}
