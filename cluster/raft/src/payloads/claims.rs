//! Claims to payloads that an entry is about to name. Whoever proposes or takes such an entry claims
//! before, and lets go when the log names it. Guarantees: what is claimed is not removed, however long
//! the entry waits; what is let go counts as needed until then. Left to others: the files (`store`).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{PayloadStore, Reference};

/// How many claims there are to each payload that has any.
#[derive(Default)]
pub(super) struct Claims(Mutex<BTreeMap<[u8; 32], u32>>);

impl Claims {
    pub(super) fn has(&self, hash: &[u8; 32]) -> bool {
        self.lock().contains_key(hash)
    }

    pub(super) fn add(&self, hash: [u8; 32]) {
        *self.lock().entry(hash).or_default() += 1;
    }

    pub(super) fn remove(&self, hash: [u8; 32]) {
        let mut claims = self.lock();
        if let Entry::Occupied(mut count) = claims.entry(hash) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A payload that is here and stays until this is dropped, and for a while after.
pub(crate) struct Claim {
    pub(super) store: Arc<PayloadStore>,
    pub(super) reference: Reference,
}

impl Claim {
    /// What is claimed.
    pub(crate) fn reference(&self) -> Reference {
        self.reference
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Claim({:?})", self.reference)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.store.let_go(self.reference);
    }
}
