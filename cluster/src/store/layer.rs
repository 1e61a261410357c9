//! Changes by key, in the order of keys: what a unit collects and what lies over a store's content.
//!
//! Before it: puts and deletes. After it: reads through it (`merge`), and whoever makes it durable.
//! Guarantees: the order is that of the keys' bytes; most keys take no memory of their own and are
//! compared as a few numbers. Leaves to others: limits of keys and values, locks.

use std::collections::{BTreeMap, btree_map};
use std::ops::Bound;

use bytes::Bytes;

use super::merge::Range;

/// Numbers at the front of a key.
const WORDS: usize = 4;

/// Bytes in them.
const FRONT: usize = 8 * WORDS;

/// A key. Its first bytes stand in numbers, with zeros where the key is shorter, so that the order of the
/// numbers is that of the bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    // The order of the fields is the order of keys.
    front: [u64; WORDS],
    rest: Option<Box<[u8]>>,
    length: u16,
}

impl Key {
    /// The key of these bytes, at most [`super::KEY_BYTES_MAX`].
    #[must_use]
    pub fn new(bytes: &[u8]) -> Key {
        let mut padded = [0; FRONT];
        let front_bytes = bytes.len().min(FRONT);
        padded[..front_bytes].copy_from_slice(&bytes[..front_bytes]);
        let mut front = [0; WORDS];
        for (word, chunk) in front.iter_mut().zip(padded.chunks_exact(8)) {
            *word = u64::from_be_bytes(chunk.try_into().expect("chunks of eight bytes"));
        }
        Key {
            front,
            rest: (bytes.len() > FRONT).then(|| bytes[FRONT..].into()),
            length: u16::try_from(bytes.len()).expect("keys are at most 65,534 bytes long"),
        }
    }

    /// How many bytes it has.
    #[must_use]
    pub fn length(&self) -> usize {
        usize::from(self.length)
    }

    /// Puts its bytes into `bytes`, instead of what was there.
    pub fn write(&self, bytes: &mut Vec<u8>) {
        bytes.clear();
        for word in self.front {
            bytes.extend_from_slice(&word.to_be_bytes());
        }
        bytes.truncate(self.length());
        bytes.extend_from_slice(self.rest.as_deref().unwrap_or_default());
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        let mut bytes = Vec::with_capacity(self.length().max(FRONT));
        self.write(&mut bytes);
        bytes.into()
    }
}

/// Changes by key, the newest of each; `None` deletes.
#[derive(Debug, Default)]
pub struct Layer(BTreeMap<Key, Option<Bytes>>);

impl Layer {
    /// No changes.
    #[must_use]
    pub fn new() -> Layer {
        Layer::default()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many keys are changed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// What becomes of a key; `None` where the layer says nothing.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&Option<Bytes>> {
        if self.is_empty() {
            return None;
        }
        self.0.get(&Key::new(key))
    }

    /// Changes a key. Returns its change before.
    pub fn insert(&mut self, key: Key, change: Option<Bytes>) -> Option<Option<Bytes>> {
        self.0.insert(key, change)
    }

    /// All changes, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Option<Bytes>)> {
        self.0.iter()
    }

    /// The changes in a range and its direction.
    pub(crate) fn range(
        &self,
        range: &Range<'_>,
    ) -> Box<dyn Iterator<Item = (&Key, &Option<Bytes>)> + '_> {
        if range.is_empty() {
            return Box::new(std::iter::empty());
        }
        let until = match range.until {
            Some(until) => Bound::Excluded(Key::new(until)),
            None => Bound::Unbounded,
        };
        let entries = self.0.range((Bound::Included(Key::new(range.from)), until));
        match range.back {
            true => Box::new(entries.rev()),
            false => Box::new(entries),
        }
    }
}

impl IntoIterator for Layer {
    type Item = (Key, Option<Bytes>);
    type IntoIter = btree_map::IntoIter<Key, Option<Bytes>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys around the border between numbers and the rest, of zeros and others.
    fn keys() -> Vec<Vec<u8>> {
        let mut keys = vec![Vec::new()];
        for length in [1, 7, 8, 9, 31, 32, 33, 40] {
            for last in [0, 1, 255] {
                for fill in [0, 7] {
                    let mut key = vec![fill; length];
                    key[length - 1] = last;
                    keys.push(key);
                }
            }
        }
        keys
    }

    #[test]
    fn keys_are_ordered_as_their_bytes() {
        for left in keys() {
            for right in keys() {
                let order = Key::new(&left).cmp(&Key::new(&right));
                assert_eq!(order, left.cmp(&right), "{left:?} {right:?}");
            }
        }
    }

    #[test]
    fn keys_give_their_bytes_back() {
        for bytes in keys() {
            let key = Key::new(&bytes);
            assert_eq!(key.bytes(), bytes);
            assert_eq!(key.length(), bytes.len());
        }
    }

    #[test]
    fn a_range_is_that_of_the_bytes() {
        let mut layer = Layer::new();
        for key in keys() {
            layer.insert(Key::new(&key), None);
        }
        let (from, until) = ([7; 8], [7; 33]);
        let range = Range::forward(&from, Some(&until), 100);
        let found: Vec<Bytes> = layer.range(&range).map(|(key, _)| key.bytes()).collect();
        let mut wanted = keys();
        wanted.sort();
        wanted.dedup();
        wanted.retain(|key| (&from[..]..&until[..]).contains(&&key[..]));
        assert!(!wanted.is_empty());
        assert_eq!(found, wanted);
    }
}
