//! `troupe check`: compiles scripts without deploying them; prints errors, lints, and with `--emit ops`
//! the instructions.

use std::process::ExitCode;

use vm::{BuildLimits, Source};

use crate::arguments::{CheckArguments, Emit};
use crate::output;

/// Checks the files: 0 where all compile, 2 where one does not.
///
/// # Errors
/// A file cannot be read.
pub(super) fn run(arguments: &CheckArguments) -> anyhow::Result<ExitCode> {
    let (mut errors, mut lints, mut workers) = (0, 0, 0);
    let sources = super::sources::read(&arguments.files)?;
    let files = count(sources.len(), "file");
    for (name, text) in sources {
        let source = Source::new(name, text);
        match vm::compile(&source, &BuildLimits::default()) {
            Ok(compiled) => {
                for lint in &compiled.lints {
                    eprintln!("{}\n", lint.render(&source, output::colours()));
                }
                lints += compiled.lints.len();
                workers += compiled.program.workers().count();
                if arguments.emit == Some(Emit::Ops) {
                    output::line(compiled.program.disassemble().trim_end());
                }
            }
            Err(diagnostics) => {
                for diagnostic in &diagnostics {
                    eprintln!("{}\n", diagnostic.render(&source, output::colours()));
                }
                errors += diagnostics.len();
            }
        }
    }
    if errors > 0 {
        eprintln!("{} and {}", count(errors, "error"), count(lints, "lint"));
        return Ok(ExitCode::from(2));
    }
    eprintln!(
        "{files}, {}: no errors, {}",
        count(workers, "worker"),
        count(lints, "lint")
    );
    Ok(ExitCode::SUCCESS)
}

fn count(number: usize, what: &str) -> String {
    if number == 1 {
        format!("1 {what}")
    } else {
        format!("{number} {what}s")
    }
}
