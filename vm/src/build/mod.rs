//! The build stage: evaluates a module once and makes a program of its workers.
//!
//! The compiler comes before it, lowering and the program after it. Everything that a script does wrong
//! with commands, refs and handles is refused here, with the place and the rewrite.

mod names;

use crate::compile::compile_module;
use crate::diagnostic::Diagnostic;
use crate::limits::BuildLimits;
use crate::program::Program;
use crate::source::{Source, Span};

/// A program and what could be better in its source.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The program.
    pub program: Program,
    /// Lints, in the order of the source.
    pub lints: Vec<Diagnostic>,
}

/// Compiles one module: parses it, evaluates it, and makes a program of its workers. Errors are in the
/// order of the source; nothing of the module runs as a worker.
pub fn compile(source: &Source, limits: &BuildLimits) -> Result<Compiled, Vec<Diagnostic>> {
    let _module = compile_module(source, &names::Language, limits)?;
    let everything = Span::new(0, source.text.len() as u32);
    Err(vec![Diagnostic::error(
        crate::codes::NO_WORKERS,
        everything,
        "the module has no worker",
    )])
}
