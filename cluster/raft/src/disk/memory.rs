//! The disk port in memory, for tests and simulation. It comes after the log; a model medium comes
//! after it, kept in `medium`. Guarantees: what was flushed survives `crash`; of what was not, a
//! seed decides what is dropped, kept or torn; a crash fences every older handle. It can fail a
//! flush or a write, run out of room, lose a bit, and it counts. Left to others: time.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Disk, DiskFile, Fill};

mod medium;

use medium::Medium;

/// A disk in memory. Clones share one medium.
#[derive(Clone)]
pub struct MemoryDisk {
    medium: Arc<Mutex<Medium>>,
    /// The life of the machine that this handle belongs to.
    incarnation: u64,
}

/// What a memory disk has counted since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiskCounters {
    /// Flushes of a file's data.
    pub flushes: u64,
    /// Flushes of the folder.
    pub directory_flushes: u64,
    /// Writes, of any length.
    pub writes: u64,
    /// Bytes in those writes.
    pub written_bytes: u64,
}

impl Default for MemoryDisk {
    fn default() -> Self {
        Self::new(u64::MAX)
    }
}

impl MemoryDisk {
    /// An empty disk with room for `capacity_bytes` of files.
    #[must_use]
    pub fn new(capacity_bytes: u64) -> Self {
        Self {
            medium: Arc::new(Mutex::new(Medium::new(capacity_bytes))),
            incarnation: 0,
        }
    }

    /// The machine stops now. Of everything not flushed, `seed` decides what is lost and where
    /// the last write is torn. All handles to this disk fail from now on; the returned one is the
    /// disk as the restarted machine finds it.
    #[must_use]
    pub fn crash(&self, seed: u64) -> Self {
        let mut medium = self.lock();
        medium.crash(seed);
        Self {
            medium: Arc::clone(&self.medium),
            incarnation: medium.incarnation,
        }
    }

    /// Makes the flush after `flushes_before` more of them fail, once.
    pub fn fail_flush_after(&self, flushes_before: u64) {
        self.lock().fail_flush_after = Some(flushes_before);
    }

    /// Makes the write after `writes_before` more of them fail half done, once.
    pub fn fail_write_after(&self, writes_before: u64) {
        self.lock().fail_write_after = Some(writes_before);
    }

    /// Changes the room for files. Files that are there stay.
    pub fn set_capacity_bytes(&self, capacity_bytes: u64) {
        self.lock().capacity_bytes = capacity_bytes;
    }

    /// Inverts the lowest bit of one byte, as a failing medium does.
    ///
    /// # Errors
    /// `NotFound` or `UnexpectedEof` if there is no such byte.
    pub fn flip_bit(&self, name: &str, offset: u64) -> io::Result<()> {
        self.lock().flip_bit(name, offset)
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> DiskCounters {
        self.lock().counters
    }

    fn lock(&self) -> MutexGuard<'_, Medium> {
        // A test thread that panicked leaves the medium consistent between two calls.
        self.medium
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn fenced(&self) -> io::Result<MutexGuard<'_, Medium>> {
        let medium = self.lock();
        if medium.incarnation == self.incarnation {
            Ok(medium)
        } else {
            Err(io::Error::other("the machine of this handle has crashed"))
        }
    }

    fn handle(&self, file: u64) -> Arc<dyn DiskFile> {
        Arc::new(MemoryFile {
            disk: self.clone(),
            file,
        })
    }
}

impl Disk for MemoryDisk {
    fn create(&self, name: &str, length_bytes: u64, fill: Fill) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.fenced()?.create(name, length_bytes, fill)?;
        Ok(self.handle(file))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.fenced()?.find(name)?;
        Ok(self.handle(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.fenced()?.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.fenced()?.remove(name)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.fenced()?.names())
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.fenced()?.sync_directory()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        Ok(self.fenced()?.free_bytes())
    }
}

struct MemoryFile {
    disk: MemoryDisk,
    file: u64,
}

impl DiskFile for MemoryFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.disk.fenced()?.write(self.file, offset, bytes)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.disk.fenced()?.read(self.file, offset, buffer)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.fenced()?.sync_data(self.file)
    }

    fn length_bytes(&self) -> io::Result<u64> {
        self.disk.fenced()?.length_bytes(self.file)
    }
}

#[cfg(test)]
mod tests;
