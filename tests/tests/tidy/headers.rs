//! Fails on a Rust file that does not open with a module header. What the header should say (what the module
//! is for, its neighbours on a message's way, what it guarantees and leaves to others) is for the reviewer.

use crate::sources::{report, rust};

#[test]
fn every_rust_file_opens_with_a_header() {
    let mut found = Vec::new();
    for source in rust() {
        if !source.text.starts_with("//! ") {
            found.push(source.path);
        }
    }
    report(
        "files that do not open with `//! ` and what they are for",
        &found,
    );
}

#[test]
fn no_test_is_switched_off() {
    let switched_off = concat!("#[ign", "ore");
    let mut found = Vec::new();
    for source in rust() {
        if source.text.contains(switched_off) {
            found.push(source.path);
        }
    }
    report("files with tests that do not run", &found);
}
