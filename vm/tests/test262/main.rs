//! The runner of the standard's own tests (test262), tried on a small tree in their layout.
//!
//! The example `test262` of this crate runs a checkout of the suite: it is another project's, and is not here.
//! `passed.txt` lists the tests that pass there.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod judge;
mod list;
mod suite;

use judge::Verdict;
use list::{format_list, here, parse_list, run};

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
