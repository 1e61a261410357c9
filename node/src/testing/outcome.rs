//! What came of test files, as data: for people, as JSON and as JUnit's XML.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

/// What came of one test file.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FileOutcome {
    /// Its path.
    pub file: String,
    /// Why it did not run, or not to its end: errors as text.
    pub errors: Vec<String>,
    /// Whether it did not compile, or a script under test did not.
    pub broken: bool,
    /// Its tests, in the order of the text.
    pub tests: Vec<TestOutcome>,
    /// Lines that were printed while it was read.
    pub output: Vec<String>,
    /// How long it took.
    #[serde(serialize_with = "milliseconds", rename = "duration_ms")]
    pub duration: Duration,
    /// The files that it was made from.
    #[serde(skip)]
    pub read: BTreeSet<PathBuf>,
    /// Whether its scripts were looked for around it.
    #[serde(skip)]
    pub looked_around: bool,
}

/// What came of one test.
#[derive(Clone, Debug, Serialize)]
pub struct TestOutcome {
    /// The names of the blocks around it, and its own.
    pub name: Vec<String>,
    /// How it ended.
    pub status: Status,
    /// The line on which it stands.
    pub line: Option<u32>,
    /// How long it took.
    #[serde(serialize_with = "milliseconds", rename = "duration_ms")]
    pub duration: Duration,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// Lines that it printed, and that its workers did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<String>,
}

/// How a test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It held.
    Passed,
    /// It did not.
    Failed,
    /// It was left out by `.skip`, or by another's `.only`.
    Skipped,
    /// It is to be written.
    Todo,
    /// It does not match `--filter`, or came after a failure with `--bail`.
    NotRun,
}

/// Why a test failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Failure {
    /// What was expected and what came, in several lines.
    pub message: String,
    /// Where in the test file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The line there, underlined.
    #[serde(skip)]
    pub excerpt: String,
    /// Errors of workers, each with the place in its script.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub worker_errors: Vec<String>,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Its path.
    pub file: String,
    /// 1-based.
    pub line: u32,
    /// 1-based.
    pub column: u32,
}

impl FileOutcome {
    /// Whether something failed.
    #[must_use]
    pub fn failed(&self) -> bool {
        !self.errors.is_empty() || self.count(Status::Failed) > 0
    }

    /// How many tests ended so.
    #[must_use]
    pub fn count(&self, status: Status) -> usize {
        self.tests
            .iter()
            .filter(|test| test.status == status)
            .count()
    }
}

impl TestOutcome {
    /// Its whole name.
    #[must_use]
    pub fn full_name(&self) -> String {
        self.name.join(" > ")
    }
}

impl Failure {
    /// A failure without a place.
    pub(super) fn of(message: String) -> Failure {
        Failure {
            message,
            ..Failure::default()
        }
    }

    /// The whole as text.
    pub(super) fn to_text(&self) -> String {
        let parts = [&self.message, &self.excerpt];
        let own = parts.into_iter().filter(|part| !part.is_empty());
        let all: Vec<&str> = own.chain(&self.worker_errors).map(String::as_str).collect();
        all.join("\n\n")
    }
}

fn milliseconds<S: serde::Serializer>(duration: &Duration, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_f64((duration.as_secs_f64() * 1e6).round() / 1e3)
}
