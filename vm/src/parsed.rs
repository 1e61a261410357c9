//! A parsed file whose nodes can be found by their places.
//!
//! Before: a file that has been compiled. After: `fixes`, `lints`, and places inside of a call.

use oxc_allocator::Allocator;
use oxc_ast::AstKind;
use oxc_parser::Parser;
use oxc_semantic::{NodeId, Semantic, SemanticBuilder};
use oxc_span::GetSpan;

use crate::compile::{parse_options, source_type};
use crate::source::{Source, Span};

/// A parsed file.
pub(crate) struct File<'f, 'a> {
    pub(crate) source: &'f Source,
    pub(crate) semantic: &'f Semantic<'a>,
}

/// Parses a file that has been compiled before, so its nesting is bounded; one with a syntax error has no nodes.
pub(crate) fn with_file(source: &Source, read: impl FnOnce(&File<'_, '_>)) {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, &source.text, source_type(source))
        .with_options(parse_options())
        .parse();
    if parsed.panicked || parsed.diagnostics.has_errors() {
        return;
    }
    let built = SemanticBuilder::new()
        .with_build_nodes(true)
        .build(&parsed.program);
    read(&File {
        source,
        semantic: &built.semantic,
    });
}

impl<'a> File<'_, 'a> {
    /// The outermost node of a place that `pick` takes.
    pub(crate) fn find<T>(
        &self,
        span: Span,
        pick: impl Fn(AstKind<'a>) -> Option<T>,
    ) -> Option<(NodeId, T)> {
        let nodes = self.semantic.nodes().iter();
        let mut here = nodes.filter(|node| Span::from(node.kind().span()) == span);
        here.find_map(|node| Some((node.id(), pick(node.kind())?)))
    }

    /// What is around a node, the innermost first.
    pub(crate) fn around(&self, node: NodeId) -> impl Iterator<Item = AstKind<'a>> {
        self.semantic.nodes().ancestor_kinds(node)
    }

    /// The text of a place.
    pub(crate) fn text(&self, span: Span) -> &str {
        self.source.slice(span)
    }
}

/// An empty place.
pub(crate) fn point(offset: u32) -> Span {
    Span::new(offset, offset)
}

/// Whether a place is inside another.
pub(crate) fn contains(outer: Span, inner: Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}
