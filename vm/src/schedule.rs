//! The option `schedule` of `act`: at which times runs are started.
//!
//! Before it: the text of the script. After it: whoever hosts instances asks for the next time.
//! Guarantees: pure; the zones are those of one table that is compiled in, so every replica computes the
//! same times. A time that a change to summer time leaves out comes right after the gap, one that comes
//! twice is taken once. Leaves to others: waking up, and starting runs.
//!
//! The text is that of cron: minute, hour, day of the month, month, day of the week, with what most crons
//! have beyond that (`@daily`, names, steps, `L`, `W`, `#`), in UTC or after `TZ=Zone/Name `.

use chrono::{DateTime, TimeZone, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use serde::{Deserialize, Serialize};

use crate::compile::closest;

/// When runs are started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// As the script has it.
    pub text: String,
    /// What becomes of times that have passed while nothing could be started.
    pub missed: Missed,
}

/// What becomes of times that have passed while nothing could be started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Missed {
    /// They are left out.
    #[default]
    Skip,
    /// One run makes up for them: that of the latest time.
    One,
    /// A run for each.
    All,
}

/// Why a text is no schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// A zone that the table does not have.
    #[error("there is no time zone `{name}`{}", guessed(.guess))]
    Zone {
        /// What was read.
        name: String,
        /// The zone that was probably meant.
        guess: Option<&'static str>,
    },
    /// Not the text of a cron.
    #[error("`{text}` is no schedule: {reason}")]
    Pattern {
        /// What was read.
        text: String,
        /// What is wrong.
        reason: String,
    },
    /// A time that does not exist, such as the 30th of February.
    #[error("`{0}` never comes")]
    Never(String),
}

impl Schedule {
    /// Checks a text; its next time after the beginning of 2000 has to exist.
    ///
    /// # Errors
    ///
    /// A text that is no schedule, or one that never comes.
    pub fn parse(text: &str, missed: Missed) -> Result<Schedule, ScheduleError> {
        const BEGINNING_OF_2000_MS: u64 = 946_684_800_000;
        let (cron, zone) = read(text)?;
        match next(&cron, zone, BEGINNING_OF_2000_MS) {
            Some(_) => Ok(Schedule {
                text: text.to_owned(),
                missed,
            }),
            None => Err(ScheduleError::Never(text.to_owned())),
        }
    }

    /// The first time after `after_ms`, in milliseconds since 1970; none where no more comes.
    #[must_use]
    pub fn next_after(&self, after_ms: u64) -> Option<u64> {
        let (cron, zone) = read(&self.text).ok()?;
        next(&cron, zone, after_ms)
    }

    /// The last time until `until_ms` and including it; none where there was none since 1970.
    #[must_use]
    pub fn last_until(&self, until_ms: u64) -> Option<u64> {
        let (cron, zone) = read(&self.text).ok()?;
        let until = instant(until_ms)?.with_timezone(&zone);
        let time = cron.find_previous_occurrence(&until, true).ok()?;
        u64::try_from(time.timestamp_millis()).ok()
    }
}

/// How a time is written in the key of the run that is started at it: `2026-11-25T06:00:00Z`.
#[must_use]
pub fn tick_name(time_ms: u64) -> String {
    match instant(time_ms) {
        Some(time) => time.format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        None => time_ms.to_string(),
    }
}

fn read(text: &str) -> Result<(Cron, Tz), ScheduleError> {
    let (zone, pattern) = match text.strip_prefix("TZ=") {
        None => (Tz::UTC, text),
        Some(rest) => {
            let (zone, pattern) = rest.split_once(' ').unwrap_or((rest, ""));
            let known = zone.parse().map_err(|_| ScheduleError::Zone {
                name: zone.to_owned(),
                guess: closest(zone, TZ_VARIANTS.iter().map(|known| known.name())),
            });
            (known?, pattern)
        }
    };
    let pattern = pattern.trim();
    let fields: Vec<&str> = pattern.split_whitespace().collect();
    let cron = match fields.as_slice() {
        [one] if one.starts_with('@') => parse(one),
        [_, _, _, _, _] => parse(pattern),
        _ => None,
    };
    match cron {
        Some(cron) => Ok((cron, zone)),
        None => Err(ScheduleError::Pattern {
            text: pattern.to_owned(),
            reason: wrong(&fields),
        }),
    }
}

fn parse(pattern: &str) -> Option<Cron> {
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build();
    parser.parse(pattern).ok()
}

/// The fields of a cron, with what each takes.
const FIELDS: [(&str, &str); 5] = [
    ("minute", "0 to 59, as `30`, `0,30` or `*/15`"),
    ("hour", "0 to 23, as `6`, `8-17` or `*/2`"),
    (
        "day of the month",
        "1 to 31 and `L` for the last, as `1`, `1,15` or `L`",
    ),
    ("month", "1 to 12 or JAN to DEC, as `3`, `JAN,JUL` or `*/3`"),
    (
        "day of the week",
        "0 to 7 or SUN to SAT, as `1-5`, `MON` or `FRI#2` for the second Friday",
    ),
];

/// The names that stand for a whole cron.
const NAMES: [&str; 6] = [
    "@hourly",
    "@daily",
    "@weekly",
    "@monthly",
    "@yearly",
    "@annually",
];

/// What is wrong with the fields of a cron that cannot be read.
fn wrong(fields: &[&str]) -> String {
    if let [name, ..] = fields
        && name.starts_with('@')
    {
        return match closest(name, NAMES.into_iter()) {
            Some(guess) => format!("`{name}` is not known, did you mean `{guess}`?"),
            None => format!("there are {}", NAMES.join(", ")),
        };
    }
    if fields.len() != FIELDS.len() {
        let count = fields.len();
        let seconds = if count == 6 {
            ": seconds are none of them"
        } else {
            ""
        };
        return format!("a cron has five fields, this has {count}{seconds}");
    }
    for (at, (name, takes)) in FIELDS.into_iter().enumerate() {
        // Each part on its own: what else stands in the text is not to blame.
        let is_wrong = |part: &&str| {
            let mut alone = ["*"; FIELDS.len()];
            alone[at] = part;
            parse(&alone.join(" ")).is_none()
        };
        if let Some(part) = fields[at].split(',').find(is_wrong) {
            return format!("`{part}` is wrong as the {name}, which takes {takes}");
        }
    }
    "its fields do not go together".to_owned()
}

fn guessed(guess: &Option<&'static str>) -> String {
    guess.map_or_else(String::new, |guess| format!(", did you mean `{guess}`?"))
}

fn next(cron: &Cron, zone: Tz, after_ms: u64) -> Option<u64> {
    let after = instant(after_ms)?.with_timezone(&zone);
    let time = cron.find_next_occurrence(&after, false).ok()?;
    u64::try_from(time.timestamp_millis()).ok()
}

fn instant(time_ms: u64) -> Option<DateTime<Utc>> {
    Utc.timestamp_millis_opt(i64::try_from(time_ms).ok()?)
        .single()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(text: &str, after: &str, count: usize) -> Vec<String> {
        let schedule = Schedule::parse(text, Missed::Skip).unwrap();
        let after: DateTime<Utc> = after.parse().unwrap();
        let mut at = after.timestamp_millis() as u64;
        (0..count)
            .map(|_| {
                at = schedule.next_after(at).unwrap();
                tick_name(at)
            })
            .collect()
    }

    #[test]
    fn times_come_in_utc() {
        let expected = ["2026-11-25T06:00:00Z", "2026-11-26T06:00:00Z"];
        assert_eq!(times("0 6 * * *", "2026-11-25T05:59:59.999Z", 2), expected);
        assert_eq!(
            times("0 6 * * *", "2026-11-25T06:00:00Z", 1),
            ["2026-11-26T06:00:00Z"]
        );
        assert_eq!(
            times("*/20 * * * *", "2026-11-25T05:00:30Z", 3),
            [
                "2026-11-25T05:20:00Z",
                "2026-11-25T05:40:00Z",
                "2026-11-25T06:00:00Z"
            ]
        );
    }

    #[test]
    fn a_zone_moves_with_its_summer_time() {
        assert_eq!(
            times("TZ=Europe/Berlin 0 6 * * *", "2026-03-28T00:00:00Z", 2),
            ["2026-03-28T05:00:00Z", "2026-03-29T04:00:00Z"]
        );
    }

    #[test]
    fn a_time_in_the_gap_comes_after_it_and_one_in_the_overlap_once() {
        assert_eq!(
            times("TZ=Europe/Berlin 30 2 * * *", "2026-03-28T12:00:00Z", 2),
            ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
        );
        assert_eq!(
            times("TZ=Europe/Berlin 30 2 * * *", "2026-10-24T12:00:00Z", 2),
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
        );
    }

    #[test]
    fn the_last_time_is_looked_up_backwards() {
        let schedule = Schedule::parse("0 6 * * *", Missed::One).unwrap();
        let last = |until: &str| {
            let until: DateTime<Utc> = until.parse().unwrap();
            let last = schedule.last_until(until.timestamp_millis() as u64);
            tick_name(last.unwrap())
        };
        assert_eq!(last("2026-11-25T05:59:59.999Z"), "2026-11-24T06:00:00Z");
        assert_eq!(last("2026-11-25T06:00:00Z"), "2026-11-25T06:00:00Z");
        assert_eq!(last("2026-11-25T06:00:00.001Z"), "2026-11-25T06:00:00Z");
    }

    #[test]
    fn what_is_no_schedule_says_why() {
        let error = |text: &str| Schedule::parse(text, Missed::Skip).unwrap_err().to_string();
        assert_eq!(
            error("TZ=Mars/Base 0 6 * * *"),
            "there is no time zone `Mars/Base`"
        );
        assert_eq!(
            error("TZ=Europe/Berln 0 6 * * *"),
            "there is no time zone `Europe/Berln`, did you mean `Europe/Berlin`?"
        );
        assert_eq!(error("0 0 30 2 *"), "`0 0 30 2 *` never comes");
        for wrong in [
            "",
            "6",
            "61 * * * *",
            "* * * * * *",
            "every day",
            "TZ=Europe/Berlin",
        ] {
            assert!(
                error(wrong).contains("is no schedule"),
                "{wrong}: {}",
                error(wrong)
            );
        }
    }

    #[test]
    fn the_part_that_is_wrong_is_named_with_what_would_be_right() {
        let cases = [
            (
                "61 * * * *",
                "`61` is wrong as the minute, which takes 0 to 59",
            ),
            ("0,75 6 * * *", "`75` is wrong as the minute"),
            (
                "0 24 * * *",
                "`24` is wrong as the hour, which takes 0 to 23",
            ),
            (
                "0 6 32 * *",
                "`32` is wrong as the day of the month, which takes 1 to 31",
            ),
            (
                "0 6 * 13 *",
                "`13` is wrong as the month, which takes 1 to 12 or JAN to DEC",
            ),
            (
                "0 6 * * MO",
                "`MO` is wrong as the day of the week, which takes 0 to 7 or SUN to SAT",
            ),
            ("0 17-9 * * *", "`17-9` is wrong as the hour"),
            ("*/0 * * * *", "`*/0` is wrong as the minute"),
            ("6 * * *", "a cron has five fields, this has 4"),
            ("0 0 6 * * *", "this has 6: seconds are none of them"),
            ("@dayly", "`@dayly` is not known, did you mean `@daily`?"),
            (
                "@sometimes",
                "there are @hourly, @daily, @weekly, @monthly, @yearly, @annually",
            ),
        ];
        for (text, said) in cases {
            let error = Schedule::parse(text, Missed::Skip).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
        for name in NAMES {
            Schedule::parse(name, Missed::Skip).unwrap();
        }
    }
}
