//! The simulated disk of a machine: the memory disk of the log, with a machine that may stop at any operation, and
//! with the lies of a seeded bug. The log and the identity come before it. Guarantees: what was flushed is there
//! after a crash; of the rest the seed decides. Left to others: when a machine is doomed (`faults`).

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cluster_raft::disk::{Disk, DiskFile, Fill, MemoryDisk};

use crate::trace::{Trace, digest};

/// Kinds of records in the log's format.
const VOTE: u8 = 6;
/// Length and checksum of a record.
const FRAME_BYTES: usize = 8;

/// What a disk says that is not so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// Nothing.
    None,
    /// Every third flush of the log is not made.
    SkippedFlush,
    /// A vote is reported without its flush, which the next one may make up for.
    EarlyVote,
}

/// When one life of a machine ends by itself.
pub(crate) struct Fate {
    doomed: AtomicBool,
    /// Operations on its disks until then.
    operations_left: AtomicU64,
    flushes: AtomicU64,
}

impl Fate {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            doomed: AtomicBool::new(false),
            operations_left: AtomicU64::new(u64::MAX),
            flushes: AtomicU64::new(0),
        })
    }

    pub(crate) fn is_doomed(&self) -> bool {
        self.doomed.load(Ordering::Relaxed)
    }

    /// The machine stops at the operation after so many more.
    pub(crate) fn doom_after(&self, operations: u64) {
        self.operations_left.store(operations, Ordering::Relaxed);
    }

    /// Fails once the machine has stopped.
    fn pass(&self) -> io::Result<()> {
        if self.operations_left.fetch_sub(1, Ordering::Relaxed) == 0 {
            self.doomed.store(true, Ordering::Relaxed);
        }
        match self.is_doomed() {
            true => Err(io::Error::other("the simulated machine has stopped")),
            false => Ok(()),
        }
    }
}

/// One disk of a machine, in one life.
#[derive(Clone)]
pub(crate) struct SimulatedDisk {
    pub(crate) inner: MemoryDisk,
    /// For the trace: machine and purpose.
    pub(crate) label: String,
    pub(crate) fate: Arc<Fate>,
    pub(crate) lie: Lie,
    pub(crate) trace: Trace,
}

impl SimulatedDisk {
    fn file(&self, name: &str, inner: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(SimulatedFile {
            disk: self.clone(),
            name: name.to_owned(),
            inner,
            voted: AtomicBool::new(false),
        })
    }
}

impl Disk for SimulatedDisk {
    fn create(&self, name: &str, length_bytes: u64, fill: Fill) -> io::Result<Arc<dyn DiskFile>> {
        self.fate.pass()?;
        let label = &self.label;
        self.trace
            .say(format_args!("create {label} {name} {length_bytes}"));
        let file = self.inner.create(name, length_bytes, fill)?;
        Ok(self.file(name, file))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.inner.open(name)?;
        Ok(self.file(name, file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.fate.pass()?;
        let label = &self.label;
        self.trace.say(format_args!("rename {label} {from} {to}"));
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.fate.pass()?;
        self.inner.remove(name)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.inner.list()
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.fate.pass()?;
        self.inner.sync_directory()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        self.inner.free_bytes()
    }
}

struct SimulatedFile {
    disk: SimulatedDisk,
    name: String,
    inner: Arc<dyn DiskFile>,
    /// The last write holds a vote.
    voted: AtomicBool,
}

impl DiskFile for SimulatedFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let SimulatedDisk { label, trace, .. } = &self.disk;
        let (name, length, digest) = (&self.name, bytes.len(), digest(bytes));
        trace.say(format_args!(
            "write {label} {name} {offset}+{length} {digest}"
        ));
        // Even the write at which the machine stops may be on the disk, in part.
        self.inner.write_at(offset, bytes)?;
        self.voted.store(holds_vote(bytes), Ordering::Relaxed);
        self.disk.fate.pass()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.inner.read_at(offset, buffer)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.fate.pass()?;
        let flushes = self.disk.fate.flushes.fetch_add(1, Ordering::Relaxed);
        let lies = match self.disk.lie {
            Lie::None => false,
            Lie::SkippedFlush => flushes.is_multiple_of(3),
            Lie::EarlyVote => self.voted.load(Ordering::Relaxed),
        };
        let SimulatedDisk { label, trace, .. } = &self.disk;
        trace.say(format_args!("flush {label} {} {lies}", self.name));
        match lies {
            true => Ok(()),
            false => self.inner.sync_data(),
        }
    }

    fn length_bytes(&self) -> io::Result<u64> {
        self.inner.length_bytes()
    }
}

/// Whether a batch of the log holds a vote: records follow each other without gaps.
fn holds_vote(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some((length, body)) = rest.split_first_chunk::<4>() {
        let Some(body) = body.get(FRAME_BYTES - 4..) else {
            return false;
        };
        if body.first() == Some(&VOTE) {
            return true;
        }
        rest = body
            .get(u32::from_le_bytes(*length) as usize..)
            .unwrap_or_default();
    }
    false
}
