//! Reading dates in the ISO format of ECMAScript.
//!
//! Before: `new Date(text)`, `Date.parse`. Guarantees: everything else is NaN, also a day that its
//! month does not have; a time without offset is local time, which is UTC; digits behind the
//! millisecond are cut off.

use super::civil::{make_date, make_day, make_time, time_clip};
use crate::error::Trap;
use crate::machine::Machine;
use crate::text::Text;

/// No date is longer: `+275760-09-13T00:00:00.123456789+00:00`.
const LENGTH_MAX: usize = 40;

/// The time of a text, NaN where it is no date.
pub(super) fn parse(machine: &mut Machine<'_>, text: &Text) -> Result<f64, Trap> {
    machine.spend(10)?;
    let ascii = text.as_ascii().filter(|ascii| ascii.len() <= LENGTH_MAX);
    Ok(ascii.and_then(parse_iso).unwrap_or(f64::NAN))
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take(&mut self, byte: u8) -> bool {
        let found = self.0.first() == Some(&byte);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    /// Exactly `count` digits.
    fn digits(&mut self, count: usize) -> Option<f64> {
        let digits = self.0.get(..count)?;
        if !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.0 = &self.0[count..];
        let number = digits
            .iter()
            .fold(0u32, |sum, digit| sum * 10 + u32::from(digit - b'0'));
        Some(f64::from(number))
    }

    fn year(&mut self) -> Option<f64> {
        if self.take(b'+') {
            return self.digits(6);
        }
        if self.take(b'-') {
            // -000000 is not a year.
            return self.digits(6).filter(|year| *year > 0.0).map(|year| -year);
        }
        self.digits(4)
    }

    /// Milliseconds behind a second.
    fn fraction(&mut self) -> Option<f64> {
        let count = self
            .0
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if count == 0 || count > 9 {
            return None;
        }
        let all = self.digits(count.min(3))?;
        self.0 = &self.0[count - count.min(3)..];
        Some(match count {
            1 => all * 100.0,
            2 => all * 10.0,
            _ => all,
        })
    }

    /// Milliseconds that local time is ahead of UTC.
    fn offset(&mut self) -> Option<f64> {
        if self.0.is_empty() || self.take(b'Z') {
            return Some(0.0);
        }
        let sign = if self.take(b'+') {
            1.0
        } else if self.take(b'-') {
            -1.0
        } else {
            return None;
        };
        let hour = self.digits(2).filter(|hour| *hour < 24.0)?;
        if !self.take(b':') {
            return None;
        }
        let minute = self.digits(2).filter(|minute| *minute < 60.0)?;
        Some(sign * make_time(hour, minute, 0.0, 0.0))
    }
}

fn parse_iso(text: &str) -> Option<f64> {
    let mut reader = Reader(text.as_bytes());
    let year = reader.year()?;
    let (mut month, mut day) = (1.0, 1.0);
    if reader.take(b'-') {
        month = reader.digits(2)?;
        if reader.take(b'-') {
            day = reader.digits(2)?;
        }
    }
    if !(1.0..=12.0).contains(&month) || day < 1.0 || day > days_of_month(year, month) {
        return None;
    }
    let date = make_day(year, month - 1.0, day);
    let (mut in_day, mut offset) = (0.0, 0.0);
    if reader.take(b'T') {
        in_day = time_of_day(&mut reader)?;
        offset = reader.offset()?;
    }
    if !reader.0.is_empty() {
        return None;
    }
    Some(time_clip(make_date(date, in_day) - offset))
}

fn days_of_month(year: f64, month: f64) -> f64 {
    make_day(year, month, 1.0) - make_day(year, month - 1.0, 1.0)
}

fn time_of_day(reader: &mut Reader<'_>) -> Option<f64> {
    let hour = reader.digits(2)?;
    if !reader.take(b':') {
        return None;
    }
    let minute = reader.digits(2)?;
    let (mut second, mut millisecond) = (0.0, 0.0);
    if reader.take(b':') {
        second = reader.digits(2)?;
        if reader.take(b'.') {
            millisecond = reader.fraction()?;
        }
    }
    if hour > 24.0 || minute > 59.0 || second > 59.0 {
        return None;
    }
    if hour == 24.0 && (minute > 0.0 || second > 0.0 || millisecond > 0.0) {
        return None;
    }
    Some(make_time(hour, minute, second, millisecond))
}
