//! Fails on an error code that a user can meet and that has no page under `docs/errors`, and on a page whose
//! code nothing uses. A code is a string literal `E` and four digits, or `E-` and small letters, anywhere in
//! the sources but in tests.

use std::collections::{BTreeMap, BTreeSet};

use crate::scan::scan;
use crate::sources::{all, report, rust};

#[test]
fn every_error_code_has_a_page() {
    let pages = pages();
    let mut found = Vec::new();
    for (code, place) in codes() {
        if !pages.contains(&code) {
            found.push(format!("{code} ({place}): write docs/errors/{code}.md"));
        }
    }
    report("error codes without a page", &found);
}

#[test]
fn every_page_explains_a_code_that_is_used() {
    let codes = codes();
    let mut found: Vec<String> = pages().into_iter().collect();
    found.retain(|page| !codes.contains_key(page));
    report("pages under docs/errors whose code nothing uses", &found);
}

#[test]
fn every_page_says_why_and_what_to_do() {
    let mut found = Vec::new();
    for source in all()
        .iter()
        .filter(|source| code_of_page(&source.path).is_some())
    {
        let code = code_of_page(&source.path).unwrap();
        let parts = [
            &format!("# {code}: "),
            "**What",
            "**Why.** ",
            "**What to do.** ",
        ];
        for part in parts.iter().filter(|part| !source.text.contains(**part)) {
            found.push(format!("{} lacks `{part}`", source.path));
        }
    }
    report("pages of errors that leave something out", &found);
}

/// Each code of the products' sources, with the first place that names it.
fn codes() -> BTreeMap<String, String> {
    let mut codes = BTreeMap::new();
    for source in rust().iter().filter(|source| !is_test(&source.path)) {
        for (line, text) in scan(&source.text).strings {
            // A code stands alone, or before the colon of a message.
            let code = text.split(": ").next().unwrap_or(&text);
            if is_code(code) {
                codes
                    .entry(code.to_owned())
                    .or_insert_with(|| format!("{}:{line}", source.path));
            }
        }
    }
    codes
}

fn pages() -> BTreeSet<String> {
    all()
        .iter()
        .filter_map(|source| code_of_page(&source.path))
        .collect()
}

/// The code that a file explains, where it is such a page.
fn code_of_page(path: &str) -> Option<String> {
    let code = path.strip_prefix("docs/errors/")?.strip_suffix(".md")?;
    is_code(code).then(|| code.to_owned())
}

fn is_test(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("/tests.rs")
}

fn is_code(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('E') else {
        return false;
    };
    match rest.strip_prefix('-') {
        Some(word) => {
            word.starts_with(|c: char| c.is_ascii_lowercase())
                && word
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        }
        None => rest.len() == 4 && rest.chars().all(|c| c.is_ascii_digit()),
    }
}

#[test]
fn codes_are_told_from_other_text() {
    assert!(
        ["E0203", "E-internal", "E-no-quorum"]
            .iter()
            .all(|text| is_code(text))
    );
    assert!(
        !["E203", "E02034", "E-", "EACCES", "x E0203", "E-Fail"]
            .iter()
            .any(|text| is_code(text))
    );
}
