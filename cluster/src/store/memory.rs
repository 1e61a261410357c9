//! The state store in memory: the model of the port, with units that a crash loses.
//!
//! Before it: tests and simulations, which hold the provider and decide when to flush and crash.
//! After it: nothing; there are no threads, no clock and no files, so that a seed decides all.
//! Guarantees: what the port says, and that [`MemoryStores::crash`] keeps a prefix of the units of
//! each group, chosen by the seed. Leaves to others: durability; it all goes with the process.

mod group;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::merge::{Range, changes, over};
use super::{
    GroupId, Layer, Pair, StateRead, StateReader, StateStore, StoreError, StoreProvider, StoreView,
    Unit, check_pair,
};
use group::{Committed, Group};

/// When units become durable without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlushMode {
    /// Only on demand.
    OnDemand,
    /// After every so many units of a group (at least 1).
    EveryUnits(usize),
}

/// The stores of one node. Clones are the same node.
#[derive(Clone, Debug)]
pub struct MemoryStores {
    mode: FlushMode,
    groups: Arc<Mutex<BTreeMap<GroupId, Arc<Mutex<Group>>>>>,
}

impl MemoryStores {
    /// An empty node.
    pub fn new(mode: FlushMode) -> Self {
        Self {
            mode,
            groups: Arc::default(),
        }
    }

    /// Crashes the node: of each group a prefix of the units that were not flushed survives, how
    /// many `seed` says. Handles from before answer `Closed`; open the groups again.
    pub fn crash(&self, seed: u64) {
        let mut state = seed;
        for group in lock(&self.groups).values() {
            let mut group = lock(group);
            let choices = group.pending.len() as u64 + 1;
            let kept = (next_random(&mut state) % choices) as usize;
            group.flush_units(kept);
            group.restart();
        }
    }

    /// Crashes the node as a store does that loses its order: where a group has two units or more
    /// that were not flushed, the first of them is lost and the others survive.
    #[cfg(feature = "mutants")]
    pub fn crash_out_of_order(&self, seed: u64) {
        for group in lock(&self.groups).values() {
            let mut group = lock(group);
            if group.pending.len() > 1 {
                let lost = group.pending.pop_front();
                group.pending_bytes -= lost.map_or(0, |unit| unit.changes.bytes());
                group.flush_units(usize::MAX);
            }
        }
        self.crash(seed);
    }

    /// Makes the units of a group up to `index` durable, as a disk that is behind would.
    pub fn flush_up_to(&self, group: GroupId, index: u64) {
        let group = self.group(group);
        let mut group = lock(&group);
        let units = group
            .pending
            .iter()
            .take_while(|unit| unit.index <= index)
            .count();
        group.flush_units(units);
    }

    /// Makes every later write of all groups that are known now fail, as a full disk does.
    pub fn poison(&self, reason: &str) {
        for group in lock(&self.groups).values() {
            lock(group).poisoned = Some(reason.into());
        }
    }

    fn group(&self, group: GroupId) -> Arc<Mutex<Group>> {
        Arc::clone(lock(&self.groups).entry(group).or_default())
    }
}

impl StoreProvider for MemoryStores {
    fn open(&self, group: GroupId) -> Result<Box<dyn StateStore>, StoreError> {
        let shared = self.group(group);
        let mut inner = lock(&shared);
        if inner.open {
            return Err(StoreError::InUse { group });
        }
        inner.open = true;
        let incarnation = inner.incarnation;
        drop(inner);
        let handle = Handle {
            group,
            incarnation,
            shared,
        };
        Ok(Box::new(MemoryStore {
            handle,
            mode: self.mode,
            unit: Unit::default(),
        }))
    }

    fn remove(&self, group: GroupId) -> Result<(), StoreError> {
        if let Some(shared) = lock(&self.groups).remove(&group) {
            let mut inner = lock(&shared);
            inner.incarnation += 1;
            inner.open = false;
        }
        Ok(())
    }

    fn set_aside(&self, group: GroupId) -> Result<bool, StoreError> {
        let mut groups = lock(&self.groups);
        let Some(shared) = groups.get(&group).cloned() else {
            return Ok(false);
        };
        let mut inner = lock(&shared);
        if inner.flushed == 0 {
            return Ok(false);
        }
        inner.restart();
        drop(inner);
        groups.remove(&group);
        if let Some(before) = groups.insert(group.aside(), shared) {
            lock(&before).restart();
        }
        Ok(true)
    }

    fn unflushed_bytes(&self) -> u64 {
        let groups = lock(&self.groups);
        groups.values().map(|group| lock(group).pending_bytes).sum()
    }

    fn groups(&self) -> Result<Vec<GroupId>, StoreError> {
        let groups = lock(&self.groups);
        let durable = groups.iter().filter(|(_, inner)| lock(inner).flushed > 0);
        Ok(durable.map(|(group, _)| *group).collect())
    }
}

/// One opening of a group; fenced when the group is closed behind its back.
#[derive(Clone, Debug)]
struct Handle {
    group: GroupId,
    incarnation: u64,
    shared: Arc<Mutex<Group>>,
}

impl Handle {
    /// The group, if this opening still counts.
    fn enter(&self) -> Result<MutexGuard<'_, Group>, StoreError> {
        let inner = lock(&self.shared);
        if inner.incarnation != self.incarnation {
            return Err(StoreError::Closed { group: self.group });
        }
        Ok(inner)
    }

    /// The group for a change.
    fn change(&self) -> Result<MutexGuard<'_, Group>, StoreError> {
        if self.group.is_aside() {
            return Err(StoreError::Closed { group: self.group });
        }
        let inner = self.enter()?;
        inner.check_writable()?;
        Ok(inner)
    }

    fn scan(&self, unit: &Layer, range: &Range<'_>) -> Result<Vec<Pair>, StoreError> {
        let inner = self.enter()?;
        scan_map(&inner.live, &[unit], range)
    }
}

/// The store of one group.
struct MemoryStore {
    handle: Handle,
    mode: FlushMode,
    unit: Unit,
}

impl StateRead for MemoryStore {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let inner = self.handle.enter()?;
        Ok(match self.unit.changes().get(key) {
            Some(change) => change.clone(),
            None => inner.live.get(key).cloned(),
        })
    }

    fn scan(
        &self,
        from: &[u8],
        until: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        self.handle
            .scan(self.unit.changes(), &Range::forward(from, until, limit))
    }

    fn scan_back(
        &self,
        from: &[u8],
        until: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        self.handle
            .scan(self.unit.changes(), &Range::backward(from, until, limit))
    }
}

impl StateStore for MemoryStore {
    fn put(&mut self, key: &[u8], value: Bytes) {
        self.unit.put(key, value, false);
    }

    fn put_new(&mut self, key: &[u8], value: Bytes) {
        debug_assert!(
            !matches!(self.get(key), Ok(Some(_))),
            "a key that is new is not there: {key:02x?}"
        );
        self.unit.put(key, value, true);
    }

    fn delete(&mut self, key: &[u8]) {
        self.unit.delete(key);
    }

    fn commit(&mut self, index: u64) -> Result<(), StoreError> {
        let mut inner = self.handle.change()?;
        self.unit.check(index, inner.committed)?;
        inner.commit(Committed {
            index,
            changes: self.unit.take(),
        });
        if let FlushMode::EveryUnits(units) = self.mode
            && inner.pending.len() >= units
        {
            inner.flush_units(usize::MAX);
        }
        Ok(())
    }

    fn rollback(&mut self) {
        self.unit.clear();
    }

    fn committed(&self) -> u64 {
        lock(&self.handle.shared).committed
    }

    fn flushed(&self) -> u64 {
        lock(&self.handle.shared).flushed
    }

    fn unflushed_bytes(&self) -> u64 {
        lock(&self.handle.shared).pending_bytes
    }

    fn request_flush(&mut self) {
        // A failure is kept and comes back from the next commit, as the port says.
        let _ = self.flush();
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let mut inner = self.handle.enter()?;
        inner.check_writable()?;
        inner.flush_units(usize::MAX);
        Ok(())
    }

    fn close(&mut self) {
        if let Ok(mut inner) = self.handle.enter() {
            inner.restart();
        }
    }

    fn reader(&self) -> Arc<dyn StateReader> {
        Arc::new(MemoryReader {
            handle: self.handle.clone(),
        })
    }

    fn replace(
        &mut self,
        index: u64,
        pairs: &mut dyn Iterator<Item = Result<Pair, StoreError>>,
    ) -> Result<(), StoreError> {
        self.unit.clear();
        drop(self.handle.change()?);
        let mut content: BTreeMap<Bytes, Bytes> = BTreeMap::new();
        for pair in pairs {
            let (key, value) = pair?;
            check_pair(&key, Some(&value))?;
            if content.last_key_value().is_some_and(|last| *last.0 >= key) {
                let pairs = content.len() as u64;
                return Err(StoreError::Order { pairs });
            }
            content.insert(key, value);
        }
        let mut inner = self.handle.enter()?;
        inner.pending = VecDeque::new();
        inner.pending_bytes = 0;
        inner.durable = Arc::new(content);
        inner.flushed = index;
        inner.load();
        Ok(())
    }
}

impl Drop for MemoryStore {
    fn drop(&mut self) {
        self.close();
    }
}

/// Reads of one group beside its applying thread.
struct MemoryReader {
    handle: Handle,
}

impl StateRead for MemoryReader {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.handle.enter()?.live.get(key).cloned())
    }

    fn scan(
        &self,
        from: &[u8],
        until: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        self.handle
            .scan(&Layer::new(), &Range::forward(from, until, limit))
    }

    fn scan_back(
        &self,
        from: &[u8],
        until: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        self.handle
            .scan(&Layer::new(), &Range::backward(from, until, limit))
    }
}

impl StateReader for MemoryReader {
    fn committed(&self) -> u64 {
        lock(&self.handle.shared).committed
    }

    fn view(&self) -> Result<Box<dyn StoreView>, StoreError> {
        let inner = self.handle.enter()?;
        Ok(Box::new(MemoryView {
            index: inner.flushed,
            content: Arc::clone(&inner.durable),
        }))
    }
}

/// The durable content at one index.
struct MemoryView {
    index: u64,
    content: Arc<BTreeMap<Bytes, Bytes>>,
}

impl StateRead for MemoryView {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.content.get(key).cloned())
    }

    fn scan(
        &self,
        from: &[u8],
        until: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        scan_map(&self.content, &[], &Range::forward(from, until, limit))
    }

    fn scan_back(
        &self,
        from: &[u8],
        until: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        scan_map(&self.content, &[], &Range::backward(from, until, limit))
    }
}

impl StoreView for MemoryView {
    fn index(&self) -> u64 {
        self.index
    }

    fn page(&self, after: Option<&[u8]>, bytes_max: usize) -> Result<Vec<Pair>, StoreError> {
        let start = after.map(super::successor).unwrap_or_default();
        let range = Range::forward(&start, None, usize::MAX);
        let mut bytes = 0;
        let page = range.of(&self.content).take_while(|(key, value)| {
            let room = bytes < bytes_max || bytes == 0;
            bytes += key.len() + value.len();
            room
        });
        Ok(page
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }
}

fn scan_map(
    map: &BTreeMap<Bytes, Bytes>,
    layers: &[&Layer],
    range: &Range<'_>,
) -> Result<Vec<Pair>, StoreError> {
    let base = range
        .of(map)
        .map(|(key, value)| Ok((key.clone(), value.clone())));
    over(changes(layers, range), base, range)
}

/// A lock whose data stays sound when its holder panics: every change under it is a few assignments.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The next number of splitmix64, the generator that seeds others.
pub(super) fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests;
