//! What a file imports: the specifiers of its imports, in their order.
//!
//! Before: `modules`, which follows them from file to file. After: the compiler, which says what is wrong with a
//! text that has no imports because it cannot be parsed. Types are no imports.

use oxc_allocator::Allocator;
use oxc_ast::ast::{ImportOrExportKind, Statement, StringLiteral};
use oxc_parser::Parser;

use super::{nesting, parse};
use crate::limits::BuildLimits;
use crate::source::{Source, Span};

/// An import of another file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// As it is written, such as `./formatting.js`.
    pub(crate) specifier: String,
    /// Where it is written.
    pub(crate) span: Span,
}

/// The imports of a file but those of the language; none of a text that cannot be parsed.
pub(crate) fn requests(source: &Source, limits: &BuildLimits) -> Vec<Request> {
    let is_too_large = source.text.len() > limits.source_bytes as usize;
    if is_too_large || nesting::check(&source.text, limits).is_err() {
        return Vec::new();
    }
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, &source.text, parse::source_type(source))
        .with_options(parse::options())
        .parse();
    if parsed.panicked || parsed.diagnostics.has_errors() {
        return Vec::new();
    }
    let specifiers = parsed.program.body.iter().filter_map(specifier);
    let files = specifiers.filter(|specifier| specifier.value != "troupe");
    files
        .map(|specifier| Request {
            specifier: specifier.value.to_string(),
            span: specifier.span.into(),
        })
        .collect()
}

fn specifier<'s, 'a>(statement: &'s Statement<'a>) -> Option<&'s StringLiteral<'a>> {
    let (kind, specifier) = match statement {
        Statement::ImportDeclaration(import) => (import.import_kind, &import.source),
        Statement::ExportAllDeclaration(export) => (export.export_kind, &export.source),
        Statement::ExportFromDeclaration(export) => (export.export_kind, &export.source),
        _ => return None,
    };
    (kind != ImportOrExportKind::Type).then_some(specifier)
}
