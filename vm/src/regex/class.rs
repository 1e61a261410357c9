//! Sets of characters: `[a-z]`, `\d`, `\p{L}`, and what the flag `v` makes of them.
//!
//! Before: `emit`. After: `matcher`. Guarantees: membership is decided from the tree of the class, so
//! that a class takes no more memory than its text; ASCII is answered from a bitmap; without regard
//! to case, a character belongs where one like it does.

use super::fold::{Fold, all_like};
use super::property::Property;

/// A class with its bitmap.
#[derive(Debug)]
pub(super) struct Class {
    /// One bit for each ASCII character.
    pub(super) ascii: u128,
    set: Set,
    fold: Fold,
}

/// A set of characters.
#[derive(Clone, Debug)]
pub(super) enum Set {
    /// Ranges, both ends included, in ascending order.
    Ranges(Vec<(u32, u32)>),
    /// What Unicode says, or all else.
    Property { property: Property, negated: bool },
    /// In any of them.
    Union(Vec<Set>),
    /// In all of them.
    Intersection(Vec<Set>),
    /// In the first and none of the others.
    Subtraction(Vec<Set>),
    /// Not in it.
    Not(Box<Set>),
}

const DIGITS: &[(u32, u32)] = &[(0x30, 0x39)];
const WORD: &[(u32, u32)] = &[(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)];
/// White space and ends of lines.
const SPACES: &[(u32, u32)] = &[
    (0x09, 0x0D),
    (0x20, 0x20),
    (0xA0, 0xA0),
    (0x1680, 0x1680),
    (0x2000, 0x200A),
    (0x2028, 0x2029),
    (0x202F, 0x202F),
    (0x205F, 0x205F),
    (0x3000, 0x3000),
    (0xFEFF, 0xFEFF),
];
const LINE_ENDS: &[(u32, u32)] = &[(0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029)];

/// Whether a character ends a line.
pub(super) fn is_line_end(character: u32) -> bool {
    matches!(character, 0x0A | 0x0D | 0x2028 | 0x2029)
}

impl Set {
    pub(super) fn digits() -> Set {
        Set::Ranges(DIGITS.to_vec())
    }

    pub(super) fn word() -> Set {
        Set::Ranges(WORD.to_vec())
    }

    pub(super) fn spaces() -> Set {
        Set::Ranges(SPACES.to_vec())
    }

    pub(super) fn line_ends() -> Set {
        Set::Ranges(LINE_ENDS.to_vec())
    }

    /// All else.
    pub(super) fn negated(self, negated: bool) -> Set {
        if negated {
            Set::Not(Box::new(self))
        } else {
            self
        }
    }

    /// Ranges in order, those that touch as one.
    pub(super) fn ranges(mut ranges: Vec<(u32, u32)>) -> Set {
        ranges.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match merged.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => merged.push((first, last)),
            }
        }
        Set::Ranges(merged)
    }

    /// Recursion is bounded by the depth of the pattern.
    fn contains(&self, character: u32, fold: Fold) -> bool {
        let like = |holds: &dyn Fn(u32) -> bool| {
            holds(character) || all_like(character, fold).iter().any(|other| holds(*other))
        };
        match self {
            Set::Ranges(ranges) => like(&|character| in_ranges(ranges, character)),
            Set::Property { property, negated } => {
                like(&|character| property.contains(character) != *negated)
            }
            Set::Union(sets) => sets.iter().any(|set| set.contains(character, fold)),
            Set::Intersection(sets) => sets.iter().all(|set| set.contains(character, fold)),
            Set::Subtraction(sets) => {
                let mut sets = sets.iter();
                sets.next().is_some_and(|set| set.contains(character, fold))
                    && !sets.any(|set| set.contains(character, fold))
            }
            Set::Not(set) => !set.contains(character, fold),
        }
    }
}

fn in_ranges(ranges: &[(u32, u32)], character: u32) -> bool {
    let behind = ranges.partition_point(|(first, _)| *first <= character);
    behind > 0 && ranges[behind - 1].1 >= character
}

impl Class {
    pub(super) fn new(set: Set, fold: Fold) -> Class {
        let bits = (0..128u32).filter(|character| set.contains(*character, fold));
        let ascii = bits.fold(0u128, |ascii, character| ascii | 1 << character);
        Class { ascii, set, fold }
    }

    #[inline]
    pub(super) fn contains(&self, character: u32) -> bool {
        if character < 128 {
            self.ascii & (1 << character) != 0
        } else {
            self.set.contains(character, self.fold)
        }
    }

    /// Bytes that it takes.
    #[cfg(test)]
    pub(super) fn byte_size(&self) -> usize {
        size_of::<Class>() + self.set.inner_bytes()
    }
}

#[cfg(test)]
impl Set {
    fn inner_bytes(&self) -> usize {
        match self {
            Set::Ranges(ranges) => ranges.capacity() * 8,
            Set::Property { .. } => 0,
            Set::Union(sets) | Set::Intersection(sets) | Set::Subtraction(sets) => {
                let inner = sets.iter().map(Set::inner_bytes).sum::<usize>();
                sets.capacity() * size_of::<Set>() + inner
            }
            Set::Not(set) => size_of::<Set>() + set.inner_bytes(),
        }
    }
}
