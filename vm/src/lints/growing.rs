//! State that only grows: a loop of a daemon adds to it, and nothing ever takes anything out.

use std::collections::BTreeMap;

use super::functions::{Change, changes};
use super::walk::children;
use super::{Trees, Worker};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::tree::{Command, CommandKind, Handle, Operand};

pub(super) fn check(trees: &Trees<'_>) -> Vec<Diagnostic> {
    let mut found: BTreeMap<Span, Diagnostic> = BTreeMap::new();
    // An ephemeral worker ends, and what it kept with it.
    for worker in trees.workers.iter().filter(|worker| worker.options.daemon) {
        for updates in updates(trees, worker).values() {
            for (span, part, change) in growing(updates) {
                found
                    .entry(span)
                    .or_insert_with(|| lint(span, &part, change));
            }
        }
    }
    found.into_values().collect()
}

fn lint(span: Span, part: &str, change: Change) -> Diagnostic {
    let what = match part {
        "" => "the state".to_owned(),
        part => format!("`{part}`"),
    };
    let how = match change {
        Change::AddsKey => "grows with every new key",
        _ => "grows with every round",
    };
    let hint = match change {
        Change::AddsKey => {
            "give the worker a `key`, so that each has a state of its own, or remove what is old"
        }
        _ => "keep the last ones (`.slice(-100)`) or a sum, or send them to where they are kept",
    };
    let message = format!("{what} {how}: this daemon never takes anything out");
    Diagnostic::lint(codes::GROWING_STATE, span, message)
        .with_note("state is in memory and in every snapshot, and has a limit (`state_bytes`)")
        .with_hint(hint)
}

/// One update of a state: what it does to its parts, unknown where it cannot be read.
struct Update {
    span: Span,
    in_loop: bool,
    changes: Option<Vec<(String, Change)>>,
}

fn updates(trees: &Trees<'_>, worker: &Worker<'_>) -> BTreeMap<Handle, Vec<Update>> {
    let mut updates: BTreeMap<Handle, Vec<Update>> = BTreeMap::new();
    // For each command the states that are open around the innermost loop.
    let mut open: Vec<(&Command, Vec<Handle>, Vec<Handle>)> =
        vec![(worker.tree, Vec::new(), Vec::new())];
    while let Some((command, states, looped)) = open.pop() {
        let (mut states, mut looped) = (states, looped);
        match &command.kind {
            CommandKind::WithState { handle, .. } => states.push(*handle),
            CommandKind::While { .. } => looped.clone_from(&states),
            CommandKind::ModifyState {
                handle,
                updater,
                message,
            } => updates.entry(*handle).or_default().push(Update {
                span: command.span,
                in_loop: looped.contains(handle),
                changes: changes_of(trees, updater, message.is_some()),
            }),
            _ => {}
        }
        for child in children(command) {
            open.push((child, states.clone(), looped.clone()));
        }
    }
    updates
}

fn changes_of(
    trees: &Trees<'_>,
    updater: &Operand,
    two_steps: bool,
) -> Option<Vec<(String, Change)>> {
    match updater {
        Operand::Function(function) => changes(trees.text(*function)?, usize::from(two_steps)),
        Operand::Compute { combiner, .. } => changes(trees.text(*combiner)?, 1),
        Operand::Read { selector, .. } => changes(trees.text(*selector)?, 1),
        _ => None,
    }
}

/// The updates in a loop that add to a part which nothing else changes otherwise.
fn growing(updates: &[Update]) -> Vec<(Span, String, Change)> {
    let mut all: Vec<(&Update, &String, Change)> = Vec::new();
    for update in updates {
        let Some(changes) = &update.changes else {
            return Vec::new();
        };
        all.extend(changes.iter().map(|(part, change)| (update, part, *change)));
    }
    let only_grows = |part: &str| {
        all.iter().all(|(_, other, change)| {
            // An update of the whole state that is known only adds keys to it.
            let touches = other.as_str() == part || part.is_empty();
            !touches || *change != Change::Sets
        })
    };
    all.iter()
        .filter(|(update, part, change)| {
            update.in_loop && *change != Change::Sets && only_grows(part)
        })
        .map(|(update, part, change)| (update.span, (*part).clone(), *change))
        .collect()
}
