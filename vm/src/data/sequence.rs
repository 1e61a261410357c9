//! A vector that can share its parts with copies of itself.
//!
//! Before: `PropertyTable`. Guarantees: flat until `share`; from then on a copy takes a pointer for each
//! chunk, and a change copies one chunk. What is read does not depend on which of both it is.

use std::sync::Arc;

/// Items of a chunk.
pub(super) const CHUNK: usize = 64;

/// A vector, flat or in chunks that are full but for the last.
#[derive(Clone, Debug)]
pub(super) enum Sequence<T> {
    Flat(Vec<T>),
    Shared(Vec<Arc<Vec<T>>>),
}

impl<T: Clone> Sequence<T> {
    pub(super) fn len(&self) -> usize {
        match self {
            Sequence::Flat(items) => items.len(),
            Sequence::Shared(chunks) => match chunks.split_last() {
                Some((last, full)) => full.len() * CHUNK + last.len(),
                None => 0,
            },
        }
    }

    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<&T> {
        match self {
            Sequence::Flat(items) => items.get(at),
            Sequence::Shared(chunks) => chunks.get(at / CHUNK)?.get(at % CHUNK),
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        match self {
            Sequence::Flat(items) => items.get_mut(at),
            Sequence::Shared(chunks) => {
                Arc::make_mut(chunks.get_mut(at / CHUNK)?).get_mut(at % CHUNK)
            }
        }
    }

    pub(super) fn push(&mut self, item: T) {
        match self {
            Sequence::Flat(items) => items.push(item),
            Sequence::Shared(chunks) => match chunks.last_mut().filter(|last| last.len() < CHUNK) {
                Some(last) => Arc::make_mut(last).push(item),
                None => chunks.push(Arc::new(vec![item])),
            },
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.slices().flatten()
    }

    /// The items, so many at a time as stand in a row.
    pub(super) fn slices(&self) -> impl Iterator<Item = &[T]> {
        let (flat, chunks): (&[T], &[Arc<Vec<T>>]) = match self {
            Sequence::Flat(items) => (items, &[]),
            Sequence::Shared(chunks) => (&[], chunks),
        };
        std::iter::once(flat).chain(chunks.iter().map(|chunk| chunk.as_slice()))
    }

    /// The items of a chunk; none behind the last, or of a flat sequence.
    pub(super) fn chunk(&self, at: usize) -> &[T] {
        match self {
            Sequence::Flat(_) => &[],
            Sequence::Shared(chunks) => chunks.get(at).map_or(&[], |chunk| chunk),
        }
    }

    pub(super) fn chunks(&self) -> usize {
        match self {
            Sequence::Flat(_) => 0,
            Sequence::Shared(chunks) => chunks.len(),
        }
    }

    /// All items in one vector.
    pub(super) fn into_vec(self) -> Vec<T> {
        match self {
            Sequence::Flat(items) => items,
            shared => shared.iter().cloned().collect(),
        }
    }

    /// Cuts it into chunks.
    pub(super) fn share(&mut self) {
        if let Sequence::Flat(items) = self {
            let items = std::mem::take(items);
            *self = Sequence::Shared(
                items
                    .chunks(CHUNK)
                    .map(|chunk| Arc::new(chunk.to_vec()))
                    .collect(),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_shares_all_but_what_changes() {
        let mut first = Sequence::Flat((0..200).collect::<Vec<u32>>());
        first.share();
        let mut second = first.clone();
        *second.get_mut(70).unwrap() = 1_000;
        second.push(200);
        assert_eq!((first.len(), second.len()), (200, 201));
        assert_eq!((first.get(70), second.get(70)), (Some(&70), Some(&1_000)));
        let (Sequence::Shared(left), Sequence::Shared(right)) = (&first, &second) else {
            panic!("both are shared");
        };
        let same: Vec<bool> = left
            .iter()
            .zip(right)
            .map(|(left, right)| Arc::ptr_eq(left, right))
            .collect();
        assert_eq!(same, [true, false, true, false]);
        assert!(first.iter().copied().eq(0..200));
        assert_eq!(second.into_vec().len(), 201);
    }
}
