//! Commands that are never reached: they stand in a sequence behind one that never goes on.

use std::collections::{BTreeMap, BTreeSet};

use super::Trees;
use super::walk::{all, children, ends_run};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::tree::{Command, CommandKind, Timeout};

pub(super) fn check(trees: &Trees<'_>) -> Vec<Diagnostic> {
    let mut found = Found::default();
    for worker in &trees.workers {
        found.visit(worker.tree);
    }
    let Found {
        reached,
        unreached,
        first,
    } = found;
    // A command value may be used more than once: it is said only where no use is reached.
    let never = first
        .into_iter()
        .filter(|(span, _)| unreached.contains(span) && !reached.contains(span));
    never.map(|(span, ender)| lint(span, ender)).collect()
}

fn lint(span: Span, ender: Span) -> Diagnostic {
    Diagnostic::lint(codes::UNREACHABLE, span, "this command is never reached")
        .with_related(ender, "nothing goes on behind this")
        .with_hint("put it before, or take it out")
}

#[derive(Default)]
struct Found {
    reached: BTreeSet<Span>,
    unreached: BTreeSet<Span>,
    /// The first command that is not reached, with the one that never goes on.
    first: BTreeMap<Span, Span>,
}

impl Found {
    fn visit(&mut self, command: &Command) {
        let mut open = vec![command];
        while let Some(command) = open.pop() {
            self.reached.insert(command.span);
            let CommandKind::Sequence { body, .. } = &command.kind else {
                open.extend(children(command));
                continue;
            };
            let last = body.iter().position(ends);
            let count = last.map_or(body.len(), |at| at + 1);
            open.extend(&body[..count]);
            let rest = &body[count..];
            if let (Some(at), Some(next)) = (last, rest.first()) {
                self.first.insert(next.span, body[at].span);
            }
            for skipped in rest.iter().flat_map(all) {
                self.unreached.insert(skipped.span);
            }
        }
    }
}

/// Whether nothing goes on behind a command: the run has ended, or it goes on elsewhere, or it never ends.
fn ends(command: &Command) -> bool {
    match &command.kind {
        CommandKind::Break { .. } | CommandKind::Continue { .. } => true,
        // A `done()` inside goes on behind it.
        CommandKind::Sequence { exit, body } => exit.is_none() && body.iter().any(ends),
        CommandKind::WaitFor(wait) => ends(&wait.then.command) && gives_up(wait.timeout.as_ref()),
        CommandKind::Call(call) => ends(&call.then.command) && gives_up(call.timeout.as_ref()),
        CommandKind::WaitForValue(wait) => {
            ends(&wait.then.command) && gives_up(wait.timeout.as_ref())
        }
        CommandKind::When(when) => ends(&when.matched.command) && ends(&when.otherwise.command),
        CommandKind::WhenState {
            then, otherwise, ..
        } => ends(then) && ends(otherwise),
        CommandKind::WithState { body, .. } | CommandKind::Saga { body, .. } => ends(body),
        CommandKind::While { label, body } => !all(body).iter().any(
            |inner| matches!(&inner.kind, CommandKind::Break { label: left } if left == label),
        ),
        CommandKind::Spawn(spawn) => ends(&spawn.then.command),
        _ => ends_run(command),
    }
}

/// Whether nothing goes on behind a wait whose time is over: without `otherwise` it fails.
fn gives_up(timeout: Option<&Timeout>) -> bool {
    let otherwise = timeout.and_then(|timeout| timeout.otherwise.as_deref());
    otherwise.is_none_or(ends)
}
