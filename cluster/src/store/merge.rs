//! Reading through layers of changes: newer ones over older ones over a base.
//!
//! Before it: an adapter's scan, which holds its layers still. After it: nothing; it is a function.
//! Guarantees: equal to applying the layers to the base, oldest first, and then scanning. Collects
//! only as many changes as the limit needs. Leaves to others: locks, and where the base comes from.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

use super::{Key, Layer, Pair};

/// What a scan asks for.
#[derive(Clone, Copy, Debug)]
pub struct Range<'a> {
    /// The first key of the range.
    pub from: &'a [u8],
    /// The first key above the range.
    pub until: Option<&'a [u8]>,
    /// Whether to go from the end of the range to its beginning.
    pub back: bool,
    /// How many pairs at most.
    pub limit: usize,
}

impl<'a> Range<'a> {
    /// A scan from the beginning.
    pub fn forward(from: &'a [u8], until: Option<&'a [u8]>, limit: usize) -> Self {
        Self {
            from,
            until,
            back: false,
            limit,
        }
    }

    /// A scan from the end.
    pub fn backward(from: &'a [u8], until: Option<&'a [u8]>, limit: usize) -> Self {
        Self {
            from,
            until,
            back: true,
            limit,
        }
    }

    /// Whether nothing can be in the result. Only other ranges have [`Range::bounds`].
    pub fn is_empty(&self) -> bool {
        self.limit == 0 || self.until.is_some_and(|until| until <= self.from)
    }

    /// The bounds for ordered maps.
    pub fn bounds(&self) -> (Bound<&'a [u8]>, Bound<&'a [u8]>) {
        let until = self.until.map_or(Bound::Unbounded, Bound::Excluded);
        (Bound::Included(self.from), until)
    }

    /// Whether `left` comes before `right` in the direction of the scan.
    fn precedes<K: Ord + ?Sized>(&self, left: &K, right: &K) -> bool {
        if self.back {
            left > right
        } else {
            left < right
        }
    }

    /// Entries of a map in this range and direction.
    pub fn of<'m, V>(
        &self,
        map: &'m BTreeMap<Bytes, V>,
    ) -> Box<dyn Iterator<Item = (&'m Bytes, &'m V)> + 'm> {
        if self.is_empty() {
            return Box::new(std::iter::empty());
        }
        let entries = map.range::<[u8], _>(self.bounds());
        if self.back {
            Box::new(entries.rev())
        } else {
            Box::new(entries)
        }
    }
}

/// The changes of `layers` (newest first) in the range and its direction, the newest per key, up
/// to `limit` puts and whatever deletions stand between them: enough for [`over`].
pub fn changes(layers: &[&Layer], range: &Range<'_>) -> Vec<(Bytes, Option<Bytes>)> {
    let mut found = Vec::new();
    let mut cursors: Vec<_> = layers
        .iter()
        .filter(|layer| !layer.is_empty())
        .map(|layer| layer.range(range).peekable())
        .collect();
    let mut puts = 0;
    while puts < range.limit {
        let mut next: Option<&Key> = None;
        for cursor in &mut cursors {
            if let Some(&(key, _)) = cursor.peek()
                && next.is_none_or(|best| range.precedes(key, best))
            {
                next = Some(key);
            }
        }
        let Some(key) = next else { break };
        let mut newest = None;
        for cursor in &mut cursors {
            if let Some((_, change)) = cursor.next_if(|(other, _)| *other == key) {
                newest = newest.or(Some(change));
            }
        }
        let change = newest.expect("the next key comes from a layer");
        puts += usize::from(change.is_some());
        found.push((key.bytes(), change.clone()));
    }
    found
}

/// The first `limit` pairs of `base` with `changes` over it. Both come in the range's direction.
///
/// # Errors
///
/// The first error of `base` that is needed for the result.
pub fn over<E>(
    changes: Vec<(Bytes, Option<Bytes>)>,
    base: impl Iterator<Item = Result<Pair, E>>,
    range: &Range<'_>,
) -> Result<Vec<Pair>, E> {
    let mut pairs = Vec::new();
    let mut changes = changes.into_iter().peekable();
    let mut base = base.peekable();
    while pairs.len() < range.limit {
        let changed_first = match (changes.peek(), base.peek()) {
            (None, None) => break,
            (None, Some(_)) => false,
            (Some(_), None) => true,
            (Some(_), Some(Err(_))) => false,
            (Some((changed, _)), Some(Ok((key, _)))) => !range.precedes(key, changed),
        };
        if !changed_first {
            pairs.extend(base.next().transpose()?);
            continue;
        }
        let Some((key, change)) = changes.next() else {
            break;
        };
        base.next_if(|pair| matches!(pair, Ok((other, _)) if *other == key));
        pairs.extend(change.map(|value| (key, value)));
    }
    Ok(pairs)
}
