//! The open unit of a store: changes that no log index names yet.
//!
//! Before it: puts and deletes of apply. After it: the adapter's commit, which takes the changes.
//! Guarantees: a pair outside the limits is kept out and reported until the unit is forgotten.
//! Leaves to others: making the changes visible.

use bytes::Bytes;

use super::{Key, Layer, StoreError, check_pair};

/// Changes since the last commit, the newest per key.
#[derive(Debug, Default)]
pub struct Unit {
    changes: Layer,
    refused: Option<StoreError>,
}

impl Unit {
    /// Sets a key; `is_new` says that the store does not have it.
    pub fn put(&mut self, key: &[u8], value: Bytes, is_new: bool) {
        match check_pair(key, Some(&value)) {
            Ok(()) => self.changes.put(Key::new(key), value, is_new),
            Err(refused) => self.refused = Some(refused),
        }
    }

    /// Removes a key.
    pub fn delete(&mut self, key: &[u8]) {
        match check_pair(key, None) {
            Ok(()) => self.changes.delete(Key::new(key)),
            Err(refused) => self.refused = Some(refused),
        }
    }

    /// The changes so far, to read through.
    pub fn changes(&self) -> &Layer {
        &self.changes
    }

    /// Checks that the unit may follow `committed` as `index`.
    ///
    /// # Errors
    ///
    /// `IndexBack` or the `Limit` of the last pair that was refused.
    pub fn check(&self, index: u64, committed: u64) -> Result<(), StoreError> {
        if index <= committed {
            return Err(StoreError::IndexBack { index, committed });
        }
        self.refused.clone().map_or(Ok(()), Err)
    }

    /// Takes the changes and begins the next unit.
    pub fn take(&mut self) -> Layer {
        std::mem::take(&mut self.changes)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}
