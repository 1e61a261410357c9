//! Times as people write them: ISO 8601 in UTC to milliseconds since 1970 and back. For the command line
//! only; scripts have the language's own `Date`.

use anyhow::{Context, bail};
use toml::value::{Datetime, Offset};

const DAY_MS: i64 = 86_400_000;

/// A time in milliseconds since 1970 as `2026-03-02T00:04:47.394Z`.
#[must_use]
pub fn iso(at_ms: u64) -> String {
    let at_ms = i64::try_from(at_ms).unwrap_or(i64::MAX);
    let (year, month, day) = civil(at_ms.div_euclid(DAY_MS));
    let of_day = at_ms.rem_euclid(DAY_MS);
    let (hours, minutes) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (seconds, millis) = (of_day / 1000 % 60, of_day % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z")
}

/// Milliseconds since 1970 of a date with time and offset, such as `2026-03-02T00:04:47.394Z`.
///
/// # Errors
/// It is none, or lies before 1970.
pub fn milliseconds(text: &str) -> anyhow::Result<u64> {
    let form = || format!("`{text}` is no time such as 2000-01-01T00:00:00.000Z");
    let parsed: Datetime = text.parse().with_context(form)?;
    let (Some(date), Some(time)) = (parsed.date, parsed.time) else {
        bail!(form())
    };
    let offset_minutes = match parsed.offset {
        Some(Offset::Z) => 0,
        Some(Offset::Custom { minutes }) => i64::from(minutes),
        None => bail!("{}: it names no offset", form()),
    };
    let days = days(
        i64::from(date.year),
        i64::from(date.month),
        i64::from(date.day),
    );
    let minutes = i64::from(time.hour) * 60 + i64::from(time.minute) - offset_minutes;
    let seconds = i64::from(time.second);
    let millis = i64::from(time.nanosecond / 1_000_000);
    let at_ms = days * DAY_MS + minutes * 60_000 + seconds * 1000 + millis;
    u64::try_from(at_ms).with_context(|| format!("`{text}` lies before 1970"))
}

/// Year, month and day of a number of days since 1970: Howard Hinnant's `civil_from_days`
/// ("chrono-Compatible Low-Level Date Algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_part = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_part + 2) / 5 + 1;
    let month = if month_part < 10 {
        month_part + 3
    } else {
        month_part - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Days since 1970 of a date: `days_from_civil`, the inverse.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read_in_utc() {
        for (at_ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (946_684_800_000, "2000-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_772_409_887_394, "2026-03-02T00:04:47.394Z"),
        ] {
            assert_eq!(iso(at_ms), text);
            assert_eq!(milliseconds(text).unwrap(), at_ms);
        }
        assert_eq!(milliseconds("1970-01-01T01:00:00+01:00").unwrap(), 0);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "yesterday",
            "2000-01-01",
            "2000-01-01T00:00:00",
            "1969-12-31T23:59:59Z",
        ] {
            assert!(milliseconds(text).is_err(), "{text}");
        }
    }
}
