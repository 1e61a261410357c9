//! What came of tests: lines for people as each file ends and a summary, JSON for programs, JUnit's XML for
//! build servers.

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

use super::outcome::{Failure, FileOutcome, Status, TestOutcome};
use crate::output;

/// Colours of a terminal, or nothing.
struct Palette {
    red: &'static str,
    green: &'static str,
    yellow: &'static str,
    dim: &'static str,
    bold: &'static str,
    end: &'static str,
}

impl Palette {
    fn of_standard_output() -> Palette {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if plain || !std::io::stdout().is_terminal() {
            let none = "";
            return Palette {
                red: none,
                green: none,
                yellow: none,
                dim: none,
                bold: none,
                end: none,
            };
        }
        Palette {
            red: "\x1b[31m",
            green: "\x1b[32m",
            yellow: "\x1b[33m",
            dim: "\x1b[2m",
            bold: "\x1b[1m",
            end: "\x1b[0m",
        }
    }
}

/// What all files came to.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Summary {
    /// Test files that ran.
    pub files: usize,
    /// Files that did not run, or not to their end.
    pub broken_files: usize,
    /// Tests that held.
    pub passed: usize,
    /// Tests that did not.
    pub failed: usize,
    /// Tests that were left out by `.skip` or `.only`.
    pub skipped: usize,
    /// Tests that are to be written.
    pub todo: usize,
    /// Tests that do not match the filter, or came after a failure with `--bail`.
    pub not_run: usize,
}

impl Summary {
    /// The sums over files.
    #[must_use]
    pub fn of(files: &[FileOutcome]) -> Summary {
        let count = |status| files.iter().map(|file| file.count(status)).sum();
        Summary {
            files: files.len(),
            broken_files: files.iter().filter(|file| !file.errors.is_empty()).count(),
            passed: count(Status::Passed),
            failed: count(Status::Failed),
            skipped: count(Status::Skipped),
            todo: count(Status::Todo),
            not_run: count(Status::NotRun),
        }
    }
}

/// Prints what came of a file, for people.
pub fn file(outcome: &FileOutcome) {
    output::line(text_of(outcome, &Palette::of_standard_output()).trim_end());
}

fn text_of(outcome: &FileOutcome, colours: &Palette) -> String {
    let Palette { bold, end, dim, .. } = colours;
    let mut text = format!("{bold}{}{end}\n", outcome.file);
    for line in outcome.output.iter().flat_map(|text| text.lines()) {
        let _ = writeln!(text, "  {dim}|{end} {line}");
    }
    for error in &outcome.errors {
        let _ = writeln!(text, "\n{}\n", indented(error, 2));
    }
    for test in outcome
        .tests
        .iter()
        .filter(|test| test.status != Status::NotRun)
    {
        test_text(test, colours, &mut text);
    }
    text
}

fn test_text(test: &TestOutcome, colours: &Palette, text: &mut String) {
    let Palette {
        red,
        green,
        yellow,
        dim,
        end,
        ..
    } = colours;
    let name = test.full_name();
    let took = if test.duration >= Duration::from_millis(50) {
        format!(" {dim}({} ms){end}", test.duration.as_millis())
    } else {
        String::new()
    };
    let _ = match test.status {
        Status::Passed => writeln!(text, "  {green}✓{end} {name}{took}"),
        Status::Failed => writeln!(text, "  {red}✗ {name}{end}{took}"),
        Status::Skipped => writeln!(text, "  {yellow}-{end} {name} {dim}(skipped){end}"),
        Status::Todo => writeln!(text, "  {yellow}-{end} {name} {dim}(to do){end}"),
        Status::NotRun => Ok(()),
    };
    for line in test.output.iter().flat_map(|text| text.lines()) {
        let _ = writeln!(text, "    {dim}|{end} {line}");
    }
    if let Some(failure) = &test.failure {
        let _ = writeln!(text, "\n{}\n", indented(&failure_text(failure, colours), 6));
    }
}

fn failure_text(failure: &Failure, colours: &Palette) -> String {
    let Palette {
        red,
        green,
        dim,
        end,
        ..
    } = colours;
    let coloured = failure.message.lines().map(|line| {
        if line.starts_with("- ") {
            format!("{green}{line}{end}")
        } else if line.starts_with("+ ") {
            format!("{red}{line}{end}")
        } else {
            line.to_owned()
        }
    });
    let mut parts = vec![coloured.collect::<Vec<_>>().join("\n")];
    if !failure.excerpt.is_empty() {
        parts.push(format!(
            "{dim}{}{end}",
            failure.excerpt.replace('\n', &format!("{end}\n{dim}"))
        ));
    }
    parts.extend(failure.worker_errors.iter().cloned());
    parts.join("\n\n")
}

fn indented(text: &str, by: usize) -> String {
    let margin = " ".repeat(by);
    let lines = text.lines().map(|line| {
        if line.is_empty() {
            String::new()
        } else {
            format!("{margin}{line}")
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Prints the last lines, for people.
pub fn summary(files: &[FileOutcome], took: Duration) {
    let colours = Palette::of_standard_output();
    let Palette {
        red,
        green,
        yellow,
        end,
        ..
    } = &colours;
    let sums = Summary::of(files);
    let mut parts = Vec::new();
    let mut part = |count: usize, colour: &str, what: &str| {
        if count > 0 {
            parts.push(format!("{colour}{count} {what}{end}"));
        }
    };
    part(sums.failed, red, "failed");
    part(sums.passed, green, "passed");
    part(sums.skipped, yellow, "skipped");
    part(sums.todo, yellow, "to do");
    part(sums.not_run, "", "not run");
    if sums.broken_files > 0 {
        let what = if sums.broken_files == 1 {
            "file"
        } else {
            "files"
        };
        parts.push(format!(
            "{red}{} {what} with errors{end}",
            sums.broken_files
        ));
    }
    let what = if sums.files == 1 { "file" } else { "files" };
    let all = parts.join(", ");
    output::line(&format!(
        "\n{all} in {} {what} ({:.2} s)",
        sums.files,
        took.as_secs_f64()
    ));
}

/// Prints all as JSON.
///
/// # Errors
/// None that can arise from such data.
pub fn json(files: &[FileOutcome], took: Duration) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct All<'a> {
        #[serde(flatten)]
        summary: Summary,
        duration_ms: f64,
        results: &'a [FileOutcome],
    }
    output::json(&All {
        summary: Summary::of(files),
        duration_ms: (took.as_secs_f64() * 1e6).round() / 1e3,
        results: files,
    })
}

/// Writes JUnit's XML.
///
/// # Errors
/// The file cannot be written.
pub fn junit(path: &Path, files: &[FileOutcome], took: Duration) -> anyhow::Result<()> {
    std::fs::write(path, junit_text(files, took))
        .with_context(|| format!("cannot write `{}`", path.display()))
}

fn junit_text(files: &[FileOutcome], took: Duration) -> String {
    let sums = Summary::of(files);
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"troupe test\" tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"{:.3}\">\n",
        sums.passed + sums.failed + sums.skipped + sums.todo,
        sums.failed,
        sums.broken_files,
        took.as_secs_f64()
    );
    for file in files {
        let shown = || {
            file.tests
                .iter()
                .filter(|test| test.status != Status::NotRun)
        };
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3}\">",
            escaped(&file.file),
            shown().count(),
            file.count(Status::Failed),
            usize::from(!file.errors.is_empty()),
            file.count(Status::Skipped) + file.count(Status::Todo),
            file.duration.as_secs_f64()
        );
        shown().for_each(|test| junit_case(file, test, &mut xml));
        if !file.errors.is_empty() {
            let errors = escaped(&file.errors.join("\n\n"));
            let _ = writeln!(
                xml,
                "    <testcase classname=\"{0}\" name=\"{0}\"><error message=\"the file did not run\">{errors}</error></testcase>",
                escaped(&file.file)
            );
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn junit_case(file: &FileOutcome, test: &TestOutcome, xml: &mut String) {
    let line = test
        .line
        .map(|line| format!(" line=\"{line}\""))
        .unwrap_or_default();
    let _ = write!(
        xml,
        "    <testcase classname=\"{0}\" name=\"{1}\" file=\"{0}\"{line} time=\"{2:.3}\">",
        escaped(&file.file),
        escaped(&test.full_name()),
        test.duration.as_secs_f64()
    );
    if matches!(test.status, Status::Skipped | Status::Todo) {
        xml.push_str("<skipped/>");
    }
    if let Some(failure) = &test.failure {
        let first = failure.message.lines().next().unwrap_or_default();
        let whole = escaped(&failure.to_text());
        let _ = write!(
            xml,
            "<failure message=\"{}\">{whole}</failure>",
            escaped(first)
        );
    }
    if !test.output.is_empty() {
        let _ = write!(
            xml,
            "<system-out>{}</system-out>",
            escaped(&test.output.join("\n"))
        );
    }
    xml.push_str("</testcase>\n");
}

/// Text inside XML; what XML cannot hold is left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push('\t'),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xml_holds_any_text() {
        assert_eq!(
            escaped("a<b>&\"c\"\u{1b}[1m\nd"),
            "a&lt;b&gt;&amp;&quot;c&quot;[1m&#10;d"
        );
    }

    #[test]
    fn a_failure_is_in_the_xml_with_its_place() {
        let file = FileOutcome {
            file: "a.test.js".into(),
            tests: vec![TestOutcome {
                name: vec!["block".into(), "it".into()],
                status: Status::Failed,
                line: Some(3),
                duration: Duration::from_millis(2),
                failure: Some(Failure {
                    message: "expected 1".into(),
                    excerpt: "at a.test.js:3:1".into(),
                    ..Failure::default()
                }),
                output: vec!["hello".into()],
            }],
            ..FileOutcome::default()
        };
        let xml = junit_text(&[file], Duration::from_secs(1));
        assert!(
            xml.contains("tests=\"1\" failures=\"1\" errors=\"0\" time=\"1.000\""),
            "{xml}"
        );
        assert!(
            xml.contains("<testcase classname=\"a.test.js\" name=\"block &gt; it\" file=\"a.test.js\" line=\"3\" time=\"0.002\"><failure message=\"expected 1\">expected 1&#10;&#10;at a.test.js:3:1</failure><system-out>hello</system-out></testcase>"),
            "{xml}"
        );
    }
}
