//! What the head of every segment repeats of all groups, so that older segments can go: vote,
//! purge and committed mark, and which entries there are. The writer keeps it as of its last
//! record; replay reads it. Guarantees: after a checkpoint nothing before it is needed but the
//! entries that it names. Left to others: where those entries are.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::GroupId;
use super::state::{Group, Marks};

/// A group as of some record of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) marks: Marks,
    /// Index of the first entry.
    first: u64,
    /// One past the last entry; equal to `first` for none.
    next: u64,
}

impl Written {
    pub(super) fn of(group: &Group) -> Self {
        Self {
            marks: group.marks.clone(),
            first: group.index.first(),
            next: group.index.next(),
        }
    }

    /// Entries from `first` up to, without, `next` were written.
    pub(super) fn append(&mut self, first: u64, next: u64) {
        if self.first == self.next {
            self.first = first;
        }
        self.next = next;
    }

    pub(super) fn truncate_from(&mut self, from: u64) {
        self.next = self.next.min(from).max(self.first);
    }

    pub(super) fn purge(&mut self, index: u64, marker: Bytes) {
        self.first = self.first.max(index + 1);
        self.next = self.next.max(self.first);
        self.marks.purge(index, marker);
    }
}

/// One group in a checkpoint. Its fields are part of the format on disk.
#[derive(Serialize, Deserialize)]
struct StoredGroup {
    group: u64,
    vote: Option<Bytes>,
    purged: Option<(u64, Bytes)>,
    committed: Option<Bytes>,
    first: u64,
    next: u64,
}

/// The payload of a checkpoint.
pub(super) fn encode(written: &BTreeMap<GroupId, Written>) -> Vec<u8> {
    let groups: Vec<StoredGroup> = written
        .iter()
        .map(|(group, written)| StoredGroup {
            group: group.0,
            vote: written.marks.vote.clone(),
            purged: written.marks.purged.clone(),
            committed: written.marks.committed.clone(),
            first: written.first,
            next: written.next,
        })
        .collect();
    postcard::to_stdvec(&groups).expect("lists of numbers and bytes always encode")
}

/// Brings the groups to the state that a checkpoint describes. An entry that it names and that
/// was not seen is absent until it is found further on.
pub(super) fn apply(
    groups: &mut BTreeMap<GroupId, Group>,
    payload: &[u8],
) -> Result<(), &'static str> {
    let stored: Vec<StoredGroup> =
        postcard::from_bytes(payload).map_err(|_| "a checkpoint does not decode")?;
    for stored in stored {
        let group = groups.entry(GroupId(stored.group)).or_default();
        group.marks.vote = stored.vote;
        group.marks.committed = stored.committed;
        if let Some((index, marker)) = stored.purged {
            group.purge(index, marker);
        }
        if stored.first < stored.next {
            group.expect(stored.first, stored.next);
        }
    }
    Ok(())
}

impl Group {
    /// Drops the entries up to and with `index`, while the log is replayed.
    pub(super) fn purge(&mut self, index: u64, marker: Bytes) {
        self.index.purge_to(index);
        self.marks.purge(index, marker);
    }

    fn expect(&mut self, first: u64, next: u64) {
        if self.index.is_empty() && self.marks.purged.is_none() {
            self.index.start_at(first);
        }
        self.index.extend_absent(next);
    }
}
