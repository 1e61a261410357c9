//! Strings with the semantics of JavaScript: sequences of UTF-16 units, lone surrogates included.
//!
//! Before: literals, JSON, string operations. After: values and data of every kind.
//! Guarantees: index and length in constant time; one representation for equal texts (ASCII bytes
//! where every unit is ASCII, else 16-bit units); cheap to clone; the hash is the same everywhere.
//! Short ASCII texts, which property names and kinds of messages are, stand in the value itself: they
//! are made, cloned and compared without a look at other memory. Any other is one piece of memory.

use std::cmp::Ordering;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering as MemoryOrdering};

use smallvec::SmallVec;
use triomphe::ThinArc;

/// An immutable JavaScript string.
pub struct Text(Stored);

/// Equal texts have one form: what can be short is.
enum Stored {
    Short(Short),
    /// Every unit is ASCII.
    Ascii(ThinArc<Hash, u8>),
    /// At least one is not.
    Wide(ThinArc<Hash, u16>),
}

/// The hash of a text that is not short, filled when first asked for; 0 means not yet known.
#[derive(Default)]
struct Hash(AtomicU32);

/// Texts of at most so many units are put together without memory of their own.
const IN_PLACE: usize = 128;

/// At most so many ASCII units stand in the value itself.
const SHORT_MAX: usize = 8;

/// The lowest bit of each byte of a word, and the highest.
const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = ONES << 7;

/// A short ASCII text without the unit 0. Bytes behind its end are 0, so that they tell its length.
/// It is copied and compared as one word: hence the alignment.
#[derive(Clone, Copy)]
#[repr(align(8))]
struct Short([u8; SHORT_MAX]);

/// The units of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Units<'a> {
    /// Every unit is below 0x80.
    Ascii(&'a [u8]),
    /// At least one unit is not ASCII.
    Wide(&'a [u16]),
}

impl Short {
    /// A short text, where these bytes can be one.
    #[inline]
    fn new(bytes: &[u8]) -> Option<Short> {
        let length = bytes.len();
        // Parts that overlap: a copy of a length that is not known is a call.
        let word = match length {
            0 => 0,
            1..4 => {
                let (first, middle, last) = (bytes[0], bytes[length / 2], bytes[length - 1]);
                u64::from(first)
                    | u64::from(middle) << (8 * (length / 2))
                    | u64::from(last) << (8 * (length - 1))
            }
            4..=SHORT_MAX => {
                let (first, last) = (bytes.first_chunk()?, bytes.last_chunk()?);
                u64::from(u32::from_le_bytes(*first))
                    | u64::from(u32::from_le_bytes(*last)) << (8 * (length - 4))
            }
            _ => return None,
        };
        // A byte that is 0 borrows from the bit above it, and no byte of ASCII has that bit.
        let used = u64::MAX.checked_shr(64 - 8 * length as u32).unwrap_or(0);
        let zeros = word.wrapping_sub(ONES & used) & !word & used;
        ((zeros | word) & HIGH_BITS == 0).then_some(Short(word.to_le_bytes()))
    }

    #[inline]
    fn word(self) -> u64 {
        u64::from_le_bytes(self.0)
    }

    #[inline]
    fn len(self) -> usize {
        SHORT_MAX - self.word().leading_zeros() as usize / 8
    }

    #[inline]
    fn as_bytes(&self) -> &[u8] {
        &self.0[..self.len()]
    }

    /// Multiplies and folds the word.
    #[inline]
    fn hash32(self) -> u32 {
        let mixed = self.word().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((mixed >> 32) as u32 ^ mixed as u32).max(1)
    }
}

impl Clone for Text {
    #[inline(always)]
    fn clone(&self) -> Text {
        Text(match &self.0 {
            Stored::Short(short) => Stored::Short(*short),
            Stored::Ascii(ascii) => Stored::Ascii(ascii.clone()),
            Stored::Wide(wide) => Stored::Wide(wide.clone()),
        })
    }
}

impl Text {
    fn long(ascii: &[u8]) -> Text {
        let hash = Hash::default();
        Text(Stored::Ascii(ThinArc::from_header_and_slice(hash, ascii)))
    }

    fn wide(units: &[u16]) -> Text {
        let hash = Hash::default();
        Text(Stored::Wide(ThinArc::from_header_and_slice(hash, units)))
    }

    /// The empty text.
    pub const fn empty() -> Text {
        Text(Stored::Short(Short([0; SHORT_MAX])))
    }

    /// A text from UTF-16 units; lone surrogates are kept.
    pub fn from_units(units: &[u16]) -> Text {
        if units.iter().all(|unit| *unit < 128) {
            let ascii: SmallVec<[u8; IN_PLACE]> = units.iter().map(|unit| *unit as u8).collect();
            return Text::ascii(&ascii);
        }
        Text::wide(units)
    }

    /// A text from bytes, where all of them are ASCII.
    pub(crate) fn from_ascii(bytes: &[u8]) -> Option<Text> {
        match Short::new(bytes) {
            Some(short) => Some(Text(Stored::Short(short))),
            None => bytes.is_ascii().then(|| Text::long(bytes)),
        }
    }

    /// A text from bytes that are ASCII.
    fn ascii(bytes: &[u8]) -> Text {
        debug_assert!(bytes.is_ascii());
        match Short::new(bytes) {
            Some(short) => Text(Stored::Short(short)),
            None => Text::long(bytes),
        }
    }

    /// A text of one UTF-16 unit.
    pub fn from_unit(unit: u16) -> Text {
        match u8::try_from(unit) {
            Ok(byte @ 1..128) => Text(Stored::Short(Short([byte, 0, 0, 0, 0, 0, 0, 0]))),
            _ => Text::from_units(&[unit]),
        }
    }

    /// The units, for operations that have a fast path for ASCII.
    #[inline]
    pub fn units(&self) -> Units<'_> {
        match &self.0 {
            Stored::Short(short) => Units::Ascii(short.as_bytes()),
            Stored::Ascii(ascii) => Units::Ascii(&ascii.slice),
            Stored::Wide(wide) => Units::Wide(&wide.slice),
        }
    }

    /// Length in UTF-16 units.
    #[inline]
    pub fn len(&self) -> usize {
        match self.units() {
            Units::Ascii(ascii) => ascii.len(),
            Units::Wide(wide) => wide.len(),
        }
    }

    /// Whether it stands in the value itself.
    #[inline]
    pub(crate) fn is_short(&self) -> bool {
        matches!(self.0, Stored::Short(_))
    }

    /// Whether there are no units.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of memory that the units take.
    #[inline]
    pub fn byte_size(&self) -> usize {
        match self.units() {
            Units::Ascii(ascii) => ascii.len(),
            Units::Wide(wide) => wide.len() * 2,
        }
    }

    /// The text as `&str` where every unit is ASCII.
    pub fn as_ascii(&self) -> Option<&str> {
        let ascii = self.as_ascii_bytes()?;
        Some(std::str::from_utf8(ascii).expect("the text is ASCII"))
    }

    /// The bytes where every unit is ASCII.
    #[inline]
    pub fn as_ascii_bytes(&self) -> Option<&[u8]> {
        match self.units() {
            Units::Ascii(ascii) => Some(ascii),
            Units::Wide(_) => None,
        }
    }

    /// The unit at an index.
    pub fn unit_at(&self, index: usize) -> Option<u16> {
        match self.units() {
            Units::Ascii(ascii) => ascii.get(index).map(|byte| u16::from(*byte)),
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
        let (ascii, wide): (&[u8], &[u16]) = match self.units() {
            Units::Ascii(ascii) => (ascii, &[]),
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
        match self.units() {
            Units::Ascii(ascii) => Text::ascii(&ascii[start..end]),
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
        if let (Stored::Short(left), Stored::Short(right)) = (&self.0, &other.0)
            && left.len() + right.len() <= SHORT_MAX
        {
            let both = left.word() | right.word() << (8 * left.len());
            return Text(Stored::Short(Short(both.to_le_bytes())));
        }
        Text::join([self, other].into_iter())
    }

    /// The text with each unit mapped to another ASCII one, where every unit is ASCII.
    pub fn map_ascii(&self, map: impl Fn(u8) -> u8) -> Option<Text> {
        if let Stored::Short(short) = self.0 {
            let mut mapped = short;
            mapped.0[..short.len()]
                .iter_mut()
                .for_each(|unit| *unit = map(*unit));
            return Some(Text(Stored::Short(mapped)));
        }
        let mapped = self.as_ascii_bytes()?.iter().map(|unit| map(*unit));
        Text::from_ascii(&mapped.collect::<SmallVec<[u8; IN_PLACE]>>())
    }

    /// All of them, one behind the other.
    pub fn join<'a>(texts: impl Iterator<Item = &'a Text> + Clone) -> Text {
        let ascii = texts.clone().map(Text::as_ascii_bytes);
        let Some(length) = ascii.map(|bytes| bytes.map(<[u8]>::len)).sum() else {
            return Text::from_units(&texts.flat_map(Text::iter_units).collect::<Vec<u16>>());
        };
        let mut joined = SmallVec::<[u8; IN_PLACE]>::with_capacity(length);
        for bytes in texts.filter_map(Text::as_ascii_bytes) {
            joined.extend_from_slice(bytes);
        }
        Text::ascii(&joined)
    }

    /// As UTF-8, where each lone surrogate becomes U+FFFD.
    pub fn to_string_lossy(&self) -> String {
        match self.units() {
            Units::Ascii(ascii) => String::from_utf8_lossy(ascii).into_owned(),
            Units::Wide(wide) => String::from_utf16_lossy(wide),
        }
    }

    /// The array index that this text names, where it is one in its only spelling
    /// (`0` to `4294967294`, no sign, no leading zero).
    #[inline]
    pub fn array_index(&self) -> Option<u32> {
        let ascii = self.as_ascii_bytes()?;
        match ascii.first()?.is_ascii_digit() && ascii.len() <= 10 {
            true => index_of_digits(ascii),
            false => None,
        }
    }

    /// A hash of the units, equal on every machine; never 0.
    #[inline]
    pub fn hash32(&self) -> u32 {
        match &self.0 {
            Stored::Short(short) => short.hash32(),
            Stored::Ascii(ascii) => {
                let units = ascii.slice.iter().map(|byte| u16::from(*byte));
                ascii.header.header.get_or_of(units)
            }
            Stored::Wide(wide) => wide.header.header.get_or_of(wide.slice.iter().copied()),
        }
    }
}

/// The array index that at most ten units are, where they are digits.
fn index_of_digits(ascii: &[u8]) -> Option<u32> {
    if !ascii.iter().all(u8::is_ascii_digit) || (ascii[0] == b'0' && ascii.len() > 1) {
        return None;
    }
    let index = ascii
        .iter()
        .fold(0u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    u32::try_from(index).ok().filter(|index| *index != u32::MAX)
}

impl Hash {
    fn get_or_of(&self, units: impl Iterator<Item = u16>) -> u32 {
        let known = self.0.load(MemoryOrdering::Relaxed);
        if known != 0 {
            return known;
        }
        let step = |hash: u32, unit: u16| {
            (hash ^ u32::from(unit))
                .wrapping_mul(0x0100_0193)
                .rotate_left(5)
        };
        let hash = units.fold(0x811c_9dc5, step).max(1);
        self.0.store(hash, MemoryOrdering::Relaxed);
        hash
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text::from_ascii(text.as_bytes()).unwrap_or_else(|| {
            let units: SmallVec<[u16; IN_PLACE]> = text.encode_utf16().collect();
            Text::wide(&units)
        })
    }
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        Text::from(text.as_str())
    }
}

impl PartialEq for Text {
    #[inline]
    fn eq(&self, other: &Text) -> bool {
        match (&self.0, &other.0) {
            (Stored::Short(left), Stored::Short(right)) => left.word() == right.word(),
            (Stored::Ascii(left), Stored::Ascii(right)) => {
                std::ptr::eq(left.as_ptr(), right.as_ptr()) || left.slice == right.slice
            }
            (Stored::Wide(left), Stored::Wide(right)) => {
                std::ptr::eq(left.as_ptr(), right.as_ptr()) || left.slice == right.slice
            }
            _ => false,
        }
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
        match self.units() {
            Units::Ascii(ascii) => *ascii == *other.as_bytes(),
            Units::Wide(wide) => wide.iter().copied().eq(other.encode_utf16()),
        }
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Text) -> Ordering {
        if let (Stored::Short(left), Stored::Short(right)) = (&self.0, &other.0) {
            // The first unit decides first; what ends first has a 0 there.
            return left.word().swap_bytes().cmp(&right.word().swap_bytes());
        }
        match (self.units(), other.units()) {
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
        match self.as_ascii() {
            Some(ascii) => formatter.write_str(ascii),
            None => formatter.write_str(&self.to_string_lossy()),
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
    fn what_can_be_short_is() {
        let long = Text::from("transfer-0815");
        let parts = [
            long.slice(0, 8),
            Text::from("trans").concat(&Text::from("fer")),
        ];
        for text in parts {
            assert_eq!(text, Text::from("transfer"));
            assert_eq!(text.hash32(), Text::from("transfer").hash32());
            assert_eq!((text.len(), text.as_ascii()), (8, Some("transfer")));
        }
        let with_zero = Text::from("a\0");
        assert_eq!((with_zero.len(), with_zero.unit_at(1)), (2, Some(0)));
        assert_eq!(with_zero.slice(0, 1), Text::from("a"));
        assert_eq!(Text::from_unit(0).len(), 1);
        assert_ne!(Text::from_unit(0), Text::empty());
        assert_eq!(Text::from("a").concat(&Text::from_unit(0)), with_zero);
        assert_eq!(std::mem::size_of::<Option<Text>>(), 16);
    }

    #[test]
    fn texts_of_every_length_are_what_they_were_made_of() {
        for length in 0..200 {
            for zero_at in [
                None,
                Some(0),
                Some(length / 2),
                usize::checked_sub(length, 1),
            ] {
                let mut ascii: Vec<u8> = (0..length).map(|at| 1 + (at * 7 % 127) as u8).collect();
                if let Some(unit) = zero_at.and_then(|at| ascii.get_mut(at)) {
                    *unit = 0;
                }
                let text = Text::from_ascii(&ascii).unwrap();
                assert_eq!(text.as_ascii_bytes(), Some(ascii.as_slice()));
                assert_eq!(text.is_short(), length <= SHORT_MAX && !ascii.contains(&0));
                let units: Vec<u16> = ascii.iter().copied().map(u16::from).collect();
                assert_eq!(text, Text::from_units(&units));
                assert_eq!(
                    text,
                    text.slice(0, length / 2)
                        .concat(&text.slice(length / 2, length))
                );
                if let Some(unit) = ascii.last_mut() {
                    *unit = 0x80;
                    assert!(Text::from_ascii(&ascii).is_none());
                }
            }
        }
    }

    #[test]
    fn texts_are_ordered_by_their_units() {
        let ordered = [
            "",
            "\0",
            "a",
            "a\0",
            "aa",
            "ab",
            "abcdefgh",
            "abcdefghi",
            "b",
            "é",
            "\u{ffff}",
        ];
        for (at, left) in ordered.iter().enumerate() {
            for (other, right) in ordered.iter().enumerate() {
                let order = Text::from(*left).cmp(&Text::from(*right));
                assert_eq!(order, at.cmp(&other), "{left:?} {right:?}");
            }
        }
    }

    #[test]
    fn joined_texts_have_one_representation() {
        let join = |texts: &[&str]| {
            let texts: Vec<Text> = texts.iter().map(|text| Text::from(*text)).collect();
            Text::join(texts.iter())
        };
        assert_eq!(join(&[]), Text::empty());
        assert_eq!(join(&["trans", "", "fer"]), Text::from("transfer"));
        assert_eq!(join(&["transfer", "-0815"]), Text::from("transfer-0815"));
        assert_eq!(join(&["a", "\0"]), Text::from("a\0"));
        assert_eq!(join(&["transfer", " é ", "b"]), Text::from("transfer é b"));
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
