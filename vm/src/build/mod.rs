//! The build stage: evaluates a module once and makes a program of its workers.
//!
//! The compiler comes before it, lowering and the program after it. Everything that a script does wrong
//! with commands, refs and handles is refused here, with the place and the rewrite.

mod arguments;
mod collected;
mod commands;
mod errors;
mod examples;
mod expand;
mod later;
mod names;
mod places;
mod refusals;
mod stage;
mod tables;
mod workers;

use std::collections::BTreeMap;

use crate::codes;
use crate::compile::{Module, compile_graph};
use crate::data::Data;
use crate::diagnostic::{Diagnostic, Severity};
use crate::fixes;
use crate::freeze::Purpose;
use crate::limits::{BuildLimit, BuildLimits, Limits};
use crate::lints::{self, ignores};
use crate::lower::{LowerError, lower};
use crate::machine::Machine;
use crate::memory::Memory;
use crate::modules::{Files, Graph, Rejected, named};
use crate::program::{Content, Program, ProgramError, WorkerDefinition};
use crate::source::{Source, Sources, Span};
use crate::tree::{Command, CommandKind, FunctionId};
use crate::value::Value;
use collected::Collected;
use expand::Expander;
pub(crate) use names::HELPERS;
pub(crate) use refusals::parameter_for;
use stage::Stage;
use tables::WorkerSpec;
pub(crate) use workers::NO_WORKER;

/// A program and what could be better in its source.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The program.
    pub program: Program,
    /// Lints, in the order of the files.
    pub lints: Vec<Diagnostic>,
    /// The files of the program under the paths that they were read from.
    pub sources: Sources,
}

/// Compiles one file that imports no other: parses it, evaluates it, and makes a program of its workers. Errors
/// are in the order of the source; nothing of the module runs as a worker.
pub fn compile(source: &Source, limits: &BuildLimits) -> Result<Compiled, Vec<Diagnostic>> {
    let alone = BTreeMap::from([(source.name.clone(), source.text.clone())]);
    let made = compile_files(&source.name, &alone, limits);
    made.map_err(|rejected| rejected.diagnostics)
}

/// Compiles a file and what it imports to one program. Its workers are those that the entry exports. Files are
/// named by their paths from the folder that all of them lie in.
///
/// # Errors
/// What is wrong, in the order of the files, with the files that it is wrong in.
pub fn compile_files(
    entry: &str,
    files: &dyn Files,
    limits: &BuildLimits,
) -> Result<Compiled, Box<Rejected>> {
    let (graph, refused) = Graph::load(entry, files, limits)?;
    build(&graph, refused, limits).map_err(|mut diagnostics| {
        fixes::attach(&mut diagnostics, &graph.sources);
        Box::new(Rejected {
            sources: graph.sources.clone(),
            diagnostics,
        })
    })
}

fn build(
    graph: &Graph,
    refused: Vec<Diagnostic>,
    limits: &BuildLimits,
) -> Result<Compiled, Vec<Diagnostic>> {
    let module = compile_graph(graph, refused, &names::Language, limits)?;
    let memory = Memory::default();
    let stage = Stage::new(&module.code.sources);
    let (workers, cells) = evaluate(&module, &stage, limits, &memory).map_err(Collected::sorted)?;
    let mut lints = stage.lints.take();
    lints.extend(unused_commands(&stage.tables.borrow()));
    lints.extend(module.lints);
    lints = ignores::apply(lints, &module.ignores, &module.code.sources);
    lints.sort_by_key(|lint| lint.span);
    lints.dedup();
    fixes::attach(&mut lints, &module.code.sources);
    let own: Vec<&str> = workers.iter().map(|worker| worker.name.as_str()).collect();
    let names_used = module.names_used.iter().map(|(name, _)| name.clone());
    let names_used = names_used
        .filter(|name| !own.contains(&name.as_str()))
        .collect();
    let mut code = module.code;
    code.cells = cells;
    let sources = code.sources.clone();
    code.sources = named(code.sources);
    let everything = Span::new(
        0,
        code.sources
            .iter()
            .next()
            .map_or(0, |entry| entry.text.len()) as u32,
    );
    let program_limits = Limits {
        program_bytes: limits.program_bytes,
        ..Limits::default()
    };
    let program = Program::new(
        Content {
            code,
            workers,
            names_used,
        },
        &program_limits,
    );
    let program = program.map_err(|error| vec![refused_program(error, everything, limits)])?;
    Ok(Compiled {
        program,
        lints,
        sources,
    })
}

type Evaluated = Result<(Vec<WorkerDefinition>, Vec<Data>), Collected>;

/// Runs the module, then the factories of its workers, then freezes what their functions captured.
/// An error does not hide those that have nothing to do with it.
fn evaluate<'p>(
    module: &'p Module,
    stage: &'p Stage<'_, 'p>,
    limits: &'p BuildLimits,
    memory: &'p Memory,
) -> Evaluated {
    let mut machine = Machine::new(&module.code, stage, &limits.run, memory);
    let expanded = expand_all(&mut machine, module, stage, limits);
    let (specs, trees) = expanded.map_err(|last| stage.errors.take().and(*last))?;
    let mut errors = stage.errors.take();
    if errors.is_empty() {
        let found = lint_trees(&machine, stage, &specs, &trees);
        let is_lint = |found: &Diagnostic| found.severity == Severity::Warning;
        let (lints, wrong): (Vec<_>, Vec<_>) = found.into_iter().partition(is_lint);
        stage.lints.borrow_mut().extend(lints);
        wrong.into_iter().for_each(|error| errors.add(error));
    }
    let functions = freeze_functions(&mut machine, stage, &mut errors);
    // Trees name functions by their places: without all of them there is nothing to define.
    if !errors.is_empty() {
        return Err(errors);
    }
    let mut workers = Vec::with_capacity(specs.len());
    for (spec, tree) in specs.into_iter().zip(&trees) {
        match define(stage, spec, tree, &functions) {
            Ok(worker) => workers.push(worker),
            Err(error) => errors.add(*error),
        }
    }
    if errors.is_empty() {
        Ok((workers, machine.take_cells()))
    } else {
        Err(errors)
    }
}

/// The text of a function of the script.
fn function_span<'p>(machine: &Machine<'p>, function: &Value<'p>) -> Option<Span> {
    let index = match function {
        Value::Closure(id) => machine.heap.closure(*id).function(),
        Value::Frozen(Data::Function(function)) => function.function,
        _ => return None,
    };
    Some(machine.code.function(index).span)
}

/// Lints over what all workers do.
fn lint_trees<'p>(
    machine: &Machine<'p>,
    stage: &Stage<'_, 'p>,
    specs: &[WorkerSpec<'p>],
    trees: &[Command],
) -> Vec<Diagnostic> {
    let tables = stage.tables.borrow();
    let functions = tables.functions.iter();
    let functions = functions.map(|function| function_span(machine, &function.value));
    let workers = specs.iter().zip(trees).map(|(spec, tree)| lints::Worker {
        name: &spec.name,
        options: &spec.options,
        keyed: spec.key.is_some(),
        tree,
    });
    lints::check(&lints::Trees {
        workers: workers.collect(),
        functions: functions.collect(),
        sources: stage.sources,
    })
}

type Trees<'p> = (Vec<WorkerSpec<'p>>, Vec<Command>);

/// The workers of a module with their trees.
fn expand_all<'p>(
    machine: &mut Machine<'p>,
    module: &Module,
    stage: &Stage<'_, 'p>,
    limits: &BuildLimits,
) -> Result<Trees<'p>, Box<Diagnostic>> {
    let exports = workers::evaluate_module(machine, module)?;
    workers::name_workers(stage, module, &exports)?;
    stage.sealed.set(true);
    let specs = stage.tables.borrow().workers.clone();
    let mut expander = Expander::new(stage, machine, limits);
    let mut trees = Vec::with_capacity(specs.len());
    for spec in &specs {
        if let Some(function) = spec.computes {
            let kind = CommandKind::React { function };
            let span = spec.span;
            trees.push(Command { kind, span });
            continue;
        }
        let arguments = workers::factory_arguments(&mut expander)?;
        trees.push(expander.worker(&spec.factory, &arguments, spec.span)?);
    }
    Ok((specs, trees))
}

/// Makes data of the functions of the run stage, with the last values of what they captured.
fn freeze_functions<'p>(
    machine: &mut Machine<'p>,
    stage: &Stage<'_, 'p>,
    errors: &mut Collected,
) -> Vec<Data> {
    let (kept, reactive): (Vec<(Value<'p>, Span)>, Vec<FunctionId>) = {
        let tables = stage.tables.borrow();
        let functions = tables.functions.iter();
        let kept = functions.map(|function| (function.value, function.span));
        let reactive = tables.workers.iter().filter_map(|worker| worker.computes);
        (kept.collect(), reactive.collect())
    };
    let mut frozen = Vec::with_capacity(kept.len());
    for (at, (value, span)) in kept.into_iter().enumerate() {
        let reactive = reactive.contains(&FunctionId(at as u32));
        match freeze_function(machine, &value, span, reactive) {
            Ok(function) => frozen.push(function),
            Err(error) => {
                let is_last = collected::ends(&error);
                errors.add(*error);
                if is_last {
                    break;
                }
            }
        }
    }
    frozen
}

fn freeze_function<'p>(
    machine: &mut Machine<'p>,
    value: &Value<'p>,
    span: Span,
    reactive: bool,
) -> Result<Data, Box<Diagnostic>> {
    later::check(machine, value, reactive)?;
    machine.freeze(value, Purpose::Capture).map_err(|trap| {
        let mut diagnostic = errors::diagnostic(machine, trap);
        if diagnostic.span == Span::default() {
            diagnostic.span = span;
        }
        Box::new(diagnostic)
    })
}

fn define<'p>(
    stage: &Stage<'_, 'p>,
    spec: WorkerSpec,
    tree: &Command,
    functions: &[Data],
) -> Result<WorkerDefinition, Box<Diagnostic>> {
    let code =
        lower(tree, functions, spec.span).map_err(|error| Box::new(refused_tree(stage, &error)))?;
    let mut options = spec.options;
    options.key = spec
        .key
        .and_then(|key| functions.get(key.0 as usize).cloned());
    Ok(WorkerDefinition {
        name: spec.name,
        options,
        exported: spec.exported,
        span: spec.span,
        code,
        layout: crate::control::code::Layout::default(),
    })
}

fn refused_tree<'p>(stage: &Stage<'_, 'p>, error: &LowerError) -> Diagnostic {
    let (span, what) = match error {
        LowerError::HandleOutside { span, .. } => (
            *span,
            "a handle is used outside the block that it belongs to",
        ),
        LowerError::LabelOutside { span, .. } => (
            *span,
            "this leaves or repeats a sequence or loop that does not enclose it",
        ),
        LowerError::SagaOutside { span } => {
            let what = "`compensate` records an undo, and no saga is around it";
            return Diagnostic::error(codes::OUTSIDE_BLOCK, *span, what)
                .with_hint("put it into a `saga`; in an undo, into a saga of its own");
        }
        LowerError::LeavesUndo { span } => {
            let what = "an undo cannot leave or repeat what is around it";
            return Diagnostic::error(codes::OUTSIDE_BLOCK, *span, what).with_hint(
                "it runs when its saga fails: end the undo itself, with a sequence of its own",
            );
        }
    };
    let hint = if stage.text(span).is_empty() {
        "move the command into the block"
    } else {
        "move the command into the function that receives the handle or the loop"
    };
    Diagnostic::error(codes::OUTSIDE_BLOCK, span, what).with_hint(hint)
}

fn refused_program(error: ProgramError, everything: Span, limits: &BuildLimits) -> Diagnostic {
    let message = match error {
        ProgramError::TooLarge(_) => BuildLimit::ProgramBytes.message(limits),
        other => other.to_string(),
    };
    Diagnostic::error(codes::LIMIT_PROGRAM, everything, message)
}

/// Commands that no tree contains: they never run.
fn unused_commands<'p>(tables: &tables::Tables<'p>) -> Vec<Diagnostic> {
    let mut spans: Vec<(Span, bool)> = tables
        .commands
        .iter()
        .map(|command| (command.span, command.used))
        .collect();
    spans.sort_unstable();
    let mut unused = Vec::new();
    for group in spans.chunk_by(|left, right| left.0 == right.0) {
        if group.iter().all(|(_, used)| !used) {
            let lint = Diagnostic::lint(
                codes::COMMAND_UNUSED,
                group[0].0,
                "this command is made and never used",
            )
            .with_hint("return it, or put it into a sequence");
            unused.push(lint);
        }
    }
    unused
}
