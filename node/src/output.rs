//! How the command line prints: tables for people, JSON for programs, problems with what to do about
//! them. The last place on the way of an answer.

use std::io::IsTerminal;

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::api::Problem;

/// Whether colours may be used on standard error.
#[must_use]
pub fn colours() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && std::io::stderr().is_terminal()
}

/// Prints a value as indented JSON.
///
/// # Errors
/// The value has no JSON form.
pub fn json<T: Serialize>(value: &T) -> anyhow::Result<()> {
    line(&serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Prints one line to standard output; a closed pipe ends the program quietly, as tools do.
pub fn line(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{text}").is_err() {
        std::process::exit(0);
    }
}

/// Prints rows under a heading, as wide as the terminal allows.
pub fn table(heading: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(heading.iter().map(|cell| cell.to_uppercase()));
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    line(&table.trim_fmt());
}

/// Prints an error to standard error: what, why, and what to do.
pub fn error(error: &anyhow::Error) {
    let (red, bold, end) = if colours() { ("\x1b[1;31m", "\x1b[1m", "\x1b[0m") } else { ("", "", "") };
    if let Some(problem) = error.downcast_ref::<Problem>() {
        for diagnostic in &problem.diagnostics {
            eprintln!("{diagnostic}");
        }
        eprintln!("{red}error[{}]{end}{bold}: {}{end}", problem.code, problem.title);
        if !problem.detail.is_empty() {
            eprintln!("  {}", problem.detail);
        }
        if let Some(hint) = &problem.hint {
            eprintln!("{bold}hint{end}: {hint}");
        }
        return;
    }
    eprintln!("{red}error{end}: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because: {cause}");
    }
}

/// A time in milliseconds since 1970 as `2026-03-02T00:04:47.394Z`.
#[must_use]
pub fn time(at_ms: u64) -> String {
    // Howard Hinnant's civil-from-days algorithm ("chrono-Compatible Low-Level Date Algorithms").
    let days = i64::try_from(at_ms / 86_400_000).expect("milliseconds since 1970 fit in days");
    let of_day = at_ms % 86_400_000;
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_part = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_part + 2) / 5 + 1;
    let month = if month_part < 10 { month_part + 3 } else { month_part - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hours, minutes) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (seconds, millis) = (of_day / 1000 % 60, of_day % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z")
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times_are_printed_in_utc() {
        assert_eq!(time(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(time(1_772_409_887_394), "2026-03-02T00:04:47.394Z");
        assert_eq!(time(951_782_400_000), "2000-02-29T00:00:00.000Z");
    }
}
