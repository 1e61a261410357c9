//! One group of a node: the changes that fjall does not have yet, over the keyspace that it has.
//!
//! Before it: commits of the applying thread, and readers. After it: the writer, which takes the
//! changes in rounds. Guarantees: under the overlay's lock, the keyspace with `frozen` and `active`
//! over it is the state at `committed`, whatever the writer has done so far.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Instant;

use bytes::Bytes;
use cluster::store::{GroupId, Layer, StoreError};
use fjall::Keyspace;

/// What is shared of a group between its store, its readers and the writer.
pub(super) struct Group {
    pub(super) id: GroupId,
    overlay: RwLock<Overlay>,
    /// Held while fjall gets a table of this group, so that a replacement, a removal or a view waits
    /// for it.
    pub(super) writing: Mutex<()>,
    committed: AtomicU64,
    flushed: AtomicU64,
    /// The generation that the next new keyspace gets.
    next_generation: AtomicU64,
    /// Bytes of all groups of the node that are committed but not durable.
    total: Arc<AtomicU64>,
}

/// Changes that are visible but not durable, and what they lie over.
pub(super) struct Overlay {
    /// Changes that the writer has not taken.
    pub(super) active: Layer,
    /// Bytes of all units in `active`, also of what later ones wrote again: what replaying costs.
    replay_bytes: u64,
    /// When the first unit in `active` was committed.
    since: Option<Instant>,
    /// Whether somebody asked for a flush since the writer took units.
    wanted: bool,
    /// Changes that the writer is making durable.
    pub(super) frozen: Arc<Layer>,
    /// Index of the last unit that the writer has taken.
    taken: u64,
    /// The durable content; none before the first table.
    pub(super) base: Option<Keyspace>,
    pub(super) generation: u64,
    /// Whether the record on disk names this keyspace.
    recorded: bool,
    /// Whether the group was removed, or its store dropped.
    pub(super) closed: bool,
}

/// What a group has for the writer.
pub(super) struct Waiting {
    /// Bytes of its units.
    pub(super) bytes: u64,
    pub(super) since: Instant,
    pub(super) wanted: bool,
    /// The keyspace that they go to.
    pub(super) base: Option<Keyspace>,
}

/// What the writer took of a group.
pub(super) struct Taken {
    pub(super) changes: Arc<Layer>,
    pub(super) index: u64,
    pub(super) generation: u64,
    pub(super) recorded: bool,
    pub(super) bytes: u64,
}

impl Group {
    /// A group with its keyspace and that one's generation. `generation_aside` is that of what was
    /// set aside of it, 0 where there is nothing. What is not durable counts into `total`.
    pub(super) fn new(
        id: GroupId,
        base: Option<(Keyspace, u64)>,
        index: u64,
        generation_aside: u64,
        total: Arc<AtomicU64>,
    ) -> Self {
        let generation = base.as_ref().map_or(0, |(_, generation)| *generation);
        Self {
            id,
            overlay: RwLock::new(Overlay {
                active: Layer::new(),
                replay_bytes: 0,
                since: None,
                wanted: false,
                frozen: Arc::default(),
                taken: index,
                recorded: base.is_some(),
                base: base.map(|(keyspace, _)| keyspace),
                generation,
                closed: false,
            }),
            writing: Mutex::new(()),
            committed: AtomicU64::new(index),
            flushed: AtomicU64::new(index),
            next_generation: AtomicU64::new(generation.max(generation_aside) + 1),
            total,
        }
    }

    pub(super) fn committed(&self) -> u64 {
        self.committed.load(Ordering::Acquire)
    }

    pub(super) fn flushed(&self) -> u64 {
        self.flushed.load(Ordering::Acquire)
    }

    pub(super) fn take_generation(&self) -> u64 {
        self.next_generation.fetch_add(1, Ordering::Relaxed)
    }

    /// The overlay for reading.
    ///
    /// # Errors
    ///
    /// `Closed` once the group is removed or its store dropped.
    pub(super) fn read(&self) -> Result<RwLockReadGuard<'_, Overlay>, StoreError> {
        let overlay = self.overlay.read().unwrap_or_else(|held| held.into_inner());
        if overlay.closed {
            return Err(StoreError::Closed { group: self.id });
        }
        Ok(overlay)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Overlay> {
        self.overlay
            .write()
            .unwrap_or_else(|held| held.into_inner())
    }

    pub(super) fn unflushed_bytes(&self) -> u64 {
        self.read().map_or(0, |overlay| overlay.bytes())
    }

    /// Counts into the node's total what became of this group, of which so many bytes were not durable
    /// before.
    fn count(&self, before: u64, overlay: &Overlay) {
        let now = overlay.bytes();
        // Both are right whatever the others do meanwhile.
        self.total.fetch_add(now, Ordering::Relaxed);
        self.total.fetch_sub(before, Ordering::Relaxed);
    }

    /// Makes a unit visible; returns its bytes.
    pub(super) fn commit(&self, unit: Layer, index: u64) -> Result<u64, StoreError> {
        let mut overlay = self.write();
        if overlay.closed {
            return Err(StoreError::Closed { group: self.id });
        }
        let before = overlay.bytes();
        let bytes = unit.bytes();
        overlay.replay_bytes += bytes;
        overlay.since.get_or_insert_with(Instant::now);
        overlay.active.lay_over(unit);
        self.count(before, &overlay);
        self.committed.store(index, Ordering::Release);
        Ok(bytes)
    }

    /// Asks the writer not to wait for more units of this group.
    pub(super) fn want_flush(&self) {
        self.write().wanted = true;
    }

    /// Takes all units since the last time, for the writer. `None` where there are none.
    pub(super) fn freeze(&self) -> Option<Taken> {
        let mut overlay = self.write();
        let index = self.committed();
        if overlay.closed || index == overlay.taken {
            return None;
        }
        assert!(overlay.frozen.is_empty(), "one round ends before the next");
        overlay.frozen = Arc::new(std::mem::take(&mut overlay.active));
        overlay.taken = index;
        overlay.nothing_waits();
        Some(Taken {
            changes: Arc::clone(&overlay.frozen),
            index,
            generation: overlay.generation,
            recorded: overlay.recorded,
            bytes: overlay.frozen.bytes(),
        })
    }

    /// The units that the writer has not taken; `None` where there are none.
    pub(super) fn waiting(&self) -> Option<Waiting> {
        let overlay = self.read().ok()?;
        Some(Waiting {
            bytes: overlay.replay_bytes,
            since: overlay.since?,
            wanted: overlay.wanted,
            base: overlay.base.clone(),
        })
    }

    /// Gives a group without a keyspace its first one. Called by the writer.
    pub(super) fn found(&self, base: Keyspace, generation: u64) {
        let mut overlay = self.write();
        assert!(overlay.base.is_none(), "only the first keyspace is founded");
        overlay.base = Some(base);
        overlay.generation = generation;
    }

    /// What was taken is durable and recorded: fjall alone answers for it from now on.
    pub(super) fn finish(&self, taken: &Taken) {
        let mut overlay = self.write();
        if overlay.generation == taken.generation && !overlay.closed {
            let before = overlay.bytes();
            let done = std::mem::take(&mut overlay.frozen);
            self.count(before, &overlay);
            overlay.recorded = true;
            self.flushed.fetch_max(taken.index, Ordering::AcqRel);
            drop(overlay);
            // Freeing many changes takes long enough to be kept out of the lock.
            drop(done);
        }
    }

    /// Switches to a new keyspace that is recorded; returns the one before. The caller holds
    /// `writing`.
    pub(super) fn switch(&self, base: Keyspace, generation: u64, index: u64) -> Option<Keyspace> {
        let mut overlay = self.write();
        let old = overlay.base.replace(base);
        let before = overlay.bytes();
        overlay.forget();
        self.count(before, &overlay);
        overlay.generation = generation;
        overlay.recorded = true;
        overlay.taken = index;
        self.committed.store(index, Ordering::Release);
        self.flushed.store(index, Ordering::Release);
        old
    }

    /// Fences all handles; returns the keyspace. The caller holds `writing` unless it is dropping.
    pub(super) fn close(&self) -> Option<Keyspace> {
        let mut overlay = self.write();
        overlay.closed = true;
        let before = overlay.bytes();
        overlay.forget();
        self.count(before, &overlay);
        overlay.base.take()
    }
}

impl Overlay {
    /// There are no units for the writer.
    fn nothing_waits(&mut self) {
        self.replay_bytes = 0;
        self.since = None;
        self.wanted = false;
    }

    /// Bytes of keys and values that are visible but not durable.
    fn bytes(&self) -> u64 {
        self.active.bytes() + self.frozen.bytes()
    }

    fn forget(&mut self) {
        self.nothing_waits();
        self.active = Layer::new();
        self.frozen = Arc::default();
    }

    /// The value that the changes give a key; `None` where they say nothing.
    pub(super) fn change(&self, key: &[u8]) -> Option<&Option<Bytes>> {
        self.active.get(key).or_else(|| self.frozen.get(key))
    }
}
