//! Messages that nobody takes: a literal type that no predicate of the worker it goes to lets through.

use std::collections::BTreeMap;

use super::functions::{Types, types_taken};
use super::walk::{all, children};
use super::{Trees, Worker};
use crate::codes;
use crate::compile::closest;
use crate::data::Data;
use crate::diagnostic::Diagnostic;
use crate::source::Span;
use crate::text::Text;
use crate::tree::{Command, CommandKind, Handle, Operand};

pub(super) fn check(trees: &Trees<'_>) -> Vec<Diagnostic> {
    let taken: Vec<Option<Types>> = trees
        .workers
        .iter()
        .map(|worker| taken(trees, worker))
        .collect();
    let mut uses: BTreeMap<(Span, String), Vec<Option<usize>>> = BTreeMap::new();
    for (own, worker) in trees.workers.iter().enumerate() {
        let commands = all(worker.tree);
        let children = spawned(&commands);
        for command in commands {
            let (target, message) = match &command.kind {
                CommandKind::Send { target, message } => (target, message),
                CommandKind::Call(call) => (&call.target, &call.message),
                _ => continue,
            };
            if let Some(kind) = type_of(message) {
                let at = target_of(trees, own, &children, target);
                let lost = at.filter(|at| {
                    let types = taken.get(*at).and_then(Option::as_ref);
                    types.is_some_and(|types| !types.contains(&kind))
                });
                uses.entry((command.span, kind)).or_default().push(lost);
            }
        }
    }
    // A command value may be used more than once: it is said only where no use is taken.
    let lost = uses.into_iter().filter_map(|((span, kind), targets)| {
        let targets: Option<Vec<usize>> = targets.into_iter().collect();
        let first = *targets?.first()?;
        Some(lint(
            span,
            &kind,
            trees.workers[first].name,
            taken[first].as_ref()?,
        ))
    });
    lost.collect()
}

fn lint(span: Span, kind: &str, worker: &str, types: &Types) -> Diagnostic {
    let listed: Vec<String> = types.iter().map(|kind| format!("\"{kind}\"")).collect();
    let message = format!("`{worker}` takes no message of type \"{kind}\"");
    let diagnostic = Diagnostic::lint(codes::NEVER_TAKEN, span, message)
        .with_note(format!("it waits for {}", listed.join(", ")));
    let hint = closest(kind, types.iter().map(String::as_str)).map_or_else(
        || "send what it waits for, or let it wait for this".to_owned(),
        |guess| format!("did you mean \"{guess}\"?"),
    );
    diagnostic.with_hint(hint)
}

/// The types that a worker waits for anywhere; nothing where it may take others, or where any message is of use
/// to it because it starts a run.
fn taken(trees: &Trees<'_>, worker: &Worker<'_>) -> Option<Types> {
    let mut types = Types::new();
    let mut waits = 0;
    for command in all(worker.tree) {
        match &command.kind {
            CommandKind::WaitFor(wait) => {
                let Operand::Function(predicate) = &wait.predicate else {
                    return None;
                };
                types.extend(types_taken(trees.text(*predicate)?)?);
                waits += 1;
            }
            // It takes any message.
            CommandKind::When(_) => return None,
            // Its end is a message, too.
            CommandKind::Spawn(spawn) if spawn.watch => {
                types.insert("exit".to_owned());
            }
            _ => {}
        }
    }
    let is_started = worker.options.daemon && !worker.keyed;
    (waits > 0 && (is_started || begins_with_wait(worker.tree))).then_some(types)
}

/// Whether a run does nothing before it has taken a message.
fn begins_with_wait(command: &Command) -> bool {
    match &command.kind {
        CommandKind::WaitFor(_) => true,
        CommandKind::Sequence { .. }
        | CommandKind::WithState { .. }
        | CommandKind::While { .. }
        | CommandKind::Attempt(_)
        | CommandKind::Saga { .. } => children(command)
            .first()
            .is_some_and(|first| begins_with_wait(first)),
        _ => false,
    }
}

/// The workers of the children that handles stand for.
fn spawned(commands: &[&Command]) -> BTreeMap<Handle, usize> {
    let spawns = commands.iter().filter_map(|command| match &command.kind {
        CommandKind::Spawn(spawn) => Some((spawn.then.handle, spawn.worker.0 as usize)),
        _ => None,
    });
    spawns.collect()
}

/// The worker of the program that a target is.
fn target_of(
    trees: &Trees<'_>,
    own: usize,
    children: &BTreeMap<Handle, usize>,
    target: &Operand,
) -> Option<usize> {
    let named = |name: &str| trees.workers.iter().position(|worker| worker.name == name);
    match target {
        Operand::Value(Data::Address(address)) => named(&address.name),
        Operand::Keyed { name, .. } => named(name),
        Operand::Myself => Some(own),
        Operand::Child(handle) => children.get(handle).copied(),
        _ => None,
    }
}

/// The literal type of a message.
fn type_of(message: &Operand) -> Option<String> {
    let name = Text::from("type");
    let text = |data: &Data| match data {
        Data::Text(text) => Some(text.to_string()),
        _ => None,
    };
    match message {
        Operand::Value(Data::Object(object)) => text(object.properties().get(&name)?),
        Operand::Object(pairs) => {
            let (_, value) = pairs.iter().rev().find(|(key, _)| *key == name)?;
            match value {
                Operand::Value(data) => text(data),
                _ => None,
            }
        }
        _ => None,
    }
}
