//! Script sources and places in them.
//!
//! Before: the text that a user deploys. After: the parser, diagnostics, script stacks.
//! Guarantees: line and column are 1-based; a column counts characters, not bytes.

use serde::{Deserialize, Serialize};

/// One script file: its name as the user knows it, and its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// For example `transfer.js`. Its ending says whether types are erased (`.ts`).
    pub name: String,
    /// The whole text, UTF-8.
    pub text: String,
}

/// A range of bytes in a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset behind the last byte.
    pub end: u32,
}

/// A place as people write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// 1-based.
    pub line: u32,
    /// 1-based, in characters.
    pub column: u32,
}

impl Span {
    /// A span from byte offsets.
    pub fn new(start: u32, end: u32) -> Self {
        Span { start, end }
    }
}

impl From<oxc_span::Span> for Span {
    fn from(span: oxc_span::Span) -> Self {
        Span::new(span.start, span.end)
    }
}

impl Source {
    /// A source from its name and text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Source {
            name: name.into(),
            text: text.into(),
        }
    }

    /// Line and column of a byte offset; an offset behind the end is the end.
    pub fn position(&self, offset: u32) -> Position {
        let mut end = (offset as usize).min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &self.text[..end];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Position {
            line: before.bytes().filter(|byte| *byte == b'\n').count() as u32 + 1,
            column: before[line_start..].chars().count() as u32 + 1,
        }
    }

    /// The text of a span, empty when the span is not one of this source.
    pub fn slice(&self, span: Span) -> &str {
        self.text
            .get(span.start as usize..span.end as usize)
            .unwrap_or("")
    }

    /// The file name without folders and without `.js` or `.ts`.
    pub fn stem(&self) -> &str {
        let file = self.name.rsplit(['/', '\\']).next().unwrap_or(&self.name);
        [".js", ".mjs", ".ts", ".mts"]
            .iter()
            .find_map(|end| file.strip_suffix(end))
            .unwrap_or(file)
    }

    /// Whether the name says that the text is TypeScript.
    pub fn is_typescript(&self) -> bool {
        self.name.ends_with(".ts") || self.name.ends_with(".mts")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_one_based_and_count_characters() {
        let source = Source::new("a.js", "a\néb\n");
        assert_eq!(source.position(0), Position { line: 1, column: 1 });
        assert_eq!(source.position(4), Position { line: 2, column: 2 });
        assert_eq!(source.position(99), Position { line: 3, column: 1 });
    }

    #[test]
    fn the_stem_names_a_default_export() {
        assert_eq!(Source::new("flows/transfer.ts", "").stem(), "transfer");
        assert!(Source::new("x.ts", "").is_typescript());
    }
}
