//! What is on disk: the header of a segment and the frame of a record. The writer frames, recovery
//! and reads parse. Guarantees: a frame that parses was written whole into this very use of the
//! file (the checksum starts from the header's), so that a reused file never shows old records.
//! Left to others: which records follow which.
//!
//! All numbers are little endian. A segment: 64 bytes of header, then batches without gaps. A
//! batch is what one write holds: a `Batch` record with its number, then the others. A record:
//! length of the body (u32), checksum (u32), body: kind (u8), group (u64), index (u64), payload.

use crc32fast::Hasher;

use super::GroupId;

/// Version of everything in this file.
pub(super) const VERSION: u16 = 1;
/// Bytes of a segment's header.
pub(super) const HEADER_BYTES: usize = 64;
/// Bytes of a record besides its payload.
pub(super) const RECORD_BYTES: usize = 25;
/// Bytes of a `Batch` record: mark, previous segment, its end.
pub(super) const BATCH_BYTES: usize = RECORD_BYTES + 16;

const MAGIC: [u8; 8] = *b"TRPRAFTL";
const FRAME_BYTES: usize = 8;
const BODY_BYTES_MIN: usize = RECORD_BYTES - FRAME_BYTES;

/// The header of a segment: which file of which node this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    /// Numbers the segments of a log without gaps, from 1; a reused file gets a new one.
    pub(super) sequence: u32,
    /// The node that writes this log.
    pub(super) node: u64,
    /// When the segment was made, as the node counts time.
    pub(super) stamp: u64,
    /// Length of the file.
    pub(super) segment_bytes: u32,
    /// The largest write that was allowed when it was written: how far a torn write reaches.
    pub(super) write_bytes_max: u32,
}

/// Why a header does not parse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderFault {
    /// Not a header, or a damaged one.
    Damaged,
    /// A header of another format version.
    Version(u16),
}

impl SegmentHeader {
    pub(super) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..8].copy_from_slice(&MAGIC);
        bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.node.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.stamp.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.segment_bytes.to_le_bytes());
        bytes[36..40].copy_from_slice(&self.write_bytes_max.to_le_bytes());
        let checksum = crc32fast::hash(&bytes[..60]);
        bytes[60..64].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        if bytes.len() < HEADER_BYTES
            || bytes[0..8] != MAGIC
            || u32_at(bytes, 60) != crc32fast::hash(&bytes[..60])
        {
            return Err(HeaderFault::Damaged);
        }
        let version = u16::from_le_bytes([bytes[8], bytes[9]]);
        if version != VERSION {
            return Err(HeaderFault::Version(version));
        }
        Ok(Self {
            sequence: u32_at(bytes, 12),
            node: u64_at(bytes, 16),
            stamp: u64_at(bytes, 24),
            segment_bytes: u32_at(bytes, 32),
            write_bytes_max: u32_at(bytes, 36),
        })
    }

    /// Where the checksums of this segment's records start from. Without the header's own
    /// checksum: over data and its checksum, the checksum is always the same.
    pub(super) fn seed(&self) -> u32 {
        crc32fast::hash(&self.encode()[..60])
    }

    /// Eight bytes that stand in every `Batch` record of this use of the file, to find later
    /// batches behind a damaged record.
    pub(super) fn mark(&self) -> u64 {
        let header = self.encode();
        let half = |salt: u32| {
            let mut hasher = Hasher::new_with_initial(salt);
            hasher.update(&header[8..40]);
            u64::from(hasher.finalize())
        };
        half(0x6261_7463) << 32 | half(0x6d61_726b)
    }
}

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// Starts a write; `index` is the batch's number.
    Batch = 1,
    /// One entry of a group.
    Entry = 2,
    /// An entry rewritten from an older segment; truncates nothing.
    Moved = 3,
    /// The entries from `index` on are gone.
    Truncate = 4,
    /// The entries up to and with `index` are gone; the payload is the group's marker.
    Purge = 5,
    /// The group's vote.
    Vote = 6,
    /// The group's committed mark; empty for none.
    Committed = 7,
    /// Vote, purge and committed mark of all groups.
    Checkpoint = 8,
    /// The group is gone, with all it had.
    Forget = 9,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Batch,
            2 => Self::Entry,
            3 => Self::Moved,
            4 => Self::Truncate,
            5 => Self::Purge,
            6 => Self::Vote,
            7 => Self::Committed,
            8 => Self::Checkpoint,
            9 => Self::Forget,
            _ => return None,
        })
    }
}

/// A parsed record; the payload points into the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) kind: Kind,
    pub(super) group: GroupId,
    pub(super) index: u64,
    pub(super) payload_start: usize,
    /// Where the next record starts.
    pub(super) end: usize,
}

impl Record {
    pub(super) fn payload<'a>(&self, buffer: &'a [u8]) -> &'a [u8] {
        &buffer[self.payload_start..self.end]
    }
}

/// What a `Batch` record holds besides its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchHead {
    /// Equal to the segment's mark.
    pub(super) mark: u64,
    /// In the first batch of a segment: the segment before it, 0 for none.
    pub(super) previous_sequence: u32,
    /// In the first batch of a segment: where the segment before it ends.
    pub(super) previous_end: u32,
}

impl BatchHead {
    pub(super) fn encode(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[0..8].copy_from_slice(&self.mark.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.previous_sequence.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.previous_end.to_le_bytes());
        bytes
    }

    pub(super) fn decode(payload: &[u8]) -> Option<Self> {
        (payload.len() == 16).then(|| Self {
            mark: u64_at(payload, 0),
            previous_sequence: u32_at(payload, 8),
            previous_end: u32_at(payload, 12),
        })
    }
}

/// Bytes that a record with this payload takes.
pub(super) fn record_bytes(payload_bytes: usize) -> usize {
    RECORD_BYTES + payload_bytes
}

/// Appends a record to `buffer`.
pub(super) fn frame(
    buffer: &mut Vec<u8>,
    seed: u32,
    kind: Kind,
    group: GroupId,
    index: u64,
    payload: &[u8],
) {
    let start = buffer.len();
    let body_bytes = (BODY_BYTES_MIN + payload.len()) as u32;
    buffer.extend_from_slice(&body_bytes.to_le_bytes());
    buffer.extend_from_slice(&[0; 4]);
    buffer.push(kind as u8);
    buffer.extend_from_slice(&group.0.to_le_bytes());
    buffer.extend_from_slice(&index.to_le_bytes());
    buffer.extend_from_slice(payload);
    let checksum = checksum(seed, &buffer[start..]);
    buffer[start + 4..start + FRAME_BYTES].copy_from_slice(&checksum.to_le_bytes());
}

/// The record at `at`, or nothing if there is none that is whole.
pub(super) fn parse(buffer: &[u8], at: usize, seed: u32) -> Option<Record> {
    let frame = buffer.get(at..at + FRAME_BYTES)?;
    let body_bytes = u32_at(frame, 0) as usize;
    if body_bytes < BODY_BYTES_MIN {
        return None;
    }
    let end = at.checked_add(FRAME_BYTES)?.checked_add(body_bytes)?;
    let record = buffer.get(at..end)?;
    if checksum(seed, record) != u32_at(record, 4) {
        return None;
    }
    Some(Record {
        kind: Kind::from_byte(record[FRAME_BYTES])?,
        group: GroupId(u64_at(record, 9)),
        index: u64_at(record, 17),
        payload_start: at + RECORD_BYTES,
        end,
    })
}

/// The first whole `Batch` record of this segment behind `from` with a number above `number`.
///
/// A batch is written only after the one before it was flushed: such a record proves that
/// everything before it had been flushed.
pub(super) fn find_later_batch(
    buffer: &[u8],
    from: usize,
    header: &SegmentHeader,
    number: u64,
) -> Option<usize> {
    let mark = header.mark().to_le_bytes();
    let seed = header.seed();
    let mut at = from;
    while let Some(found) = find(&buffer[at..], &mark) {
        let mark_at = at + found;
        if let Some(start) = mark_at.checked_sub(RECORD_BYTES)
            && start >= from
            && let Some(record) = parse(buffer, start, seed)
            && record.kind == Kind::Batch
            && record.index > number
        {
            return Some(start);
        }
        at = mark_at + 1;
    }
    None
}

fn find(haystack: &[u8], needle: &[u8; 8]) -> Option<usize> {
    let mut at = 0;
    while at < haystack.len() {
        // Most of what is searched is a file's unused rest.
        let chunk = &haystack[at..haystack.len().min(at + ZEROS.len())];
        if chunk.len() == ZEROS.len() && is_zero(chunk) {
            at += chunk.len() - (needle.len() - 1);
            continue;
        }
        let end = at + chunk.len();
        while let Some(found) = haystack[at..end].iter().position(|byte| *byte == needle[0]) {
            at += found;
            if haystack[at..].starts_with(needle) {
                return Some(at);
            }
            at += 1;
        }
        at = end;
    }
    None
}

const ZEROS: [u8; 4096] = [0; 4096];

/// True if there is nothing but zeros.
pub(super) fn is_zero(bytes: &[u8]) -> bool {
    bytes
        .chunks(ZEROS.len())
        .all(|chunk| chunk == &ZEROS[..chunk.len()])
}

fn checksum(seed: u32, record: &[u8]) -> u32 {
    let mut hasher = Hasher::new_with_initial(seed);
    hasher.update(&record[0..4]);
    hasher.update(&record[FRAME_BYTES..]);
    hasher.finalize()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(number)
}

/// The name of a segment's file.
pub(super) fn segment_name(sequence: u32) -> String {
    format!("raft-{sequence:010}.log")
}

/// The name of a file that waits to become segment `sequence`, or was a segment.
pub(super) fn spare_name(sequence: u32) -> String {
    format!("spare-{sequence:010}.log")
}

/// The sequence in a segment's file name.
pub(super) fn segment_sequence(name: &str) -> Option<u32> {
    sequence_between(name, "raft-")
}

/// The number in a spare's file name.
pub(super) fn spare_sequence(name: &str) -> Option<u32> {
    sequence_between(name, "spare-")
}

fn sequence_between(name: &str, prefix: &str) -> Option<u32> {
    let digits = name.strip_prefix(prefix)?.strip_suffix(".log")?;
    let all_digits = digits.len() == 10 && digits.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
