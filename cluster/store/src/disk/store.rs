//! The store of one group on disk: what apply writes through.
//!
//! Before it: `Shard::apply`. After it: the group's overlay, and the writer thread that empties it.
//! Guarantees: a commit takes no lock that is held during input or output, so a slow disk never
//! delays it.

use std::sync::Arc;

use bytes::Bytes;
use cluster::store::merge::Range;
use cluster::store::{Pair, StateRead, StateReader, StateStore, StoreError, Unit};

use super::Running;
use super::engine::lock;
use super::group::Group;
use super::read::{DiskReader, get, scan};
use super::replace::replace;

/// The one store of a group that is open.
pub(super) struct DiskStore {
    running: Arc<Running>,
    group: Arc<Group>,
    unit: Unit,
}

impl DiskStore {
    pub(super) fn new(running: Arc<Running>, group: Arc<Group>) -> Self {
        Self {
            running,
            group,
            unit: Unit::default(),
        }
    }

    /// What was set aside is only read.
    fn check_changeable(&self) -> Result<(), StoreError> {
        let group = self.group.id;
        match group.is_aside() {
            true => Err(StoreError::Closed { group }),
            false => Ok(()),
        }
    }

    fn scan(&self, range: &Range<'_>) -> Result<Vec<Pair>, StoreError> {
        let unit = Some(self.unit.changes());
        scan(&self.running.engine, &self.group, unit, range)
    }
}

impl StateRead for DiskStore {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        match self.unit.changes().get(key) {
            Some(change) => Ok(change.clone()),
            None => get(&self.group, key),
        }
    }

    fn scan(
        &self,
        from: &[u8],
        until: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        self.scan(&Range::forward(from, until, limit))
    }

    fn scan_back(
        &self,
        from: &[u8],
        until: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        self.scan(&Range::backward(from, until, limit))
    }
}

impl StateStore for DiskStore {
    fn put(&mut self, key: &[u8], value: Bytes) {
        self.unit.put(key, value, false);
    }

    fn put_new(&mut self, key: &[u8], value: Bytes) {
        self.unit.put(key, value, true);
    }

    fn delete(&mut self, key: &[u8]) {
        self.unit.delete(key);
    }

    fn commit(&mut self, index: u64) -> Result<(), StoreError> {
        self.check_changeable()?;
        drop(self.group.read()?);
        self.running.engine.check()?;
        self.unit.check(index, self.group.committed())?;
        let bytes = self.group.commit(self.unit.take(), index)?;
        self.running.engine.committed(bytes);
        Ok(())
    }

    fn rollback(&mut self) {
        self.unit.clear();
    }

    fn committed(&self) -> u64 {
        self.group.committed()
    }

    fn flushed(&self) -> u64 {
        self.group.flushed()
    }

    fn unflushed_bytes(&self) -> u64 {
        self.group.unflushed_bytes()
    }

    fn request_flush(&mut self) {
        self.group.want_flush();
        self.running.engine.request_flush();
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let index = self.group.committed();
        self.running.engine.wait_for_flush(&self.group, index)
    }

    fn close(&mut self) {
        let mut groups = lock(&self.running.engine.groups);
        // After a removal another opening may stand in its place.
        let id = self.group.id;
        if groups
            .get(&id)
            .is_some_and(|open| Arc::ptr_eq(open, &self.group))
        {
            groups.remove(&id);
        }
        // Still under the lock of the groups: whoever opens the group next must not meet a write.
        let _writing = lock(&self.group.writing);
        self.group.close();
    }

    fn reader(&self) -> Arc<dyn StateReader> {
        Arc::new(DiskReader {
            engine: Arc::downgrade(&self.running.engine),
            group: Arc::clone(&self.group),
        })
    }

    fn replace(
        &mut self,
        index: u64,
        pairs: &mut dyn Iterator<Item = Result<Pair, StoreError>>,
    ) -> Result<(), StoreError> {
        self.unit.clear();
        self.check_changeable()?;
        replace(&self.running.engine, &self.group, index, pairs)
    }
}

impl Drop for DiskStore {
    fn drop(&mut self) {
        self.close();
    }
}
