//! Changes to a text that leave its lines where they are.

use oxc_span::Span;

/// Changes, each of a part of the text that no other changes, unless it lies wholly inside.
#[derive(Default)]
pub(super) struct Edits {
    all: Vec<(Span, Edit)>,
}

enum Edit {
    /// Spaces; a first character instead of the first space, where there is one.
    Blank(Option<char>),
    /// Another text, with line breaks behind it for those that it replaces.
    Text(String),
}

impl Edits {
    /// Makes spaces of a part.
    pub(super) fn blank(&mut self, start: u32, end: u32) {
        if start < end {
            self.all.push((Span::new(start, end), Edit::Blank(None)));
        }
    }

    /// Makes spaces of a whole statement or element: a semicolon keeps its neighbours apart.
    pub(super) fn blank_statement(&mut self, span: Span) {
        self.all.push((span, Edit::Blank(Some(';'))));
    }

    /// Puts another text in the place of a part, which may be empty.
    pub(super) fn replace(&mut self, start: u32, end: u32, text: impl Into<String>) {
        self.all
            .push((Span::new(start, end), Edit::Text(text.into())));
    }

    /// The text with all changes.
    pub(super) fn apply(mut self, text: &str) -> String {
        // Of two that begin together the longer one comes first and wins.
        self.all
            .sort_by_key(|(span, _)| (span.start, std::cmp::Reverse(span.end)));
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for (span, edit) in &self.all {
            let (start, end) = (span.start as usize, span.end as usize);
            if start < at {
                continue;
            }
            out.push_str(&text[at..start]);
            match edit {
                Edit::Blank(first) => blank_into(&text[start..end], *first, &mut out),
                Edit::Text(new) => {
                    out.push_str(new);
                    let lines = |text: &str| text.matches('\n').count();
                    let missing = lines(&text[start..end]).saturating_sub(lines(new));
                    out.extend(std::iter::repeat_n('\n', missing));
                }
            }
            at = end;
        }
        out.push_str(&text[at..]);
        out
    }
}

fn blank_into(text: &str, first: Option<char>, out: &mut String) {
    let mut first = first;
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\u{2028}' | '\u{2029}' => out.push(c),
            _ => out.push(first.take().unwrap_or(' ')),
        }
    }
}
