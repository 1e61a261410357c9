//! What stands in the file of a backup. Sections of groups come before it, a restore or a check after it.
//! Guarantees: bytes that are not what was written are found out, and where; reading takes no more memory than one
//! frame. Left to others: where the bytes are kept.
//!
//! A mark and a version byte, then frames: length, checksum, one record. First the head, then for each group from
//! 0 on its head, pairs, entries and its end, then the end of all with a hash of everything before it.

use std::io::{self, Read};

use bytes::Bytes;
use cluster::store::Pair;
use serde::{Deserialize, Serialize};
use transport::{ClusterId, Incarnation};

/// What such a file begins with.
pub const MARK: &[u8; 8] = b"TROUPEBK";
/// The format that this program writes and reads.
pub const VERSION: u8 = 1;

/// Bytes before each record: its length and checksum.
const FRAME_HEAD_BYTES: usize = 8;
/// Bytes of one record at most: the largest value of a store with room around it.
const RECORD_BYTES_MAX: usize = 32 << 20;

/// What a backup is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The cluster that was backed up.
    pub cluster: ClusterId,
    /// Its name.
    pub name: String,
    /// Its shards.
    pub shard_count: u32,
    /// The number of the cut.
    pub cut: u64,
    /// When it was begun, in milliseconds since 1970 by the clock of the node that was asked.
    pub unix_ms: u64,
    /// The version of the program that made it.
    pub program: String,
}

/// One part of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// The first.
    Head(Head),
    /// A group begins; 0 is the system group.
    Group {
        /// Its number.
        group: u32,
        /// The life that it was in.
        life: Incarnation,
        /// The unit of the store that the pairs are of.
        unit: u64,
    },
    /// Some of its content at that unit, ascending.
    Pairs(Vec<Pair>),
    /// Entries after that unit, each with its own, up to the one that makes the cut.
    Entries(Vec<(u64, Bytes)>),
    /// The group is complete.
    GroupEnd {
        /// Its pairs.
        pairs: u64,
        /// Its entries.
        entries: u64,
    },
    /// The last.
    End {
        /// BLAKE3 of all bytes before this frame.
        hash: [u8; 32],
    },
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// It cannot be read.
    #[error("the file cannot be read: {0}")]
    Io(io::Error),
    /// It is something else.
    #[error("E-backup-foreign: this is no backup of a cluster")]
    Foreign,
    /// Another version of the format.
    #[error(
        "E-backup-version: the backup has format {found}, this program reads {VERSION}; restore it with the program that made it"
    )]
    Version {
        /// Its version.
        found: u8,
    },
    /// It ends too early.
    #[error(
        "E-backup-incomplete: the backup ends at byte {offset}, before its end; it was cut off"
    )]
    Incomplete {
        /// Where.
        offset: u64,
    },
    /// Something in it is not what was written.
    #[error("E-backup-damaged: the backup is damaged at byte {offset}: {reason}")]
    Damaged {
        /// The frame that cannot be used begins here.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
}

/// The bytes that a file begins with.
#[must_use]
pub fn beginning() -> Bytes {
    let mut bytes = MARK.to_vec();
    bytes.push(VERSION);
    Bytes::from(bytes)
}

/// A record as a frame.
#[must_use]
pub fn frame(record: &Record) -> Bytes {
    let record = postcard::to_stdvec(record).expect("postcard encodes every record");
    let length = u32::try_from(record.len()).expect("a record is far smaller than 4 GiB");
    let mut bytes = Vec::with_capacity(FRAME_HEAD_BYTES + record.len());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&record).to_le_bytes());
    bytes.extend_from_slice(&record);
    Bytes::from(bytes)
}

/// What a file holds, told by its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// What it is of.
    pub head: Head,
    /// Pairs of all groups.
    pub pairs: u64,
    /// Entries of all groups.
    pub entries: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// What has to come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Head,
    Group,
    Content,
    Nothing,
}

/// Reads a file, record by record, and checks it on the way.
pub struct Reader<R> {
    from: R,
    hasher: blake3::Hasher,
    offset: u64,
    expected: Expected,
    head: Option<Head>,
    next_group: u32,
    counted: (u64, u64),
    total: (u64, u64),
}

impl<R: Read> Reader<R> {
    /// A reader from a file's beginning.
    ///
    /// # Errors
    /// `Foreign`, `Version`, or what the source reports.
    pub fn new(mut from: R) -> Result<Self, FormatError> {
        let mut mark = [0; MARK.len() + 1];
        let got = fill(&mut from, &mut mark).map_err(FormatError::Io)?;
        if got < mark.len() || mark[..MARK.len()] != MARK[..] {
            return Err(
                match MARK.starts_with(&mark[..got.min(MARK.len())]) && got > 0 {
                    true => FormatError::Incomplete { offset: got as u64 },
                    false => FormatError::Foreign,
                },
            );
        }
        if mark[MARK.len()] != VERSION {
            return Err(FormatError::Version {
                found: mark[MARK.len()],
            });
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(&mark);
        Ok(Self {
            from,
            hasher,
            offset: mark.len() as u64,
            expected: Expected::Head,
            head: None,
            next_group: 0,
            counted: (0, 0),
            total: (0, 0),
        })
    }

    /// Bytes read so far.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next record; none after the end.
    ///
    /// # Errors
    /// As in `FormatError`; nothing can be read after one.
    pub fn read(&mut self) -> Result<Option<Record>, FormatError> {
        let begin = self.offset;
        if self.expected == Expected::Nothing {
            let mut more = [0; 1];
            return match fill(&mut self.from, &mut more).map_err(FormatError::Io)? {
                0 => Ok(None),
                _ => Err(damaged(begin, "something follows its end")),
            };
        }
        let before = self.hasher.clone();
        let bytes = self.read_frame()?;
        let record: Record = match postcard::take_from_bytes(&bytes) {
            Ok((record, [])) => record,
            Ok(_) => return Err(damaged(begin, "a record is longer than what it says")),
            Err(error) => return Err(damaged(begin, &error.to_string())),
        };
        self.check(begin, &record, &before)?;
        Ok(Some(record))
    }

    fn read_frame(&mut self) -> Result<Vec<u8>, FormatError> {
        let begin = self.offset;
        let mut head = [0; FRAME_HEAD_BYTES];
        self.take(&mut head)?;
        let [a, b, c, d, e, f, g, h] = head;
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        if length > RECORD_BYTES_MAX {
            return Err(damaged(begin, "a record of an impossible length"));
        }
        let mut bytes = vec![0; length];
        self.take(&mut bytes)?;
        if crc32fast::hash(&bytes) != u32::from_le_bytes([e, f, g, h]) {
            return Err(damaged(begin, "a checksum does not match"));
        }
        Ok(bytes)
    }

    fn take(&mut self, bytes: &mut [u8]) -> Result<(), FormatError> {
        let got = fill(&mut self.from, bytes).map_err(FormatError::Io)?;
        self.hasher.update(&bytes[..got]);
        self.offset += got as u64;
        match got == bytes.len() {
            true => Ok(()),
            false => Err(FormatError::Incomplete {
                offset: self.offset,
            }),
        }
    }

    /// Checks that the record may stand here.
    fn check(
        &mut self,
        begin: u64,
        record: &Record,
        before: &blake3::Hasher,
    ) -> Result<(), FormatError> {
        let groups = self.head.as_ref().map_or(0, |head| head.shard_count + 1);
        self.expected = match (record, self.expected) {
            (Record::Head(head), Expected::Head) => {
                self.head = Some(head.clone());
                Expected::Group
            }
            (Record::Group { group, .. }, Expected::Group)
                if *group == self.next_group && *group < groups =>
            {
                self.next_group += 1;
                self.counted = (0, 0);
                Expected::Content
            }
            (Record::Pairs(pairs), Expected::Content) => {
                self.counted.0 += pairs.len() as u64;
                Expected::Content
            }
            (Record::Entries(entries), Expected::Content) => {
                self.counted.1 += entries.len() as u64;
                Expected::Content
            }
            (Record::GroupEnd { pairs, entries }, Expected::Content)
                if self.counted == (*pairs, *entries) =>
            {
                self.total.0 += pairs;
                self.total.1 += entries;
                Expected::Group
            }
            (Record::End { hash }, Expected::Group)
                if self.next_group == groups && before.finalize().as_bytes() == hash =>
            {
                Expected::Nothing
            }
            _ => return Err(damaged(begin, "a record that does not belong there")),
        };
        Ok(())
    }

    /// Reads to the end, and says what was there. `progress` is told of the bytes that were read.
    ///
    /// # Errors
    /// As of [`Reader::read`].
    pub fn finish(mut self, mut progress: impl FnMut(u64)) -> Result<Summary, FormatError> {
        while self.read()?.is_some() {
            progress(self.offset);
        }
        let head = self.head.expect("a file ends only after its head");
        Ok(Summary {
            head,
            pairs: self.total.0,
            entries: self.total.1,
            bytes: self.offset,
        })
    }
}

fn damaged(offset: u64, reason: &str) -> FormatError {
    FormatError::Damaged {
        offset,
        reason: reason.to_owned(),
    }
}

/// Fills `bytes` as far as the source goes.
fn fill(from: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < bytes.len() {
        match from.read(&mut bytes[got..]) {
            Ok(0) => break,
            Ok(count) => got += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

#[cfg(test)]
mod tests;
