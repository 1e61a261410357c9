//! Runs the language cases: Markdown files under `tests/lang`, each a page of the manual.
//!
//! A case is a heading with a `js` (or `ts`) block and what it gives: `output` (the lines of a local run;
//! lines that begin with `#` are what goes to the error stream), `error` (diagnostics), `lints`, `ops`. A `js` block
//! with a path behind the language is a file beside the script. A `messages` block holds the input, a `run` block flags of the run. A line
//! `Rules: L1.2` names the rules of `docs/language.md` that a case shows. `TROUPE_UPDATE_CASES=1` rewrites what is
//! expected; `TROUPE_CASES=03` runs only the pages whose names begin so.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use vm::diagnostic::Diagnostic;
use vm::local::{LocalEvent, LocalMessage, LocalOptions, LocalRun, parse_line};
use vm::source::Lookup as _;
use vm::{BuildLimits, Data, Limits, Sources, compile_files};

#[path = "language/cases.rs"]
mod cases;
#[path = "language/rules.rs"]
mod rules;

use cases::{Block, Case, Document};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/lang")
}

/// The pages in order.
fn pages() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder()).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    assert!(!paths.is_empty(), "there are no language cases");
    paths
}

/// The name of a page.
fn name_of(page: &Path) -> String {
    page.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn every_page_of_the_manual_holds() {
    let update = std::env::var_os("TROUPE_UPDATE_CASES").is_some();
    let only = std::env::var("TROUPE_CASES").unwrap_or_default();
    let mut failures = Vec::new();
    let mut count = 0;
    for path in &pages() {
        let name = name_of(path);
        if !name.starts_with(&only) {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        let mut document = Document::parse(&text);
        for case in document.cases.clone() {
            count += 1;
            for (at, actual) in run_case(&case) {
                let expected = &document.blocks[at].body;
                if *expected != actual && !update {
                    failures.push(format!(
                        "{name}: {}\n--- expected\n{expected}--- actual\n{actual}",
                        case.title
                    ));
                }
                document.blocks[at].body = actual;
            }
        }
        if update {
            std::fs::write(path, with_blocks(&document, &text)).unwrap();
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {count} cases fail:\n\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// Codes that no case of one script can show, each for a reason.
const WITHOUT_CASE: &[(&str, &str)] = &[
    (
        "E0108",
        "a statement that only the parser's other modes allow",
    ),
    ("E0110", "a mistake of the compiler itself"),
    ("E0124", "a file that is no text cannot stand in a page"),
    (
        "E0208",
        "names that a later version brings: others each time",
    ),
    ("E0311", "a local run gives each message to an instance"),
    ("E0313", "only a host can forget to start a run"),
    ("E0314", "a local run keeps messages back"),
    ("E0315", "only a stored worker can be damaged"),
    ("E0407", "a page of megabytes: the test of limits has them"),
    ("E0420", "hundreds of files: the test of modules has them"),
    ("E0421", "megabytes of files: the test of modules has them"),
];

#[test]
fn every_code_of_an_error_has_a_case() {
    let text: String = pages()
        .iter()
        .map(|page| std::fs::read_to_string(page).unwrap())
        .collect();
    for code in vm::codes::ALL {
        let shown = text.contains(code.code);
        let excused = WITHOUT_CASE
            .iter()
            .any(|(without, _)| *without == code.code);
        assert!(
            shown != excused,
            "{}: shown {shown}, without case {excused}",
            code.code
        );
    }
}

/// The page with the blocks as they are now.
fn with_blocks(document: &Document, original: &str) -> String {
    let mut out = String::new();
    let mut blocks = document.blocks.iter();
    let mut inside = false;
    for line in original.lines() {
        if line.starts_with("```") {
            out.push_str(line);
            out.push('\n');
            inside = !inside;
            if inside && let Some(block) = blocks.next() {
                out.push_str(&block.body);
            }
        } else if !inside {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// What each expectation of a case should say.
fn run_case(case: &Case) -> Vec<(usize, String)> {
    let Some(script) = &case.script else {
        return Vec::new();
    };
    let entry = format!("{}.{}", case.file_name(), script.language);
    let mut files = case.files.clone();
    files.insert(entry.clone(), script.body.clone());
    let result = compile_files(&entry, &files, &BuildLimits::default());
    let mut actual = Vec::new();
    for (at, block) in &case.expectations {
        let text = match (block.language.as_str(), &result) {
            ("error", Ok(_)) => "(the script compiles)\n".to_owned(),
            (_, Err(rejected)) => diagnostics_text(&rejected.diagnostics, &rejected.sources),
            ("lints", Ok(compiled)) => {
                diagnostics_text(&compiled.lints, compiled.program.sources())
            }
            ("ops", Ok(compiled)) => control_level(&compiled.program.disassemble()),
            (_, Ok(compiled)) => run_text(case, &compiled.program),
        };
        actual.push((*at, text));
    }
    actual
}

/// The part of a disassembly that is about commands: how functions are compiled is not for the manual.
fn control_level(text: &str) -> String {
    let lines = text
        .lines()
        .take_while(|line| !line.starts_with("function "));
    lines.map(|line| format!("{line}\n")).collect()
}

fn diagnostics_text(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        let (source, position) = sources.locate(diagnostic.span.start).unwrap();
        // The name of the script itself is the same in all of its diagnostics.
        let (_, base) = sources.file(0).unwrap();
        let is_entry = sources.around(diagnostic.span.start).unwrap().1 == base;
        let file = if is_entry {
            String::new()
        } else {
            format!("{}:", source.name)
        };
        writeln!(
            text,
            "{} {file}{}:{} {}",
            diagnostic.code.code, position.line, position.column, diagnostic.message
        )
        .unwrap();
        for note in &diagnostic.notes {
            writeln!(text, "  note: {note}").unwrap();
        }
        if let Some(hint) = &diagnostic.hint {
            writeln!(text, "  help: {hint}").unwrap();
        }
    }
    text
}

fn run_text(case: &Case, program: &vm::Program) -> String {
    let mut options = LocalOptions {
        limits: case_limits(case),
        ..LocalOptions::default()
    };
    for (flag, value) in case.flags() {
        match flag.as_str() {
            "--worker" => options.worker = Some(value),
            "--key" => options.key = Some(value),
            "--config" => options.config = Data::from_json(&value, &Limits::default()).unwrap(),
            "--until" => options.until_ms = Some(value.parse().unwrap()),
            "--seed" => options.seed = value.parse().unwrap(),
            limit if limit.starts_with("--limits.") => {}
            other => panic!("{}: unknown flag {other}", case.title),
        }
    }
    let messages: Vec<LocalMessage> = case
        .messages
        .lines()
        .map(|line| parse_line(line, &Limits::default()).unwrap())
        .collect();
    let run = match LocalRun::new(program, options) {
        Ok(run) => run,
        Err(error) => return format!("{error}\n"),
    };
    match run.run(&messages) {
        Err(error) => format!("{error}\n"),
        Ok((events, end)) => {
            let mut text = String::new();
            for event in &events {
                writeln!(text, "{}", event_text(event)).unwrap();
            }
            writeln!(text, "{}", end.to_line()).unwrap();
            text
        }
    }
}

fn case_limits(case: &Case) -> Limits {
    let mut limits = Limits::default();
    for (flag, value) in case.flags() {
        let number: u64 = value.parse().unwrap_or_default();
        match flag.as_str() {
            "--limits.turn_instructions" => limits.turn_instructions = number,
            "--limits.turn_allocated_bytes" => limits.turn_allocated_bytes = number,
            "--limits.turn_regex_steps" => limits.turn_regex_steps = number,
            "--limits.turn_sends" => limits.turn_sends = number,
            "--limits.reactive_sources" => limits.reactive_sources = number as u32,
            "--limits.state_bytes" => limits.state_bytes = number,
            "--limits.value_bytes" => limits.value_bytes = number as u32,
            "--limits.message_bytes" => limits.message_bytes = number,
            "--limits.turn_console_bytes" => limits.turn_console_bytes = number,
            "--limits.value_depth" => limits.value_depth = number as u16,
            "--limits.call_depth" => limits.call_depth = number as u32,
            _ => {}
        }
    }
    limits
}

fn event_text(event: &LocalEvent) -> String {
    match event {
        LocalEvent::Sent { .. } => event.to_line().unwrap(),
        LocalEvent::DeadLetter {
            at_ms,
            to,
            message,
            cause,
        } => {
            format!(
                "# {at_ms} dead letter for {to}: {} ({}: {})",
                message.to_json(),
                cause.code,
                cause.message
            )
        }
        LocalEvent::Late { at_ms, to, message } => {
            format!("# {at_ms} late reply for {to}: {}", message.to_json())
        }
        LocalEvent::Failed {
            at_ms,
            worker,
            error,
            restarts_at_ms,
        } => {
            let next = restarts_at_ms.map_or_else(
                || "stays failed".to_owned(),
                |at| format!("goes on at {at}"),
            );
            format!(
                "# {at_ms} {worker} failed ({}: {}), {next}",
                error.code, error.message
            )
        }
        LocalEvent::Console {
            at_ms,
            worker,
            line,
        } => format!("# {at_ms} {worker} says {line}"),
    }
}

/// The blocks that say what is expected.
fn is_expectation(block: &Block) -> bool {
    matches!(
        block.language.as_str(),
        "output" | "error" | "lints" | "ops"
    )
}
