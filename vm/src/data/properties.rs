//! An ordered table from property keys to values, with JavaScript's order.
//!
//! Before: object literals, JSON, assignments. After: objects of the heap and of data.
//! Guarantees: keys that are array indices come first in ascending order, then the others in the
//! order in which they were added; lookup does not slow down as a table grows; the order of hashes
//! never shows. The representation is private, so that large tables may share structure one day.

use crate::text::Text;

/// Up to this many entries are found by looking at each.
const LINEAR_MAX: usize = 8;

/// An ordered table from keys to values of one kind.
#[derive(Clone, Debug)]
pub struct PropertyTable<V> {
    /// In the order in which they were added; a removed entry leaves a gap until the next clean-up.
    entries: Vec<Option<(Text, V)>>,
    live: usize,
    /// Whether the entries already stand in JavaScript's order.
    ordered: bool,
    /// Open addressing from hash to position + 1; empty while the table is small.
    buckets: Vec<u32>,
}

impl<V> Default for PropertyTable<V> {
    fn default() -> Self {
        PropertyTable::with_capacity(0)
    }
}

impl<V> PropertyTable<V> {
    /// An empty table with room for some entries.
    pub fn with_capacity(capacity: usize) -> Self {
        PropertyTable {
            entries: Vec::with_capacity(capacity),
            live: 0,
            ordered: true,
            buckets: Vec::new(),
        }
    }

    /// How many properties there are.
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    fn find(&self, key: &Text) -> Option<usize> {
        if self.buckets.is_empty() {
            return self
                .entries
                .iter()
                .position(|entry| matches!(entry, Some((name, _)) if name == key));
        }
        let mask = self.buckets.len() - 1;
        let mut at = key.hash32() as usize & mask;
        loop {
            let position = self.buckets[at] as usize;
            if position == 0 {
                return None;
            }
            if matches!(&self.entries[position - 1], Some((name, _)) if name == key) {
                return Some(position - 1);
            }
            at = (at + 1) & mask;
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &Text) -> Option<&V> {
        let at = self.find(key)?;
        self.entries[at].as_ref().map(|(_, value)| value)
    }

    /// The value of a key, to change it.
    pub fn get_mut(&mut self, key: &Text) -> Option<&mut V> {
        let at = self.find(key)?;
        self.entries[at].as_mut().map(|(_, value)| value)
    }

    /// Whether the key is there.
    pub fn contains(&self, key: &Text) -> bool {
        self.find(key).is_some()
    }

    /// Sets a property; a new key goes behind the others. Returns whether the key is new.
    pub fn insert(&mut self, key: Text, value: V) -> bool {
        if let Some(at) = self.find(&key) {
            if let Some((_, old)) = self.entries[at].as_mut() {
                *old = value;
            }
            return false;
        }
        if self.ordered
            && let Some(index) = key.array_index()
        {
            self.ordered = match self.entries.last() {
                None => true,
                Some(Some((last, _))) => last.array_index().is_some_and(|last| last < index),
                Some(None) => false,
            };
        }
        let hash = key.hash32();
        self.entries.push(Some((key, value)));
        self.live += 1;
        self.link(hash);
        true
    }

    fn link(&mut self, hash: u32) {
        let count = self.entries.len();
        if count <= LINEAR_MAX {
            return;
        }
        if self.buckets.len() < count * 2 {
            self.rebuild_buckets();
            return;
        }
        let mask = self.buckets.len() - 1;
        let mut at = hash as usize & mask;
        while self.buckets[at] != 0 {
            at = (at + 1) & mask;
        }
        self.buckets[at] = count as u32;
    }

    fn rebuild_buckets(&mut self) {
        self.buckets.clear();
        if self.entries.len() <= LINEAR_MAX {
            return;
        }
        let size = (self.entries.len() * 4).next_power_of_two();
        self.buckets.resize(size, 0);
        for (position, entry) in self.entries.iter().enumerate() {
            let Some((key, _)) = entry else { continue };
            let mut at = key.hash32() as usize & (size - 1);
            while self.buckets[at] != 0 {
                at = (at + 1) & (size - 1);
            }
            self.buckets[at] = position as u32 + 1;
        }
    }

    /// Removes a property; returns its value where it was there.
    pub fn remove(&mut self, key: &Text) -> Option<V> {
        let at = self.find(key)?;
        let (_, value) = self.entries[at].take()?;
        self.live -= 1;
        if self.entries.len() > LINEAR_MAX && self.live * 2 < self.entries.len() {
            self.entries.retain(Option::is_some);
            self.rebuild_buckets();
        }
        Some(value)
    }

    /// Brings the entries into JavaScript's order, so that `iter` is cheap from then on.
    pub fn normalise(&mut self) {
        if self.ordered && self.live == self.entries.len() {
            return;
        }
        self.entries.retain(Option::is_some);
        if !self.ordered {
            // Stable: names keep the order in which they were added.
            self.entries.sort_by_key(|entry| {
                entry
                    .as_ref()
                    .and_then(|(key, _)| key.array_index())
                    .unwrap_or(u32::MAX)
            });
            self.ordered = true;
        }
        self.rebuild_buckets();
    }

    /// All properties in JavaScript's order.
    pub fn iter(&self) -> impl Iterator<Item = (&Text, &V)> {
        let mut sorted: Vec<usize> = Vec::new();
        if !self.ordered {
            sorted = (0..self.entries.len())
                .filter(|at| self.entries[*at].is_some())
                .collect();
            sorted.sort_by_key(|at| {
                self.entries[*at]
                    .as_ref()
                    .and_then(|(key, _)| key.array_index())
                    .unwrap_or(u32::MAX)
            });
        }
        let direct = if self.ordered { &self.entries[..] } else { &[] };
        let by_order = sorted
            .into_iter()
            .filter_map(|at| self.entries[at].as_ref());
        direct
            .iter()
            .filter_map(Option::as_ref)
            .chain(by_order)
            .map(|(key, value)| (key, value))
    }

    /// All keys in JavaScript's order.
    pub fn keys(&self) -> impl Iterator<Item = &Text> {
        self.iter().map(|(key, _)| key)
    }

    /// The property at a place in JavaScript's order, for walks that change the table meanwhile
    /// only after `normalise`.
    pub fn entry_at(&self, at: usize) -> Option<(&Text, &V)> {
        self.entries
            .get(at)?
            .as_ref()
            .map(|(key, value)| (key, value))
    }
}

impl<V> FromIterator<(Text, V)> for PropertyTable<V> {
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
}
