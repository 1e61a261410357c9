//! The handle to a node's log: where the storage adapter of a group puts requests in and takes
//! state out. The queue and the writer come after it. Guarantees: a request that is refused changed
//! nothing and its completion is not called; one that is accepted is readable at once and completed
//! exactly once, in the order of acceptance within its group. Left to others: reading entries.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::encoding::named_payload;
use super::format::record_bytes;
use super::index::Location;
use super::state::{Group, Operation, Request, Shared, State};
use super::{GroupId, LogError};
use crate::limits::LogLimits;
use crate::payloads::Reference;

/// Called once, from the writer, when a request is flushed or has failed. Must not block.
pub type Completion = Box<dyn FnOnce(Result<(), LogError>) + Send>;

/// How a log is opened.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// The node that the log belongs to; stands in every segment.
    pub node: u64,
    /// The time of opening, in the node's count; stands in every new segment.
    pub stamp: u64,
    /// Sizes and bounds.
    pub limits: LogLimits,
}

/// What the log holds of a group besides its entries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupState {
    /// Index of the first entry; meaningless if there is none.
    pub first: u64,
    /// Index of the last entry, if there is one.
    pub last: Option<u64>,
    /// The last purged index, with the marker that was given for it.
    pub purged: Option<(u64, Bytes)>,
    /// The vote as it was saved.
    pub vote: Option<Bytes>,
    /// The committed mark as it was saved.
    pub committed: Option<Bytes>,
}

/// What the log has counted since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogStatistics {
    /// Flushes that completed requests: one per batch.
    pub flushes: u64,
    /// Requests completed by them.
    pub requests: u64,
    /// Entries written, without the moved ones.
    pub entries: u64,
    /// Entries rewritten from old segments.
    pub entries_moved: u64,
    /// Bytes written to segments.
    pub bytes: u64,
    /// Times that a new segment was begun.
    pub segments_begun: u64,
    /// Segments whose file became free.
    pub segments_retired: u64,
    /// Segments in use now.
    pub segments: u64,
}

/// A node's log. Clones are handles to the same log.
#[derive(Clone)]
pub struct Log {
    pub(super) shared: Arc<Shared>,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Log(node {})", self.shared.config.node)
    }
}

impl Log {
    /// Appends consecutive entries, the first with index `first`. They are readable on return and
    /// durable when `done` is called.
    ///
    /// # Errors
    /// `Order` if `first` is not the next index (a group without entries and without a purge takes
    /// any), `EntrySize`, `DiskFull`, `Poisoned`, `Closed`. Then nothing was changed.
    pub fn append(
        &self,
        group: GroupId,
        first: u64,
        entries: Vec<Bytes>,
        done: Completion,
    ) -> Result<(), LogError> {
        self.check_space()?;
        self.append_decided(group, first, entries, done)
    }

    /// As `append`, also into the reserve of a full disk: raft has decided on these entries, and
    /// would stop for good if they were refused. Proposals are held back by `check_accepting`.
    ///
    /// # Errors
    /// As for `append`; `DiskFull` never.
    pub fn append_decided(
        &self,
        group: GroupId,
        first: u64,
        entries: Vec<Bytes>,
        done: Completion,
    ) -> Result<(), LogError> {
        let limit = self.shared.config.limits.write_bytes_max as usize;
        for entry in &entries {
            let bytes = record_bytes(entry.len());
            if bytes > limit {
                return Err(LogError::EntrySize {
                    bytes: bytes as u64,
                    limit_bytes: limit as u64,
                });
            }
        }
        if entries.is_empty() {
            done(Ok(()));
            return Ok(());
        }
        let mut state = self.shared.lock();
        state.check_writable()?;
        state.check_order(group, first)?;
        state.accept_append(group, first, entries, limit, done);
        drop(state);
        self.shared.wake_writer();
        Ok(())
    }

    /// Drops the entries from index `from` on. They are gone on return, durably when `done` is
    /// called.
    ///
    /// # Errors
    /// `Poisoned`, `Closed`. Then nothing was changed.
    pub fn truncate_from(
        &self,
        group: GroupId,
        from: u64,
        done: Completion,
    ) -> Result<(), LogError> {
        self.change(group, done, |state| {
            let dropped = state
                .groups
                .entry(group)
                .or_default()
                .index
                .truncate_from(from);
            state.cache.truncate_from(group, from);
            Operation::Truncate { from, dropped }
        })
    }

    /// Drops the entries up to and with `index`, and remembers `marker` for them. The next entry
    /// has at least `index + 1`.
    ///
    /// # Errors
    /// `Poisoned`, `Closed`. Then nothing was changed.
    pub fn purge(
        &self,
        group: GroupId,
        index: u64,
        marker: Bytes,
        done: Completion,
    ) -> Result<(), LogError> {
        self.change(group, done, |state| {
            let entry = state.groups.entry(group).or_default();
            let dropped = entry.index.purge_to(index);
            entry.marks.purge(index, marker.clone());
            state.cache.purge_to(group, index);
            Operation::Purge {
                index,
                marker,
                dropped,
            }
        })
    }

    /// Replaces the group's vote.
    ///
    /// # Errors
    /// `Poisoned`, `Closed`. Then nothing was changed.
    pub fn save_vote(&self, group: GroupId, vote: Bytes, done: Completion) -> Result<(), LogError> {
        self.change(group, done, |state| {
            state.groups.entry(group).or_default().marks.vote = Some(vote.clone());
            Operation::Vote(vote)
        })
    }

    /// Replaces the group's committed mark. It costs no flush: it goes out with the next write, or
    /// when the log is closed. A crash may bring an older one back.
    ///
    /// # Errors
    /// `Poisoned`, `Closed`. Then nothing was changed.
    pub fn save_committed(&self, group: GroupId, committed: Option<Bytes>) -> Result<(), LogError> {
        let mut state = self.shared.lock();
        state.check_writable()?;
        state.groups.entry(group).or_default().marks.committed = committed;
        state.committed_changed.insert(group);
        Ok(())
    }

    /// Drops everything of a group: it has left this node.
    ///
    /// # Errors
    /// `Poisoned`, `Closed`. Then nothing was changed.
    pub fn forget(&self, group: GroupId, done: Completion) -> Result<(), LogError> {
        self.change(group, done, |state| {
            let dropped = match state.groups.remove(&group) {
                Some(mut entry) => entry.index.truncate_from(0),
                None => Default::default(),
            };
            state.cache.forget(group);
            state.committed_changed.remove(&group);
            Operation::Forget { dropped }
        })
    }

    /// The groups that the log has something of, sorted.
    #[must_use]
    pub fn groups(&self) -> Vec<GroupId> {
        self.shared.lock().groups.keys().copied().collect()
    }

    /// What the log holds of a group; empty if nothing.
    #[must_use]
    pub fn group_state(&self, group: GroupId) -> GroupState {
        let state = self.shared.lock();
        let Some(entry) = state.groups.get(&group) else {
            return GroupState::default();
        };
        GroupState {
            first: entry.index.first(),
            last: (!entry.index.is_empty()).then(|| entry.index.next() - 1),
            purged: entry.marks.purged.clone(),
            vote: entry.marks.vote.clone(),
            committed: entry.marks.committed.clone(),
        }
    }

    /// The payloads that the entries of all groups name: what must be kept beside the log.
    #[must_use]
    pub fn payloads(&self) -> BTreeSet<Reference> {
        let state = self.shared.lock();
        let all = state.groups.values();
        all.flat_map(|group| group.index.payloads()).collect()
    }

    /// The payloads that the entries of one group name. Its state names none: it has what was applied.
    #[must_use]
    pub fn payloads_of(&self, group: GroupId) -> BTreeSet<Reference> {
        let state = self.shared.lock();
        let group = state.groups.get(&group);
        group.map_or_else(BTreeSet::new, |group| group.index.payloads().collect())
    }

    /// Whether appends are accepted. Whoever proposes should ask before, since an append that
    /// raft has already decided on cannot be refused without stopping its group.
    ///
    /// # Errors
    /// `DiskFull`, `Poisoned` or `Closed`: why not.
    pub fn check_accepting(&self) -> Result<(), LogError> {
        self.check_space()?;
        self.shared.lock().check_writable()
    }

    /// Looks at the free room now; `check_accepting` says what follows from it.
    pub fn measure_space(&self) {
        self.shared.measure_space();
    }

    /// Most bytes that one read for replication should ask for.
    #[must_use]
    pub fn read_bytes_max(&self) -> u64 {
        self.shared.config.limits.read_bytes_max
    }

    /// What was counted so far.
    #[must_use]
    pub fn statistics(&self) -> LogStatistics {
        let state = self.shared.lock();
        LogStatistics {
            segments: state.segments.len() as u64,
            ..state.statistics
        }
    }

    /// Lets the writer finish what is queued and stop. Later requests are refused as `Closed`.
    pub fn close(&self) {
        self.shared.lock().closing = true;
        self.shared.work.notify_all();
        self.shared.files.notify_all();
        self.shared.waker.wake();
    }

    /// Asks the disk again once it was short; otherwise costs nothing.
    fn check_space(&self) -> Result<(), LogError> {
        if self.shared.lock().shortage.is_none() {
            return Ok(());
        }
        self.shared.measure_space();
        match &self.shared.lock().shortage {
            Some(shortage) => Err(shortage.clone()),
            None => Ok(()),
        }
    }

    fn change(
        &self,
        group: GroupId,
        done: Completion,
        apply: impl FnOnce(&mut State) -> Operation,
    ) -> Result<(), LogError> {
        let mut state = self.shared.lock();
        state.check_writable()?;
        let operation = apply(&mut state);
        state.queue.push_back(Request {
            group,
            operation,
            done: Some(done),
        });
        drop(state);
        self.shared.wake_writer();
        Ok(())
    }
}

impl State {
    fn check_order(&mut self, group: GroupId, first: u64) -> Result<(), LogError> {
        let entry: &mut Group = self.groups.entry(group).or_default();
        let untouched = entry.index.is_empty() && entry.marks.purged.is_none();
        if untouched {
            entry.index.start_at(first);
        }
        let expected = entry.index.next();
        if first == expected {
            return Ok(());
        }
        Err(LogError::Order {
            group,
            expected,
            found: first,
        })
    }

    /// Queues an append, in parts that fit into one write each; the last part completes it.
    fn accept_append(
        &mut self,
        group: GroupId,
        first: u64,
        entries: Vec<Bytes>,
        part_bytes_max: usize,
        done: Completion,
    ) {
        let mut done = Some(done);
        let mut first = first;
        let mut rest = entries;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fitting = rest
                .iter()
                .take_while(|entry| {
                    bytes += record_bytes(entry.len());
                    bytes <= part_bytes_max
                })
                .count();
            let later = rest.split_off(fitting.max(1));
            let part = std::mem::replace(&mut rest, later);
            let count = part.len() as u64;
            let done = if rest.is_empty() { done.take() } else { None };
            self.accept_part(group, first, part, done);
            first += count;
        }
    }

    fn accept_part(
        &mut self,
        group: GroupId,
        first: u64,
        entries: Vec<Bytes>,
        done: Option<Completion>,
    ) {
        let ticket = self.ticket();
        let index = &mut self.groups.entry(group).or_default().index;
        for (offset, entry) in (first..).zip(&entries) {
            index.push(Location::waiting(ticket, record_bytes(entry.len()) as u32));
            index.name(offset, named_payload(entry));
            self.cache.push(group, offset, entry.clone());
        }
        self.queue.push_back(Request {
            group,
            operation: Operation::Append {
                first,
                ticket,
                entries,
            },
            done,
        });
    }
}
