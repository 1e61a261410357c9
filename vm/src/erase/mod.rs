//! A module as plain JavaScript for another engine, each line and nearly each column where it was.
//!
//! Before: a test file, or a module that one imports. After: the engine that runs `troupe test`. Types
//! become spaces; what TypeScript has at run time (enums, properties that a constructor declares) becomes
//! JavaScript on its first line. Scripts of workers do not come this way: `compile` reads their types.

mod blanks;
mod classes;
mod edits;
mod enums;
mod modules;
#[cfg(test)]
mod tests;

use oxc_allocator::Allocator;
use oxc_parser::Parser;
use oxc_semantic::SemanticBuilder;
use oxc_span::SourceType;

use crate::compile::syntax_error;
use crate::diagnostic::Diagnostic;
use crate::limits::BuildLimits;
use crate::source::{Source, Span};

/// A module without types, and what is to be known before it runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Plain {
    /// JavaScript.
    pub text: String,
    /// The modules that it imports or exports from, types aside, in the order of the text.
    pub imports: Vec<Import>,
    /// The names that it exports, types aside; `default` among them.
    pub exports: Vec<String>,
    /// Whether it exports all of another module, too: then it has more names than those.
    pub exports_more: bool,
    /// Whether it makes workers: it reads `act`, which it has not declared itself.
    pub makes_workers: bool,
}

/// An import of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// What is imported, as it is written.
    pub specifier: String,
    /// Where that stands.
    pub span: Span,
    /// The exports of it that are imported by name, types aside; `default` among them.
    pub names: Vec<(String, Span)>,
}

/// Erases the types of a module, where its name says that it has some.
///
/// # Errors
/// The text is not JavaScript or TypeScript, or uses what cannot be erased: `namespace`, `import … =`,
/// `export =`.
pub fn erase(source: &Source, limits: &BuildLimits) -> Result<Plain, Vec<Diagnostic>> {
    crate::compile::check_nesting(source, limits)?;
    let allocator = Allocator::default();
    let source_type = if source.is_typescript() {
        SourceType::ts()
    } else {
        SourceType::mjs()
    };
    let parsed = Parser::new(&allocator, &source.text, source_type).parse();
    let mut errors: Vec<Diagnostic> = parsed
        .diagnostics
        .errors()
        .map(|error| syntax_error(error, &source.text))
        .collect();
    if !errors.is_empty() || parsed.panicked {
        if errors.is_empty() {
            let message = "the text could not be parsed";
            let code = crate::codes::SYNTAX;
            errors.push(Diagnostic::error(code, Span::default(), message));
        }
        return Err(errors);
    }
    let built = SemanticBuilder::new()
        .with_check_syntax_error(true)
        .build(&parsed.program);
    let errors: Vec<Diagnostic> = built
        .diagnostics
        .errors()
        .map(|error| syntax_error(error, &source.text))
        .collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let scoping = built.semantic.scoping();
    let unresolved = scoping.root_unresolved_references();
    let reads_act = unresolved.keys().any(|name| *name == "act");
    let mut plain = Plain {
        text: String::new(),
        imports: modules::imports(&parsed.program, scoping, source.is_typescript()),
        exports: modules::exports(&parsed.program),
        exports_more: modules::exports_more(&parsed.program),
        makes_workers: reads_act || modules::imports_act(&parsed.program),
    };
    plain.text = if source.is_typescript() {
        blanks::without_types(&source.text, &parsed.program, scoping)?
    } else {
        source.text.clone()
    };
    Ok(plain)
}
