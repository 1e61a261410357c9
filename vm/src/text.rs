//! Strings with the semantics of JavaScript: sequences of UTF-16 units, lone surrogates included.
//!
//! Before: literals, JSON, string operations. After: values and data of every kind.
//! Guarantees: index and length in constant time; one representation for equal texts (ASCII bytes
//! where every unit is ASCII, else 16-bit units); cheap to clone; the hash is the same everywhere.

use std::cmp::Ordering;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering as MemoryOrdering};
use std::sync::{Arc, LazyLock};

/// An immutable JavaScript string.
#[derive(Clone)]
pub struct Text(Arc<Inner>);

struct Inner {
    /// Filled when first asked for; 0 means not yet known.
    hash: AtomicU32,
    units: Units,
}

/// The stored units of a text.
#[derive(PartialEq, Eq)]
pub enum Units {
    /// Every unit is below 0x80.
    Ascii(Box<str>),
    /// At least one unit is not ASCII.
    Wide(Box<[u16]>),
}

static SINGLE_ASCII: LazyLock<Vec<Text>> = LazyLock::new(|| {
    (0..128u8)
        .map(|byte| {
            Text::from_units_owned(Units::Ascii(String::from(byte as char).into_boxed_str()))
        })
        .collect()
});
static EMPTY: LazyLock<Text> = LazyLock::new(|| Text::from_units_owned(Units::Ascii("".into())));

impl Text {
    fn from_units_owned(units: Units) -> Text {
        Text(Arc::new(Inner {
            hash: AtomicU32::new(0),
            units,
        }))
    }

    /// The empty text.
    pub fn empty() -> Text {
        EMPTY.clone()
    }

    /// A text from UTF-16 units; lone surrogates are kept.
    pub fn from_units(units: &[u16]) -> Text {
        if units.len() == 1 && units[0] < 128 {
            return SINGLE_ASCII[units[0] as usize].clone();
        }
        if units.iter().all(|unit| *unit < 128) {
            let ascii: String = units.iter().map(|unit| *unit as u8 as char).collect();
            return Text::from_units_owned(Units::Ascii(ascii.into_boxed_str()));
        }
        Text::from_units_owned(Units::Wide(units.into()))
    }

    /// A text of one UTF-16 unit.
    pub fn from_unit(unit: u16) -> Text {
        Text::from_units(&[unit])
    }

    /// The stored units, for operations that have a fast path for ASCII.
    pub fn units(&self) -> &Units {
        &self.0.units
    }

    /// Length in UTF-16 units.
    pub fn len(&self) -> usize {
        match &self.0.units {
            Units::Ascii(ascii) => ascii.len(),
            Units::Wide(wide) => wide.len(),
        }
    }

    /// Whether there are no units.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory that the units take.
    pub fn byte_size(&self) -> usize {
        match &self.0.units {
            Units::Ascii(ascii) => ascii.len(),
            Units::Wide(wide) => wide.len() * 2,
        }
    }

    /// The text as `&str` where every unit is ASCII.
    pub fn as_ascii(&self) -> Option<&str> {
        match &self.0.units {
            Units::Ascii(ascii) => Some(ascii),
            Units::Wide(_) => None,
        }
    }

    /// The unit at an index.
    pub fn unit_at(&self, index: usize) -> Option<u16> {
        match &self.0.units {
            Units::Ascii(ascii) => ascii.as_bytes().get(index).map(|byte| u16::from(*byte)),
            Units::Wide(wide) => wide.get(index).copied(),
        }
    }

    /// The code point that starts at an index, and how many units it takes; a lone surrogate is
    /// its own code point.
    pub fn code_point_at(&self, index: usize) -> Option<(u32, usize)> {
        let first = self.unit_at(index)?;
        if (0xD800..0xDC00).contains(&first)
            && let Some(second) = self.unit_at(index + 1)
            && (0xDC00..0xE000).contains(&second)
        {
            let code_point =
                0x10000 + ((u32::from(first) - 0xD800) << 10) + (u32::from(second) - 0xDC00);
            return Some((code_point, 2));
        }
        Some((u32::from(first), 1))
    }

    /// All units.
    pub fn iter_units(&self) -> impl DoubleEndedIterator<Item = u16> + '_ {
        let (ascii, wide): (&[u8], &[u16]) = match &self.0.units {
            Units::Ascii(ascii) => (ascii.as_bytes(), &[]),
            Units::Wide(wide) => (&[], wide),
        };
        ascii
            .iter()
            .map(|byte| u16::from(*byte))
            .chain(wide.iter().copied())
    }

    /// All units in a new vector.
    pub fn to_units(&self) -> Vec<u16> {
        self.iter_units().collect()
    }

    /// The units from `start` to before `end`; both are clamped to the length.
    pub fn slice(&self, start: usize, end: usize) -> Text {
        let end = end.min(self.len());
        let start = start.min(end);
        if start == 0 && end == self.len() {
            return self.clone();
        }
        match &self.0.units {
            Units::Ascii(ascii) => Text::from(&ascii[start..end]),
            Units::Wide(wide) => Text::from_units(&wide[start..end]),
        }
    }

    /// Both texts, one behind the other.
    pub fn concat(&self, other: &Text) -> Text {
        if self.is_empty() {
            return other.clone();
        }
        if other.is_empty() {
            return self.clone();
        }
        if let (Units::Ascii(left), Units::Ascii(right)) = (&self.0.units, &other.0.units) {
            let mut both = String::with_capacity(left.len() + right.len());
            both.push_str(left);
            both.push_str(right);
            return Text::from_units_owned(Units::Ascii(both.into_boxed_str()));
        }
        let mut both = Vec::with_capacity(self.len() + other.len());
        both.extend(self.iter_units());
        both.extend(other.iter_units());
        Text::from_units_owned(Units::Wide(both.into_boxed_slice()))
    }

    /// As UTF-8, where each lone surrogate becomes U+FFFD.
    pub fn to_string_lossy(&self) -> String {
        match &self.0.units {
            Units::Ascii(ascii) => ascii.to_string(),
            Units::Wide(wide) => String::from_utf16_lossy(wide),
        }
    }

    /// The array index that this text names, where it is one in its only spelling
    /// (`0` to `4294967294`, no sign, no leading zero).
    pub fn array_index(&self) -> Option<u32> {
        let ascii = self.as_ascii()?.as_bytes();
        if ascii.is_empty() || ascii.len() > 10 || !ascii.iter().all(u8::is_ascii_digit) {
            return None;
        }
        if ascii[0] == b'0' && ascii.len() > 1 {
            return None;
        }
        let index = ascii
            .iter()
            .fold(0u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        u32::try_from(index).ok().filter(|index| *index != u32::MAX)
    }

    /// A hash of the units, equal on every machine; never 0.
    pub fn hash32(&self) -> u32 {
        let known = self.0.hash.load(MemoryOrdering::Relaxed);
        if known != 0 {
            return known;
        }
        let hash = self.iter_units().fold(0x811c_9dc5u32, |hash, unit| {
            (hash ^ u32::from(unit))
                .wrapping_mul(0x0100_0193)
                .rotate_left(5)
        });
        let hash = hash.max(1);
        self.0.hash.store(hash, MemoryOrdering::Relaxed);
        hash
    }

    /// Whether both are one and the same allocation: a cheap way to see that they are equal.
    pub fn same(&self, other: &Text) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        match text.len() {
            0 => return Text::empty(),
            1 if text.is_ascii() => return SINGLE_ASCII[text.as_bytes()[0] as usize].clone(),
            _ => {}
        }
        if text.is_ascii() {
            return Text::from_units_owned(Units::Ascii(text.into()));
        }
        Text::from_units_owned(Units::Wide(text.encode_utf16().collect()))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        if text.len() > 1 && text.is_ascii() {
            return Text::from_units_owned(Units::Ascii(text.into_boxed_str()));
        }
        Text::from(text.as_str())
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        self.same(other) || self.0.units == other.0.units
    }
}

impl Eq for Text {}

impl Default for Text {
    fn default() -> Text {
        Text::empty()
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        match &self.0.units {
            Units::Ascii(ascii) => **ascii == *other,
            Units::Wide(wide) => wide.iter().copied().eq(other.encode_utf16()),
        }
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Text) -> Ordering {
        match (&self.0.units, &other.0.units) {
            (Units::Ascii(left), Units::Ascii(right)) => left.cmp(right),
            _ => self.iter_units().cmp(other.iter_units()),
        }
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Text) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.units {
            Units::Ascii(ascii) => formatter.write_str(ascii),
            Units::Wide(_) => formatter.write_str(&self.to_string_lossy()),
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.to_string_lossy())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_one_representation() {
        let wide = Text::from("aé").slice(0, 1);
        assert_eq!(wide, Text::from("a"));
        assert_eq!(wide.hash32(), Text::from("a").hash32());
        assert_eq!(wide.as_ascii(), Some("a"));
    }

    #[test]
    fn units_are_utf16() {
        let text = Text::from("a😀b");
        assert_eq!(text.len(), 4);
        assert_eq!(text.code_point_at(1), Some((0x1F600, 2)));
        assert_eq!(text.unit_at(1), Some(0xD83D));
        let half = text.slice(1, 2);
        assert_eq!(half.len(), 1);
        assert_eq!(half.concat(&text.slice(2, 3)), Text::from("😀"));
    }

    #[test]
    fn array_indices_have_one_spelling() {
        for (text, index) in [
            ("0", Some(0)),
            ("10", Some(10)),
            ("4294967294", Some(4294967294)),
        ] {
            assert_eq!(Text::from(text).array_index(), index);
        }
        for text in ["", "01", "-1", "4294967295", "1.5", "é", "99999999999"] {
            assert_eq!(Text::from(text).array_index(), None, "{text}");
        }
    }
}
