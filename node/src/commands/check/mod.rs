//! `troupe check`: compiles scripts without deploying them; prints errors, lints, and with `--emit ops`
//! the instructions. With `--fix` it changes the files first, as the diagnostics say.

mod difference;
mod fixing;
mod report;

use std::process::ExitCode;

use vm::{BuildLimits, Files, Program, Rejected};

use super::sources::Folder;
use crate::arguments::{CheckArguments, Emit, Output};
use crate::output;
use report::Found;

/// The exit code of scripts that do not compile.
const REFUSED: u8 = 2;

/// Checks the files: 0 where all compile, 2 where one does not.
///
/// # Errors
/// A file cannot be read, or not be written with `--fix`.
pub(super) fn run(arguments: &CheckArguments) -> anyhow::Result<ExitCode> {
    let (folder, entries) = Folder::of(&arguments.files)?;
    let (found, programs) = if arguments.fix {
        fixing::run(&folder, &entries, arguments)?
    } else {
        look(&folder, &entries)
    };
    match arguments.output {
        Output::Json => output::json(&found.to_json(&programs))?,
        Output::Table => found.print(),
    }
    if found.errors() > 0 {
        if arguments.output == Output::Table {
            let (errors, lints) = (found.errors(), found.lints());
            eprintln!("{} and {}", count(errors, "error"), count(lints, "lint"));
        }
        return Ok(ExitCode::from(REFUSED));
    }
    if arguments.emit == Some(Emit::Ops) && arguments.output == Output::Table {
        for program in &programs {
            output::line(program.disassemble().trim_end());
        }
    }
    if arguments.output == Output::Table {
        let workers = programs
            .iter()
            .map(|program| program.workers().count())
            .sum();
        eprintln!(
            "{}, {}: no errors, {}",
            count(entries.len(), "file"),
            count(workers, "worker"),
            count(found.lints(), "lint")
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// Compiles each script, with all that is to be said of it.
fn look(files: &dyn Files, entries: &[String]) -> (Found, Vec<Program>) {
    let (mut found, mut programs, mut modules) = (Found::default(), Vec::new(), Vec::new());
    for entry in entries {
        match vm::compile_files(entry, files, &BuildLimits::default()) {
            Ok(compiled) => {
                found.add(&compiled.sources, compiled.lints);
                programs.push(compiled.program);
            }
            Err(rejected) if rejected.has_no_worker() => modules.push(rejected),
            Err(rejected) => found.add(&rejected.sources, rejected.diagnostics),
        }
    }
    // Files without workers are what others import, where there are others.
    if programs.is_empty() {
        for rejected in modules {
            found.add(&rejected.sources, rejected.diagnostics);
        }
    }
    (found, programs)
}

/// Prints why scripts do not compile.
pub(super) fn print(rejected: &Rejected) {
    for diagnostic in rejected.rendered(output::colours()) {
        eprintln!("{diagnostic}\n");
    }
}

fn count(number: usize, what: &str) -> String {
    if number == 1 {
        format!("1 {what}")
    } else {
        format!("{number} {what}s")
    }
}
