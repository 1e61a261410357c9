//! What the compiler and the build stage have to say about a script.
//!
//! Before: parser, compiler, build stage, lints. After: `check`, `deploy`, editors.
//! Guarantees: each has a stable code, a place, and where possible a hint that shows what to write;
//! rendering is plain text (or with ANSI colours) with the source line underlined.

use annotate_snippets::{Annotation, AnnotationKind, Level, Renderer, Snippet};

use crate::codes::ErrorCode;
use crate::fixes::Repair;
use crate::source::{Lookup, Position, Source, Span};

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
    /// A change of the text that does so.
    pub fix: Option<Fix>,
    /// What a fix can be made from.
    pub(crate) repair: Option<Repair>,
}

/// A change of the text after which what was said is no longer so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it does, in a few words.
    pub title: String,
    /// Places and what stands there instead, in order, none in another.
    pub edits: Vec<(Span, String)>,
}

impl Fix {
    /// A change of one place or several.
    pub fn new(title: impl Into<String>, mut edits: Vec<(Span, String)>) -> Fix {
        edits.sort();
        Fix {
            title: title.into(),
            edits,
        }
    }
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
            fix: None,
            repair: None,
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

    /// Carries a change of the text.
    pub fn with_fix(mut self, fix: Fix) -> Diagnostic {
        self.fix = Some(fix);
        self
    }

    /// Says what a fix can be made from.
    pub(crate) fn with_repair(mut self, repair: Repair) -> Diagnostic {
        self.repair = Some(repair);
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

    /// Changes every place that it names.
    pub(crate) fn each_span(&mut self, change: impl Fn(&mut Span)) {
        change(&mut self.span);
        self.related.iter_mut().for_each(|(span, _)| change(span));
        let edits = self.fix.iter_mut().flat_map(|fix| &mut fix.edits);
        edits.for_each(|(span, _)| change(span));
    }

    /// Line and column where it begins, in its file.
    pub fn position(&self, sources: &impl Lookup) -> Position {
        let found = sources.around(self.span.start);
        found.map_or(Position { line: 1, column: 1 }, |(source, base)| {
            source.position(self.span.start - base)
        })
    }

    /// The diagnostic as text with the source line underlined; places in other files stand below.
    pub fn render(&self, sources: &impl Lookup, colours: bool) -> String {
        let mut marks: Vec<Mark<'_>> = Vec::new();
        let related = self.related.iter();
        let places = std::iter::once((AnnotationKind::Primary, self.span, &self.label))
            .chain(related.map(|(span, label)| (AnnotationKind::Context, *span, label)));
        for (kind, span, label) in places {
            let Some((source, base)) = sources.around(span.start) else {
                continue;
            };
            let mut annotation = kind.span(range(source, base, span));
            if !label.is_empty() {
                annotation = annotation.label(label);
            }
            match marks.iter_mut().find(|mark| mark.base == base) {
                Some(mark) => mark.annotations.push(annotation),
                None => marks.push(Mark {
                    source,
                    base,
                    annotations: vec![annotation],
                }),
            }
        }
        let snippets = marks.into_iter().map(|mark| {
            Snippet::source(&mark.source.text)
                .path(&mark.source.name)
                .fold(true)
                .annotations(mark.annotations)
        });
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = level
            .primary_title(&self.message)
            .id(self.code.code)
            .elements(snippets);
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

/// What is pointed at in one file.
struct Mark<'s> {
    source: &'s Source,
    base: u32,
    annotations: Vec<Annotation<'s>>,
}

/// A span as a range of its file's text; what lies outside is cut.
fn range(source: &Source, base: u32, span: Span) -> std::ops::Range<usize> {
    let boundary = |offset: u32| {
        let mut at = (offset.saturating_sub(base) as usize).min(source.text.len());
        while !source.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = boundary(span.start);
    start..boundary(span.end).max(start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes;
    use crate::source::Sources;

    #[test]
    fn places_of_several_files_are_shown_with_their_files() {
        let mut sources = Sources::from(Source::new("a.js", "import { x } from './b.js'"));
        let base = sources.add(Source::new("b.js", "const y = 1"));
        let text = Diagnostic::error(codes::IMPORT, Span::new(9, 10), "`x` is not there")
            .with_related(Span::new(base + 6, base + 7), "this is")
            .render(&sources, false);
        let expected = "error[E0109]: `x` is not there\n --> a.js:1:10\n  |\n1 | import { x } from './b.js'\n  |          ^\n  |\n ::: b.js:1:7\n  |\n1 | const y = 1\n  |       - this is";
        assert_eq!(text, expected);
    }

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
