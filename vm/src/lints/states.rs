//! Names of states that a worker of the program does not have: `stateOf(worker("Account", id), "balanse")`.
//!
//! Guarantees: a worker that another program has, and a name that is computed, are silent.

use std::collections::{BTreeMap, BTreeSet};

use oxc_ast::AstKind;
use oxc_ast::ast::{Argument, Expression};

use super::Trees;
use super::walk::all;
use crate::codes;
use crate::compile::closest;
use crate::diagnostic::Diagnostic;
use crate::parsed;
use crate::source::Span;
use crate::tree::CommandKind;

/// The names of the states of each worker.
type Names<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

pub(super) fn check(trees: &Trees<'_>) -> Vec<Diagnostic> {
    let names = names(trees);
    let mut found = Vec::new();
    for at in 0..trees.sources.len() {
        let Some((source, base)) = trees.sources.file(at) else {
            continue;
        };
        if !source.text.contains("stateOf") {
            continue;
        }
        parsed::with_file(source, |file| {
            for node in file.semantic.nodes().iter() {
                if let Some((worker, state, span)) = read(node.kind()) {
                    found.extend(lint(&names, worker, state, span.shifted(base)));
                }
            }
        });
    }
    found
}

fn names<'a>(trees: &Trees<'a>) -> Names<'a> {
    let workers = trees
        .workers
        .iter()
        .filter(|worker| !worker.options.reactive);
    workers
        .map(|worker| {
            let commands = all(worker.tree).into_iter();
            let states = commands.filter_map(|command| match &command.kind {
                CommandKind::WithState { name, .. } => name.as_deref(),
                _ => None,
            });
            (worker.name, states.collect())
        })
        .collect()
}

fn lint(names: &Names<'_>, worker: &str, state: &str, span: Span) -> Option<Diagnostic> {
    let states = names.get(worker)?;
    if states.contains(state) {
        return None;
    }
    let what = format!("`{worker}` has no state with the name \"{state}\"");
    let lint = Diagnostic::lint(codes::UNKNOWN_STATE, span, what);
    let listed: Vec<String> = states.iter().map(|name| format!("\"{name}\"")).collect();
    Some(match closest(state, states.iter().copied()) {
        Some(guess) => lint.with_hint(format!("did you mean \"{guess}\"?")),
        None if states.is_empty() => lint.with_hint(format!(
            "name it there: `withState(() => …, h => …, {{ as: \"{state}\" }})`"
        )),
        None => lint.with_hint(format!("its states are {}", listed.join(", "))),
    })
}

/// The worker and the state that a call of `stateOf` names, and where the state is named.
fn read<'a>(kind: AstKind<'a>) -> Option<(&'a str, &'a str, Span)> {
    let AstKind::CallExpression(call) = kind else {
        return None;
    };
    let is_source = matches!(&call.callee, Expression::Identifier(name) if name.name == "stateOf");
    match (is_source, &call.arguments[..]) {
        (true, [of, Argument::StringLiteral(state)]) => {
            let worker = named(of.as_expression()?)?;
            Some((worker, state.value.as_str(), state.span.into()))
        }
        _ => None,
    }
}

/// The name in `worker("Name", …)` or `Name`.
fn named<'a>(of: &'a Expression<'a>) -> Option<&'a str> {
    match of {
        Expression::Identifier(name) => Some(name.name.as_str()),
        Expression::CallExpression(call) => match (&call.callee, call.arguments.first()?) {
            (Expression::Identifier(callee), Argument::StringLiteral(name))
                if callee.name == "worker" =>
            {
                Some(name.value.as_str())
            }
            _ => None,
        },
        _ => None,
    }
}
