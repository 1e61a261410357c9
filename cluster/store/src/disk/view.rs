//! A group's durable content at one index, for snapshots.
//!
//! Before it: raft, which asks for a snapshot. After it: the pages that it sends. Guarantees: the
//! content is durable when the view is made, and later writes and replacements do not show in it.

use bytes::Bytes;
use cluster::store::merge::Range;
use cluster::store::{Pair, StateRead, StoreError, StoreView, successor};
use fjall::{Keyspace, Readable, Snapshot};

use super::engine::{Engine, io_error, lock};
use super::group::Group;
use super::key;
use super::read::pairs;
use super::record::decode_index;

/// A snapshot of fjall with the keyspace of one group; no content before the first table.
pub(super) struct DiskView {
    index: u64,
    content: Option<(Snapshot, Keyspace)>,
}

impl DiskView {
    /// Takes a view. The index in the same snapshot says where it is at; all that fjall shows of
    /// a table is durable.
    pub(super) fn take(engine: &Engine, group: &Group) -> Result<Self, StoreError> {
        // A table that is being written may get a number below the snapshot's and show later.
        let _writing = lock(&group.writing);
        let base = group.read()?.base.clone();
        let snapshot = engine.database.snapshot();
        let nothing = Self {
            index: 0,
            content: None,
        };
        let Some(base) = base else {
            return Ok(nothing);
        };
        let index = snapshot
            .get(&base, key::INDEX)
            .map_err(|error| io_error("read a group's index", &error))?;
        let Some(index) = index else {
            return Ok(nothing);
        };
        Ok(Self {
            index: decode_index(group.id, &index)?,
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
            .get(base, key::stored(key))
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
