//! `sequence`, `waitFor` and `when`: what comes after what, and which message is in scope.
//!
//! A `waitFor` without continuation keeps its message for the rest of its sequence where the shorthand
//! `…Handle` refers to it: the rest then becomes its continuation.

use super::super::tables::{Action, CallSpec, Jump, Kind, Recipe, RefSpec, TimeoutSpec, ValueSpec};
use super::{Expanded, Expander, handle_value};
use crate::codes;
use crate::data::{Data, PropertyTable};
use crate::diagnostic::Diagnostic;
use crate::fixes::Repair;
use crate::source::Span;
use crate::text::Text;
use crate::tree::{
    Call, Command, CommandKind, Continuation, Handle, Timeout, WaitFor, WaitForValue, When,
};
use crate::value::Value;

impl<'p> Expander<'_, '_, 'p> {
    /// Each element in order.
    pub(super) fn sequence(&mut self, body: &Value<'p>, span: Span) -> Expanded<CommandKind> {
        let label = self.stage.tables.borrow_mut().new_label();
        let done = self.stage.tables.borrow_mut().jump(Jump {
            label,
            again: false,
        });
        let helpers: PropertyTable<Value<'p>> = [(Text::from("done"), done)].into_iter().collect();
        let helpers = self.machine.new_object(helpers);
        let helpers = helpers.map_err(|trap| Box::new(super::diagnostic(self.machine, trap)))?;
        let elements = self.elements(body, &[helpers], "sequence", span)?;
        let body = self.scoped(|expander| expander.rest(&elements, span))?;
        let exit = self.used_labels.contains(&label).then_some(label);
        Ok(CommandKind::Sequence { exit, body })
    }

    /// The elements of a sequence or parallel: an array, or what its factory returns.
    pub(super) fn elements(
        &mut self,
        body: &Value<'p>,
        helpers: &[Value<'p>],
        name: &str,
        span: Span,
    ) -> Expanded<Vec<Value<'p>>> {
        let body = if body.is_function() {
            self.call(body, helpers)?
        } else {
            *body
        };
        match &body {
            Value::Array(id) => Ok(self.machine.heap.array(*id).to_vec()),
            Value::Frozen(Data::Array(items)) => Ok(items.items().iter().map(Value::of).collect()),
            value if value.is_undefined() => Ok(Vec::new()),
            Value::Host(found) if super::Kind::of(*found) == Some(Kind::Command) => Ok(vec![body]),
            other => {
                let what = super::value_text(other);
                let message = format!("`{name}` takes an array of commands, got {what}");
                let diagnostic = Diagnostic::error(codes::NOT_A_COMMAND, span, message);
                Err(Box::new(diagnostic.with_hint(format!(
                    "write `{name}(() => [first(), second()])`"
                ))))
            }
        }
    }

    /// Expands elements; a wait whose message is referred to takes the rest as its continuation.
    fn rest(&mut self, elements: &[Value<'p>], span: Span) -> Expanded<Vec<Command>> {
        let mut commands: Vec<Command> = Vec::with_capacity(elements.len());
        let mut waits: Vec<(usize, Handle)> = Vec::new();
        for (at, element) in elements.iter().enumerate() {
            let command = self.element(element, at, span)?;
            match (&command.kind, self.is_bare_wait(element)) {
                (CommandKind::WaitFor(wait), true) => {
                    self.messages.push((wait.then.handle, command.span));
                    waits.push((commands.len(), wait.then.handle));
                }
                (_, true) => {
                    // It could not be made; what refers to its message is no error of its own.
                    let handle = self.stage.tables.borrow_mut().new_handle();
                    self.messages.push((handle, command.span));
                }
                _ => {}
            }
            commands.push(command);
        }
        for (at, handle) in waits.into_iter().rev() {
            if self.used_messages.contains(&handle) {
                let rest = commands.split_off(at + 1);
                if let Some(Command {
                    kind: CommandKind::WaitFor(wait),
                    span,
                }) = commands.last_mut()
                {
                    *wait.then.command = Command {
                        kind: CommandKind::Sequence {
                            exit: None,
                            body: rest,
                        },
                        span: *span,
                    };
                }
            }
        }
        Ok(commands)
    }

    /// The command of an element of a list; what is wrong with it says which one it is.
    pub(super) fn element(
        &mut self,
        element: &Value<'p>,
        at: usize,
        span: Span,
    ) -> Expanded<Command> {
        if super::is_command(element) {
            return self.command_of(element, span);
        }
        let error = self.not_called(element, span, Repair::Element(at));
        self.or_noop(Err(Box::new(error)), span)
    }

    fn is_bare_wait(&self, element: &Value<'p>) -> bool {
        let Value::Host(found) = element else {
            return false;
        };
        let tables = self.stage.tables.borrow();
        let command = tables.commands.get(found.index() as usize);
        matches!(
            command.map(|command| &command.action),
            // A wait that gives up goes on without a message, so nothing behind it can name one.
            Some(Action::WaitFor {
                then: None,
                timeout: None
                    | Some(TimeoutSpec {
                        otherwise: None,
                        ..
                    }),
                ..
            })
        )
    }

    /// A wait for a message that matches.
    pub(super) fn wait_for(
        &mut self,
        predicate: &Recipe,
        then: Option<&Value<'p>>,
        timeout: Option<&TimeoutSpec<'p>>,
        span: Span,
    ) -> Expanded<CommandKind> {
        let predicate = self.operand(predicate, span)?;
        Ok(CommandKind::WaitFor(WaitFor {
            predicate,
            then: self.received(then, span)?,
            timeout: self.timeout(timeout, span)?,
        }))
    }

    /// A wait for a value of a source that matches.
    pub(super) fn wait_for_value(
        &mut self,
        wait: &ValueSpec<'p>,
        span: Span,
    ) -> Expanded<CommandKind> {
        Ok(CommandKind::WaitForValue(WaitForValue {
            source: self.operand(&wait.source, span)?,
            predicate: self.operand(&wait.predicate, span)?,
            then: self.received(wait.then.as_ref(), span)?,
            timeout: self.timeout(wait.timeout.as_ref(), span)?,
        }))
    }

    /// A question that waits for its reply.
    pub(super) fn call_command(
        &mut self,
        call: &CallSpec<'p>,
        span: Span,
    ) -> Expanded<CommandKind> {
        Ok(CommandKind::Call(Call {
            target: self.operand(&call.target, span)?,
            message: self.operand(&call.message, span)?,
            then: self.received(call.then.as_ref(), span)?,
            timeout: self.timeout(call.timeout.as_ref(), span)?,
            retry: call.retry,
        }))
    }

    /// A message that is received, and what is done with it.
    pub(super) fn received(
        &mut self,
        then: Option<&Value<'p>>,
        span: Span,
    ) -> Expanded<Continuation> {
        let handle = self.stage.tables.borrow_mut().new_handle();
        let command = match then {
            Some(then) => self.continuation(then, handle, span)?,
            None => Command {
                kind: CommandKind::Noop,
                span,
            },
        };
        Ok(Continuation {
            handle,
            command: Box::new(command),
        })
    }

    /// The end of a wait's patience.
    pub(super) fn timeout(
        &mut self,
        timeout: Option<&TimeoutSpec<'p>>,
        span: Span,
    ) -> Expanded<Option<Timeout>> {
        let Some(timeout) = timeout else {
            return Ok(None);
        };
        let milliseconds = self.operand(&timeout.milliseconds, span)?;
        let otherwise = match &timeout.otherwise {
            Some(otherwise) => {
                let otherwise =
                    self.scoped(|expander| expander.command_of_factory(otherwise, &[], span))?;
                Some(Box::new(otherwise))
            }
            None => None,
        };
        Ok(Some(Timeout {
            milliseconds,
            otherwise,
        }))
    }

    /// One message, and one of two branches.
    pub(super) fn when(
        &mut self,
        predicate: &Recipe,
        matched: &Value<'p>,
        otherwise: Option<&Value<'p>>,
        span: Span,
    ) -> Expanded<CommandKind> {
        let predicate = self.operand(predicate, span)?;
        Ok(CommandKind::When(When {
            predicate,
            matched: self.received(Some(matched), span)?,
            otherwise: self.received(otherwise, span)?,
        }))
    }

    fn continuation(&mut self, then: &Value<'p>, handle: Handle, span: Span) -> Expanded<Command> {
        let value = handle_value(self.stage, RefSpec::Message(handle));
        self.scoped(|expander| {
            expander.messages.push((handle, span));
            expander.command_of_factory(then, &[value], span)
        })
    }
}
