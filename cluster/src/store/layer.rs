//! Changes by key, in the order of keys: what a unit collects and what lies over a store's content.
//!
//! Before it: puts and deletes. After it: reads through it (`merge`), and whoever makes it durable.
//! Guarantees: the order is that of the keys' bytes; most keys take no memory of their own and are
//! compared as a few numbers; what comes and goes within a layer leaves nothing in it.
//! Leaves to others: limits of keys and values, locks.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
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
pub struct Layer {
    changes: BTreeMap<Key, Change>,
    bytes: u64,
}

/// What becomes of a key.
#[derive(Debug)]
struct Change {
    value: Option<Bytes>,
    /// Whether nothing below the layer has the key: then nothing need say that it is gone.
    is_new: bool,
}

impl Layer {
    /// No changes.
    #[must_use]
    pub fn new() -> Layer {
        Layer::default()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// How many keys are changed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Bytes of their keys and values.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What becomes of a key; `None` where the layer says nothing.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<&Option<Bytes>> {
        if self.is_empty() {
            return None;
        }
        self.changes.get(&Key::new(key)).map(|change| &change.value)
    }

    /// Gives a key a value. `is_new` says that nothing below the layer has the key.
    pub fn put(&mut self, key: Key, value: Bytes, is_new: bool) {
        self.bytes += (key.length() + value.len()) as u64;
        let value = Some(value);
        match self.changes.entry(key) {
            Entry::Vacant(place) => {
                place.insert(Change { value, is_new });
            }
            Entry::Occupied(mut place) => {
                let length = place.key().length();
                let old = std::mem::replace(&mut place.get_mut().value, value);
                self.bytes -= pair_bytes(length, &old);
            }
        }
    }

    /// Removes a key.
    pub fn delete(&mut self, key: Key) {
        self.bytes += key.length() as u64;
        match self.changes.entry(key) {
            Entry::Vacant(place) => {
                place.insert(Change {
                    value: None,
                    is_new: false,
                });
            }
            Entry::Occupied(mut place) => {
                let length = place.key().length();
                self.bytes -= pair_bytes(length, &place.get_mut().value.take());
                if place.get().is_new {
                    place.remove();
                    self.bytes -= length as u64;
                }
            }
        }
    }

    /// Lays the changes of a layer over these.
    pub fn lay_over(&mut self, newer: Layer) {
        if self.is_empty() {
            *self = newer;
            return;
        }
        for (key, change) in newer.changes {
            match change.value {
                Some(value) => self.put(key, value, change.is_new),
                None => self.delete(key),
            }
        }
    }

    /// All changes, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Option<Bytes>)> {
        self.changes
            .iter()
            .map(|(key, change)| (key, &change.value))
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
        let from = Bound::Included(Key::new(range.from));
        let changes = self.changes.range((from, until));
        let entries = changes.map(|(key, change)| (key, &change.value));
        match range.back {
            true => Box::new(entries.rev()),
            false => Box::new(entries),
        }
    }
}

fn pair_bytes(key: usize, value: &Option<Bytes>) -> u64 {
    (key + value.as_ref().map_or(0, Bytes::len)) as u64
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
            layer.delete(Key::new(&key));
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

    fn changes(layer: &Layer) -> Vec<(Bytes, Option<Bytes>)> {
        let bytes = layer
            .iter()
            .map(|(key, value)| pair_bytes(key.length(), value));
        assert_eq!(layer.bytes(), bytes.sum::<u64>());
        let changes = layer.iter();
        changes
            .map(|(key, value)| (key.bytes(), value.clone()))
            .collect()
    }

    #[test]
    fn what_is_new_leaves_nothing_when_it_goes_unless_something_lies_below() {
        let key = || Key::new(b"key");
        let value = |text: &'static str| Bytes::from_static(text.as_bytes());
        let gone = vec![(Bytes::from_static(b"key"), None)];
        let mut layer = Layer::new();
        layer.put(key(), value("1"), true);
        layer.put(key(), value("22"), false);
        layer.delete(key());
        assert_eq!(changes(&layer), []);
        layer.put(key(), value("1"), false);
        layer.delete(key());
        assert_eq!(changes(&layer), gone);
        // It is new, but the layer below still has what was deleted before.
        layer.put(key(), value("1"), true);
        layer.delete(key());
        layer.delete(key());
        assert_eq!(changes(&layer), gone);
    }

    #[test]
    fn a_layer_laid_over_another_says_what_both_said_one_after_the_other() {
        let work = |steps: &[u8], layer: &mut Layer| {
            for step in steps {
                let (key, value) = (
                    Key::new(&[1]),
                    Bytes::from(vec![*step; 1 + usize::from(*step)]),
                );
                match step {
                    0 => layer.delete(key),
                    1 => layer.put(key, value, true),
                    _ => layer.put(key, value, false),
                }
            }
        };
        // A key is new only where it is not there.
        for first in [&[][..], &[1], &[1, 2], &[1, 0], &[2, 0], &[0], &[2]] {
            for second in [&[][..], &[0], &[2], &[0, 1], &[0, 1, 0], &[2, 0, 1, 0]] {
                let mut one = Layer::new();
                work(first, &mut one);
                work(second, &mut one);
                let (mut below, mut over) = (Layer::new(), Layer::new());
                work(first, &mut below);
                work(second, &mut over);
                below.lay_over(over);
                assert_eq!(changes(&below), changes(&one), "{first:?} {second:?}");
            }
        }
    }
}
