//! The rules of `docs/language.md`, and what shows that they hold.
//!
//! A rule is defined where its number stands in bold, in the section of that number. A case shows the rules of its line
//! `Rules:`; the table of the last section names a test for what one script cannot show.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::cases::Document;
use super::{name_of, pages};

/// A test that shows a rule: the rule, the file, the function.
type Shown = (String, String, String);

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The rules that a manual defines, in order.
fn defined(manual: &str) -> Vec<String> {
    let mut rules = Vec::new();
    let mut section = String::new();
    for line in manual.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title.split('.').next().unwrap_or_default().to_owned();
        }
        for part in line.split("**").skip(1).step_by(2) {
            let number = part.strip_prefix('L').and_then(|rule| rule.split_once('.'));
            let Some((of, number)) = number else {
                continue;
            };
            assert!(number.parse::<u32>().is_ok(), "{part} has no number");
            assert_eq!(of, section, "{part} stands in section {section}");
            rules.push(part.to_owned());
        }
    }
    rules
}

/// The rows of the table of tests: rule, file, function.
fn tests(manual: &str) -> Vec<Shown> {
    let rows = manual.lines().filter(|line| line.starts_with("| L"));
    rows.map(|row| {
        let cells: Vec<&str> = row
            .split('|')
            .map(|cell| cell.trim().trim_matches('`'))
            .collect();
        let [_, rule, file, function, _] = cells[..] else {
            panic!("a row of another form: {row}");
        };
        (rule.to_owned(), file.to_owned(), function.to_owned())
    })
    .collect()
}

/// What is wrong with a manual, its cases and its tests.
fn wrong(
    manual: &str,
    shown: &BTreeMap<String, String>,
    has: impl Fn(&Shown) -> bool,
) -> Vec<String> {
    let rules = defined(manual);
    let known: BTreeSet<&String> = rules.iter().collect();
    let tests = tests(manual);
    let mut wrong = Vec::new();
    if known.len() != rules.len() {
        wrong.push("a number stands for two rules".to_owned());
    }
    for (rule, case) in shown.iter().filter(|(rule, _)| !known.contains(rule)) {
        wrong.push(format!("{case} shows {rule}, which there is not"));
    }
    for test in &tests {
        if !known.contains(&test.0) {
            wrong.push(format!("{} has a test and is no rule", test.0));
        }
        if !has(test) {
            wrong.push(format!("{}: {} has no test `{}`", test.0, test.1, test.2));
        }
    }
    let tested: BTreeSet<&String> = tests.iter().map(|(rule, ..)| rule).collect();
    let bare = rules
        .iter()
        .filter(|rule| !shown.contains_key(*rule) && !tested.contains(rule));
    wrong.extend(bare.map(|rule| format!("{rule} has no case and no test")));
    wrong
}

/// Each rule with a case that shows it.
fn shown_by_cases() -> BTreeMap<String, String> {
    let mut shown = BTreeMap::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        let document = Document::parse(&text);
        let lines = text
            .lines()
            .filter(|line| line.starts_with("Rules:"))
            .count();
        let cases = document.cases.iter().filter(|case| !case.rules.is_empty());
        assert_eq!(
            lines,
            cases.clone().count(),
            "{}: one line `Rules: …` for a case",
            name_of(&page)
        );
        for case in cases {
            assert!(
                !case.expectations.is_empty(),
                "{}: nothing is expected",
                case.title
            );
            for rule in &case.rules {
                shown.insert(rule.clone(), format!("{}: {}", name_of(&page), case.title));
            }
        }
    }
    shown
}

#[test]
fn every_rule_of_the_language_is_shown() {
    let manual = std::fs::read_to_string(root().join("docs/language.md")).unwrap();
    let has = |(_, file, function): &Shown| {
        let text = std::fs::read_to_string(root().join(file)).unwrap_or_default();
        text.contains(&format!("fn {function}("))
    };
    let wrong = wrong(&manual, &shown_by_cases(), has);
    assert!(wrong.is_empty(), "docs/language.md:\n{}", wrong.join("\n"));
}

#[test]
fn rules_without_a_case_and_cases_without_a_rule_are_found() {
    let manual = "## 1. One\n- **L1.1** a\n| **L1.2** | b |\n- **L1.3** c\n## 2. Tests\n\
        | L1.2 | `a.rs` | `f` |\n| L1.9 | `a.rs` | `g` |\n";
    let shown = BTreeMap::from(
        [("L1.1", "case"), ("L2.5", "case")].map(|(rule, case)| (rule.to_owned(), case.to_owned())),
    );
    let found = wrong(manual, &shown, |(_, _, function)| function == "f");
    assert_eq!(
        found,
        [
            "case shows L2.5, which there is not",
            "L1.9 has a test and is no rule",
            "L1.9: a.rs has no test `g`",
            "L1.3 has no case and no test",
        ]
    );
}
