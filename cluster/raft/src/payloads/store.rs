//! The files of payloads, each named by its hash. `spread` puts them in and takes them out, `upkeep`
//! removes them. Guarantees: what `put` returned for is flushed, file and name, and survives a crash;
//! what is read has the hash that it is named by, or is removed and counts as missing; room that the
//! disk has to keep free is not used. Left to others: which payloads are still needed. Calls block.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::Reference;
use super::claims::{Claim, Claims};
use crate::disk::{Disk, Fill};
use crate::limits::{PAYLOADS_PLACING_MAX, PayloadLimits};
use crate::types::NodeId;

/// Before the hash in the name of a file that is whole.
const WHOLE: &str = "payload-";
/// Before the number in the name of a file that is being written.
const BEGUN: &str = "begun-";

/// Why a payload is not kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// There is too little room.
    #[error(
        "E-disk-full: the disk of payloads has {free_bytes} bytes free and needs {needed_bytes}. \
         Nothing was written; reads go on. Free some room"
    )]
    DiskFull {
        /// What is free.
        free_bytes: u64,
        /// What would have to be.
        needed_bytes: u64,
    },
    /// The disk refused something else.
    #[error("E-payload-io: {action} a payload failed: {cause}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// What the medium reported.
        cause: String,
    },
}

impl PayloadError {
    fn io(action: &'static str) -> impl Fn(io::Error) -> Self {
        move |cause| Self::Io {
            action,
            cause: cause.to_string(),
        }
    }
}

/// What a node keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PayloadStatistics {
    /// Files.
    pub count: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Files that were removed because nothing named them.
    pub removed: u64,
    /// Payloads that were missing or damaged here and came from another node.
    pub fetched: u64,
}

/// A file that is there.
struct Held {
    length: u32,
    /// Since when nothing is known to need it.
    unneeded_since: Instant,
}

/// The payloads of one node.
pub struct PayloadStore {
    disk: Arc<dyn Disk>,
    free_bytes_min: u64,
    pub(super) limits: PayloadLimits,
    held: Mutex<BTreeMap<[u8; 32], Held>>,
    /// Changed only while `held` is locked.
    claims: Claims,
    /// Payloads that are being placed at a time, so that memory has a bound.
    pub(super) placing: Semaphore,
    /// One transfer to a node at a time: the next may find that it is not needed any more.
    lanes: Mutex<BTreeMap<NodeId, Arc<tokio::sync::Mutex<()>>>>,
    /// Which payloads other nodes said they have, and when.
    elsewhere: Mutex<BTreeMap<([u8; 32], NodeId), Instant>>,
    begun: AtomicU64,
    removed: AtomicU64,
    pub(super) fetched: AtomicU64,
}

impl PayloadStore {
    /// Finds what is in the folder. Files that were not finished are removed. So many bytes are left
    /// free on the disk.
    ///
    /// # Errors
    /// What the disk reports.
    pub fn open(
        disk: Arc<dyn Disk>,
        free_bytes_min: u64,
        limits: PayloadLimits,
    ) -> io::Result<Arc<Self>> {
        let mut held = BTreeMap::new();
        for name in disk.list()? {
            let hash = name.strip_prefix(WHOLE).and_then(read_hash);
            match hash {
                Some(hash) => {
                    let length = disk.open(&name)?.length_bytes()?;
                    let length = u32::try_from(length).unwrap_or(u32::MAX);
                    held.insert(hash, Held::now(length));
                }
                None if name.starts_with(BEGUN) => disk.remove(&name)?,
                None => {}
            }
        }
        disk.sync_directory()?;
        Ok(Arc::new(Self {
            disk,
            free_bytes_min,
            limits,
            held: Mutex::new(held),
            claims: Claims::default(),
            placing: Semaphore::new(PAYLOADS_PLACING_MAX),
            lanes: Mutex::default(),
            elsewhere: Mutex::default(),
            begun: AtomicU64::new(0),
            removed: AtomicU64::new(0),
            fetched: AtomicU64::new(0),
        }))
    }

    /// Keeps a payload, under the name that is its own. It is durable on return.
    ///
    /// # Errors
    /// `DiskFull`, `Io`; then it may be kept or not.
    pub fn put(&self, reference: Reference, bytes: &[u8]) -> Result<(), PayloadError> {
        if self.has(reference) {
            return Ok(());
        }
        self.check_room(bytes.len() as u64)?;
        let begun = format!("{BEGUN}{}", self.begun.fetch_add(1, Ordering::Relaxed));
        let written = self.write(&begun, bytes);
        if written.is_err() {
            // It only takes room; the error that matters is the first.
            let _ = self.disk.remove(&begun);
        }
        written?;
        let renamed = self.disk.rename(&begun, &file_name(reference.hash));
        renamed
            .and_then(|()| self.disk.sync_directory())
            .map_err(PayloadError::io("naming"))?;
        self.lock()
            .insert(reference.hash, Held::now(reference.length));
        Ok(())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), PayloadError> {
        let length = bytes.len() as u64;
        let file = match self.disk.create(name, length, Fill::Reserve) {
            Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                return Err(self.full(length));
            }
            created => created.map_err(PayloadError::io("beginning"))?,
        };
        file.write_at(0, bytes)
            .and_then(|()| file.sync_data())
            .map_err(PayloadError::io("writing"))
    }

    /// Whether a payload is here. Asking keeps it for a while.
    pub fn has(&self, reference: Reference) -> bool {
        match self.lock().get_mut(&reference.hash) {
            Some(held) if held.length == reference.length => {
                held.unneeded_since = Instant::now();
                true
            }
            _ => false,
        }
    }

    /// Keeps payloads that are here, as long as the claims to them. None where one is not here.
    pub(crate) fn claim(
        self: &Arc<Self>,
        references: impl IntoIterator<Item = Reference>,
    ) -> Option<Vec<Claim>> {
        let claim = |reference: Reference| {
            let held = self.lock();
            let is_here = held.get(&reference.hash);
            is_here.filter(|one| one.length == reference.length)?;
            self.claims.add(reference.hash);
            Some(Claim {
                store: Arc::clone(self),
                reference,
            })
        };
        references.into_iter().map(claim).collect()
    }

    /// Ends a claim. The payload counts as needed until now.
    pub(super) fn let_go(&self, reference: Reference) {
        let mut held = self.lock();
        if let Some(one) = held.get_mut(&reference.hash) {
            one.unneeded_since = Instant::now();
        }
        self.claims.remove(reference.hash);
    }

    /// A payload. One whose file is damaged is removed.
    ///
    /// # Errors
    /// `Io` where the disk cannot be read.
    pub fn get(&self, reference: Reference) -> Result<Option<Bytes>, PayloadError> {
        if !self.has(reference) {
            return Ok(None);
        }
        let name = file_name(reference.hash);
        let mut bytes = vec![0; reference.length as usize];
        let read = self
            .disk
            .open(&name)
            .and_then(|file| file.read_at(0, &mut bytes));
        match read {
            Ok(()) if reference.names(&bytes) => return Ok(Some(Bytes::from(bytes))),
            Ok(()) => {}
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(PayloadError::io("reading")(error)),
        }
        tracing::error!(payload = %reference, "a payload is damaged on this node's disk; another node is asked for it");
        self.lock().remove(&reference.hash);
        match self.disk.remove(&name) {
            Err(error) if !is_missing(&error) => Err(PayloadError::io("removing")(error)),
            _ => Ok(None),
        }
    }

    /// Removes what is not among `named`, and was not for a while, and has no claim.
    ///
    /// # Errors
    /// What the disk reports; the rest stays.
    pub fn sweep(&self, named: &BTreeSet<[u8; 32]>) -> io::Result<u64> {
        let grace = Duration::from_millis(self.limits.grace_ms);
        let mut removed = 0;
        for hash in self.unneeded(named, grace) {
            // Held over the removal: nobody may learn that it is here meanwhile.
            let mut held = self.lock();
            let stays = |one: &Held| one.unneeded_since.elapsed() < grace;
            if held.get(&hash).is_none_or(stays) || self.claims.has(&hash) {
                continue;
            }
            self.disk.remove(&file_name(hash))?;
            held.remove(&hash);
            drop(held);
            removed += 1;
        }
        self.removed.fetch_add(removed, Ordering::Relaxed);
        Ok(removed)
    }

    /// What may go. What is named is needed from now on.
    fn unneeded(&self, named: &BTreeSet<[u8; 32]>, grace: Duration) -> Vec<[u8; 32]> {
        let mut held = self.lock();
        let mut unneeded = Vec::new();
        for (hash, one) in &mut *held {
            if named.contains(hash) {
                one.unneeded_since = Instant::now();
            } else if one.unneeded_since.elapsed() >= grace {
                unneeded.push(*hash);
            }
        }
        unneeded
    }

    /// Another node said that it has a payload.
    pub(super) fn note_elsewhere(&self, node: NodeId, reference: Reference) {
        let now = Instant::now();
        let mut elsewhere = self.lock_elsewhere();
        elsewhere.retain(|_, at| self.is_recent(*at));
        elsewhere.insert((reference.hash, node), now);
    }

    /// Whether another node said so a moment ago, and so has it still.
    pub(super) fn is_elsewhere(&self, node: NodeId, reference: Reference) -> bool {
        let elsewhere = self.lock_elsewhere();
        let said = elsewhere.get(&(reference.hash, node));
        said.is_some_and(|at| self.is_recent(*at))
    }

    /// What that node said counts no more: it takes an entry for one whose payload it does not have.
    pub(super) fn forget_elsewhere(&self, node: NodeId) {
        self.lock_elsewhere().retain(|(_, at), _| *at != node);
    }

    /// Far shorter than a node keeps what nothing names.
    fn is_recent(&self, at: Instant) -> bool {
        at.elapsed() < Duration::from_millis(self.limits.grace_ms / 4)
    }

    /// The lane to a node.
    pub(super) fn lane(&self, node: NodeId) -> Arc<tokio::sync::Mutex<()>> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(lanes.entry(node).or_default())
    }

    fn lock_elsewhere(&self) -> MutexGuard<'_, BTreeMap<([u8; 32], NodeId), Instant>> {
        self.elsewhere
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept.
    #[must_use]
    pub fn statistics(&self) -> PayloadStatistics {
        let held = self.lock();
        PayloadStatistics {
            count: held.len() as u64,
            bytes: held.values().map(|one| u64::from(one.length)).sum(),
            removed: self.removed.load(Ordering::Relaxed),
            fetched: self.fetched.load(Ordering::Relaxed),
        }
    }

    fn check_room(&self, bytes: u64) -> Result<(), PayloadError> {
        let free = self
            .disk
            .free_bytes()
            .map_err(PayloadError::io("measuring the room for"))?;
        match free >= bytes.saturating_add(self.free_bytes_min) {
            true => Ok(()),
            false => Err(self.full(bytes)),
        }
    }

    fn full(&self, bytes: u64) -> PayloadError {
        PayloadError::DiskFull {
            free_bytes: self.disk.free_bytes().unwrap_or(0),
            needed_bytes: bytes.saturating_add(self.free_bytes_min),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn now(length: u32) -> Self {
        Self {
            length,
            unneeded_since: Instant::now(),
        }
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof
    )
}

fn file_name(hash: [u8; 32]) -> String {
    format!("{WHOLE}{}", Reference { hash, length: 0 })
}

fn read_hash(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut hash = [0; 32];
    for (at, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests;
