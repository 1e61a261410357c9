//! The functions that commands were given: what each is for, and which of its arguments are frozen.
//!
//! Before: trees. After: the lints that look into functions. Guarantees: a function that is named twice for the same is
//! there once.

use std::collections::BTreeSet;

use super::Trees;
use super::walk::all;
use crate::source::Span;
use crate::tree::{Command, CommandKind, FunctionId, Operand};

/// What a function is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// It says whether a message or value matches.
    Predicate,
    /// It makes the next state of the last.
    Updater,
    /// It makes the first state.
    Initialiser,
    /// It reads states, messages or other refs.
    Reader,
    /// It computes a reactive function.
    Reactive,
}

/// A function with its role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Given {
    /// Its text.
    pub(super) text: Span,
    pub(super) role: Role,
    /// Whether the function of that role is what this one returns.
    pub(super) returned: bool,
    /// Which of the arguments of this one are frozen.
    pub(super) frozen: Vec<bool>,
    /// The command.
    pub(super) command: Span,
}

/// All functions of all commands.
pub(super) fn functions(trees: &Trees<'_>) -> BTreeSet<Given> {
    let mut found = BTreeSet::new();
    for command in trees.workers.iter().flat_map(|worker| all(worker.tree)) {
        let mut add = |function: FunctionId, role, returned, frozen| {
            let text = trees.functions.get(function.0 as usize).copied().flatten();
            found.extend(text.map(|text| Given {
                text,
                role,
                returned,
                frozen,
                command: command.span,
            }));
        };
        if let CommandKind::React { function } = command.kind {
            // `get` is a function; what follows are values.
            add(function, Role::Reactive, false, vec![false]);
        }
        for (operand, role) in operands(command) {
            match (operand, role) {
                (Operand::Function(function), Some(role)) => {
                    let takes_state = role != Role::Initialiser;
                    add(*function, role, false, vec![takes_state]);
                }
                (
                    Operand::Read {
                        selector: function, ..
                    }
                    | Operand::Compute {
                        combiner: function, ..
                    },
                    Some(role),
                ) => add(*function, role, true, Vec::new()),
                _ => {}
            }
            for (function, frozen) in readers(operand) {
                add(function, Role::Reader, false, frozen);
            }
        }
    }
    found
}

/// What a command is given, with the role of a function in its place.
fn operands(command: &Command) -> Vec<(&Operand, Option<Role>)> {
    let value = |operand| (operand, None);
    match &command.kind {
        CommandKind::Send { target, message } => vec![value(target), value(message)],
        CommandKind::Call(call) => vec![value(&call.target), value(&call.message)],
        CommandKind::Reply { message, .. } => vec![value(message)],
        CommandKind::WaitFor(wait) => vec![(&wait.predicate, Some(Role::Predicate))],
        CommandKind::WaitForValue(wait) => {
            vec![
                value(&wait.source),
                (&wait.predicate, Some(Role::Predicate)),
            ]
        }
        CommandKind::When(when) => vec![(&when.predicate, Some(Role::Predicate))],
        CommandKind::WhenState { condition, .. } => vec![value(condition)],
        CommandKind::WithState { initial, .. } => vec![(initial, Some(Role::Initialiser))],
        // The first step of an updater of two is given the message, the second the state.
        CommandKind::ModifyState { updater, .. } => vec![(updater, Some(Role::Updater))],
        CommandKind::ForEach { items, .. } => vec![value(items)],
        CommandKind::Spawn(spawn) => vec![value(&spawn.config)],
        CommandKind::Kill { target } => vec![value(target)],
        CommandKind::Delay { milliseconds } => vec![value(milliseconds)],
        CommandKind::Complete { result } => vec![value(result)],
        CommandKind::Fail { error } => vec![value(error)],
        _ => Vec::new(),
    }
}

/// The selectors and combiners of an operand at any depth. What another one computed may be new, and not frozen.
fn readers(operand: &Operand) -> Vec<(FunctionId, Vec<bool>)> {
    let mut found = Vec::new();
    let mut open = vec![operand];
    while let Some(operand) = open.pop() {
        match operand {
            Operand::Read { source, selector } => {
                found.push((*selector, vec![is_kept(source)]));
                open.push(source);
            }
            Operand::Compute { sources, combiner } => {
                found.push((*combiner, sources.iter().map(is_kept).collect()));
                open.extend(sources);
            }
            Operand::Array(items) => open.extend(items),
            Operand::Object(pairs) => open.extend(pairs.iter().map(|(_, value)| value)),
            Operand::Keyed { key, .. } => open.push(key),
            _ => {}
        }
    }
    found
}

fn is_kept(operand: &Operand) -> bool {
    matches!(operand, Operand::Handle(_) | Operand::Config)
}
