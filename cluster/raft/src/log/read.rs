//! Reads entries back: from memory while they are recent, else from their segments. The storage
//! adapter calls it. Guarantees: an unbroken run of entries, each checked against its checksum; no
//! lock is held while the disk reads; a segment reused meanwhile is noticed. Left to others:
//! decoding. A read from disk blocks the caller.

use std::sync::Arc;

use bytes::Bytes;

use super::format::{Kind, parse, segment_name};
use super::handle::Log;
use super::index::Location;
use super::{GroupId, LogError};
use crate::disk::DiskFile;

/// Most bytes that are read from a segment at once.
const SPAN_BYTES_MAX: u32 = 1 << 20;
/// Bytes of other groups' records that are read along rather than read around.
const GAP_BYTES_MAX: u32 = 16 << 10;

/// Where on disk an entry is.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) group: GroupId,
    pub(super) index: u64,
    pub(super) location: Location,
    pub(super) file: Arc<dyn DiskFile>,
    pub(super) seed: u32,
}

enum Source {
    Memory(u64, Bytes),
    Disk(Place),
}

/// Entries with their indexes.
type Entries = Vec<(u64, Bytes)>;

impl Log {
    /// The entries of a group from index `from` up to, without, `to`, as far as they are there.
    /// Stops before `bytes_max` bytes are exceeded, but never before the first entry.
    ///
    /// # Errors
    /// `Corrupt` if an entry that should be there does not read back, `Io` if the disk fails.
    pub fn read(
        &self,
        group: GroupId,
        from: u64,
        to: u64,
        bytes_max: u64,
    ) -> Result<Entries, LogError> {
        loop {
            let plan = self.plan_read(group, from, to, bytes_max);
            match fetch(&plan)? {
                Ok(entries) => return Ok(entries),
                Err(place) if self.is_still_at(&place) => {
                    return Err(LogError::corrupt(
                        &segment_name(place.location.segment),
                        place.location.offset as usize,
                        format!("entry {} of group {group} does not read back", place.index),
                    ));
                }
                // It was purged and its segment reused, or it was moved: look again.
                Err(_) => {}
            }
        }
    }

    fn plan_read(&self, group: GroupId, from: u64, to: u64, bytes_max: u64) -> Vec<Source> {
        let state = self.shared.lock();
        let Some(entry) = state.groups.get(&group) else {
            return Vec::new();
        };
        let mut plan = Vec::new();
        let mut bytes = 0;
        for index in from.max(entry.index.first())..to.min(entry.index.next()) {
            let Some(location) = entry.index.get(index) else {
                break;
            };
            bytes += u64::from(location.length);
            if bytes > bytes_max && !plan.is_empty() {
                break;
            }
            if let Some(cached) = state.cache.get(group, index) {
                plan.push(Source::Memory(index, cached));
            } else if let Some(segment) = state.segments.get(&location.segment) {
                plan.push(Source::Disk(Place {
                    group,
                    index,
                    location,
                    file: Arc::clone(&segment.file),
                    seed: segment.seed,
                }));
            } else {
                debug_assert!(false, "a live entry must be in memory or in a segment");
                break;
            }
        }
        plan
    }

    fn is_still_at(&self, place: &Place) -> bool {
        let state = self.shared.lock();
        let entry = state.groups.get(&place.group);
        entry.and_then(|entry| entry.index.get(place.index)) == Some(place.location)
    }
}

/// The entry at a place, or nothing if something else is there.
pub(super) fn read_location(place: &Place) -> Result<Option<Bytes>, LogError> {
    let span = read_span(place, place.location.length)?;
    Ok(entry_in(&span, place.location.offset, place))
}

/// Reads a plan; the inner error is the first place that does not hold its entry.
fn fetch(plan: &[Source]) -> Result<Result<Entries, Place>, LogError> {
    let mut entries = Vec::with_capacity(plan.len());
    let mut span = Bytes::new();
    let mut span_at: Option<(u32, u32)> = None;
    for (number, source) in plan.iter().enumerate() {
        let place = match source {
            Source::Memory(index, bytes) => {
                entries.push((*index, bytes.clone()));
                continue;
            }
            Source::Disk(place) => place,
        };
        let location = place.location;
        let in_span = span_at.filter(|(segment, start)| {
            *segment == location.segment
                && *start <= location.offset
                && location.offset - start + location.length <= span.len() as u32
        });
        let start = match in_span {
            Some((_, start)) => start,
            None => {
                span = read_span(place, span_bytes(&plan[number..]))?;
                span_at = Some((location.segment, location.offset));
                location.offset
            }
        };
        match entry_in(&span, start, place) {
            Some(bytes) => entries.push((place.index, bytes)),
            None => return Ok(Err(place.clone())),
        }
    }
    Ok(Ok(entries))
}

/// How many bytes to read from the first of these places on, to get the next ones too.
fn span_bytes(plan: &[Source]) -> u32 {
    let mut places = plan.iter().map_while(|source| match source {
        Source::Disk(place) => Some(place.location),
        Source::Memory(..) => None,
    });
    let Some(first) = places.next() else {
        return 0;
    };
    let mut end = first.offset + first.length;
    for next in places {
        let follows = next.segment == first.segment
            && next.offset >= end
            && next.offset - end <= GAP_BYTES_MAX
            && next.offset + next.length - first.offset <= SPAN_BYTES_MAX;
        if !follows {
            break;
        }
        end = next.offset + next.length;
    }
    end - first.offset
}

fn read_span(place: &Place, bytes: u32) -> Result<Bytes, LogError> {
    let mut buffer = vec![0; bytes as usize];
    place
        .file
        .read_at(u64::from(place.location.offset), &mut buffer)
        .map_err(|cause| LogError::io("reading", &segment_name(place.location.segment), &cause))?;
    Ok(Bytes::from(buffer))
}

/// The entry of `place` within bytes that start at offset `start` of its segment.
fn entry_in(span: &Bytes, start: u32, place: &Place) -> Option<Bytes> {
    let at = (place.location.offset - start) as usize;
    let record = parse(span, at, place.seed)?;
    let is_entry = matches!(record.kind, Kind::Entry | Kind::Moved);
    let is_this = record.group == place.group && record.index == place.index;
    (is_entry && is_this).then(|| span.slice(record.payload_start..record.end))
}
