//! The simulated state stores of a machine: the memory stores, with a trace of what is applied. The groups of a
//! node come before it; `cluster::store::memory` keeps the units, and a crash loses those that were not flushed.
//! Guarantees: what that store guarantees. Left to others: when it flushes (`world`).

use std::sync::Arc;

use bytes::Bytes;
use cluster::store::memory::MemoryStores;
use cluster::store::{
    GroupId, Pair, StateRead, StateReader, StateStore, StoreError, StoreProvider,
};

use crate::trace::Trace;

/// The stores of one life of a machine.
pub(crate) struct TracedStores {
    pub(crate) inner: MemoryStores,
    pub(crate) machine: usize,
    pub(crate) trace: Trace,
}

impl StoreProvider for TracedStores {
    fn open(&self, group: GroupId) -> Result<Box<dyn StateStore>, StoreError> {
        Ok(Box::new(TracedStore {
            inner: self.inner.open(group)?,
            label: format!("{} {group}", self.machine),
            changes: blake3::Hasher::new(),
            trace: self.trace.clone(),
        }))
    }

    fn remove(&self, group: GroupId) -> Result<(), StoreError> {
        self.inner.remove(group)
    }

    fn set_aside(&self, group: GroupId) -> Result<bool, StoreError> {
        self.inner.set_aside(group)
    }

    fn unflushed_bytes(&self) -> u64 {
        self.inner.unflushed_bytes()
    }

    fn groups(&self) -> Result<Vec<GroupId>, StoreError> {
        self.inner.groups()
    }
}

struct TracedStore {
    inner: Box<dyn StateStore>,
    /// Machine and group.
    label: String,
    changes: blake3::Hasher,
    trace: Trace,
}

impl StateRead for TracedStore {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.inner.get(key)
    }

    fn scan(
        &self,
        from: &[u8],
        until: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        self.inner.scan(from, until, limit)
    }

    fn scan_back(
        &self,
        from: &[u8],
        until: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        self.inner.scan_back(from, until, limit)
    }
}

impl StateStore for TracedStore {
    fn put(&mut self, key: &[u8], value: Bytes) {
        self.changes.update(key).update(&value);
        self.inner.put(key, value);
    }

    fn put_new(&mut self, key: &[u8], value: Bytes) {
        self.changes.update(key).update(&value);
        self.inner.put_new(key, value);
    }

    fn delete(&mut self, key: &[u8]) {
        self.changes.update(key);
        self.inner.delete(key);
    }

    fn commit(&mut self, index: u64) -> Result<(), StoreError> {
        let changes = self.changes.finalize().to_hex();
        let label = &self.label;
        self.trace
            .say(format_args!("apply {label} {index} {}", &changes[..12]));
        self.changes = blake3::Hasher::new();
        self.inner.commit(index)
    }

    fn rollback(&mut self) {
        self.changes = blake3::Hasher::new();
        self.inner.rollback();
    }

    fn committed(&self) -> u64 {
        self.inner.committed()
    }

    fn flushed(&self) -> u64 {
        self.inner.flushed()
    }

    fn unflushed_bytes(&self) -> u64 {
        self.inner.unflushed_bytes()
    }

    fn request_flush(&mut self) {
        self.inner.request_flush();
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.inner.flush()
    }

    fn close(&mut self) {
        self.inner.close();
    }

    fn reader(&self) -> Arc<dyn StateReader> {
        self.inner.reader()
    }

    fn replace(
        &mut self,
        index: u64,
        pairs: &mut dyn Iterator<Item = Result<Pair, StoreError>>,
    ) -> Result<(), StoreError> {
        let label = &self.label;
        self.trace.say(format_args!("install {label} {index}"));
        self.inner.replace(index, pairs)
    }
}
