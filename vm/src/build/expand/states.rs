//! `withState`, `modifyState`, `whenState`, `spawn`: blocks with a value, and branches.
//!
//! Messages that come into scope inside a block or branch go out of scope at its end.

use super::super::tables::{PlaceSpec, Recipe, RefSpec, SpawnSpec};
use super::{Expanded, Expander, handle_value};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::fixes::Repair;
use crate::source::Span;
use crate::tree::{Command, CommandKind, Continuation, Spawn, WorkerIndex};
use crate::value::{HostRef, Value};

impl<'p> Expander<'_, '_, 'p> {
    /// A block with state.
    pub(super) fn with_state(
        &mut self,
        initial: &Recipe,
        body: &Value<'p>,
        name: Option<String>,
        span: Span,
    ) -> Expanded<CommandKind> {
        let initial = self.operand(initial, span)?;
        let handle = self.stage.tables.borrow_mut().new_handle();
        let value = handle_value(self.stage, RefSpec::State(handle));
        let body = self.scoped(|expander| expander.command_of_factory(body, &[value], span))?;
        Ok(CommandKind::WithState {
            initial,
            handle,
            name,
            body: Box::new(body),
        })
    }

    /// A change of a state.
    pub(super) fn modify_state(
        &mut self,
        handle: HostRef,
        updater: &Recipe,
        two_steps: bool,
        span: Span,
    ) -> Expanded<CommandKind> {
        let state = match self.stage.tables.borrow().refs.get(handle.index() as usize) {
            Some(RefSpec::State(state)) => *state,
            _ => {
                return Err(Box::new(Diagnostic::error(
                    codes::BAD_ARGUMENT,
                    span,
                    "the handle of a state is needed",
                )));
            }
        };
        let updater = self.operand(updater, span)?;
        let message = if two_steps {
            let Some((closest, wait)) = self.messages.last().copied() else {
                let message =
                    "an updater of two steps needs a message, and none has been received here";
                let diagnostic = Diagnostic::error(codes::BAD_ARGUMENT, span, message);
                return Err(Box::new(
                    diagnostic.with_hint("write `state => next`, or wait for a message before"),
                ));
            };
            self.used_messages.insert(closest);
            self.lint_two_steps(span, wait);
            Some(closest)
        } else {
            None
        };
        Ok(CommandKind::ModifyState {
            handle: state,
            updater,
            message,
        })
    }

    fn lint_two_steps(&self, span: Span, wait: Span) {
        let message = "the updater is first applied to the closest message, then to the state";
        let lint = Diagnostic::lint(codes::UPDATER_SHORTHAND, span, message)
            .with_hint("name the message: `modifyState(handle, computeState([message], message => state => …))`")
            .with_repair(Repair::Message(wait));
        self.stage.add_lint(lint);
    }

    /// Branches on a value.
    pub(super) fn when_state(
        &mut self,
        condition: &Recipe,
        then: &Value<'p>,
        otherwise: Option<&Value<'p>>,
        span: Span,
    ) -> Expanded<CommandKind> {
        let condition = self.operand(condition, span)?;
        let then = self.branch(then, span)?;
        let otherwise = match otherwise {
            Some(otherwise) => self.branch(otherwise, span)?,
            None => Command {
                kind: CommandKind::Noop,
                span,
            },
        };
        Ok(CommandKind::WhenState {
            condition,
            then: Box::new(then),
            otherwise: Box::new(otherwise),
        })
    }

    fn branch(&mut self, command: &Value<'p>, span: Span) -> Expanded<Command> {
        self.scoped(|expander| expander.command_of(command, span))
    }

    /// Starts a child.
    pub(super) fn spawn(&mut self, spawn: &SpawnSpec<'p>, span: Span) -> Expanded<CommandKind> {
        let config = self.operand(&spawn.config, span)?;
        let handle = self.stage.tables.borrow_mut().new_handle();
        let command = match &spawn.then {
            Some(then) => {
                let child = self
                    .stage
                    .tables
                    .borrow_mut()
                    .place(PlaceSpec::Child(handle));
                self.scoped(|expander| expander.command_of_factory(then, &[child], span))?
            }
            None => Command {
                kind: CommandKind::Noop,
                span,
            },
        };
        Ok(CommandKind::Spawn(Spawn {
            worker: WorkerIndex(spawn.worker),
            config,
            watch: spawn.watch,
            then: Continuation {
                handle,
                command: Box::new(command),
            },
        }))
    }
}
