//! What the compiler and the build stage have to say about a script.
//!
//! Before: parser, compiler, build stage, lints. After: `check`, `deploy`, editors.
//! Guarantees: each has a stable code, a place, and where possible a hint that shows what to write;
//! rendering is plain text (or with ANSI colours) with the source line underlined.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::codes::ErrorCode;
use crate::source::{Position, Source, Span};

/// Whether a diagnostic stops a deploy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Nothing is deployed.
    Error,
    /// A lint: the script runs.
    Warning,
}

/// One thing that is wrong, or could be better, in a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether it stops a deploy.
    pub severity: Severity,
    /// Stable code.
    pub code: ErrorCode,
    /// What is wrong, in one line.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What stands there, said at the underline; may be empty.
    pub label: String,
    /// Other places that matter, each with what it has to do with this.
    pub related: Vec<(Span, String)>,
    /// Why, where it needs saying.
    pub notes: Vec<String>,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: ErrorCode, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code,
            message: message.into(),
            span,
            label: String::new(),
            related: Vec::new(),
            notes: Vec::new(),
            hint: None,
        }
    }

    /// A lint at a place.
    pub fn lint(code: ErrorCode, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Warning,
            ..Diagnostic::error(code, span, message)
        }
    }

    /// Says what stands at the place.
    pub fn with_label(mut self, label: impl Into<String>) -> Diagnostic {
        self.label = label.into();
        self
    }

    /// Shows what to write instead.
    pub fn with_hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hint = Some(hint.into());
        self
    }

    /// Says why.
    pub fn with_note(mut self, note: impl Into<String>) -> Diagnostic {
        self.notes.push(note.into());
        self
    }

    /// Points at another place that matters.
    pub fn with_related(mut self, span: Span, label: impl Into<String>) -> Diagnostic {
        self.related.push((span, label.into()));
        self
    }

    /// Line and column where it begins.
    pub fn position(&self, source: &Source) -> Position {
        source.position(self.span.start)
    }

    /// The diagnostic as text with the source line underlined.
    pub fn render(&self, source: &Source, colours: bool) -> String {
        let range = |span: Span| {
            let boundary = |offset: u32| {
                let mut at = (offset as usize).min(source.text.len());
                while !source.text.is_char_boundary(at) {
                    at -= 1;
                }
                at
            };
            let start = boundary(span.start);
            start..boundary(span.end).max(start)
        };
        let mut primary = AnnotationKind::Primary.span(range(self.span));
        if !self.label.is_empty() {
            primary = primary.label(&self.label);
        }
        let related = self
            .related
            .iter()
            .map(|(span, label)| AnnotationKind::Context.span(range(*span)).label(label));
        let snippet = Snippet::source(&source.text)
            .path(&source.name)
            .fold(true)
            .annotation(primary)
            .annotations(related);
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = level
            .primary_title(&self.message)
            .id(self.code.code)
            .element(snippet);
        group = group.elements(self.notes.iter().map(|note| Level::NOTE.message(note)));
        group = group.elements(self.hint.iter().map(|hint| Level::HELP.message(hint)));
        let renderer = if colours {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        renderer.render(&[group])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;

    #[test]
    fn the_source_line_is_underlined() {
        let source = Source::new("a.js", "const x = 1\nawait x\n");
        let text = Diagnostic::error(
            codes::REFUSED,
            Span::new(12, 17),
            "`await` is not part of the language",
        )
        .with_label("here")
        .with_hint("write `call(F, msg, m => …)`")
        .render(&source, false);
        let expected = "error[E0102]: `await` is not part of the language\n --> a.js:2:1\n  |\n2 | await x\n  | ^^^^^ here\n  |\n  = help: write `call(F, msg, m => …)`";
        assert_eq!(text, expected);
    }

    #[test]
    fn places_outside_the_source_do_not_panic() {
        let source = Source::new("a.js", "é");
        assert!(
            Diagnostic::error(codes::SYNTAX, Span::new(1, 900), "x")
                .render(&source, false)
                .contains("a.js")
        );
    }
}
