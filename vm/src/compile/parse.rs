//! Runs the parser and the scope analysis, and turns what they complain about into diagnostics.
//!
//! Before: `nesting`, which makes sure that the parser cannot overflow the stack. After: `modules`.
//! Guarantees: nothing is compiled from a text that has a syntax error; each error keeps its place.

use oxc_allocator::Allocator;
use oxc_diagnostics::OxcDiagnostic;
use oxc_parser::{ParseOptions, Parser};
use oxc_semantic::SemanticBuilder;
use oxc_span::SourceType;

use super::compiler::{Compiler, File};
use super::linked::Linked;
use super::refusals::Construct;
use super::variables::Variables;
use super::{Module, Names, nesting};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::limits::{BuildLimit, BuildLimits};
use crate::lints::ignores;
use crate::modules::Graph;
use crate::source::{Source, Span};

/// Compiles the files one behind the other; `refused` is what was wrong with their imports.
pub(super) fn compile(
    graph: &Graph,
    refused: Vec<Diagnostic>,
    names: &dyn Names,
    limits: &BuildLimits,
) -> Result<Module, Vec<Diagnostic>> {
    let mut linked = Linked::new(graph.sources.clone());
    for file in &graph.order {
        let Some((source, base)) = graph.sources.file(*file) else {
            continue;
        };
        let before = linked.mark();
        let file = File {
            index: *file,
            source,
            imports: &graph.imports[*file],
        };
        linked = compile_file(file, names, limits, linked);
        linked.shift(before, base);
    }
    refused
        .into_iter()
        .for_each(|diagnostic| linked.report(diagnostic));
    linked.finish()
}

fn compile_file(
    file: File<'_>,
    names: &dyn Names,
    limits: &BuildLimits,
    mut linked: Linked,
) -> Linked {
    let source = file.source;
    if let Err(errors) = check_nesting(source, limits) {
        return linked.without(file.index, errors);
    }
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, &source.text, source_type(source))
        .with_options(options())
        .parse();
    if parsed.diagnostics.has_errors() || parsed.panicked {
        let errors = parsed.diagnostics.errors();
        let mut errors: Vec<Diagnostic> =
            errors.map(|error| refusal(error, &source.text)).collect();
        if errors.is_empty() {
            errors.push(Diagnostic::error(
                codes::SYNTAX,
                Span::new(0, 0),
                "the text could not be parsed",
            ));
        }
        return linked.without(file.index, errors);
    }
    let builder = SemanticBuilder::new()
        .with_build_nodes(true)
        .with_check_syntax_error(true);
    let built = builder.with_enum_eval(true).build(&parsed.program);
    let errors = built.diagnostics.errors();
    let errors: Vec<Diagnostic> = errors.map(|error| refusal(error, &source.text)).collect();
    if !errors.is_empty() {
        return linked.without(file.index, errors);
    }
    let comments = parsed.program.comments.iter();
    let ignores = comments.map(|comment| Span::from(comment.span));
    let ignores = ignores.filter(|span| source.slice(*span).contains(ignores::WORD));
    linked.ignores.extend(ignores);
    let variables = Variables::new(&built.semantic);
    linked = Compiler::new(file, names, limits, &variables, linked).compile(&parsed.program);
    linked
}

/// How a file is parsed, by its name.
pub(crate) fn source_type(source: &Source) -> SourceType {
    if source.is_typescript() {
        SourceType::ts()
    } else {
        SourceType::mjs()
    }
}

pub(crate) fn options() -> ParseOptions {
    ParseOptions {
        preserve_parens: false,
        ..ParseOptions::default()
    }
}

/// Makes sure that the parser cannot overflow the stack.
pub(crate) fn check_nesting(source: &Source, limits: &BuildLimits) -> Result<(), Vec<Diagnostic>> {
    if source.text.len() > limits.source_bytes as usize {
        let message = BuildLimit::SourceBytes.message(limits);
        return Err(vec![Diagnostic::error(
            codes::LIMIT_PROGRAM,
            Span::new(0, 0),
            message,
        )]);
    }
    nesting::check(&source.text, limits).map_err(|diagnostic| vec![*diagnostic])
}

/// What is wrong with a script: a construct that we refuse wherever it stands, or what the parser says.
fn refusal(error: &OxcDiagnostic, text: &str) -> Diagnostic {
    let diagnostic = syntax_error(error, text);
    match Construct::of_message(&diagnostic.message) {
        Some(construct) => construct.diagnostic(diagnostic.span),
        None => diagnostic,
    }
}

/// What the parser says, in our words where ours help more.
pub(crate) fn syntax_error(error: &OxcDiagnostic, text: &str) -> Diagnostic {
    let inner = error.clone().inner_owned();
    let mut labels = inner.labels.iter();
    let place = |label: &oxc_diagnostics::LabeledSpan| {
        let (start, end) = (label.offset(), label.offset() + label.len());
        Span::of_characters(text, start, end)
    };
    let first = labels.next();
    let span = first.map_or(Span::new(0, 0), place);
    let message = inner.message.to_string();
    let is_redeclaration = message.contains("has already been declared");
    let is_jump = ["break", "continue", "label"]
        .iter()
        .any(|word| message.contains(word));
    let code = match (is_redeclaration, is_jump) {
        (true, _) => codes::DUPLICATE_NAME,
        (_, true) => codes::BAD_JUMP,
        _ => codes::SYNTAX,
    };
    let mut diagnostic = Diagnostic::error(code, span, message);
    if let Some(label) = first.and_then(|label| label.label()) {
        diagnostic = diagnostic.with_label(label);
    }
    for label in labels {
        diagnostic = diagnostic.with_related(place(label), label.label().unwrap_or("here"));
    }
    match inner.help {
        Some(help) => diagnostic.with_hint(help.to_string()),
        None => diagnostic,
    }
}
