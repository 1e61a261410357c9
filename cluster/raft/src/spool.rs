//! Keeps a snapshot on disk while it arrives. The network comes before it, chunk by chunk, the state
//! machine that installs it after it. Guarantees: no more than one chunk is in memory; what is read
//! back is what was written, or an error; the files go with the spool, and what a crash left goes
//! with the next start. Left to others: durability (the store that the snapshot goes into).

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use cluster::store::{Pair, StoreError};

use crate::disk::{Disk, DiskFile, Fill};
use crate::limits::SPOOL_FILE_BYTES;
use crate::network::wire;

/// Before each chunk: its length and checksum.
const HEAD_BYTES: usize = 8;

/// Tells the spools of this process apart.
static SPOOLS: AtomicU64 = AtomicU64::new(1);

/// Removes what a crash left behind. Only for the start, before anything is received.
///
/// # Errors
/// What the disk reports.
pub fn sweep(disk: &dyn Disk) -> io::Result<()> {
    for name in disk.list()? {
        disk.remove(&name)?;
    }
    Ok(())
}

/// One of its files.
struct Part {
    name: String,
    file: Arc<dyn DiskFile>,
    room_bytes: u64,
    used_bytes: u64,
}

/// A snapshot on disk: chunks of pairs, in the order in which they came.
pub struct Spool {
    disk: Arc<dyn Disk>,
    number: u64,
    free_bytes_min: u64,
    parts: Vec<Part>,
}

impl Spool {
    /// An empty one in that folder, which leaves so many bytes free on its disk.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, free_bytes_min: u64) -> Self {
        Self {
            disk,
            number: SPOOLS.fetch_add(1, Ordering::Relaxed),
            free_bytes_min,
            parts: Vec::new(),
        }
    }

    /// Appends a chunk. Blocks.
    ///
    /// # Errors
    /// `StorageFull` where little is free on the disk, else what it reports.
    pub fn append(&mut self, pairs: &[Pair]) -> io::Result<()> {
        let chunk = wire::encode(&pairs);
        let length = u32::try_from(chunk.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut frame = Vec::with_capacity(HEAD_BYTES + chunk.len());
        frame.extend_from_slice(&length.to_le_bytes());
        frame.extend_from_slice(&crc32fast::hash(&chunk).to_le_bytes());
        frame.extend_from_slice(&chunk);
        let bytes = frame.len() as u64;
        let has_room = |part: &Part| part.room_bytes - part.used_bytes >= bytes;
        if !self.parts.last().is_some_and(has_room) {
            self.grow(bytes.max(SPOOL_FILE_BYTES))?;
        }
        let part = self.parts.last_mut().ok_or(io::ErrorKind::NotFound)?;
        part.file.write_at(part.used_bytes, &frame)?;
        part.used_bytes += bytes;
        Ok(())
    }

    /// Adds a file. Its room is reserved, so a full disk is noticed here.
    fn grow(&mut self, room_bytes: u64) -> io::Result<()> {
        if self.disk.free_bytes()? < room_bytes.saturating_add(self.free_bytes_min) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let name = format!("received-{}-{}", self.number, self.parts.len());
        let file = self.disk.create(&name, room_bytes, Fill::Reserve)?;
        self.parts.push(Part {
            name,
            file,
            room_bytes,
            used_bytes: 0,
        });
        Ok(())
    }

    /// All pairs, read from disk a chunk at a time. Ends with the first error.
    #[must_use]
    pub fn pairs(&self) -> Pairs<'_> {
        Pairs {
            spool: self,
            part: 0,
            offset: 0,
            chunk: Vec::new().into_iter(),
            failed: false,
        }
    }

    /// The next chunk from a place in a part; none at that part's end.
    fn read(part: &Part, offset: u64) -> Result<Option<(Bytes, u64)>, StoreError> {
        let failed = |error: io::Error| source(&error);
        let left = part.used_bytes.saturating_sub(offset);
        if left == 0 {
            return Ok(None);
        }
        let mut head = [0; HEAD_BYTES];
        part.file.read_at(offset, &mut head).map_err(failed)?;
        let [a, b, c, d, e, f, g, h] = head;
        let length = u64::from(u32::from_le_bytes([a, b, c, d]));
        if length + HEAD_BYTES as u64 > left {
            return Err(source(&"a chunk is longer than its file"));
        }
        let mut chunk = vec![0; length as usize];
        let begin = offset + HEAD_BYTES as u64;
        part.file.read_at(begin, &mut chunk).map_err(failed)?;
        if crc32fast::hash(&chunk) != u32::from_le_bytes([e, f, g, h]) {
            return Err(source(&"a chunk was damaged on disk"));
        }
        Ok(Some((Bytes::from(chunk), begin + length)))
    }
}

fn source(reason: &dyn std::fmt::Display) -> StoreError {
    StoreError::Source {
        reason: reason.to_string().into(),
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        for part in &self.parts {
            if let Err(error) = self.disk.remove(&part.name) {
                tracing::warn!(file = part.name, %error, "a received snapshot is left behind until the next start");
            }
        }
    }
}

/// The pairs of a spool.
pub struct Pairs<'a> {
    spool: &'a Spool,
    part: usize,
    offset: u64,
    chunk: std::vec::IntoIter<Pair>,
    failed: bool,
}

impl Pairs<'_> {
    /// Reads the next chunk. False at the end.
    fn next_chunk(&mut self) -> Result<bool, StoreError> {
        while let Some(part) = self.spool.parts.get(self.part) {
            let Some((chunk, next)) = Spool::read(part, self.offset)? else {
                (self.part, self.offset) = (self.part + 1, 0);
                continue;
            };
            let pairs: Vec<Pair> = wire::decode(&chunk).map_err(|error| source(&error))?;
            self.offset = next;
            self.chunk = pairs.into_iter();
            return Ok(true);
        }
        Ok(false)
    }
}

impl Iterator for Pairs<'_> {
    type Item = Result<Pair, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.failed {
                return None;
            }
            if let Some(pair) = self.chunk.next() {
                return Some(Ok(pair));
            }
            match self.next_chunk() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::MemoryDisk;

    const FREE: u64 = 1 << 20;

    fn chunk(number: u64, pairs: u64, value_bytes: usize) -> Vec<Pair> {
        let pair = |at: u64| {
            let key = Bytes::from(format!("{number:06}-{at:06}"));
            (key, Bytes::from(vec![number as u8; value_bytes]))
        };
        (0..pairs).map(pair).collect()
    }

    fn spool(disk: &MemoryDisk) -> Spool {
        Spool::new(Arc::new(disk.clone()), FREE)
    }

    #[test]
    fn what_was_written_is_read_back_over_several_files() {
        let disk = MemoryDisk::default();
        let mut spool = spool(&disk);
        assert_eq!(spool.pairs().count(), 0);
        let mut all = Vec::new();
        // The third is larger than a whole file.
        for (number, value_bytes) in [(1, 100), (2, 3 << 20), (3, 9 << 20), (4, 0)] {
            let pairs = chunk(number, 3, value_bytes);
            spool.append(&pairs).unwrap();
            all.extend(pairs);
        }
        spool.append(&[]).unwrap();
        assert!(disk.list().unwrap().len() > 1);
        for _ in 0..2 {
            let read: Result<Vec<Pair>, StoreError> = spool.pairs().collect();
            assert!(read.unwrap() == all);
        }
        drop(spool);
        assert_eq!(disk.list().unwrap(), Vec::<String>::new());
    }

    #[test]
    fn what_a_crash_left_goes_with_the_next_start() {
        let disk = MemoryDisk::default();
        let mut left = spool(&disk);
        left.append(&chunk(1, 3, 100)).unwrap();
        disk.sync_directory().unwrap();
        let disk = disk.crash(1);
        drop(left);
        assert_eq!(disk.list().unwrap().len(), 1);
        sweep(&disk).unwrap();
        assert_eq!(disk.list().unwrap().len(), 0);
    }

    #[test]
    fn a_damaged_chunk_ends_it_with_an_error() {
        let disk = MemoryDisk::default();
        let mut spool = spool(&disk);
        for number in 0..3 {
            spool.append(&chunk(number, 2, 1_000)).unwrap();
        }
        let name = disk.list().unwrap().remove(0);
        disk.flip_bit(&name, 3_000).unwrap();
        let read: Vec<Result<Pair, StoreError>> = spool.pairs().collect();
        assert_eq!(read.len(), 3, "the first chunk, and the error");
        assert!(matches!(read[2], Err(StoreError::Source { .. })));
        disk.flip_bit(&name, 2).unwrap();
        let read: Vec<Result<Pair, StoreError>> = spool.pairs().collect();
        assert!(matches!(read[..], [Err(StoreError::Source { .. })]));
    }

    #[test]
    fn a_disk_with_little_room_takes_nothing() {
        let disk = MemoryDisk::new(FREE + SPOOL_FILE_BYTES);
        let mut spool = spool(&disk);
        spool.append(&chunk(1, 1, 100)).unwrap();
        let full = spool.append(&chunk(2, 1, SPOOL_FILE_BYTES as usize));
        assert_eq!(full.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(spool.pairs().count(), 1);
    }
}
