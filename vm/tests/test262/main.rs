//! The standard's own tests (test262), as far as they are about what the language has.
//!
//! `TROUPE_TEST262` names a checkout; without one the test is left out, and `./test` says so. `passed.txt` lists
//! the tests that pass: each must still pass where the checkout has it. `TROUPE_UPDATE_CASES=1` rewrites the list;
//! `TROUPE_TEST262_ONLY=built-ins/Array` runs a part, and `TROUPE_TEST262_SHOW=1` prints what fails and why.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod judge;
mod suite;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use judge::{Verdict, judge};

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/test262")
}

/// What became of each test of a checkout, by its path.
fn run(checkout: &Path, only: &str) -> BTreeMap<String, Verdict> {
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
fn parse_list(text: &str) -> BTreeSet<String> {
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

fn format_list(passed: &BTreeSet<String>) -> String {
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

#[test]
#[ignore = "needs a checkout of test262, named by TROUPE_TEST262"]
fn the_tests_of_the_standard_that_passed_still_pass() {
    let checkout =
        std::env::var_os("TROUPE_TEST262").expect("TROUPE_TEST262 names a checkout of test262");
    let only = std::env::var("TROUPE_TEST262_ONLY").unwrap_or_default();
    let verdicts = run(Path::new(&checkout), &only);
    let of =
        |wanted: fn(&Verdict) -> bool| verdicts.values().filter(|verdict| wanted(verdict)).count();
    let passed = of(|verdict| matches!(verdict, Verdict::Passed));
    let refused = of(|verdict| matches!(verdict, Verdict::Refused(_)));
    println!(
        "test262: {} tests, {passed} pass, {refused} use what the language refuses, {} fail",
        verdicts.len(),
        verdicts.len() - passed - refused
    );
    assert!(
        !verdicts.is_empty(),
        "{} holds no tests",
        checkout.display()
    );
    if std::env::var_os("TROUPE_TEST262_SHOW").is_some() {
        for (name, verdict) in &verdicts {
            match verdict {
                Verdict::Failed(why) => println!("{name}: {why}"),
                Verdict::Refused(what) => println!("refused {name}: {what}"),
                Verdict::Passed => {}
            }
        }
    }
    let path = here().join("passed.txt");
    let listed = parse_list(&std::fs::read_to_string(&path).unwrap_or_default());
    if std::env::var_os("TROUPE_UPDATE_CASES").is_some() {
        let mut now: BTreeSet<String> = listed
            .into_iter()
            .filter(|name| !name.starts_with(&only))
            .collect();
        let passing = verdicts
            .iter()
            .filter(|(_, verdict)| **verdict == Verdict::Passed);
        now.extend(passing.map(|(name, _)| name.clone()));
        std::fs::write(path, format_list(&now)).unwrap();
        return;
    }
    let lost = verdicts
        .iter()
        .filter(|(name, verdict)| **verdict != Verdict::Passed && listed.contains(*name));
    let lost: Vec<String> = lost
        .map(|(name, verdict)| format!("{name}: {verdict:?}"))
        .collect();
    assert!(
        lost.is_empty(),
        "{} tests no longer pass:\n{}",
        lost.len(),
        lost.join("\n")
    );
}

/// A small tree in the suite's layout: one test for each verdict, and what is no test.
#[test]
fn the_runner_tells_what_passes_from_what_does_not() {
    let verdicts = run(&here().join("sample"), "");
    let found: Vec<(&str, &Verdict)> = verdicts
        .iter()
        .map(|(name, verdict)| (name.as_str(), verdict))
        .collect();
    let failed = |why: &str| Verdict::Failed(why.to_owned());
    assert_eq!(
        found,
        [
            (
                "built-ins/Array/fails.js",
                &failed("E0301 Test262Error: expected 3, found 2: length")
            ),
            ("built-ins/Array/passes.js", &Verdict::Passed),
            (
                "language/refused.js",
                &Verdict::Refused("classes are not part of the language".to_owned())
            ),
            ("language/syntax-fails.js", &failed("it compiles")),
            ("language/syntax-passes.js", &Verdict::Passed),
            ("language/throws-passes.js", &Verdict::Passed),
        ]
    );
}

#[test]
fn the_list_is_written_as_it_is_read() {
    let text = std::fs::read_to_string(here().join("passed.txt")).unwrap();
    let listed = parse_list(&text);
    assert!(listed.len() > 1_000, "the list has {} tests", listed.len());
    assert_eq!(format_list(&listed), text);
}
