//! The one writer of a log: takes all that waits, writes it with one call, flushes once, then
//! completes all of it. Handles come before it, the disk after it. Guarantees: no completion
//! before the flush; one write in flight; after a failed write or flush nothing is written again
//! and everything that waits or comes fails. Left to others: preparing files (`segments`) and
//! choosing what to move (`relief`). It runs on a thread (`threads`), as a task, or step by step.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::{Arc, PoisonError};
use std::task::Poll;

use bytes::Bytes;

use super::checkpoint::Written;
use super::format::{
    BATCH_BYTES, BatchHead, HEADER_BYTES, Kind, SegmentHeader, frame, record_bytes, segment_name,
};
use super::index::Location;
use super::read::read_location;
use super::relief::{Move, Relief};
use super::segments::Need;
use super::state::{Operation, ReadySegment, Request, Segment, Shared};
use super::{GroupId, LogError, checkpoint};
use crate::disk::DiskFile;

/// The segment that is written to.
pub(super) struct Active {
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) header: SegmentHeader,
    /// Where the next batch goes.
    pub(super) end: u32,
    /// No batch is in it yet.
    pub(super) fresh: bool,
    /// It was made under other limits: the next batch begins a new one.
    pub(super) outgrown: bool,
    /// The segment before it and where that ends; (0, 0) for none.
    pub(super) previous: (u32, u32),
}

impl Active {
    pub(super) fn begin(ready: ReadySegment, previous: (u32, u32)) -> Self {
        Self {
            file: ready.file,
            header: ready.header,
            end: HEADER_BYTES as u32,
            fresh: true,
            outgrown: false,
            previous,
        }
    }

    pub(super) fn segment(&self) -> Segment {
        Segment {
            file: Arc::clone(&self.file),
            seed: self.header.seed(),
            live_records: 0,
            live_bytes: 0,
        }
    }
}

/// Writes a node's log. Nothing is written unless it is run or stepped.
pub struct LogWriter {
    pub(super) shared: Arc<Shared>,
    pub(super) active: Active,
    /// Number of the last batch.
    pub(super) batch: u64,
    /// All groups as of the last write.
    pub(super) written: BTreeMap<GroupId, Written>,
    /// Nobody else prepares files.
    pub(super) keeps_files: bool,
    pub(super) relief: Relief,
    pub(super) buffer: Vec<u8>,
}

/// What goes out with one write.
#[derive(Default)]
struct Batch {
    requests: Vec<Request>,
    committed: Vec<(GroupId, Option<Bytes>)>,
    moves: Vec<(Move, Bytes)>,
}

impl Batch {
    fn record_bytes(&self) -> usize {
        let requests: usize = self
            .requests
            .iter()
            .map(|request| request.operation.record_bytes())
            .sum();
        let committed: usize = self
            .committed
            .iter()
            .map(|(_, mark)| record_bytes(mark.as_ref().map_or(0, Bytes::len)))
            .sum();
        let moves: usize = self
            .moves
            .iter()
            .map(|(_, bytes)| record_bytes(bytes.len()))
            .sum();
        BATCH_BYTES + requests + committed + moves
    }
}

impl LogWriter {
    /// Writes, flushes and completes what waits now, up to the limit of one write. Returns false
    /// if there was nothing to do.
    pub fn step(&mut self) -> bool {
        let Some(batch) = self.drain() else {
            return false;
        };
        self.commit(batch);
        if self.keeps_files && self.shared.lock().needs_maintenance() {
            // A failure is remembered as the reason to refuse appends.
            let _ = self.shared.maintain(Need::Ahead);
        }
        true
    }

    /// Runs on the calling thread until the log is closed and everything is written.
    pub fn run(&mut self) {
        loop {
            if self.step() {
                continue;
            }
            let state = self.shared.lock();
            if !state.queue.is_empty() {
                continue;
            }
            if state.closing {
                return;
            }
            let woken = self.shared.work.wait(state);
            drop(woken.unwrap_or_else(PoisonError::into_inner));
            // What others are about to append shares the write: an idle machine comes back at once.
            std::thread::yield_now();
        }
    }

    /// Runs as a task, one batch at a time, until the log is closed and everything is written.
    /// Before each batch it waits for `pause`: what a slow disk takes, where time is simulated.
    pub async fn drive<F: Future<Output = ()>>(mut self, mut pause: impl FnMut() -> F) {
        while self.wanted().await {
            pause().await;
            while self.step() {
                pause().await;
            }
        }
        // What closing leaves to be written.
        while self.step() {}
    }

    /// Waits until something waits to be written; false once the log is closed instead.
    async fn wanted(&self) -> bool {
        poll_fn(|context| {
            self.shared.waker.register(context.waker());
            let state = self.shared.lock();
            match (state.queue.is_empty(), state.closing) {
                (false, _) => Poll::Ready(true),
                (true, true) => Poll::Ready(false),
                (true, false) => Poll::Pending,
            }
        })
        .await
    }

    fn drain(&mut self) -> Option<Batch> {
        let limits = &self.shared.config.limits;
        let mut state = self.shared.lock();
        if let Some(failure) = state.failure.clone() {
            state.committed_changed.clear();
            let requests = Vec::from(std::mem::take(&mut state.queue));
            drop(state);
            complete(requests, &Err(failure));
            return None;
        }
        let moves = self
            .relief
            .take(&state, limits, self.active.header.sequence);
        let mut batch = Batch::default();
        let mut bytes = 0;
        while let Some(request) = state.queue.front() {
            bytes += request.operation.record_bytes();
            if bytes > limits.write_bytes_max as usize && !batch.requests.is_empty() {
                break;
            }
            batch.requests.extend(state.queue.pop_front());
        }
        let closing = state.closing && !state.committed_changed.is_empty();
        if batch.requests.is_empty() && moves.is_empty() && !closing {
            return None;
        }
        // A mark must not be on disk before the entries that it covers: some may still wait.
        let marked = match state.queue.is_empty() {
            true => std::mem::take(&mut state.committed_changed),
            false => Default::default(),
        };
        for group in marked {
            if let Some(entry) = state.groups.get(&group) {
                batch.committed.push((group, entry.marks.committed.clone()));
            }
        }
        drop(state);
        batch.moves = self.read_moves(moves);
        Some(batch)
    }

    /// Reads what is to be moved; what cannot be read is left where it is.
    fn read_moves(&mut self, moves: Vec<Move>) -> Vec<(Move, Bytes)> {
        let mut read = Vec::with_capacity(moves.len());
        for moved in moves {
            match read_location(&moved.place) {
                Ok(Some(bytes)) => read.push((moved, bytes)),
                outcome => {
                    let file = segment_name(moved.place.location.segment);
                    tracing::error!(%file, ?outcome, "a live entry cannot be read to be moved");
                    self.relief.give_up(moved.place.location.segment);
                }
            }
        }
        read
    }

    fn commit(&mut self, batch: Batch) {
        let bytes = batch.record_bytes();
        let room = (self.active.header.segment_bytes - self.active.end) as usize;
        if (bytes > room || self.active.outgrown)
            && !self.active.fresh
            && let Err(error) = self.begin_next_segment()
        {
            self.refuse(batch, &error);
            return;
        }
        let placed = self.encode(&batch);
        if let Err(error) = self.write() {
            self.fail(batch, &error);
            return;
        }
        self.settle(&batch, placed);
        self.relief.paused = false;
        complete(batch.requests, &Ok(()));
    }

    fn begin_next_segment(&mut self) -> Result<(), LogError> {
        let ready = self.shared.lock().files.ready.take();
        let ready = match ready {
            Some(ready) => ready,
            None => {
                self.shared.maintain(Need::Now)?;
                let made = self.shared.lock().files.ready.take();
                made.ok_or(LogError::Closed)?
            }
        };
        let previous = (self.active.header.sequence, self.active.end);
        self.active = Active::begin(ready, previous);
        let mut state = self.shared.lock();
        let sequence = self.active.header.sequence;
        state.segments.insert(sequence, self.active.segment());
        state.statistics.segments_begun += 1;
        state.files.wanted = false;
        Ok(())
    }

    /// Frames the whole batch into the buffer; returns where each entry will be.
    fn encode(&mut self, batch: &Batch) -> Placed {
        let header = self.active.header;
        let seed = header.seed();
        self.batch += 1;
        self.buffer.clear();
        let (previous_sequence, previous_end) = match self.active.fresh {
            true => self.active.previous,
            false => (0, 0),
        };
        let head = BatchHead {
            mark: header.mark(),
            previous_sequence,
            previous_end,
        };
        let node_wide = GroupId(0);
        let number = self.batch;
        frame(
            &mut self.buffer,
            seed,
            Kind::Batch,
            node_wide,
            number,
            &head.encode(),
        );
        if self.active.fresh {
            let checkpoint = checkpoint::encode(&self.written);
            frame(
                &mut self.buffer,
                seed,
                Kind::Checkpoint,
                node_wide,
                0,
                &checkpoint,
            );
        }
        let mut placed = Placed::default();
        // Moves come first: a later record of this batch may drop what they hold.
        for (moved, bytes) in &batch.moves {
            let (group, index) = (moved.place.group, moved.place.index);
            placed
                .moves
                .push(self.frame_entry(Kind::Moved, group, index, bytes));
        }
        for request in &batch.requests {
            self.frame_request(request, &mut placed.entries);
        }
        for (group, mark) in &batch.committed {
            let payload = mark.as_deref().unwrap_or_default();
            frame(&mut self.buffer, seed, Kind::Committed, *group, 0, payload);
            self.written.entry(*group).or_default().marks.committed = mark.clone();
        }
        placed
    }

    fn frame_entry(&mut self, kind: Kind, group: GroupId, index: u64, bytes: &[u8]) -> Location {
        let start = self.buffer.len();
        let header = &self.active.header;
        frame(&mut self.buffer, header.seed(), kind, group, index, bytes);
        Location {
            segment: header.sequence,
            offset: self.active.end + start as u32,
            length: (self.buffer.len() - start) as u32,
        }
    }

    fn frame_request(&mut self, request: &Request, locations: &mut Vec<Location>) {
        let seed = self.active.header.seed();
        let group = request.group;
        match &request.operation {
            Operation::Append { first, entries, .. } => {
                for (index, entry) in (*first..).zip(entries) {
                    locations.push(self.frame_entry(Kind::Entry, group, index, entry));
                }
                let written = self.written.entry(group).or_default();
                written.append(*first, first + entries.len() as u64);
            }
            Operation::Truncate { from, .. } => {
                frame(&mut self.buffer, seed, Kind::Truncate, group, *from, &[]);
                self.written.entry(group).or_default().truncate_from(*from);
            }
            Operation::Purge { index, marker, .. } => {
                frame(&mut self.buffer, seed, Kind::Purge, group, *index, marker);
                let written = self.written.entry(group).or_default();
                written.purge(*index, marker.clone());
            }
            Operation::Vote(vote) => {
                frame(&mut self.buffer, seed, Kind::Vote, group, 0, vote);
                self.written.entry(group).or_default().marks.vote = Some(vote.clone());
            }
            Operation::Forget { .. } => {
                frame(&mut self.buffer, seed, Kind::Forget, group, 0, &[]);
                self.written.remove(&group);
            }
        }
    }

    fn write(&mut self) -> Result<(), LogError> {
        let active = &mut self.active;
        // Recovery wipes this far behind the last whole record.
        let reach = 2 * active.header.write_bytes_max as usize;
        if self.buffer.len() > reach {
            return Err(LogError::Limits {
                contradiction: format!(
                    "the marks of {} groups do not fit into write_bytes_max ({})",
                    self.written.len(),
                    active.header.write_bytes_max
                ),
            });
        }
        let name = segment_name(active.header.sequence);
        active
            .file
            .write_at(u64::from(active.end), &self.buffer)
            .map_err(|cause| LogError::io("writing", &name, &cause))?;
        active
            .file
            .sync_data()
            .map_err(|cause| LogError::io("flushing", &name, &cause))?;
        active.end += self.buffer.len() as u32;
        active.fresh = false;
        Ok(())
    }

    /// Makes the batch's outcome visible: entries have places, what was dropped is free.
    fn settle(&mut self, batch: &Batch, placed: Placed) {
        let mut state = self.shared.lock();
        let mut locations = placed.entries.into_iter();
        for request in &batch.requests {
            if let Operation::Append {
                first,
                ticket,
                entries,
            } = &request.operation
            {
                for (index, location) in (*first..).zip(locations.by_ref().take(entries.len())) {
                    state.place_entry(request.group, index, *ticket, location);
                }
                state.statistics.entries += entries.len() as u64;
            }
            if let Some(dropped) = request.operation.dropped() {
                for (segment, records, bytes) in dropped.iter() {
                    state.remove_live(segment, records, bytes);
                }
            }
        }
        for ((moved, _), location) in batch.moves.iter().zip(placed.moves) {
            state.place_moved(moved, location);
        }
        state.statistics.flushes += 1;
        state.statistics.requests += batch.requests.len() as u64;
        state.statistics.entries_moved += batch.moves.len() as u64;
        state.statistics.bytes += self.buffer.len() as u64;
        state.evict(self.shared.config.limits.cache_bytes_max);
        state.retire_dead_segments();
        // From a quarter on: an idle node needs no second file, and a busy one has it in time.
        state.files.wanted = self.active.end >= self.active.header.segment_bytes / 4;
        let maintain = state.needs_maintenance();
        drop(state);
        if maintain {
            self.shared.files.notify_all();
        }
        if batch
            .requests
            .iter()
            .any(|request| request.operation.is_append())
        {
            self.shared.measure_space();
        }
    }

    /// There is no room for a new segment: nothing of this was written. Appends that wait behind
    /// it build on it, so they go with it.
    fn refuse(&mut self, batch: Batch, error: &LogError) {
        self.relief.paused = true;
        let mut refused = batch.requests;
        let mut state = self.shared.lock();
        for request in std::mem::take(&mut state.queue) {
            if request.operation.is_append() {
                refused.push(request);
            } else {
                state.queue.push_back(request);
            }
        }
        for request in refused
            .iter()
            .filter(|request| request.operation.is_append())
        {
            if let Some(group) = state.groups.get_mut(&request.group) {
                group.index.drop_waiting();
                let next = group.index.next();
                state.cache.truncate_from(request.group, next);
            }
        }
        drop(state);
        complete(refused, &Err(error.clone()));
    }

    /// A write or flush failed: the log is at its end.
    fn fail(&mut self, batch: Batch, error: &LogError) {
        tracing::error!(%error, "the raft log stops");
        let poisoned = LogError::Poisoned {
            cause: error.to_string(),
        };
        let mut state = self.shared.lock();
        state.failure = Some(poisoned.clone());
        let waiting = std::mem::take(&mut state.queue);
        drop(state);
        complete(batch.requests, &Err(poisoned.clone()));
        complete(waiting, &Err(poisoned));
    }
}

/// Where the entries of a batch will be, in its order.
#[derive(Default)]
struct Placed {
    moves: Vec<Location>,
    entries: Vec<Location>,
}

fn complete(requests: impl IntoIterator<Item = Request>, outcome: &Result<(), LogError>) {
    for done in requests.into_iter().filter_map(|request| request.done) {
        done(outcome.clone());
    }
}
