//! Rebuilds the groups from records in the order of the log. Recovery feeds it. Guarantees: the
//! result is what the records say, whichever old segments are already gone: checkpoints bring the
//! marks, moved entries fill holes, and a hole that stays is reported. Left to others: finding
//! whole records, and counting what is live.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::encoding::named_payload;
use super::format::{Kind, Record};
use super::index::Location;
use super::state::Group;
use super::{GroupId, checkpoint};
use crate::payloads::Reference;

/// The groups as far as the records were read.
#[derive(Default)]
pub(super) struct Replay {
    pub(super) groups: BTreeMap<GroupId, Group>,
}

impl Replay {
    /// Applies a record of `segment` that starts at `offset` of `buffer`, or says what is wrong
    /// with it. `Batch` records are not for here.
    pub(super) fn apply(
        &mut self,
        segment: u32,
        offset: usize,
        record: &Record,
        buffer: &[u8],
    ) -> Result<(), &'static str> {
        let payload = record.payload(buffer);
        let location = Location {
            segment,
            offset: offset as u32,
            length: (record.end - offset) as u32,
        };
        if record.kind == Kind::Forget {
            self.groups.remove(&record.group);
            return Ok(());
        }
        if record.kind == Kind::Checkpoint {
            return checkpoint::apply(&mut self.groups, payload);
        }
        let group = self.groups.entry(record.group).or_default();
        match record.kind {
            Kind::Entry | Kind::Moved => {
                let named = named_payload(payload);
                group.place(record.index, location, (record.kind == Kind::Entry, named));
            }
            Kind::Truncate => drop(group.index.truncate_from(record.index)),
            Kind::Purge => group.purge(record.index, Bytes::copy_from_slice(payload)),
            Kind::Vote => group.marks.vote = Some(Bytes::copy_from_slice(payload)),
            Kind::Committed => {
                let some = !payload.is_empty();
                group.marks.committed = some.then(|| Bytes::copy_from_slice(payload));
            }
            Kind::Batch | Kind::Checkpoint | Kind::Forget => {
                return Err("a record stands where none of its kind can be");
            }
        }
        Ok(())
    }

    /// The first entry that should be there and is not.
    pub(super) fn first_hole(&self) -> Option<(GroupId, u64)> {
        self.groups.iter().find_map(|(group, entry)| {
            let hole = entry
                .index
                .iter()
                .find(|(_, location)| *location == Location::ABSENT);
            hole.map(|(index, _)| (*group, index))
        })
    }
}

impl Group {
    fn place(
        &mut self,
        index: u64,
        location: Location,
        (is_new, named): (bool, Option<Reference>),
    ) {
        let purged = self.marks.purged.as_ref();
        if purged.is_some_and(|(purged, _)| index <= *purged) {
            return;
        }
        if is_new && index < self.index.next() {
            // The record of the truncation was refused or lost, what replaced it was not.
            self.index.truncate_from(index);
        }
        if self.index.is_empty() && purged.is_none() {
            self.index.start_at(index);
        }
        self.index.place(index, location);
        self.index.name(index, named);
    }
}
