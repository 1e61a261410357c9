//! `attempt`, `saga`, `compensate`: a body, and what is done when it or what follows fails.
//!
//! Messages that come into scope in either are out of scope behind it.

use super::super::tables::{AttemptSpec, RefSpec};
use super::{Expanded, Expander, handle_value};
use crate::source::Span;
use crate::tree::{Attempt, CommandKind, Continuation};
use crate::value::Value;

impl<'p> Expander<'_, '_, 'p> {
    /// A command whose failure is caught.
    pub(super) fn attempt(
        &mut self,
        attempt: &AttemptSpec<'p>,
        span: Span,
    ) -> Expanded<CommandKind> {
        let handle = self.stage.tables.borrow_mut().new_handle();
        let body = self.scoped(|expander| expander.command_of_factory(&attempt.body, &[], span))?;
        let otherwise = match &attempt.otherwise {
            Some(otherwise) => {
                let handle = self.stage.tables.borrow_mut().new_handle();
                let value = handle_value(self.stage, RefSpec::Failure(handle));
                let command =
                    self.scoped(|expander| expander.command_of_factory(otherwise, &[value], span))?;
                Some(Continuation {
                    handle,
                    command: Box::new(command),
                })
            }
            None => None,
        };
        Ok(CommandKind::Attempt(Attempt {
            handle,
            body: Box::new(body),
            retry: attempt.retry,
            otherwise,
        }))
    }

    /// A command whose steps are undone when it fails.
    pub(super) fn saga(&mut self, body: &Value<'p>, span: Span) -> Expanded<CommandKind> {
        let handle = self.stage.tables.borrow_mut().new_handle();
        let body = self.scoped(|expander| expander.command_of_factory(body, &[], span))?;
        Ok(CommandKind::Saga {
            handle,
            body: Box::new(body),
        })
    }

    /// A step, and how it is undone.
    pub(super) fn compensate(
        &mut self,
        body: &Value<'p>,
        undo: &Value<'p>,
        span: Span,
    ) -> Expanded<CommandKind> {
        let body = self.scoped(|expander| expander.command_of_factory(body, &[], span))?;
        let undo = self.scoped(|expander| expander.command_of_factory(undo, &[], span))?;
        Ok(CommandKind::Compensate {
            body: Box::new(body),
            undo: Box::new(undo),
        })
    }
}
