//! Applies the fixes of diagnostics to every script of the manual: the result compiles where the script did, does the
//! same where it ran, and a script with errors gets no syntax errors from them.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::path::Path;

use vm::local::{LocalOptions, LocalRun, parse_line};
use vm::{BuildLimits, Diagnostic, Limits, Program, Sources, apply_fixes, compile_files};

#[path = "language/cases.rs"]
mod cases;

use cases::{Block, Case, Document};

/// More than any script needs.
const PASSES_MAX: usize = 40;

type Texts = BTreeMap<String, String>;

fn compiled(entry: &str, files: &Texts) -> (Option<Program>, Sources, Vec<Diagnostic>) {
    match compile_files(entry, files, &BuildLimits::default()) {
        Ok(compiled) => (Some(compiled.program), compiled.sources, compiled.lints),
        Err(rejected) => (None, rejected.sources, rejected.diagnostics),
    }
}

/// The files after all fixes.
fn fixed(entry: &str, files: &Texts) -> Texts {
    let mut files = files.clone();
    for _ in 0..PASSES_MAX {
        let (_, sources, diagnostics) = compiled(entry, &files);
        let changed = apply_fixes(&sources, &diagnostics);
        if changed.is_empty() {
            return files;
        }
        files.extend(
            changed
                .into_iter()
                .map(|changed| (changed.path, changed.text)),
        );
    }
    panic!("the fixes of {entry} never end:\n{}", files[entry]);
}

/// What a run prints, without the places in stacks.
fn output(case: &Case, program: &Program) -> Option<String> {
    let mut options = LocalOptions::default();
    for (flag, value) in case.flags() {
        match flag.as_str() {
            "--worker" => options.worker = Some(value),
            "--config" => {
                options.config = vm::Data::from_json(&value, &Limits::default()).unwrap();
            }
            _ => return None,
        }
    }
    let messages = case.messages.lines();
    let messages: Result<Vec<_>, _> = messages
        .map(|line| parse_line(line, &Limits::default()))
        .collect();
    let (events, end) = LocalRun::new(program, options)
        .ok()?
        .run(&messages.ok()?)
        .ok()?;
    let sent: Vec<String> = events.iter().filter_map(|event| event.to_line()).collect();
    let end = end.to_line();
    (!end.contains("\"stack\"")).then(|| format!("{}\n{end}", sent.join("\n")))
}

#[test]
fn fixes_keep_what_scripts_do() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/lang");
    let (mut changed, mut ran) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let document = Document::parse(&std::fs::read_to_string(&path).unwrap());
        for case in &document.cases {
            let script = case.script.as_ref().unwrap();
            let entry = format!("{}.{}", case.file_name(), script.language);
            let mut files = case.files.clone();
            files.insert(entry.clone(), script.body.clone());
            let after = fixed(&entry, &files);
            if after == files {
                continue;
            }
            changed += 1;
            let title = &case.title;
            let (before, _, _) = compiled(&entry, &files);
            let (program, sources, left) = compiled(&entry, &after);
            let syntax = left.iter().find(|found| found.code.code == "E0101");
            assert!(
                syntax.is_none(),
                "{title}: {}",
                syntax.unwrap().render(&sources, false)
            );
            let is_shorthand = |found: &&Diagnostic| matches!(found.code.code, "W0001" | "W0002");
            let left = left.iter().find(is_shorthand);
            assert!(
                left.is_none(),
                "{title}: a shorthand is left\n{}",
                after[&entry]
            );
            let Some(before) = before else { continue };
            let program = program.unwrap_or_else(|| panic!("{title} compiles no more"));
            let outputs = (output(case, &before), output(case, &program));
            if let (Some(before), Some(now)) = outputs {
                ran += 1;
                assert_eq!(before, now, "{title}\n{}", after[&entry]);
            }
        }
    }
    assert!(
        changed >= 15 && ran >= 8,
        "{changed} changed, {ran} of them ran"
    );
}

/// The blocks that say what is expected: none is looked at here.
fn is_expectation(_: &Block) -> bool {
    false
}
