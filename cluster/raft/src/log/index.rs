//! Where the entries of one group are: twelve bytes for each. The handle and replay change it,
//! reads and relief look into it. Guarantees: the entries are consecutive; those not yet flushed
//! are the last ones. Left to others: the entries' bytes, and counting what is live in a segment.

use std::collections::{BTreeMap, VecDeque};

use smallvec::SmallVec;

use crate::payloads::Reference;

/// Where an entry's record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Location {
    /// Sequence of the segment; 0 while the entry waits for its flush, or is absent.
    pub(super) segment: u32,
    /// Offset of the record; while it waits, the ticket of its request.
    pub(super) offset: u32,
    /// Bytes of the record, its frame included.
    pub(super) length: u32,
}

impl Location {
    /// A hole, only while the log is replayed.
    pub(super) const ABSENT: Self = Self {
        segment: 0,
        offset: 0,
        length: 0,
    };

    pub(super) fn waiting(ticket: u32, length: u32) -> Self {
        Self {
            segment: 0,
            offset: ticket,
            length,
        }
    }

    pub(super) fn is_flushed(&self) -> bool {
        self.segment != 0
    }

    pub(super) fn is_waiting_for(&self, ticket: u32) -> bool {
        self.segment == 0 && self.offset == ticket
    }
}

/// How many flushed records, and bytes of them, died in each segment.
#[derive(Debug, Default)]
pub(super) struct Dropped(SmallVec<[(u32, u64, u64); 2]>);

impl Dropped {
    fn add(&mut self, location: Location) {
        if !location.is_flushed() {
            return;
        }
        let bytes = u64::from(location.length);
        match self.0.last_mut() {
            Some((segment, count, sum)) if *segment == location.segment => {
                *count += 1;
                *sum += bytes;
            }
            _ => self.0.push((location.segment, 1, bytes)),
        }
    }

    /// (segment, records, bytes); a segment may come more than once.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u64, u64)> + '_ {
        self.0.iter().copied()
    }
}

/// The locations of one group's entries.
#[derive(Debug, Default)]
pub(super) struct GroupIndex {
    /// Index of the first entry, or of the next one if there is none.
    first: u64,
    slots: VecDeque<Location>,
    /// The payloads that entries name.
    named: BTreeMap<u64, Reference>,
}

impl GroupIndex {
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// One past the last entry.
    pub(super) fn next(&self) -> u64 {
        self.first + self.slots.len() as u64
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(super) fn get(&self, index: u64) -> Option<Location> {
        let slot = index.checked_sub(self.first)?;
        self.slots.get(slot as usize).copied()
    }

    /// Replaces the location of an entry that is there.
    pub(super) fn set(&mut self, index: u64, location: Location) {
        if let Some(slot) = index.checked_sub(self.first)
            && let Some(known) = self.slots.get_mut(slot as usize)
        {
            *known = location;
        }
    }

    /// Lets an empty index go on at `index`.
    pub(super) fn start_at(&mut self, index: u64) {
        debug_assert!(self.slots.is_empty(), "only an empty index can be moved");
        self.first = index;
    }

    pub(super) fn push(&mut self, location: Location) {
        self.slots.push_back(location);
    }

    /// Notes what the entry at `index` names; what an entry at its place named before is forgotten.
    pub(super) fn name(&mut self, index: u64, named: Option<Reference>) {
        match named {
            Some(reference) => drop(self.named.insert(index, reference)),
            None => drop(self.named.remove(&index)),
        }
    }

    /// The payloads that its entries name, in their order.
    pub(super) fn payloads(&self) -> impl Iterator<Item = Reference> + '_ {
        self.named.values().copied()
    }

    /// Drops the entries from `index` on.
    pub(super) fn truncate_from(&mut self, index: u64) -> Dropped {
        drop(self.named.split_off(&index));
        let kept = index.saturating_sub(self.first) as usize;
        let mut dropped = Dropped::default();
        if kept < self.slots.len() {
            self.slots
                .drain(kept..)
                .for_each(|location| dropped.add(location));
        }
        dropped
    }

    /// Drops the entries up to and with `index`; the next one is at least `index + 1`.
    pub(super) fn purge_to(&mut self, index: u64) -> Dropped {
        let mut dropped = Dropped::default();
        let first = index.saturating_add(1);
        if first <= self.first {
            return dropped;
        }
        self.named = self.named.split_off(&first);
        let gone = ((first - self.first) as usize).min(self.slots.len());
        self.slots
            .drain(..gone)
            .for_each(|location| dropped.add(location));
        self.first = first;
        if self.slots.capacity() > 1024 && self.slots.len() * 4 < self.slots.capacity() {
            self.slots.shrink_to(self.slots.len() * 2);
        }
        dropped
    }

    /// Drops the entries that still wait for their flush; they are the last ones.
    pub(super) fn drop_waiting(&mut self) {
        while self.slots.back().is_some_and(|slot| !slot.is_flushed()) {
            self.slots.pop_back();
        }
        drop(self.named.split_off(&self.next()));
    }

    /// Puts a location at `index` while the log is replayed; what lies between is absent.
    pub(super) fn place(&mut self, index: u64, location: Location) {
        while index < self.first {
            self.slots.push_front(Location::ABSENT);
            self.first -= 1;
        }
        self.extend_absent(index + 1);
        self.set(index, location);
    }

    /// Lets the index reach up to, without, `next` while the log is replayed.
    pub(super) fn extend_absent(&mut self, next: u64) {
        while self.next() < next {
            self.slots.push_back(Location::ABSENT);
        }
    }

    /// All entries with their locations, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, Location)> + '_ {
        (self.first..).zip(self.slots.iter().copied())
    }
}
