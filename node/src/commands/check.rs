//! `troupe check`: compiles scripts without deploying them; prints errors, lints, and with `--emit ops`
//! the instructions.

use std::process::ExitCode;

use vm::{BuildLimits, Rejected};

use super::sources::Folder;
use crate::arguments::{CheckArguments, Emit};
use crate::output;

/// Checks the files: 0 where all compile, 2 where one does not.
///
/// # Errors
/// A file cannot be read.
pub(super) fn run(arguments: &CheckArguments) -> anyhow::Result<ExitCode> {
    let (mut errors, mut lints, mut workers) = (0, 0, 0);
    let (folder, entries) = Folder::of(&arguments.files)?;
    for entry in &entries {
        match vm::compile_files(entry, &folder, &BuildLimits::default()) {
            Ok(compiled) => {
                for lint in &compiled.lints {
                    eprintln!("{}\n", lint.render(&compiled.sources, output::colours()));
                }
                lints += compiled.lints.len();
                workers += compiled.program.workers().count();
                if arguments.emit == Some(Emit::Ops) {
                    output::line(compiled.program.disassemble().trim_end());
                }
            }
            Err(rejected) => {
                print(&rejected);
                errors += rejected.diagnostics.len();
            }
        }
    }
    if errors > 0 {
        eprintln!("{} and {}", count(errors, "error"), count(lints, "lint"));
        return Ok(ExitCode::from(2));
    }
    let files = count(entries.len(), "file");
    eprintln!(
        "{files}, {}: no errors, {}",
        count(workers, "worker"),
        count(lints, "lint")
    );
    Ok(ExitCode::SUCCESS)
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
