//! A group's durable content at one index, for snapshots.
//!
//! Before it: raft, which asks for a snapshot. After it: the pages that it sends. Guarantees: the
//! content is durable when the view is made, and later writes and replacements do not show in it.

use bytes::Bytes;
use cluster::store::merge::Range;
use cluster::store::{Pair, StateRead, StoreError, StoreView, successor};
use fjall::{Keyspace, PersistMode, Readable, Snapshot};

use super::engine::{Engine, io_error};
use super::group::Group;
use super::read::pairs;
use super::record::{Record, record_key};

/// A snapshot of fjall with the keyspace of one group; no content before the first batch.
pub(super) struct DiskView {
    index: u64,
    content: Option<(Snapshot, Keyspace)>,
}

impl DiskView {
    /// Takes a view. The record in the same snapshot says which index it is at.
    pub(super) fn take(engine: &Engine, group: &Group) -> Result<Self, StoreError> {
        let base = group.read()?.base.clone();
        let snapshot = engine.database.snapshot();
        let record = snapshot
            .get(&engine.records, record_key(group.id))
            .map_err(|error| io_error("read a group's record", &error))?;
        let (Some(base), Some(record)) = (base, record) else {
            return Ok(Self {
                index: 0,
                content: None,
            });
        };
        let index = Record::decode(group.id, &record)?.index;
        if index > group.flushed() {
            // The writer has handed this batch over but not flushed it yet.
            engine
                .database
                .persist(PersistMode::SyncData)
                .map_err(|error| engine.poison("flush for a view", &error))?;
            group.flushed_at_least(index);
        }
        Ok(Self {
            index,
            content: Some((snapshot, base)),
        })
    }

    fn pairs(&self, range: &Range<'_>) -> impl Iterator<Item = Result<Pair, StoreError>> {
        let content = self.content.as_ref().filter(|_| !range.is_empty());
        content
            .map(|(snapshot, base)| pairs(snapshot, base, range))
            .into_iter()
            .flatten()
    }
}

impl StateRead for DiskView {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let Some((snapshot, base)) = &self.content else {
            return Ok(None);
        };
        let value = snapshot
            .get(base, key)
            .map_err(|error| io_error("read a key of a view", &error))?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn scan(
        &self,
        from: &[u8],
        until: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        self.pairs(&Range::forward(from, until, limit))
            .take(limit)
            .collect()
    }

    fn scan_back(
        &self,
        from: &[u8],
        until: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        self.pairs(&Range::backward(from, until, limit))
            .take(limit)
            .collect()
    }
}

impl StoreView for DiskView {
    fn index(&self) -> u64 {
        self.index
    }

    fn page(&self, after: Option<&[u8]>, bytes_max: usize) -> Result<Vec<Pair>, StoreError> {
        let start = after.map(successor).unwrap_or_default();
        let mut page = Vec::new();
        let mut bytes = 0;
        for pair in self.pairs(&Range::forward(&start, None, usize::MAX)) {
            let (key, value) = pair?;
            bytes += key.len() + value.len();
            page.push((key, value));
            if bytes >= bytes_max {
                break;
            }
        }
        Ok(page)
    }
}
