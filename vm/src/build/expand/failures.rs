//! `attempt`: a body, and what is done with its error.
//!
//! Messages that come into scope in either are out of scope behind it.

use super::super::tables::RefSpec;
use super::{Expanded, Expander, handle_value};
use crate::control::instruction::Retry;
use crate::source::Span;
use crate::tree::CommandKind;
use crate::value::Value;

impl Expander<'_, '_, '_> {
    /// A command whose failure is caught.
    pub(super) fn attempt(
        &mut self,
        body: &Value,
        retry: Option<Retry>,
        otherwise: Option<&Value>,
        span: Span,
    ) -> Expanded<CommandKind> {
        let handle = self.stage.tables.borrow_mut().new_handle();
        let body = self.scoped(|expander| expander.command_of_factory(body, &[], span))?;
        let otherwise = match otherwise {
            Some(otherwise) => {
                let error = self.stage.tables.borrow_mut().new_handle();
                let value = handle_value(self.stage, RefSpec::Failure(error));
                let then =
                    self.scoped(|expander| expander.command_of_factory(otherwise, &[value], span))?;
                Some((error, Box::new(then)))
            }
            None => None,
        };
        Ok(CommandKind::Attempt {
            handle,
            body: Box::new(body),
            retry,
            otherwise,
        })
    }
}
