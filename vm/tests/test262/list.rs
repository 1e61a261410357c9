//! The list of the tests that pass, and what became of those of a checkout.
//!
//! Before: `suite` and `judge`. After: the test of the runner, and the example `test262`, which runs a checkout.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::judge::{Verdict, judge};
use crate::suite;

/// The folder of the list.
pub(crate) fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/test262")
}

/// What became of each test of a checkout, by its path.
pub(crate) fn run(checkout: &Path, only: &str) -> BTreeMap<String, Verdict> {
    let mut verdicts = BTreeMap::new();
    for (name, path) in suite::files(checkout) {
        if !name.starts_with(only) {
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        if let Some(test) = suite::read(&text) {
            verdicts.insert(suite::own_name(name, &text), judge(&test));
        }
    }
    verdicts
}

/// The list: a line for each folder, with the names of its tests.
pub(crate) fn parse_list(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let folders = lines.filter_map(|line| line.split_once(": "));
    folders
        .flat_map(|(folder, names)| {
            names
                .split(' ')
                .map(move |name| format!("{folder}/{name}.js"))
        })
        .collect()
}

/// The list as `parse_list` reads it.
pub(crate) fn format_list(passed: &BTreeSet<String>) -> String {
    let mut folders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for path in passed {
        let (folder, name) = path.rsplit_once('/').unwrap();
        folders
            .entry(folder)
            .or_default()
            .push(name.trim_end_matches(".js"));
    }
    let mut text =
        "# The tests of test262 that pass, by folder. `main.rs` says how it is made.\n".to_owned();
    for (folder, names) in folders {
        writeln!(text, "{folder}: {}", names.join(" ")).unwrap();
    }
    text
}
