//! How the command line prints: tables for people, JSON for programs, problems with what to do about
//! them. The last place on the way of an answer.

use std::io::IsTerminal;

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::api::Problem;

/// Whether colours may be used on standard error.
#[must_use]
pub fn colours() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::io::stderr().is_terminal()
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

/// A text that fits into a column: shortened on a terminal, whole where a program may read it.
#[must_use]
pub fn fitting(text: &str, letters_max: usize) -> String {
    match std::io::stdout().is_terminal() {
        true => shortened(text, letters_max),
        false => text.to_owned(),
    }
}

/// The first letters of a text, with a mark where some are left out.
#[must_use]
pub fn shortened(text: &str, letters_max: usize) -> String {
    if text.chars().count() <= letters_max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(letters_max - 1).collect();
    format!("{kept}…")
}

/// Prints rows under a heading.
pub fn table(heading: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
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
    let (red, bold, end) = if colours() {
        ("\x1b[1;31m", "\x1b[1m", "\x1b[0m")
    } else {
        ("", "", "")
    };
    if let Some(problem) = error.downcast_ref::<Problem>() {
        for diagnostic in &problem.diagnostics {
            eprintln!("{diagnostic}");
        }
        eprintln!(
            "{red}error[{}]{end}{bold}: {}{end}",
            problem.code, problem.title
        );
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_shortened_to_its_first_letters() {
        assert_eq!(shortened("äpfel", 5), "äpfel");
        assert_eq!(shortened("äpfel", 4), "äpf…");
    }
}
