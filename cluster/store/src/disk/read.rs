//! Reading a group: the open unit over the changes in memory over fjall.
//!
//! Before it: apply through the store, queries through a reader. After it: fjall. Guarantees: each
//! call sees the state at one index, because the snapshot is taken under the overlay's lock: what
//! the writer adds to fjall up to then is in the overlay too.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use cluster::store::merge::{Range, changes, over};
use cluster::store::{Layer, Pair, StateRead, StateReader, StoreError, StoreView};
use fjall::{Guard, Keyspace, Readable, Snapshot};

use super::engine::{Engine, io_error};
use super::group::Group;
use super::key;
use super::view::DiskView;

/// The value of a key, as last committed.
pub(super) fn get(group: &Group, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
    let overlay = group.read()?;
    if let Some(change) = overlay.change(key) {
        return Ok(change.clone());
    }
    let Some(base) = overlay.base.clone() else {
        return Ok(None);
    };
    // What the writer moves to fjall from here on is newer still, so no lock is needed.
    drop(overlay);
    let value = base
        .get(key::stored(key))
        .map_err(|error| io_error("read a key", &error))?;
    Ok(value.map(|value| Bytes::copy_from_slice(&value)))
}

/// A scan with `unit` over what is committed.
pub(super) fn scan(
    engine: &Engine,
    group: &Group,
    unit: Option<&Layer>,
    range: &Range<'_>,
) -> Result<Vec<Pair>, StoreError> {
    let overlay = group.read()?;
    if range.is_empty() {
        return Ok(Vec::new());
    }
    let layers: Vec<&Layer> = unit
        .into_iter()
        .chain([&overlay.active, &*overlay.frozen])
        .collect();
    let changes = changes(&layers, range);
    let base = overlay
        .base
        .clone()
        .map(|base| (base, engine.database.snapshot()));
    drop(overlay);
    let pairs = base.map(|(base, snapshot)| pairs(&snapshot, &base, range));
    over(changes, pairs.into_iter().flatten(), range)
}

/// The pairs of a keyspace in a range that is not empty.
pub(super) fn pairs(
    snapshot: &Snapshot,
    base: &Keyspace,
    range: &Range<'_>,
) -> Box<dyn Iterator<Item = Result<Pair, StoreError>>> {
    let entries = snapshot.range(base, key::bounds(range));
    if range.back {
        Box::new(entries.rev().map(pair))
    } else {
        Box::new(entries.map(pair))
    }
}

fn pair(entry: Guard) -> Result<Pair, StoreError> {
    let (key, value) = entry
        .into_inner()
        .map_err(|error| io_error("read a range", &error))?;
    // Copies: a slice of a block would keep the whole block in memory.
    let key = Bytes::copy_from_slice(key::given(&key));
    Ok((key, Bytes::copy_from_slice(&value)))
}

/// Reads beside the applying thread. Does not keep the folder open once the node has ended.
pub(super) struct DiskReader {
    pub(super) engine: Weak<Engine>,
    pub(super) group: Arc<Group>,
}

impl DiskReader {
    fn scan(&self, range: &Range<'_>) -> Result<Vec<Pair>, StoreError> {
        match self.engine.upgrade() {
            Some(engine) => scan(&engine, &self.group, None, range),
            None => Err(StoreError::Closed {
                group: self.group.id,
            }),
        }
    }
}

impl StateRead for DiskReader {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        get(&self.group, key)
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

impl StateReader for DiskReader {
    fn committed(&self) -> u64 {
        self.group.committed()
    }

    fn view(&self) -> Result<Box<dyn StoreView>, StoreError> {
        match self.engine.upgrade() {
            Some(engine) => Ok(Box::new(DiskView::take(&engine, &self.group)?)),
            None => Err(StoreError::Closed {
                group: self.group.id,
            }),
        }
    }
}
