//! Where a key is among the entries of a map or set.
//!
//! Before: `KeyedEntries`, and maps and sets that are data. Guarantees: places by hash, in open addressing;
//! frozen data keeps what it was made with, and makes it when first asked for where it was read; it
//! never shows.

use std::sync::{Arc, OnceLock};

/// Hashes and places.
#[derive(Clone, Debug)]
pub(crate) struct Buckets {
    /// The hash of a key, and behind it its place + 1; 0 where there is none.
    words: Vec<u64>,
    used: usize,
}

/// The index of entries that may change.
#[derive(Clone, Debug, Default)]
pub(super) enum Index {
    #[default]
    None,
    Own(Buckets),
    /// That of frozen data, as long as no key is added.
    Shared(Arc<Buckets>),
}

/// The index of frozen entries, once somebody needed it.
#[derive(Debug, Default)]
pub(crate) struct FrozenIndex(OnceLock<Arc<Buckets>>);

impl Buckets {
    /// An index of places by their hashes, with room for as many as is said.
    pub(super) fn of(places: impl Iterator<Item = (usize, u32)>, room: usize) -> Buckets {
        let mut buckets = Buckets {
            words: vec![0; (room * 2).next_power_of_two()],
            used: 0,
        };
        for (place, hash) in places {
            buckets.add(hash, place);
        }
        buckets
    }

    /// Adds a place. False where there is no room for it.
    pub(super) fn add(&mut self, hash: u32, place: usize) -> bool {
        if self.used >= self.words.len() / 2 {
            return false;
        }
        let mask = self.words.len() - 1;
        let mut at = hash as usize & mask;
        while self.words[at] != 0 {
            at = (at + 1) & mask;
        }
        self.words[at] = u64::from(hash) << 32 | (place as u64 + 1);
        self.used += 1;
        true
    }

    /// The first place with this hash that is the one that is looked for.
    pub(super) fn find(&self, hash: u32, is_it: impl Fn(usize) -> bool) -> Option<usize> {
        let mask = self.words.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let word = self.words[at];
            let place = (word as u32 as usize).checked_sub(1)?;
            if (word >> 32) as u32 == hash && is_it(place) {
                return Some(place);
            }
            at = (at + 1) & mask;
        }
    }
}

impl Index {
    pub(super) fn buckets(&self) -> Option<&Buckets> {
        match self {
            Index::None => None,
            Index::Own(buckets) => Some(buckets),
            Index::Shared(buckets) => Some(buckets),
        }
    }

    /// The index, to add to it.
    pub(super) fn own(&mut self) -> Option<&mut Buckets> {
        if let Index::Shared(buckets) = self {
            *self = Index::Own(Buckets::clone(buckets));
        }
        match self {
            Index::Own(buckets) => Some(buckets),
            _ => None,
        }
    }

    /// The same for frozen data, which share it from now on.
    pub(super) fn share(&mut self) -> FrozenIndex {
        *self = match std::mem::take(self) {
            Index::Own(buckets) => Index::Shared(Arc::new(buckets)),
            other => other,
        };
        match self {
            Index::Shared(buckets) => FrozenIndex(OnceLock::from(Arc::clone(buckets))),
            _ => FrozenIndex::default(),
        }
    }
}

impl FrozenIndex {
    /// The index; made when first asked for.
    pub(super) fn get_or_make(&self, make: impl FnOnce() -> Buckets) -> &Arc<Buckets> {
        self.0.get_or_init(|| Arc::new(make()))
    }
}
