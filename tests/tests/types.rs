//! The types of the language, checked by TypeScript itself: everything that is right compiles in strict mode, each
//! mistake is refused, and the examples say what they mean. Needs `tsc`, which `./test` gets.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use tests::cluster::repository;
use tests::services::typescript;

/// What `tsc` says of a folder with a `tsconfig.json`; nothing where it is content.
fn complaints(tsc: &Path, folder: &str) -> String {
    let ended = Command::new(tsc)
        .args(["--pretty", "false", "-p", folder])
        .current_dir(repository())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(
        ended.status.success() || !text.is_empty(),
        "tsc does not run: {}",
        String::from_utf8_lossy(&ended.stderr)
    );
    text
}

#[test]
fn scripts_and_mistakes_are_told_apart() {
    let Some(tsc) = typescript() else { return };
    // A mistake that is not found is an unused `@ts-expect-error`, which is a complaint, too.
    assert_eq!(complaints(&tsc, "tests/types"), "");
}

#[test]
fn the_examples_have_their_types() {
    let Some(tsc) = typescript() else { return };
    assert_eq!(complaints(&tsc, "examples"), "");
}

/// What is right for TypeScript is right for the compiler, too.
#[test]
fn typed_scripts_compile() {
    for name in ["commands.ts", "reactive.ts"] {
        let text = std::fs::read_to_string(repository().join("tests/types").join(name)).unwrap();
        let source = vm::Source::new(name, text);
        let refused = vm::compile(&source, &vm::BuildLimits::default())
            .err()
            .unwrap_or_default();
        // A part of the language that this version does not have is declared all the same.
        let refused = refused.iter().filter(|found| found.code.code != "E0208");
        let refused: Vec<String> = refused.map(|found| found.render(&source, false)).collect();
        assert!(refused.is_empty(), "{}", refused.join("\n"));
    }
}
