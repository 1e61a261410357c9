//! Entries of maps and sets of the heap.
//!
//! Before: the built-ins of `Map` and `Set`. Guarantees: keys by SameValueZero, frozen compounds by their
//! content; the order of insertion; finding a key does not slow down as entries are added. The order
//! of hashes never shows. A map made of a frozen one takes its index over.

mod index;

use std::sync::Arc;

use crate::data::{Data, MapData};
use crate::machine::same_value_zero;
use crate::text::Text;
use crate::value::Value;

pub(crate) use index::FrozenIndex;
use index::Index;

/// Up to this many entries are found by looking at each.
const LINEAR_MAX: usize = 8;

/// Entries of a map or set; of a set the value of each is the key again.
#[derive(Clone, Debug, Default)]
pub struct KeyedEntries<'p> {
    /// In the order of insertion; a removed entry leaves `None`.
    entries: Vec<Option<(Value<'p>, Value<'p>)>>,
    /// None while there are few entries.
    index: Index,
    live: usize,
    /// Whether a key is something of the heap, which is another key once it is frozen.
    has_identities: bool,
}

/// The canonical form of a key under SameValueZero.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MapKey {
    /// A scalar other than text.
    Scalar(u8, u64),
    /// A text.
    Text(Text),
    /// Something with identity, by kind and index.
    Identity(u8, u64),
    /// A frozen compound, by its encoding: frozen values are equal when their content is, so that
    /// the outcome does not depend on which parts happen to be shared in memory.
    Frozen(Vec<u8>),
}

impl<'p> KeyedEntries<'p> {
    /// The entries of a frozen map. Its keys differ.
    pub(crate) fn of_map(map: &'p MapData) -> Self {
        let entries = map.entries().iter();
        let entries: Vec<_> = entries
            .map(|(key, value)| Some((Value::of(key), Value::of(value))))
            .collect();
        KeyedEntries {
            live: entries.len(),
            index: match entries.len() <= LINEAR_MAX {
                true => Index::default(),
                false => Index::Shared(Arc::clone(map.index().get_or_make(|| {
                    let keys = map.entries().iter().map(|(key, _)| hash(&Value::of(key)));
                    index::Buckets::of(keys.enumerate(), entries.len())
                }))),
            },
            entries,
            has_identities: false,
        }
    }

    /// The index for the same keys once they are frozen, where it is one for them.
    pub(crate) fn freeze_index(&mut self) -> FrozenIndex {
        match self.has_identities || self.live < self.entries.len() {
            true => FrozenIndex::default(),
            false => self.index.share(),
        }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Places of entries, those that were removed included.
    pub fn places(&self) -> usize {
        self.entries.len()
    }

    /// What is at a place: `None` behind the last, `Some(None)` where an entry was removed.
    pub fn at(&self, place: usize) -> Option<&Option<(Value<'p>, Value<'p>)>> {
        self.entries.get(place)
    }

    /// The first entry from a place on, and its place.
    pub fn next(&self, place: usize) -> Option<(usize, &(Value<'p>, Value<'p>))> {
        let entries = self.entries.iter().enumerate().skip(place);
        entries
            .filter_map(|(at, entry)| entry.as_ref().map(|entry| (at, entry)))
            .next()
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = &(Value<'p>, Value<'p>)> {
        self.entries.iter().flatten()
    }

    /// The value of a key.
    pub fn get(&self, key: &Value<'p>) -> Option<&Value<'p>> {
        let place = self.find(key)?;
        self.entries[place].as_ref().map(|(_, value)| value)
    }

    /// Replaces the value of a key that is there; else gives the value back.
    pub fn replace(&mut self, key: &Value<'p>, value: Value<'p>) -> Result<(), Value<'p>> {
        let place = self.find(key);
        match place.and_then(|place| self.entries[place].as_mut()) {
            Some((_, old)) => {
                *old = value;
                Ok(())
            }
            None => Err(value),
        }
    }

    /// Adds an entry whose key is not there, behind the others. -0 becomes 0.
    pub fn push(&mut self, key: Value<'p>, value: Value<'p>) {
        let key = match key.as_number() {
            Some(number) => Value::number(number + 0.0),
            None => key,
        };
        self.has_identities |= !matches!(key, Value::Frozen(_)) && !key.is_primitive();
        self.entries.push(Some((key, value)));
        self.live += 1;
        let count = self.entries.len();
        if count <= LINEAR_MAX {
            return;
        }
        let is_added = self
            .index
            .own()
            .is_some_and(|buckets| buckets.add(hash(&key), count - 1));
        if !is_added {
            let entries = self.entries.iter().enumerate();
            let hashes = entries.filter_map(|(at, entry)| Some((at, hash(&entry.as_ref()?.0))));
            self.index = Index::Own(index::Buckets::of(hashes, count * 2));
        }
    }

    /// Removes a key; whether it was there. Its place stays, for iterations in progress.
    pub fn remove(&mut self, key: &Value<'p>) -> bool {
        let Some(place) = self.find(key) else {
            return false;
        };
        self.entries[place] = None;
        self.live -= 1;
        true
    }

    /// Removes everything. The places stay.
    pub fn clear(&mut self) {
        self.entries.fill_with(|| None);
        self.live = 0;
    }

    fn find(&self, key: &Value<'p>) -> Option<usize> {
        let is_it =
            |place: usize| matches!(&self.entries[place], Some((name, _)) if is_same(name, key));
        match self.index.buckets() {
            Some(buckets) => buckets.find(hash(key), is_it),
            None => (0..self.entries.len()).find(|place| is_it(*place)),
        }
    }
}

/// The place of a key among those of frozen entries.
pub(crate) fn place_of<T>(
    entries: &[T],
    key_of: impl Fn(&T) -> &Data,
    index: &FrozenIndex,
    wanted: &Value<'_>,
) -> Option<usize> {
    let is_it = |entry: &T| is_same(&Value::of(key_of(entry)), wanted);
    if entries.len() <= LINEAR_MAX {
        return entries.iter().position(is_it);
    }
    let buckets = index.get_or_make(|| {
        let hashes = entries.iter().map(|entry| hash(&Value::of(key_of(entry))));
        index::Buckets::of(hashes.enumerate(), entries.len())
    });
    buckets.find(hash(wanted), |place| is_it(&entries[place]))
}

/// Whether two keys are the same.
fn is_same(left: &Value<'_>, right: &Value<'_>) -> bool {
    match (left, right) {
        (Value::Frozen(left), Value::Frozen(right)) => left.encode() == right.encode(),
        _ => same_value_zero(left, right),
    }
}

/// The same everywhere.
fn hash(key: &Value<'_>) -> u32 {
    let mix = |kind: u64, word: u64| {
        let mixed = (word ^ kind.rotate_right(8)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as u32
    };
    match key {
        Value::Text(text) => text.hash32(),
        Value::Number(number) if !number.get().is_nan() => mix(3, (number.get() + 0.0).to_bits()),
        key => match MapKey::of(key) {
            MapKey::Scalar(kind, word) | MapKey::Identity(kind, word) => {
                mix(u64::from(kind) + 8, word)
            }
            MapKey::Text(text) => text.hash32(),
            MapKey::Frozen(encoding) => encoding.iter().fold(0x811c_9dc5, |hash: u32, byte| {
                (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
            }),
        },
    }
}

impl MapKey {
    /// The canonical form of a value under SameValueZero.
    pub fn of<'p>(value: &Value<'p>) -> MapKey {
        match value {
            Value::Undefined => MapKey::Scalar(0, 0),
            Value::Null => MapKey::Scalar(1, 0),
            Value::Boolean(boolean) => MapKey::Scalar(2, u64::from(boolean.get())),
            Value::Number(number) if number.get().is_nan() => MapKey::Scalar(3, f64::NAN.to_bits()),
            // Adding 0 turns -0 into 0.
            Value::Number(number) => MapKey::Scalar(3, (number.get() + 0.0).to_bits()),
            Value::Text(text) => MapKey::Text((*text).clone()),
            Value::Frozen(compound) => MapKey::Frozen(compound.encode()),
            Value::Object(id) => MapKey::Identity(1, id.0),
            Value::Array(id) => MapKey::Identity(2, id.0),
            Value::Closure(id) => MapKey::Identity(3, id.0),
            Value::Native(id) => MapKey::Identity(4, id.0),
            Value::Iterator(id) => MapKey::Identity(5, id.0),
            Value::Host(host) => {
                MapKey::Identity(6, u64::from(host.kind()) << 32 | u64::from(host.index()))
            }
            Value::Cell(id) => MapKey::Identity(7, id.0),
            Value::Uninitialised => MapKey::Scalar(5, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Data;
    use crate::memory::Memory;

    #[test]
    fn many_entries_are_found_in_order_after_removals() {
        let memory = Memory::default();
        let mut entries = KeyedEntries::default();
        let key = |at: usize| match at % 3 {
            0 => Value::number(at as f64),
            1 => Value::Text(memory.keep_text(Text::from(format!("key number {at}")))),
            _ => Value::of(memory.keep(Data::array(vec![Data::Number(at as f64)]).unwrap())),
        };
        for at in 0..500 {
            entries.push(key(at), Value::number(at as f64));
        }
        for at in (0..500).step_by(2) {
            assert!(entries.remove(&key(at)) && !entries.remove(&key(at)));
        }
        for at in 0..500 {
            let expected = (at % 2 == 1).then_some(at as f64);
            assert_eq!(entries.get(&key(at)).and_then(Value::as_number), expected);
        }
        entries.push(key(0), Value::Null);
        assert_eq!((entries.len(), entries.places()), (251, 501));
        let first = entries.next(0).map(|(at, _)| at);
        assert_eq!((first, entries.iter().count()), (Some(1), 251));
    }

    #[test]
    fn nan_is_itself_and_zeros_are_one() {
        let mut entries = KeyedEntries::default();
        entries.push(Value::number(-0.0), Value::boolean(true));
        entries.push(Value::number(f64::NAN), Value::boolean(false));
        assert!(entries.get(&Value::number(0.0)).is_some());
        assert!(
            entries
                .replace(&Value::number(f64::NAN), Value::Null)
                .is_ok()
        );
        let zero = Text::from("0");
        assert!(entries.replace(&Value::Text(&zero), Value::Null).is_err());
        let zero = entries.iter().next().and_then(|(key, _)| key.as_number());
        assert!(zero.is_some_and(f64::is_sign_positive));
    }
}
