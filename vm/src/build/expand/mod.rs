//! Expansion: calls the factories of commands, in the order of the text, and makes a worker's tree.
//!
//! The module has been evaluated before it; lowering comes after it. A command value may be expanded
//! more than once; each time its factories are called again, with new handles.

mod concurrent;
mod elements;
mod failures;
mod operands;
mod states;

use std::collections::BTreeSet;

use super::errors::diagnostic;
use super::refusals::noun;
use super::stage::Stage;
use super::tables::{Action, Jump, Kind, Recipe, RefSpec, host};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::fixes::Repair;
use crate::limits::{BuildLimit, BuildLimits};
use crate::machine::Machine;
use crate::source::Span;
use crate::tree::{Command, CommandKind, Handle, Label};
use crate::value::Value;

/// What to do about a function where a command is wanted.
const CALL_IT: &str = "call it: add `()`";

/// What expansion ends with where it cannot go on.
pub(super) type Expanded<T> = Result<T, Box<Diagnostic>>;

/// Expands the trees of a module.
pub(super) struct Expander<'e, 's, 'p> {
    pub(super) stage: &'e Stage<'s, 'p>,
    pub(super) machine: &'e mut Machine<'p>,
    pub(super) limits: &'e BuildLimits,
    /// Commands expanded so far, in all workers.
    commands: u64,
    depth: u64,
    /// Levels of refs and literals around the current operand.
    operand_depth: u32,
    /// Messages in scope, outermost first, for the shorthand, each with the command that received it.
    messages: Vec<(Handle, Span)>,
    /// Messages without a continuation that something refers to.
    used_messages: BTreeSet<Handle>,
    used_labels: BTreeSet<Label>,
}

impl<'e, 's, 'p> Expander<'e, 's, 'p> {
    /// Nothing expanded yet.
    pub(super) fn new(
        stage: &'e Stage<'s, 'p>,
        machine: &'e mut Machine<'p>,
        limits: &'e BuildLimits,
    ) -> Self {
        Expander {
            stage,
            machine,
            limits,
            commands: 0,
            depth: 0,
            operand_depth: 0,
            messages: Vec::new(),
            used_messages: BTreeSet::new(),
            used_labels: BTreeSet::new(),
        }
    }

    /// The tree of a worker, from its factory.
    pub(super) fn worker(
        &mut self,
        factory: &Value<'p>,
        arguments: &[Value<'p>],
        span: Span,
    ) -> Expanded<Command> {
        self.messages.clear();
        self.command_of_factory(factory, arguments, span)
    }

    /// A command where it could be made; else `noop()`, and its error is kept, so that those beside it
    /// are looked at too.
    fn or_noop(&mut self, made: Expanded<Command>, span: Span) -> Expanded<Command> {
        made.or_else(|error| {
            self.stage.errors.borrow_mut().keep(error)?;
            let kind = CommandKind::Noop;
            Ok(Command { kind, span })
        })
    }

    /// The command that a factory returns; a command counts as its own factory.
    fn command_of_factory(
        &mut self,
        factory: &Value<'p>,
        arguments: &[Value<'p>],
        span: Span,
    ) -> Expanded<Command> {
        if !factory.is_function() {
            return self.command_of(factory, span);
        }
        match self.call(factory, arguments) {
            Ok(value) if value.is_undefined() => Ok(Command {
                kind: CommandKind::Noop,
                span,
            }),
            Ok(value) if is_command(&value) => self.command_of(&value, span),
            Ok(value) => {
                let body = match factory {
                    Value::Closure(id) => self.machine.heap.closure(*id).function(),
                    _ => return self.command_of(&value, span),
                };
                let body = self.machine.code.function(body).span;
                let error = self.not_called(&value, span, Repair::Body(body));
                self.or_noop(Err(Box::new(error)), span)
            }
            Err(error) => self.or_noop(Err(error), span),
        }
    }

    fn call(&mut self, factory: &Value<'p>, arguments: &[Value<'p>]) -> Expanded<Value<'p>> {
        let result = self.machine.call(factory, arguments);
        result.map_err(|trap| Box::new(diagnostic(self.machine, trap)))
    }

    /// The tree of a command; `span` is the place that wants it.
    fn command_of(&mut self, value: &Value<'p>, span: Span) -> Expanded<Command> {
        let made = self.command_inside(value, span);
        self.or_noop(made, span)
    }

    fn command_inside(&mut self, value: &Value<'p>, span: Span) -> Expanded<Command> {
        let index = match value {
            Value::Host(found) if Kind::of(*found) == Some(Kind::Command) => found.index() as usize,
            other => return Err(Box::new(self.not_a_command(other, span))),
        };
        self.count(span)?;
        let (action, span) = {
            let mut tables = self.stage.tables.borrow_mut();
            let Some(command) = tables.commands.get_mut(index) else {
                return Err(Box::new(Diagnostic::error(
                    codes::NOT_A_COMMAND,
                    span,
                    "a command that is not there",
                )));
            };
            command.used = true;
            (command.action.clone(), command.span)
        };
        self.depth += 1;
        let kind = self.action(action, span);
        self.depth -= 1;
        Ok(Command { kind: kind?, span })
    }

    fn count(&mut self, span: Span) -> Expanded<()> {
        self.commands += 1;
        let exceeded = if self.depth >= u64::from(self.limits.command_depth) {
            BuildLimit::CommandDepth
        } else if self.commands > u64::from(self.limits.commands) {
            BuildLimit::Commands
        } else {
            return Ok(());
        };
        let message = exceeded.message(self.limits);
        let diagnostic = Diagnostic::error(codes::LIMIT_COMMANDS, span, message);
        Err(Box::new(diagnostic.with_hint(
            "repeat with `whileLoop`, and keep tables as data",
        )))
    }

    fn action(&mut self, action: Action<'p>, span: Span) -> Expanded<CommandKind> {
        Ok(match action {
            Action::Noop => CommandKind::Noop,
            Action::Jump(jump) => self.jump(jump),
            Action::Sequence { body } => return self.sequence(&body, span),
            Action::Send { target, message } => CommandKind::Send {
                target: self.operand(&target, span)?,
                message: self.operand(&message, span)?,
            },
            Action::Kill { target } => CommandKind::Kill {
                target: self.operand(&target, span)?,
            },
            Action::Delay { milliseconds } => CommandKind::Delay {
                milliseconds: self.operand(&milliseconds, span)?,
            },
            Action::Complete { result } => CommandKind::Complete {
                result: self.operand(&result, span)?,
            },
            Action::Fail { error } => CommandKind::Fail {
                error: self.operand(&error, span)?,
            },
            Action::WaitFor {
                predicate,
                then,
                timeout,
            } => {
                return self.wait_for(&predicate, then.as_ref(), timeout.as_ref(), span);
            }
            Action::Call(call) => return self.call_command(&call, span),
            Action::WaitForValue(wait) => return self.wait_for_value(&wait, span),
            Action::Reply { handle, message } => CommandKind::Reply {
                handle: self.message_of(handle, span)?,
                message: self.operand(&message, span)?,
            },
            Action::When {
                predicate,
                matched,
                otherwise,
            } => {
                return self.when(&predicate, &matched, otherwise.as_ref(), span);
            }
            Action::WhenState {
                condition,
                then,
                otherwise,
            } => {
                return self.when_state(&condition, &then, otherwise.as_ref(), span);
            }
            Action::WithState {
                initial,
                body,
                name,
            } => return self.with_state(&initial, &body, name, span),
            Action::ModifyState {
                handle,
                updater,
                two_steps,
            } => {
                return self.modify_state(handle, &updater, two_steps, span);
            }
            Action::While { body } => return self.while_loop(&body, span),
            Action::Attempt(attempt) => return self.attempt(&attempt, span),
            Action::Parallel { race, branches } => return self.parallel(race, &branches, span),
            Action::ForEach { items, body } => return self.for_each(&items, &body, span),
            Action::Saga { body } => return self.saga(&body, span),
            Action::Compensate { body, undo } => return self.compensate(&body, &undo, span),
            Action::Spawn(spawn) => return self.spawn(&spawn, span),
        })
    }

    fn jump(&mut self, jump: Jump) -> CommandKind {
        let label = jump.label;
        self.used_labels.insert(label);
        if jump.again {
            CommandKind::Continue { label }
        } else {
            CommandKind::Break { label }
        }
    }

    fn while_loop(&mut self, body: &Value<'p>, span: Span) -> Expanded<CommandKind> {
        let label = self.stage.tables.borrow_mut().new_label();
        let handle = host(Kind::Loop, label.0 as usize);
        let body = self.scoped(|expander| expander.command_of_factory(body, &[handle], span))?;
        Ok(CommandKind::While {
            label,
            body: Box::new(body),
        })
    }

    fn for_each(&mut self, items: &Recipe, body: &Value<'p>, span: Span) -> Expanded<CommandKind> {
        let items = self.operand(items, span)?;
        let handle = self.stage.tables.borrow_mut().new_handle();
        let value = handle_value(self.stage, RefSpec::Item(handle));
        let body = self.scoped(|expander| expander.command_of_factory(body, &[value], span))?;
        Ok(CommandKind::ForEach {
            items,
            handle,
            body: Box::new(body),
        })
    }

    /// Runs something after which the messages that it brought into scope are gone.
    fn scoped<T>(&mut self, run: impl FnOnce(&mut Self) -> Expanded<T>) -> Expanded<T> {
        let count = self.messages.len();
        let result = run(self);
        self.messages.truncate(count);
        result
    }

    /// What is said of a value that is no command; of a function, with what its call can be made from.
    fn not_called(&self, value: &Value<'p>, span: Span, repair: Repair) -> Diagnostic {
        let error = self.not_a_command(value, span);
        if error.hint.as_deref() == Some(CALL_IT) {
            error.with_repair(repair)
        } else {
            error
        }
    }

    fn not_a_command(&self, value: &Value<'p>, span: Span) -> Diagnostic {
        let (what, hint) = match value {
            Value::Host(found) if Kind::of(*found) == Some(Kind::Ref) => (
                noun(self.stage, *found),
                "a ref only reads: give it to a command, for example `send(outbox, …)`",
            ),
            Value::Host(found)
                if matches!(
                    Kind::of(*found),
                    Some(Kind::Jump | Kind::Helper | Kind::Function)
                ) =>
            {
                (noun(self.stage, *found), CALL_IT)
            }
            Value::Host(found) => (noun(self.stage, *found), "return a command"),
            Value::Array(_) => (
                "an array".to_owned(),
                "spread it (`...items.map(…)`), or wrap it in `sequence([…])`",
            ),
            value if value.is_function() => ("a function".to_owned(), CALL_IT),
            value if value.is_nullish() || matches!(value, Value::Boolean(_)) => {
                (value_text(value), "write `noop()` for nothing")
            }
            value => (value_text(value), "return a command"),
        };
        Diagnostic::error(
            codes::NOT_A_COMMAND,
            span,
            format!("a command was expected, got {what}"),
        )
        .with_hint(hint)
    }
}

fn is_command<'p>(value: &Value<'p>) -> bool {
    matches!(value, Value::Host(found) if Kind::of(*found) == Some(Kind::Command))
}

fn value_text<'p>(value: &Value<'p>) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        value => match value.as_data() {
            Some(data) => crate::run::describe(&data),
            None => "another value".to_owned(),
        },
    }
}

/// A ref to a handle.
fn handle_value<'p>(stage: &Stage<'_, 'p>, spec: RefSpec) -> Value<'p> {
    stage.tables.borrow_mut().reference(spec)
}
