//! An ordered table from property keys to values, with JavaScript's order.
//!
//! Before: object literals, JSON, assignments. After: objects of the heap and of data.
//! Guarantees: keys that are array indices come first in ascending order, then the others in the
//! order in which they were added; lookup does not slow down as a table grows; the order of hashes
//! never shows. Large tables of frozen objects share their structure with tables made from them.

use std::sync::atomic::{AtomicU32, Ordering};

use super::sequence::{CHUNK, Sequence};
use crate::text::Text;

/// Up to this many entries are found by looking at each.
const LINEAR_MAX: usize = 12;

/// An ordered table from keys to values of one kind.
#[derive(Clone, Debug)]
pub struct PropertyTable<V> {
    /// In the order in which they were added; a removed entry leaves a gap until the next clean-up.
    entries: Sequence<Entry<V>>,
    /// Open addressing from hash to position + 1; none while the table is small.
    buckets: Option<Box<Sequence<u32>>>,
    live: u32,
    /// Whether the entries already stand in JavaScript's order.
    ordered: bool,
}

/// A property, or the gap that one has left.
pub(super) type Entry<V> = Option<(Text, V)>;

/// Where a key stood in the table that it was read from last: objects of one kind have it at one place. A
/// guess that nothing but the time of a read depends on. It is noted so many times at most, so that threads
/// that read objects of several kinds do not write it for ever.
#[derive(Debug, Default)]
pub(crate) struct Guess(AtomicU32);

/// How often a guess is noted.
const NOTED_MAX: u32 = 256;

impl Guess {
    #[inline(always)]
    fn place(&self) -> usize {
        (self.0.load(Ordering::Relaxed) & 0xffff) as usize
    }

    fn note(&self, place: usize) {
        let noted = (self.0.load(Ordering::Relaxed) >> 16) + 1;
        if let (Ok(place), true) = (u16::try_from(place), noted <= NOTED_MAX) {
            let guess = noted << 16 | u32::from(place);
            self.0.store(guess, Ordering::Relaxed);
        }
    }
}

impl Clone for Guess {
    fn clone(&self) -> Guess {
        Guess::default()
    }
}

impl<V: Clone> Default for PropertyTable<V> {
    fn default() -> Self {
        PropertyTable::with_capacity(0)
    }
}

impl<V: Clone> PropertyTable<V> {
    /// An empty table with room for some entries.
    pub fn with_capacity(capacity: usize) -> Self {
        PropertyTable {
            entries: Sequence::Flat(Vec::with_capacity(capacity)),
            buckets: None,
            live: 0,
            ordered: true,
        }
    }

    /// A table of properties whose keys differ and are no indices.
    pub(crate) fn of_names(properties: impl Iterator<Item = (Text, V)>) -> Self {
        let entries: Vec<_> = properties.map(Some).collect();
        let mut table = PropertyTable {
            live: entries.len() as u32,
            entries: Sequence::Flat(entries),
            buckets: None,
            ordered: true,
        };
        if table.len() > LINEAR_MAX {
            table.rebuild_buckets();
        }
        table
    }

    /// A table of properties, unless two of them have the same key.
    pub(super) fn of_distinct(entries: Vec<Entry<V>>) -> Option<Self> {
        if entries.len() > LINEAR_MAX {
            let count = entries.len();
            let table: Self = entries.into_iter().flatten().collect();
            return (table.len() == count).then_some(table);
        }
        for (at, entry) in entries.iter().enumerate() {
            let (key, _) = entry.as_ref()?;
            let is_same = |entry: &Entry<V>| matches!(entry, Some((name, _)) if name == key);
            if entries[..at].iter().any(is_same) {
                return None;
            }
        }
        Some(PropertyTable {
            ordered: entries.is_sorted_by_key(order),
            live: entries.len() as u32,
            entries: Sequence::Flat(entries),
            buckets: None,
        })
    }

    /// How many properties there are.
    pub fn len(&self) -> usize {
        self.live as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    fn find(&self, key: &Text) -> Option<usize> {
        let named = |entry: &Entry<V>| matches!(entry, Some((name, _)) if name == key);
        match (&self.entries, &self.buckets) {
            (Sequence::Flat(entries), None) => entries.iter().position(named),
            (_, None) => self.entries.iter().position(named),
            (_, Some(buckets)) => self.find_hashed(buckets, key),
        }
    }

    #[inline(never)]
    fn find_hashed(&self, buckets: &Sequence<u32>, key: &Text) -> Option<usize> {
        let hash = key.hash32() as usize;
        let places = hash..hash + buckets.len();
        let mask = buckets.len() - 1;
        match (&self.entries, buckets) {
            (Sequence::Flat(entries), Sequence::Flat(buckets)) => probe(
                places,
                mask,
                key,
                |at| buckets.get(at),
                |at| entries.get(at),
            ),
            (entries, buckets) => probe(
                places,
                mask,
                key,
                |at| buckets.get(at),
                |at| entries.get(at),
            ),
        }
    }

    /// The value of a key.
    #[inline]
    pub fn get(&self, key: &Text) -> Option<&V> {
        if let (Sequence::Flat(entries), None) = (&self.entries, &self.buckets) {
            let mut entries = entries.iter().flatten();
            return entries
                .find(|(name, _)| name == key)
                .map(|(_, value)| value);
        }
        let at = self.find(key)?;
        self.entries.get(at)?.as_ref().map(|(_, value)| value)
    }

    /// The value of a key that may stand at a place.
    #[inline(always)]
    pub(crate) fn get_near(&self, key: &Text, guess: &Guess) -> Option<&V> {
        if let Sequence::Flat(entries) = &self.entries
            && let Some(Some((name, value))) = entries.get(guess.place())
            && name == key
        {
            return Some(value);
        }
        self.get_and_note(key, guess)
    }

    #[inline(never)]
    fn get_and_note(&self, key: &Text, guess: &Guess) -> Option<&V> {
        let at = self.find(key)?;
        guess.note(at);
        self.entries.get(at)?.as_ref().map(|(_, value)| value)
    }

    /// Whether the key is there.
    pub fn contains(&self, key: &Text) -> bool {
        self.find(key).is_some()
    }

    /// Sets a property; a new key goes behind the others. Returns whether the key is new.
    pub fn insert(&mut self, key: Text, value: V) -> bool {
        if let Some(at) = self.find(&key) {
            if let Some(Some((_, old))) = self.entries.get_mut(at) {
                *old = value;
            }
            return false;
        }
        if self.ordered
            && let Some(index) = key.array_index()
        {
            self.ordered = match self.last_entry() {
                None => true,
                Some(Some((last, _))) => last.array_index().is_some_and(|last| last < index),
                Some(None) => false,
            };
        }
        self.live += 1;
        if self.entries.len() < LINEAR_MAX {
            self.entries.push(Some((key, value)));
        } else {
            let hash = key.hash32();
            self.entries.push(Some((key, value)));
            self.link(hash);
        }
        true
    }

    fn last_entry(&self) -> Option<&Entry<V>> {
        self.entries.get(self.entries.len().checked_sub(1)?)
    }

    /// Makes the last entry of a table that is not small known by its hash.
    fn link(&mut self, hash: u32) {
        let count = self.entries.len();
        let Some(buckets) = self.buckets.as_deref_mut() else {
            return self.rebuild_buckets();
        };
        if buckets.len() < count * 2 {
            return self.rebuild_buckets();
        }
        let mask = buckets.len() - 1;
        let mut at = hash as usize & mask;
        while buckets.get(at).is_some_and(|position| *position != 0) {
            at = (at + 1) & mask;
        }
        if let Some(position) = buckets.get_mut(at) {
            *position = count as u32;
        }
    }

    fn rebuild_buckets(&mut self) {
        let was_shared = matches!(self.buckets.as_deref(), Some(Sequence::Shared(_)));
        self.buckets = None;
        if self.entries.len() <= LINEAR_MAX {
            return;
        }
        let size = (self.entries.len() * 2).next_power_of_two();
        let mut buckets = vec![0; size];
        for (position, entry) in self.entries.iter().enumerate() {
            let Some((key, _)) = entry else { continue };
            let mut at = key.hash32() as usize & (size - 1);
            while buckets[at] != 0 {
                at = (at + 1) & (size - 1);
            }
            buckets[at] = position as u32 + 1;
        }
        let mut buckets = Sequence::Flat(buckets);
        if was_shared {
            buckets.share();
        }
        self.buckets = Some(Box::new(buckets));
    }

    /// The entries without gaps.
    fn take_entries(&mut self) -> Vec<Entry<V>> {
        let entries = std::mem::replace(&mut self.entries, Sequence::Flat(Vec::new()));
        let mut entries = entries.into_vec();
        entries.retain(Option::is_some);
        entries
    }

    /// Removes a property; returns its value where it was there.
    pub fn remove(&mut self, key: &Text) -> Option<V> {
        let at = self.find(key)?;
        let (_, value) = self.entries.get_mut(at)?.take()?;
        self.live -= 1;
        if self.entries.len() > LINEAR_MAX && self.len() * 2 < self.entries.len() {
            self.entries = Sequence::Flat(self.take_entries());
            self.rebuild_buckets();
        }
        Some(value)
    }

    /// Whether `iter` is cheap: the entries stand in JavaScript's order, without gaps.
    pub(super) fn is_normal(&self) -> bool {
        self.ordered && self.len() == self.entries.len()
    }

    /// Brings the entries into JavaScript's order, so that `iter` is cheap from then on.
    pub fn normalise(&mut self) {
        if self.is_normal() {
            return;
        }
        let mut entries = self.take_entries();
        if !self.ordered {
            // Stable: names keep the order in which they were added.
            entries.sort_by_key(order);
            self.ordered = true;
        }
        self.entries = Sequence::Flat(entries);
        self.rebuild_buckets();
    }

    /// From now on copies share its structure.
    pub(super) fn share(&mut self) {
        self.entries.share();
        if let Some(buckets) = self.buckets.as_deref_mut() {
            buckets.share();
        }
    }

    /// How many chunks copies share.
    pub(super) fn chunks(&self) -> usize {
        self.entries.chunks()
    }

    /// The properties of a chunk.
    pub(super) fn chunk(&self, at: usize) -> impl Iterator<Item = &(Text, V)> {
        self.entries.chunk(at).iter().flatten()
    }

    /// The chunk that a property is in.
    pub(super) fn chunk_of(&self, key: &Text) -> Option<usize> {
        self.find(key).map(|at| at / CHUNK)
    }

    /// The table with other values for the same keys.
    pub(crate) fn try_map<W: Clone, E>(
        &self,
        mut value_of: impl FnMut(&V) -> Result<W, E>,
    ) -> Result<PropertyTable<W>, E> {
        let mut entries = Vec::with_capacity(self.entries.len());
        for entries_in_a_row in self.entries.slices() {
            for entry in entries_in_a_row {
                entries.push(match entry {
                    Some((key, value)) => Some((key.clone(), value_of(value)?)),
                    None => None,
                });
            }
        }
        Ok(self.of_entries(entries))
    }

    /// The same, where nothing can fail.
    pub(crate) fn map<'t, W: Clone>(
        &'t self,
        mut value_of: impl FnMut(&'t V) -> W,
    ) -> PropertyTable<W> {
        let mut entries = Vec::with_capacity(self.entries.len());
        for entries_in_a_row in self.entries.slices() {
            entries.extend(entries_in_a_row.iter().map(|entry| {
                let (key, value) = entry.as_ref()?;
                Some((key.clone(), value_of(value)))
            }));
        }
        self.of_entries(entries)
    }

    /// A table that has other values at the same places.
    fn of_entries<W: Clone>(&self, entries: Vec<Entry<W>>) -> PropertyTable<W> {
        let buckets = self.buckets.as_deref();
        PropertyTable {
            entries: Sequence::Flat(entries),
            buckets: buckets.map(|buckets| Box::new(Sequence::Flat(buckets.clone().into_vec()))),
            live: self.live,
            ordered: self.ordered,
        }
    }

    /// All properties in JavaScript's order.
    #[inline]
    pub fn iter(&self) -> Properties<'_, V> {
        if !self.ordered {
            let mut sorted: Vec<&Entry<V>> = self.entries.iter().collect();
            sorted.sort_by_key(|entry| order(entry));
            return Properties {
                row: [].iter(),
                rows: Rows::Sorted(sorted.into_iter()),
                left: self.live,
            };
        }
        match &self.entries {
            Sequence::Flat(entries) => Properties {
                row: entries.iter(),
                rows: Rows::None,
                left: self.live,
            },
            Sequence::Shared(chunks) => Properties {
                row: [].iter(),
                rows: Rows::Chunks(chunks.iter()),
                left: self.live,
            },
        }
    }

    /// All keys in JavaScript's order.
    pub fn keys(&self) -> impl Iterator<Item = &Text> {
        self.iter().map(|(key, _)| key)
    }
}

/// The properties of a table, in order: what is left of the entries that stand in a row, then the rows
/// behind them.
pub struct Properties<'t, V> {
    row: std::slice::Iter<'t, Entry<V>>,
    rows: Rows<'t, V>,
    left: u32,
}

/// Rows of entries to come.
enum Rows<'t, V> {
    None,
    Chunks(std::slice::Iter<'t, std::sync::Arc<Vec<Entry<V>>>>),
    /// Each entry by itself.
    Sorted(std::vec::IntoIter<&'t Entry<V>>),
}

impl<'t, V> Iterator for Properties<'t, V> {
    type Item = (&'t Text, &'t V);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.row.next() {
                Some(Some((key, value))) => {
                    self.left -= 1;
                    return Some((key, value));
                }
                Some(None) => {}
                None => self.row = self.rows.next()?,
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl<'t, V> Rows<'t, V> {
    fn next(&mut self) -> Option<std::slice::Iter<'t, Entry<V>>> {
        match self {
            Rows::None => None,
            Rows::Chunks(chunks) => chunks.next().map(|chunk| chunk.iter()),
            Rows::Sorted(entries) => entries
                .next()
                .map(|entry| std::slice::from_ref(entry).iter()),
        }
    }
}

/// The position of a key: the buckets from the place of its hash on hold positions + 1, or 0 behind
/// the last that may be its.
#[inline(always)]
fn probe<'t, V: 't>(
    places: std::ops::Range<usize>,
    mask: usize,
    key: &Text,
    bucket: impl Fn(usize) -> Option<&'t u32>,
    entry: impl Fn(usize) -> Option<&'t Entry<V>>,
) -> Option<usize> {
    for at in places {
        let position = (*bucket(at & mask)? as usize).checked_sub(1)?;
        if matches!(entry(position)?, Some((name, _)) if name == key) {
            return Some(position);
        }
    }
    None
}

/// What entries are sorted by: indices ascend, names come behind them.
fn order<V>(entry: &Entry<V>) -> u32 {
    let index = entry.as_ref().and_then(|(key, _)| key.array_index());
    index.unwrap_or(u32::MAX)
}

impl<V: Clone> FromIterator<(Text, V)> for PropertyTable<V> {
    fn from_iter<I: IntoIterator<Item = (Text, V)>>(pairs: I) -> Self {
        let pairs = pairs.into_iter();
        let mut table = PropertyTable::with_capacity(pairs.size_hint().0);
        for (key, value) in pairs {
            table.insert(key, value);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(table: &PropertyTable<usize>) -> Vec<String> {
        table.keys().map(ToString::to_string).collect()
    }

    #[test]
    fn indices_come_first_in_ascending_order() {
        let mut table = PropertyTable::default();
        for (at, key) in ["b", "10", "a", "2", "01"].iter().enumerate() {
            table.insert(Text::from(*key), at);
        }
        assert_eq!(keys(&table), ["2", "10", "b", "a", "01"]);
        table.normalise();
        assert_eq!(keys(&table), ["2", "10", "b", "a", "01"]);
        assert_eq!(table.get(&Text::from("a")), Some(&2));
        table.insert(Text::from("0"), 9);
        assert_eq!(keys(&table), ["0", "2", "10", "b", "a", "01"]);
    }

    #[test]
    fn a_table_takes_48_bytes() {
        assert_eq!(size_of::<PropertyTable<crate::data::Data>>(), 48);
    }

    #[test]
    fn large_tables_find_and_forget() {
        let mut table = PropertyTable::default();
        for at in 0..1000usize {
            assert!(table.insert(Text::from(format!("k{at}")), at));
        }
        for at in (0..1000usize).step_by(2) {
            assert_eq!(table.remove(&Text::from(format!("k{at}"))), Some(at));
        }
        assert_eq!(table.len(), 500);
        for at in 0..1000usize {
            assert_eq!(table.contains(&Text::from(format!("k{at}"))), at % 2 == 1);
        }
        table.insert(Text::from("k0"), 5);
        assert_eq!(keys(&table).last().map(String::as_str), Some("k0"));
    }

    #[test]
    fn a_guess_changes_nothing_that_is_read() {
        let names = ["a", "b", "c", "a name of many units"].map(Text::from);
        let table = |order: &[usize]| -> PropertyTable<usize> {
            order.iter().map(|at| (names[*at].clone(), *at)).collect()
        };
        let mut gap = table(&[0, 1, 2]);
        gap.remove(&names[1]);
        let mut shared = table(&[3, 2, 1]);
        for at in 0..200 {
            shared.insert(Text::from(format!("k{at}")), at);
        }
        shared.share();
        let tables = [
            table(&[0, 1, 2, 3]),
            table(&[3, 1]),
            table(&[]),
            gap,
            shared,
        ];
        for name in &names {
            let guess = Guess::default();
            for round in 0..NOTED_MAX as usize * 2 {
                let table = &tables[round % tables.len()];
                assert_eq!(table.get_near(name, &guess), table.get(name));
            }
        }
    }
}
