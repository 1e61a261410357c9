//! The workers of a module: evaluating it, naming them, what their factories are given.
//!
//! A worker is named after its export; a default export, or the one `act` statement of a file without
//! exports, after the file. One that is not exported gets a name that no script can address.

use std::collections::BTreeSet;

use super::commands::HELPERS;
use super::errors::diagnostic;
use super::expand::Expander;
use super::stage::Stage;
use super::tables::{Kind, PlaceSpec, RefSpec, WorkerSpec, host};
use crate::bytecode::FunctionIndex;
use crate::codes;
use crate::compile::{ExportKind, Module};
use crate::data::{Data, PropertyTable};
use crate::diagnostic::Diagnostic;
use crate::machine::Machine;
use crate::source::{Lookup, Source, Span};
use crate::text::Text;
use crate::value::Value;

/// Runs the module; gives the values of its exports.
pub(super) fn evaluate_module<'p>(
    machine: &mut Machine<'p>,
    module: &Module,
) -> Result<Vec<Value<'p>>, Box<Diagnostic>> {
    let function = Data::function(FunctionIndex(0), Vec::new()).unwrap_or_default();
    let function = machine.value(function);
    let exports = machine.call(&function, &[]);
    let exports = exports.map_err(|trap| Box::new(diagnostic(machine, trap)))?;
    match exports {
        Value::Array(id) if machine.heap.array(id).len() == module.exports.len() => {
            Ok(machine.heap.array(id).to_vec())
        }
        _ => Err(Box::new(Diagnostic::error(
            codes::NO_WORKERS,
            Span::default(),
            "the module returned no exports",
        ))),
    }
}

/// Gives every worker its name.
pub(super) fn name_workers<'p>(
    stage: &Stage<'_, 'p>,
    module: &Module,
    exports: &[Value<'p>],
) -> Result<(), Box<Diagnostic>> {
    let mut tables = stage.tables.borrow_mut();
    let entry = stage.sources.iter().next();
    let stem = entry.map_or_else(String::new, |entry| entry.stem().to_owned());
    for (export, value) in module.exports.iter().zip(exports) {
        let Value::Host(found) = value else { continue };
        if Kind::of(*found) != Some(Kind::Worker) {
            continue;
        }
        let name = match &export.kind {
            ExportKind::Named(name) => name.clone(),
            ExportKind::Default | ExportKind::Statement => stem.clone(),
        };
        check_name(&name, export.span)?;
        if tables.workers.iter().any(|worker| worker.name == name) {
            let message = format!("two workers have the name `{name}`");
            return Err(Box::new(Diagnostic::error(
                codes::WORKER_NAME,
                export.span,
                message,
            )));
        }
        let Some(worker) = tables.workers.get_mut(found.index() as usize) else {
            continue;
        };
        if !worker.name.is_empty() {
            let message = format!(
                "the worker is exported as `{}` and as `{name}`",
                worker.name
            );
            let diagnostic = Diagnostic::error(codes::WORKER_NAME, export.span, message);
            return Err(Box::new(
                diagnostic.with_hint("give each name a worker of its own: call `act` twice"),
            ));
        }
        worker.name = name;
        worker.exported = true;
    }
    if !tables.workers.iter().any(|worker| worker.exported) {
        return Err(Box::new(no_workers(stage, &tables.workers)));
    }
    name_the_rest(stage, &mut tables.workers);
    Ok(())
}

/// Names workers that are not exported after their variable, or else after the file and a number.
fn name_the_rest<'p>(stage: &Stage<'_, 'p>, workers: &mut [WorkerSpec<'p>]) {
    let mut names: BTreeSet<String> = workers.iter().map(|worker| worker.name.clone()).collect();
    for (index, worker) in workers
        .iter_mut()
        .enumerate()
        .filter(|(_, worker)| !worker.exported)
    {
        let file = stage.sources.around(worker.span.start);
        let variable = file
            .and_then(|(source, base)| variable_before(source, worker.span.start - base))
            .filter(|name| !names.contains(*name));
        let stem = file.map_or("", |(source, _)| source.stem());
        let name = variable.map_or_else(|| format!("{stem}:{}", index + 1), str::to_owned);
        names.insert(name.clone());
        worker.name = name;
    }
}

/// The variable in `const NAME = act(…)`.
fn variable_before(source: &Source, offset: u32) -> Option<&str> {
    let before = source
        .text
        .get(..offset as usize)?
        .trim_end()
        .strip_suffix('=')?
        .trim_end();
    let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
    let start = before
        .rfind(|character| !is_part(character))
        .map_or(0, |at| at + 1);
    let name = before.get(start..)?;
    (!name.is_empty() && name.len() <= 100).then_some(name)
}

/// What is said of a file that calls `act` nowhere, itself or by what it imports.
pub(crate) const NO_WORKER: &str = "the module has no worker";

fn no_workers<'p>(stage: &Stage<'_, 'p>, workers: &[WorkerSpec<'p>]) -> Diagnostic {
    let entry = stage.sources.iter().next();
    let everything = Span::new(0, entry.map_or(0, |entry| entry.text.len()) as u32);
    let span = workers.first().map_or(everything, |worker| worker.span);
    let message = match workers.len() {
        0 => NO_WORKER,
        _ => "the module exports no worker",
    };
    Diagnostic::error(codes::NO_WORKERS, span, message).with_hint(
        "export one: `export const Name = act((self, { complete, fail, outbox, config }) => …)`",
    )
}

fn check_name(name: &str, span: Span) -> Result<(), Box<Diagnostic>> {
    let valid =
        |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '$');
    if !name.is_empty() && name.len() <= 100 && name.chars().all(valid) {
        return Ok(());
    }
    let message = format!("`{name}` cannot be the name of a worker");
    let diagnostic = Diagnostic::error(codes::WORKER_NAME, span, message);
    Err(Box::new(diagnostic.with_hint(
        "use letters, digits, `_`, `-` and `$`, 100 bytes at most",
    )))
}

/// What `act` gives its factory: `self`, and the helpers.
pub(super) fn factory_arguments<'p>(
    expander: &mut Expander<'_, '_, 'p>,
) -> Result<[Value<'p>; 2], Box<Diagnostic>> {
    let (myself, outbox, config) = {
        let mut tables = expander.stage.tables.borrow_mut();
        (
            tables.place(PlaceSpec::Myself),
            tables.place(PlaceSpec::Outbox),
            tables.reference(RefSpec::Config),
        )
    };
    let mut helpers: PropertyTable<Value<'p>> = PropertyTable::default();
    for (index, name) in HELPERS.iter().enumerate() {
        helpers.insert(Text::from(*name), host(Kind::Helper, index));
    }
    helpers.insert(Text::from("outbox"), outbox);
    helpers.insert(Text::from("config"), config);
    let helpers = expander.machine.new_object(helpers);
    let helpers = helpers.map_err(|trap| Box::new(diagnostic(expander.machine, trap)))?;
    Ok([myself, helpers])
}
