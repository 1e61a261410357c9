//! Runs the parser and the scope analysis, and turns what they complain about into diagnostics.
//!
//! Before: `nesting`, which makes sure that the parser cannot overflow the stack. After: `modules`.
//! Guarantees: nothing is compiled from a text that has a syntax error; each error keeps its place.

use oxc_allocator::Allocator;
use oxc_diagnostics::OxcDiagnostic;
use oxc_parser::{ParseOptions, Parser};
use oxc_semantic::SemanticBuilder;
use oxc_span::SourceType;

use super::compiler::Compiler;
use super::refusals::Construct;
use super::variables::Variables;
use super::{Module, Names, nesting};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::limits::{BuildLimit, BuildLimits};
use crate::source::{Source, Span};

pub(super) fn compile(
    source: &Source,
    names: &dyn Names,
    limits: &BuildLimits,
) -> Result<Module, Vec<Diagnostic>> {
    if source.text.len() > limits.source_bytes as usize {
        let message = BuildLimit::SourceBytes.message(limits);
        return Err(vec![Diagnostic::error(
            codes::LIMIT_PROGRAM,
            Span::new(0, 0),
            message,
        )]);
    }
    nesting::check(&source.text, limits).map_err(|diagnostic| vec![*diagnostic])?;
    let allocator = Allocator::default();
    let source_type = if source.is_typescript() {
        SourceType::ts()
    } else {
        SourceType::mjs()
    };
    let options = ParseOptions {
        preserve_parens: false,
        ..ParseOptions::default()
    };
    let parsed = Parser::new(&allocator, &source.text, source_type)
        .with_options(options)
        .parse();
    if parsed.diagnostics.has_errors() || parsed.panicked {
        let errors = parsed.diagnostics.errors();
        let mut errors: Vec<Diagnostic> = errors
            .map(|error| syntax_error(error, &source.text))
            .collect();
        if errors.is_empty() {
            errors.push(Diagnostic::error(
                codes::SYNTAX,
                Span::new(0, 0),
                "the text could not be parsed",
            ));
        }
        return Err(errors);
    }
    let builder = SemanticBuilder::new()
        .with_build_nodes(true)
        .with_check_syntax_error(true);
    let built = builder.with_enum_eval(true).build(&parsed.program);
    let errors = built.diagnostics.errors();
    let errors: Vec<Diagnostic> = errors
        .map(|error| syntax_error(error, &source.text))
        .collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let variables = Variables::new(&built.semantic);
    Compiler::new(source, names, limits, &variables).compile(&parsed.program)
}

/// What the parser says, in our words where ours help more.
fn syntax_error(error: &OxcDiagnostic, text: &str) -> Diagnostic {
    let inner = error.clone().inner_owned();
    let mut labels = inner.labels.iter();
    let place = |label: &oxc_diagnostics::LabeledSpan| {
        let start = label.offset();
        Span::new(start, start + label.len().max(first_width(text, start)))
    };
    let first = labels.next();
    let span = first.map_or(Span::new(0, 0), place);
    let message = inner.message.to_string();
    if let Some(construct) = Construct::of_message(&message) {
        return construct.diagnostic(span);
    }
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

/// How many bytes the character at an offset takes, none at the end: an error marks one character at least.
fn first_width(text: &str, at: u32) -> u32 {
    let rest = text.get(at as usize..).unwrap_or("");
    rest.chars().next().map_or(0, char::len_utf8) as u32
}
