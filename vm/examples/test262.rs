//! Runs the standard's own tests (test262), as far as they are about what the language has.
//!
//! `TROUPE_TEST262` names a checkout. `tests/test262/passed.txt` lists the tests that pass: each must still pass where
//! the checkout has it, and a test that fails must fail for a reason of `intended.rs`. `TROUPE_UPDATE_CASES=1` rewrites the list; `TROUPE_TEST262_ONLY=built-ins/Array` runs a part, and
//! `TROUPE_TEST262_SHOW=1` prints what fails and what is refused, and why.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "../tests/test262/intended.rs"]
mod intended;
#[path = "../tests/test262/judge.rs"]
mod judge;
#[path = "../tests/test262/list.rs"]
mod list;
#[path = "../tests/test262/suite.rs"]
mod suite;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;

use judge::Verdict;

fn main() -> ExitCode {
    let Some(checkout) = std::env::var_os("TROUPE_TEST262") else {
        eprintln!("test262: TROUPE_TEST262 must name a checkout of the suite");
        return ExitCode::from(2);
    };
    let only = std::env::var("TROUPE_TEST262_ONLY").unwrap_or_default();
    let verdicts = list::run(Path::new(&checkout), &only);
    if verdicts.is_empty() {
        eprintln!("test262: {} holds no tests", checkout.display());
        return ExitCode::FAILURE;
    }
    let count =
        |wanted: fn(&Verdict) -> bool| verdicts.values().filter(|verdict| wanted(verdict)).count();
    let passed = count(|verdict| matches!(verdict, Verdict::Passed));
    let refused = count(|verdict| matches!(verdict, Verdict::Refused(_)));
    println!(
        "test262: {} tests, {passed} pass, {refused} use what the language refuses, {} fail",
        verdicts.len(),
        verdicts.len() - passed - refused
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
    let unmeant = count_reasons(&verdicts);
    let path = list::here().join("passed.txt");
    let listed = list::parse_list(&std::fs::read_to_string(&path).unwrap_or_default());
    if std::env::var_os("TROUPE_UPDATE_CASES").is_some() {
        let others = listed.into_iter().filter(|name| !name.starts_with(&only));
        let mut now: BTreeSet<String> = others.collect();
        let passing = verdicts
            .iter()
            .filter(|(_, verdict)| **verdict == Verdict::Passed);
        now.extend(passing.map(|(name, _)| name.clone()));
        std::fs::write(path, list::format_list(&now)).unwrap();
        return ExitCode::SUCCESS;
    }
    let lost = verdicts
        .iter()
        .filter(|(name, verdict)| **verdict != Verdict::Passed && listed.contains(*name));
    let lost: Vec<String> = lost
        .map(|(name, verdict)| format!("{name}: {verdict:?}"))
        .collect();
    if !lost.is_empty() {
        eprintln!("{} tests no longer pass:\n{}", lost.len(), lost.join("\n"));
    }
    if !unmeant.is_empty() {
        eprintln!(
            "{} tests fail for no known reason:\n{}",
            unmeant.len(),
            unmeant.join("\n")
        );
    }
    if lost.is_empty() && unmeant.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Prints how many tests fail for each reason; gives those that fail for none.
fn count_reasons(verdicts: &BTreeMap<String, Verdict>) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut unmeant = Vec::new();
    for (name, verdict) in verdicts {
        let Verdict::Failed(why) = verdict else {
            continue;
        };
        match intended::reason(name, why) {
            Some(reason) => *counts.entry(reason).or_default() += 1,
            None => unmeant.push(format!("{name}: {why}")),
        }
    }
    for (reason, count) in counts {
        println!("{count:5} fail because {reason}");
    }
    unmeant
}
