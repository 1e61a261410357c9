//! From the text of a program's files to code.
//!
//! Before: the files in the order in which they run. After: the build stage, which runs function 0 of the code (the module).
//! Guarantees: total; several errors in one run, each with a place and a hint; what is not part of
//! the language is refused by name; TypeScript types are erased.

mod assignments;
mod calls;
mod compiler;
mod exports;
mod expressions;
mod functions;
mod globals;
mod imports;
mod jumps;
mod linked;
mod literals;
mod loops;
mod members;
mod modules;
mod names;
mod nesting;
mod operators;
mod parse;
mod patterns;
mod refusals;
mod requests;
mod statements;
mod switches;
mod tries;
mod variables;

pub(crate) use parse::{check_nesting, syntax_error};
use std::collections::BTreeMap;

use crate::bytecode::Code;
use crate::diagnostic::Diagnostic;
use crate::limits::BuildLimits;
use crate::modules::Graph;
use crate::source::{Source, Span};
pub use names::closest;
pub(crate) use parse::{options as parse_options, source_type};
pub(crate) use requests::{Request, requests};

/// What the compiler asks about free identifiers that are neither globals of JavaScript, nor begin
/// with a capital letter, nor are the `…Handle` shorthand.
pub trait Names {
    /// Whether the name belongs to the language (`act`, `sequence`, `send`, …): the machine then
    /// asks `Host::ambient` for its value each time it is read.
    fn is_ambient(&self, name: &str) -> bool;

    /// What to do about an unknown name, where there is something better to say than a name that
    /// looks alike (`complete`: "take it from `act`'s second parameter").
    fn hint(&self, name: &str) -> Option<String>;

    /// Whether the name belongs to the language but not yet to this version: it is refused as such.
    fn comes_later(&self, _: &str) -> bool {
        false
    }

    /// All names for which `is_ambient` holds, for guesses.
    fn all(&self) -> &[&str] {
        &[]
    }
}

/// What the files of a program compile to. Function 0 of the code takes no arguments and returns an array with
/// one item for each of `exports`, which are those of the entry.
#[derive(Debug)]
pub struct Module {
    /// The code, linked.
    pub code: Code,
    /// What the items of the result are.
    pub exports: Vec<Export>,
    /// Names that begin with a capital letter and are read as addresses, each with its first place.
    pub names_used: Vec<(String, Span)>,
    /// Lints.
    pub lints: Vec<Diagnostic>,
    /// Comments that silence lints.
    pub ignores: Vec<Span>,
}

/// One item of what a module returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// What it is.
    pub kind: ExportKind,
    /// Where it stands.
    pub span: Span,
}

/// How a value leaves a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportKind {
    /// `export const NAME = …`, `export { x as NAME }`
    Named(String),
    /// `export default …`
    Default,
    /// The value of a top-level expression statement, in a module without exports.
    Statement,
}

/// Compiles one file that imports no other.
pub fn compile_module(
    source: &Source,
    names: &dyn Names,
    limits: &BuildLimits,
) -> Result<Module, Vec<Diagnostic>> {
    let alone = BTreeMap::from([(source.name.clone(), source.text.clone())]);
    let loaded = Graph::load(&source.name, &alone, limits);
    let (graph, refused) = loaded.map_err(|rejected| rejected.diagnostics)?;
    parse::compile(&graph, refused, names, limits)
}

/// Compiles the files of a program, with what was wrong with their imports.
pub(crate) fn compile_graph(
    graph: &Graph,
    refused: Vec<Diagnostic>,
    names: &dyn Names,
    limits: &BuildLimits,
) -> Result<Module, Vec<Diagnostic>> {
    parse::compile(graph, refused, names, limits)
}

#[cfg(test)]
mod tests;
