//! `parallel` and `race`: the branches, in the order of the text.
//!
//! A message that comes into scope in one branch is not in the scope of another.

use super::{Expanded, Expander};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::tree::CommandKind;
use crate::value::Value;

impl<'p> Expander<'_, '_, 'p> {
    /// Branches that run side by side.
    pub(super) fn parallel(
        &mut self,
        race: bool,
        branches: &Value<'p>,
        span: Span,
    ) -> Expanded<CommandKind> {
        let name = if race { "race" } else { "parallel" };
        let elements = self.elements(branches, &[], name, span)?;
        if race && elements.is_empty() {
            let message = "a `race` without branches would never end";
            let diagnostic = Diagnostic::error(codes::BAD_ARGUMENT, span, message);
            return Err(Box::new(
                diagnostic.with_hint("give it at least one command"),
            ));
        }
        let branches = elements
            .iter()
            .enumerate()
            .map(|(at, element)| self.scoped(|expander| expander.element(element, at, span)));
        Ok(CommandKind::Parallel {
            race,
            branches: branches.collect::<Expanded<Vec<_>>>()?,
        })
    }
}
