//! Walks trees of commands.

use crate::tree::{Command, CommandKind, Continuation, Operand, Timeout};

/// The commands directly inside another.
pub(super) fn children(command: &Command) -> Vec<&Command> {
    match &command.kind {
        CommandKind::Sequence { body, .. } => body.iter().collect(),
        CommandKind::WaitFor(wait) => after_wait(&wait.then, wait.timeout.as_ref()),
        CommandKind::Call(call) => after_wait(&call.then, call.timeout.as_ref()),
        CommandKind::WaitForValue(wait) => after_wait(&wait.then, wait.timeout.as_ref()),
        CommandKind::When(when) => vec![&*when.matched.command, &*when.otherwise.command],
        CommandKind::WhenState {
            then, otherwise, ..
        } => vec![&**then, &**otherwise],
        CommandKind::WithState { body, .. }
        | CommandKind::While { body, .. }
        | CommandKind::ForEach { body, .. }
        | CommandKind::Saga { body, .. } => vec![&**body],
        CommandKind::Attempt(attempt) => {
            let otherwise = attempt
                .otherwise
                .iter()
                .map(|otherwise| &*otherwise.command);
            std::iter::once(&*attempt.body).chain(otherwise).collect()
        }
        CommandKind::Parallel { branches, .. } => branches.iter().collect(),
        CommandKind::Compensate { body, undo } => vec![&**body, &**undo],
        CommandKind::Spawn(spawn) => vec![&*spawn.then.command],
        _ => Vec::new(),
    }
}

/// What follows a wait: when it ends, and when its time is over.
fn after_wait<'c>(then: &'c Continuation, timeout: Option<&'c Timeout>) -> Vec<&'c Command> {
    let otherwise = timeout.and_then(|time| time.otherwise.as_deref());
    std::iter::once(&*then.command).chain(otherwise).collect()
}

/// A command and all inside it.
pub(super) fn all(command: &Command) -> Vec<&Command> {
    let mut found = vec![command];
    let mut at = 0;
    while let Some(next) = found.get(at).copied() {
        found.extend(children(next));
        at += 1;
    }
    found
}

/// Whether a command ends the worker that runs it.
pub(super) fn ends_run(command: &Command) -> bool {
    match &command.kind {
        CommandKind::Complete { .. } | CommandKind::Fail { .. } => true,
        CommandKind::Kill { target } => matches!(target, Operand::Myself),
        _ => false,
    }
}
