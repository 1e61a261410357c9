//! The text that is searched, in either of its forms.
//!
//! Before: `matcher`. Guarantees: reading a unit or a code point at a place, in both directions; a
//! lone surrogate is a code point of its own.

/// Units of a text.
pub(super) trait UnitsOf: Copy {
    fn count(self) -> usize;
    /// The unit at a place inside.
    fn unit(self, at: usize) -> u32;
}

impl UnitsOf for &[u8] {
    #[inline]
    fn count(self) -> usize {
        self.len()
    }

    #[inline]
    fn unit(self, at: usize) -> u32 {
        u32::from(self[at])
    }
}

impl UnitsOf for &[u16] {
    #[inline]
    fn count(self) -> usize {
        self.len()
    }

    #[inline]
    fn unit(self, at: usize) -> u32 {
        u32::from(self[at])
    }
}

fn is_high(unit: u32) -> bool {
    (0xD800..0xDC00).contains(&unit)
}

fn is_low(unit: u32) -> bool {
    (0xDC00..0xE000).contains(&unit)
}

/// The character at a place and the place behind it, `None` at the end.
#[inline]
pub(super) fn next<U: UnitsOf>(units: U, at: usize, by_code_points: bool) -> Option<(u32, usize)> {
    if at >= units.count() {
        return None;
    }
    let unit = units.unit(at);
    if by_code_points && is_high(unit) && at + 1 < units.count() && is_low(units.unit(at + 1)) {
        return Some((joined(unit, units.unit(at + 1)), at + 2));
    }
    Some((unit, at + 1))
}

/// The character before a place and the place of its begin, `None` at the begin of the text.
#[inline]
pub(super) fn previous<U: UnitsOf>(
    units: U,
    at: usize,
    by_code_points: bool,
) -> Option<(u32, usize)> {
    if at == 0 {
        return None;
    }
    let unit = units.unit(at - 1);
    if by_code_points && is_low(unit) && at >= 2 && is_high(units.unit(at - 2)) {
        return Some((joined(units.unit(at - 2), unit), at - 2));
    }
    Some((unit, at - 1))
}

fn joined(high: u32, low: u32) -> u32 {
    0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)
}
