//! The log's port to a disk: a flat folder of preallocated files. It comes after the log's writer
//! on a message's way; nothing comes after it but the medium. Guarantees: what `sync_data` and
//! `sync_directory` returned for survives a crash, and nothing else is promised. Which files there
//! are and what is in them is left to the log. Calls block.

use std::io;
use std::sync::Arc;

pub mod file;
pub mod memory;

pub use file::FileDisk;
pub use memory::MemoryDisk;

/// How a new file gets its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fill {
    /// Blocks are reserved and read as zero: quick, but the first write to each costs a little
    /// more to flush.
    Reserve,
    /// Zeros are written and flushed: slow, and later flushes are short.
    Zero,
}

/// A flat folder of files on one medium.
pub trait Disk: Send + Sync + 'static {
    /// Makes a file of `length_bytes` that reads as zeros. With `Fill::Zero` its content is
    /// flushed too. Its name is only durable after `sync_directory`.
    ///
    /// # Errors
    /// `StorageFull` if the blocks are not there (no file is left behind), `AlreadyExists`, or
    /// what the medium reports.
    fn create(&self, name: &str, length_bytes: u64, fill: Fill) -> io::Result<Arc<dyn DiskFile>>;

    /// Opens a file for reading and writing.
    ///
    /// # Errors
    /// `NotFound`, or what the medium reports.
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;

    /// Gives a file another name, replacing what has that name. Open handles stay valid.
    ///
    /// # Errors
    /// `NotFound`, or what the medium reports.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a name.
    ///
    /// # Errors
    /// `NotFound`, or what the medium reports.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// All names, sorted.
    ///
    /// # Errors
    /// What the medium reports.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Makes all creations, renames and removals so far durable.
    ///
    /// # Errors
    /// What the medium reports.
    fn sync_directory(&self) -> io::Result<()>;

    /// Bytes that can still be allocated by this process.
    ///
    /// # Errors
    /// What the medium reports.
    fn free_bytes(&self) -> io::Result<u64>;
}

/// An open file.
pub trait DiskFile: Send + Sync + 'static {
    /// Writes all of `bytes` at `offset`. Durable only after `sync_data`.
    ///
    /// # Errors
    /// What the medium reports; any part may have been written.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Fills all of `buffer` from `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` past the end, or what the medium reports.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Makes all writes so far durable.
    ///
    /// # Errors
    /// What the medium reports. After an error nobody knows what is durable.
    fn sync_data(&self) -> io::Result<()>;

    /// The file's length.
    ///
    /// # Errors
    /// What the medium reports.
    fn length_bytes(&self) -> io::Result<u64>;
}
