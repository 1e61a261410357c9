//! The tests of a checkout of test262: which files they are, what each expects, and the module it becomes here.
//!
//! Before: `main`, which names the folder. After: `judge`, which compiles and runs one. A test is a script with
//! front matter (`/*--- … ---*/`); its harness is replaced by `harness.js`, which our language can run.

use std::path::{Path, PathBuf};

/// Parts of the suite that are about expressions, statements and built-ins that the language has.
const FOLDERS: &[&str] = &[
    "annexB/built-ins",
    "annexB/language",
    "built-ins",
    "language",
    "staging/set-methods",
];

/// What the language leaves out as a whole: each test there would be refused, or is about nothing but that. The
/// generated tests of properties hold the tables of one version of Unicode, which is not that of ours.
const LEFT_OUT: &[&str] = &[
    "built-ins/Array/fromAsync",
    "built-ins/ArrayBuffer",
    "built-ins/Async",
    "built-ins/Atomics",
    "built-ins/BigInt",
    "built-ins/DataView",
    "built-ins/FinalizationRegistry",
    "built-ins/Function",
    "built-ins/Generator",
    "built-ins/Iterator/",
    "built-ins/Promise",
    "built-ins/Proxy",
    "built-ins/Reflect",
    "built-ins/RegExp/property-escapes/generated",
    "built-ins/ShadowRealm",
    "built-ins/SharedArrayBuffer",
    "built-ins/Symbol",
    "built-ins/Temporal",
    "built-ins/ThrowTypeError",
    "built-ins/TypedArray",
    "built-ins/Weak",
    "built-ins/eval",
    "built-ins/global",
    "language/arguments-object",
    "language/eval-code",
    "language/export",
    "language/import",
    "language/module-code",
];

/// The files of the suite's harness that `harness.js` has, beside `assert.js` and `sta.js`.
const HARNESS: &[&str] = &[
    "assertRelativeDateMs.js",
    "compareArray.js",
    "dateConstants.js",
    "decimalToHexString.js",
    "deepEqual.js",
    "nans.js",
    "regExpUtils.js",
];

/// What should become of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// It runs to its end.
    End,
    /// It does not compile.
    SyntaxError,
    /// It throws an error of this name.
    Throws(String),
}

/// One test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Test {
    /// What it expects.
    pub(crate) expected: Expected,
    /// A module of ours that does the same.
    pub(crate) module: String,
}

/// The files of a checkout that hold tests, by path, with `/` between folders.
pub(crate) fn files(checkout: &Path) -> Vec<(String, PathBuf)> {
    // The suite's own repository keeps its tests in a folder; copies in engines often have it at the top.
    let nested = checkout.join("test");
    let root = if nested.is_dir() { &nested } else { checkout };
    let mut found = Vec::new();
    for folder in FOLDERS {
        collect(root, folder, &mut found);
    }
    found.sort();
    found
}

fn collect(root: &Path, folder: &str, found: &mut Vec<(String, PathBuf)>) {
    let Ok(entries) = std::fs::read_dir(root.join(folder)) else {
        return;
    };
    for entry in entries.flatten() {
        let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if LEFT_OUT.iter().any(|left_out| name.starts_with(left_out)) {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            collect(root, &name, found);
        } else if is_test(&name) {
            found.push((name, path));
        }
    }
}

/// Fixtures are parts of other tests; the others are files that a browser engine adds to its copy.
fn is_test(name: &str) -> bool {
    let added = ["_FIXTURE.js", "/shell.js", "/browser.js"];
    name.ends_with(".js") && !added.iter().any(|end| name.ends_with(end))
}

/// The name that a test has in the suite's own repository. A copy in a browser engine calls a test of strict mode
/// `…-strict.js` and puts the directive before everything else.
pub(crate) fn own_name(name: String, text: &str) -> String {
    let front = text.find("/*---").unwrap_or(0);
    let is_renamed = text[..front].lines().any(|line| line == "'use strict';");
    match name.strip_suffix("-strict.js") {
        Some(own) if is_renamed => format!("{own}.js"),
        _ => name,
    }
}

/// The front matter, and the text around it.
fn front_matter(text: &str) -> Option<&str> {
    let start = text.find("/*---")? + 5;
    let length = text[start..].find("---*/")?;
    Some(&text[start..start + length])
}

/// The names of a list such as `flags: [onlyStrict, async]`, in one line or with a dash each.
fn list<'t>(front: &'t str, key: &str) -> Vec<&'t str> {
    let mut lines = front.lines().skip_while(|line| !line.starts_with(key));
    let Some(first) = lines.next() else {
        return Vec::new();
    };
    let first = first[key.len()..].trim_start_matches(':').trim();
    let inline = first.trim_matches(['[', ']']).split(',').map(str::trim);
    let dashes = lines
        .map_while(|line| line.trim_start().strip_prefix('-'))
        .map(str::trim);
    inline
        .chain(dashes)
        .filter(|name| !name.is_empty())
        .collect()
}

/// The value of a line of the block `negative:`.
fn negative<'t>(front: &'t str, key: &str) -> Option<&'t str> {
    let block = &front[front.find("negative:")?..];
    let mut lines = block
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with(' '));
    lines
        .find_map(|line| line.trim().strip_prefix(key))
        .map(str::trim)
}

/// A test, or none where it is about another mode (not strict, a module, asynchronous), or needs a part of the
/// harness that our language cannot have (such as one that looks at property descriptors).
pub(crate) fn read(text: &str) -> Option<Test> {
    let front = front_matter(text)?;
    let flags = list(front, "flags");
    let other_modes = [
        "noStrict",
        "raw",
        "module",
        "async",
        "CanBlockIsFalse",
        "CanBlockIsTrue",
    ];
    if flags.iter().any(|flag| other_modes.contains(flag)) {
        return None;
    }
    let includes = list(front, "includes");
    if includes.iter().any(|file| !HARNESS.contains(file)) {
        return None;
    }
    let expected = match (negative(front, "phase:"), negative(front, "type:")) {
        (None, _) => Expected::End,
        (Some("parse" | "early"), _) => Expected::SyntaxError,
        (Some(_), name) => Expected::Throws(name.unwrap_or("Error").to_owned()),
    };
    let module = match expected {
        Expected::SyntaxError => format!("const $DONOTEVALUATE = () => undefined;\n{text}"),
        _ => format!("{};\n{}", include_str!("harness.js"), adapt(text)),
    };
    Some(Test { expected, module })
}

/// The text with the calls of the harness as ours takes them.
fn adapt(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("assert.") {
        let (before, call) = rest.split_at(at);
        out.push_str(before);
        out.push_str("assert_");
        rest = &call["assert.".len()..];
        if let Some(arguments) = rest.strip_prefix("throws(") {
            // The constructor becomes its name.
            let arguments = arguments.trim_start();
            let end = arguments.find(|unit: char| !unit.is_alphanumeric());
            let (name, behind) = arguments.split_at(end.unwrap_or(0));
            out.push_str(&format!("throws('{name}'"));
            rest = behind;
        }
    }
    out.push_str(rest);
    // Arrays have no named properties here: what an expected match has besides its items is kept in variables.
    for name in ["index", "input"] {
        let (property, variable) = (format!("__expected.{name}"), format!("__expected_{name}"));
        out = out.replace(&format!("{property} = "), &format!("var {variable} = "));
        out = out.replace(&property, &variable);
    }
    out.replace("new Test262Error(", "Test262Error(")
}

#[test]
fn a_test_is_read_with_what_it_expects() {
    let text = "// x\n/*---\ndescription: d\nflags: [onlyStrict]\nnegative:\n  phase: runtime\n  type: RangeError\n---*/\nassert.throws(TypeError, f);\nthrow new Test262Error('x')\n";
    let test = read(text).unwrap();
    assert_eq!(test.expected, Expected::Throws("RangeError".to_owned()));
    assert!(
        test.module
            .contains("assert_throws('TypeError', f);\nthrow Test262Error('x')")
    );
    let parse =
        read("/*---\nnegative:\n  phase: parse\n  type: SyntaxError\n---*/\nlet let\n").unwrap();
    assert_eq!(parse.expected, Expected::SyntaxError);
    assert_eq!(
        read("/*---\nflags:\n  - async\n  - noStrict\n---*/\n"),
        None
    );
    assert_eq!(read("no front matter"), None);
}
