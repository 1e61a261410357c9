//! Arithmetic of dates, as ECMAScript defines it (`MakeDay`, `MakeTime`, `TimeClip`).
//!
//! Before: the other files of this folder. Guarantees: whole numbers only; NaN for whatever is
//! outside 100 million days around 1970.

use crate::number::{civil_date, to_integer};

/// Milliseconds of a day.
pub(super) const DAY_MS: f64 = 86_400_000.0;

/// A time taken apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts {
    pub(super) year: f64,
    /// From 0.
    pub(super) month: f64,
    /// From 1.
    pub(super) day: f64,
    pub(super) hour: f64,
    pub(super) minute: f64,
    pub(super) second: f64,
    pub(super) millisecond: f64,
    /// 0 is Sunday.
    pub(super) weekday: f64,
}

impl Parts {
    /// Takes a valid time apart; `None` for NaN.
    pub(super) fn of(time: f64) -> Option<Parts> {
        if time.is_nan() {
            return None;
        }
        let days = (time / DAY_MS).floor();
        let in_day = (time - days * DAY_MS) as u32;
        let (year, month, day) = civil_date(days as i64);
        Some(Parts {
            year: year as f64,
            month: f64::from(month - 1),
            day: f64::from(day),
            hour: f64::from(in_day / 3_600_000),
            minute: f64::from(in_day / 60_000 % 60),
            second: f64::from(in_day / 1000 % 60),
            millisecond: f64::from(in_day % 1000),
            weekday: ((days as i64) + 4).rem_euclid(7) as f64,
        })
    }

    /// The time of the parts.
    pub(super) fn time(&self) -> f64 {
        time_clip(make_date(
            make_day(self.year, self.month, self.day),
            make_time(self.hour, self.minute, self.second, self.millisecond),
        ))
    }
}

/// Days since 1970 of a year, month (from 0) and day (from 1); months and days may lie outside.
pub(super) fn make_day(year: f64, month: f64, day: f64) -> f64 {
    if !(year.is_finite() && month.is_finite() && day.is_finite()) {
        return f64::NAN;
    }
    let (year, month, day) = (to_integer(year), to_integer(month), to_integer(day));
    let years = year + (month / 12.0).floor();
    if years.abs() > 400_000.0 {
        return f64::NAN;
    }
    let month = month - (month / 12.0).floor() * 12.0;
    first_of_month(years as i64, month as i64) as f64 + day - 1.0
}

/// Days since 1970 of the first day of a month (from 0), in the Gregorian calendar.
fn first_of_month(year: i64, month: i64) -> i64 {
    // Years that begin in March put the leap day at their end.
    let year = if month < 2 { year - 1 } else { year };
    let month_from_march = (month + 10) % 12;
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * month_from_march + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Milliseconds in a day.
pub(super) fn make_time(hour: f64, minute: f64, second: f64, millisecond: f64) -> f64 {
    let all = [hour, minute, second, millisecond];
    if !all.iter().all(|part| part.is_finite()) {
        return f64::NAN;
    }
    to_integer(hour) * 3_600_000.0
        + to_integer(minute) * 60_000.0
        + to_integer(second) * 1000.0
        + to_integer(millisecond)
}

/// A time from days and milliseconds in the day.
pub(super) fn make_date(day: f64, in_day: f64) -> f64 {
    let time = day * DAY_MS + in_day;
    if time.is_finite() { time } else { f64::NAN }
}

/// NaN for a time outside the range, else a whole number.
pub(super) fn time_clip(time: f64) -> f64 {
    if !time.is_finite() || time.abs() > 8.64e15 {
        return f64::NAN;
    }
    to_integer(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_inverse() {
        for days in (-200_000_000i64..200_000_000).step_by(99_991) {
            let (year, month, day) = civil_date(days);
            let back = make_day(year as f64, f64::from(month - 1), f64::from(day));
            if year.abs() <= 400_000 {
                assert_eq!(back, days as f64);
            }
        }
        assert_eq!(make_day(2024.0, 14.0, 0.0), make_day(2025.0, 2.0, 0.0));
        assert_eq!(make_day(2024.0, -1.0, 31.0), make_day(2023.0, 11.0, 31.0));
        assert!(make_day(500_000.0, 0.0, 1.0).is_nan());
    }
}
