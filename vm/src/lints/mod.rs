//! Lints over whole trees: what runs, and does not do what its author can have meant; and errors of functions that
//! can only fail whenever they run.
//!
//! Before: the trees of all workers of a program. After: `check`, `deploy`, editors. Guarantees: one that is not
//! sure is silent; a place is named once, however often a command is used. Leaves to others: lints that the compiler
//! and expansion find on their way, and what a comment silences (`ignores`).

mod changing;
mod circling;
mod copies;
mod endless;
mod functions;
mod given;
mod growing;
pub(crate) mod ignores;
mod literals;
mod returning;
mod states;
mod unreachable;
mod untaken;
mod walk;

use crate::diagnostic::Diagnostic;
use crate::options::WorkerOptions;
use crate::source::{Sources, Span};
use crate::tree::{Command, FunctionId};

/// The workers of a program before they are lowered.
pub(crate) struct Trees<'a> {
    pub(crate) workers: Vec<Worker<'a>>,
    /// The text of each function of the run stage, where it is a literal.
    pub(crate) functions: Vec<Option<Span>>,
    pub(crate) sources: &'a Sources,
}

/// One of them.
pub(crate) struct Worker<'a> {
    pub(crate) name: &'a str,
    pub(crate) options: &'a WorkerOptions,
    pub(crate) keyed: bool,
    pub(crate) tree: &'a Command,
}

impl<'a> Trees<'a> {
    /// The text of a function.
    fn text(&self, function: FunctionId) -> Option<&'a str> {
        let span = self.functions.get(function.0 as usize).copied().flatten()?;
        let text = self.sources.slice(span);
        (!text.is_empty()).then_some(text)
    }
}

/// All that is found in some trees, in no order.
pub(crate) fn check(trees: &Trees<'_>) -> Vec<Diagnostic> {
    let mut found = unreachable::check(trees);
    found.extend(endless::check(trees));
    found.extend(untaken::check(trees));
    found.extend(growing::check(trees));
    found.extend(literals::check(trees));
    found.extend(states::check(trees));
    found
}
