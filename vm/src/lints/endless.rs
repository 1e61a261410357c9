//! Loops that go round without ever waiting: the turn would end at a limit.

use std::collections::BTreeSet;

use super::Trees;
use super::walk::{all, ends_run};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::tree::{Command, CommandKind, Label};

pub(super) fn check(trees: &Trees<'_>) -> Vec<Diagnostic> {
    let mut spans: BTreeSet<Span> = BTreeSet::new();
    for command in trees.workers.iter().flat_map(|worker| all(worker.tree)) {
        if let CommandKind::While { label, body } = &command.kind
            && !can_leave(*label, body)
            && spins(body)
        {
            spans.insert(command.span);
        }
    }
    spans.into_iter().map(lint).collect()
}

fn lint(span: Span) -> Diagnostic {
    Diagnostic::lint(
        codes::ENDLESS_TURN,
        span,
        "this loop can go round for ever without waiting, until a limit ends the turn",
    )
    .with_hint(
        "wait in every round (`waitFor`, `when`, `delay`, `call`), or leave it with `loop.break()`",
    )
}

/// Whether something inside a loop leads out of it.
fn can_leave(label: Label, body: &Command) -> bool {
    let inside = all(body);
    let own: Vec<Label> = inside
        .iter()
        .filter_map(|command| target(command))
        .collect();
    inside.iter().any(|command| match &command.kind {
        CommandKind::Break { label: left } => *left == label || !own.contains(left),
        CommandKind::Continue { label: again } => *again != label && !own.contains(again),
        _ => ends_run(command),
    })
}

/// The label that a sequence or loop has.
fn target(command: &Command) -> Option<Label> {
    match &command.kind {
        CommandKind::While { label, .. } => Some(*label),
        CommandKind::Sequence { exit, .. } => *exit,
        _ => None,
    }
}

/// Whether a loop that nothing leaves surely goes round for ever, once it has come to where it does not wait.
fn spins(body: &Command) -> bool {
    let inside = all(body);
    if !inside.iter().any(|command| waits(command)) {
        return true;
    }
    // A condition that nothing in the loop changes stays as it is.
    let changes = |command: &&Command| matches!(command.kind, CommandKind::ModifyState { .. });
    passes(body) && !inside.iter().any(changes)
}

fn waits(command: &Command) -> bool {
    matches!(
        command.kind,
        CommandKind::WaitFor(_)
            | CommandKind::When(_)
            | CommandKind::Call(_)
            | CommandKind::WaitForValue(_)
            | CommandKind::Delay { .. }
    )
}

/// Whether a command can end without having waited.
fn passes(command: &Command) -> bool {
    match &command.kind {
        CommandKind::Sequence { exit, body } => exit.is_none() && body.iter().all(passes),
        CommandKind::WhenState {
            then, otherwise, ..
        } => passes(then) || passes(otherwise),
        CommandKind::WithState { body, .. }
        | CommandKind::Saga { body, .. }
        | CommandKind::Compensate { body, .. } => passes(body),
        CommandKind::Spawn(spawn) => passes(&spawn.then.command),
        CommandKind::Noop
        | CommandKind::Send { .. }
        | CommandKind::Reply { .. }
        | CommandKind::Kill { .. }
        | CommandKind::ModifyState { .. } => true,
        // What else there is may wait, or leave: nothing is said then.
        _ => false,
    }
}
