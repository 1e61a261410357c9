//! The state store port: where a group keeps its state, as ordered bytes.
//!
//! Before it: `Shard::apply`, which puts and deletes and then closes a unit per log index.
//! After it: an adapter (`memory` here, fjall in `cluster-store`), which makes units durable later.
//! Guarantees: a unit is visible whole or not at all, and what survives a crash is a prefix of the
//! units. Leaves to others: what the bytes mean, and the log that replays what a crash lost.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod error;
mod keys;
mod layer;
pub mod memory;
pub mod merge;
mod unit;

use std::sync::Arc;

use bytes::Bytes;

pub use error::StoreError;
pub use keys::{KEY_BYTES_MAX, VALUE_BYTES_MAX, check_pair, prefix_end, successor};
pub use layer::{Key, Layer};
pub use unit::Unit;

/// A raft group: 0 is the system group, each shard has one of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u32);

/// Marks the groups whose content was set aside.
const ASIDE: u32 = 1 << 31;

impl GroupId {
    /// Where this group's content is kept once it is set aside.
    #[must_use]
    pub const fn aside(self) -> GroupId {
        GroupId(self.0 | ASIDE)
    }

    /// Whether this is content that was set aside. It is read, and never written.
    #[must_use]
    pub const fn is_aside(self) -> bool {
        self.0 & ASIDE != 0
    }

    /// The group whose content this is or was.
    #[must_use]
    pub const fn home(self) -> GroupId {
        GroupId(self.0 & !ASIDE)
    }
}

impl std::fmt::Display for GroupId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// A key and its value.
pub type Pair = (Bytes, Bytes);

/// Reading ordered bytes. All ranges are `from ≤ key < until`; without `until` they are open.
///
/// Keys are compared as bytes. One call sees one moment; two calls may see two.
pub trait StateRead {
    /// The value of `key`.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// The first `limit` pairs of the range, ascending.
    fn scan(
        &self,
        from: &[u8],
        until: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError>;

    /// The last `limit` pairs of the same range, descending.
    fn scan_back(
        &self,
        from: &[u8],
        until: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError>;
}

/// Ordered bytes → bytes of one group, changed in atomic units named by the log index that made
/// them. Reading through it sees every put, also those of the open unit.
///
/// After opening, `committed() == flushed()`: what was not flushed is the log's to replay. Dropping
/// a store without [`StateStore::flush`] forgets what is not flushed, as a crash does.
pub trait StateStore: StateRead + Send {
    /// Sets `key` in the open unit. Keys are 1 to [`KEY_BYTES_MAX`] bytes, values at most
    /// [`VALUE_BYTES_MAX`]; a pair outside is reported by the commit.
    fn put(&mut self, key: &[u8], value: Bytes);

    /// As [`StateStore::put`], for a key that is not there, the open unit included: where it is deleted before
    /// it is durable, the disk never hears of it. A key that is there all the same may stay behind.
    fn put_new(&mut self, key: &[u8], value: Bytes);

    /// Removes `key` in the open unit; nothing happens where it is not there.
    fn delete(&mut self, key: &[u8]);

    /// Closes the open unit: everything since the last commit belongs to log index `index`.
    /// Visible at once, durable later, in order. A unit may be empty.
    ///
    /// # Errors
    ///
    /// `Closed` for content that was set aside, `IndexBack` unless `index > committed()`, `Limit` if a pair since the last commit or
    /// rollback was outside its limits (both leave the unit open), `Poisoned` after a write failed, `Closed` where the group was removed.
    fn commit(&mut self, index: u64) -> Result<(), StoreError>;

    /// Forgets the open unit.
    fn rollback(&mut self);

    /// Index of the last visible unit; 0 before the first.
    fn committed(&self) -> u64;

    /// Index of the last durable unit. The log may be purged up to it. It only grows, except by
    /// [`StateStore::replace`].
    fn flushed(&self) -> u64;

    /// Bytes of keys and values that are visible but not durable yet: how far the disk is behind.
    fn unflushed_bytes(&self) -> u64;

    /// Asks that everything committed become durable soon; returns at once.
    fn request_flush(&mut self);

    /// Makes everything committed durable and waits for it.
    ///
    /// # Errors
    ///
    /// `Poisoned` where a write failed, `Closed` where the group was removed.
    fn flush(&mut self) -> Result<(), StoreError>;

    /// Ends this opening, as dropping it does: what is not flushed is forgotten, later calls answer
    /// `Closed`, and the group can be opened again.
    fn close(&mut self);

    /// A read-only handle for queries beside the applying thread.
    fn reader(&self) -> Arc<dyn StateReader>;

    /// Installs a snapshot: forgets the open unit and replaces the content by `pairs` (ascending
    /// keys, none twice) as of `index`, which may be below `committed()`. When it returns, the new
    /// content is durable and `committed() == flushed() == index`.
    ///
    /// # Errors
    ///
    /// The first error of `pairs` ends it; then, and after a crash in the middle, the old content
    /// is there, never a mix. `Order` where keys do not ascend.
    fn replace(
        &mut self,
        index: u64,
        pairs: &mut dyn Iterator<Item = Result<Pair, StoreError>>,
    ) -> Result<(), StoreError>;
}

/// Reads beside the applying thread: each call sees whole committed units only, all of them up to
/// one index. Answers `Closed` once its store is gone.
pub trait StateReader: StateRead + Send + Sync {
    /// Index of the last unit that a read started now would see.
    fn committed(&self) -> u64;

    /// The durable content as of one index, for a snapshot. The index is at least what the store's
    /// `flushed()` was before the call, and `flushed()` is at least the index after it. Later changes,
    /// also a replacement, do not show in it. May wait for what the disk is writing, so it is no call for
    /// the applying thread.
    ///
    /// # Errors
    ///
    /// `Closed` where the store is gone, `Io` or `Corrupt` where its index cannot be read.
    fn view(&self) -> Result<Box<dyn StoreView>, StoreError>;
}

/// The content of a group as of one durable index. It may keep the node's files open: drop it
/// before the node is opened again in the same process.
pub trait StoreView: StateRead + Send + Sync {
    /// The log index of the last unit in it; 0 for a group without any.
    fn index(&self) -> u64;

    /// The pairs that follow the key `after` (the first ones without it), ascending, until
    /// `bytes_max` bytes of keys and values are reached; at least one. Empty at the end.
    fn page(&self, after: Option<&[u8]>, bytes_max: usize) -> Result<Vec<Pair>, StoreError>;
}

/// All groups of a node.
pub trait StoreProvider: Send + Sync {
    /// Opens the store of a group, empty where it was never written.
    ///
    /// # Errors
    ///
    /// `InUse` while the group is open, `Corrupt` or `Io` where its data cannot be read.
    fn open(&self, group: GroupId) -> Result<Box<dyn StateStore>, StoreError>;

    /// Removes a group's content for good; nothing happens where there is none. A store that is
    /// still open is closed by it.
    fn remove(&self, group: GroupId) -> Result<(), StoreError>;

    /// Keeps a group's durable content under [`GroupId::aside`], as evidence that can be opened and
    /// read but not changed, and leaves the group empty. What was set aside before is removed, and a
    /// store that is still open is closed. False where the group has no durable content; then
    /// nothing changes.
    fn set_aside(&self, group: GroupId) -> Result<bool, StoreError>;

    /// Bytes of keys and values of all open groups that are visible but not durable yet: how far the
    /// disk of the node is behind, and about half of the memory that this takes. Never waits; 0 once a write
    /// failed, because nothing is taken any more then.
    fn unflushed_bytes(&self) -> u64;

    /// The groups that have durable content, those set aside last, ascending.
    fn groups(&self) -> Result<Vec<GroupId>, StoreError>;
}
