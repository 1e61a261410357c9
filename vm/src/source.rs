//! Script sources and places in them.
//!
//! Before: the text that a user deploys. After: the parser, diagnostics, script stacks.
//! Guarantees: line and column are 1-based; a column counts characters, not bytes. The files of a program
//! lie behind one another in one space of offsets, so that a span says by itself which file it is in.

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

    /// The characters that these bytes are of, one at least unless the text ends there. Parsers say where a
    /// regular expression is wrong in bytes, which may be in the middle of a character.
    pub(crate) fn of_characters(text: &str, start: u32, end: u32) -> Span {
        let start = text.floor_char_boundary(start as usize);
        let first = text[start..].chars().next().map_or(0, char::len_utf8);
        let end = text.ceil_char_boundary((end as usize).max(start + first));
        Span::new(start as u32, end as u32)
    }

    /// The same place of a file that begins at an offset.
    pub(crate) fn shifted(self, base: u32) -> Span {
        Span::new(self.start + base, self.end + base)
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

/// The scripts of one program: the entry first, then what it imports. A file begins one byte behind the end
/// of the one before, so that the end of a file is not the start of the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// Adds a file; gives the offset at which it begins.
    pub fn add(&mut self, source: Source) -> u32 {
        let base = self.begins(self.0.len());
        self.0.push(source);
        base
    }

    fn begins(&self, index: usize) -> u32 {
        let before = self.0.iter().take(index).map(extent);
        before.fold(0, u32::saturating_add)
    }

    /// The files, the entry first.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.0.iter()
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no file.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The file by its number, with the offset at which it begins.
    pub fn file(&self, index: usize) -> Option<(&Source, u32)> {
        self.0.get(index).map(|source| (source, self.begins(index)))
    }

    /// The file, line and column of an offset; nothing where there is no file.
    pub fn locate(&self, offset: u32) -> Option<(&Source, Position)> {
        let (source, base) = self.around(offset)?;
        Some((source, source.position(offset - base)))
    }

    /// The text of a span, empty when the span is not one of these files.
    pub fn slice(&self, span: Span) -> &str {
        let Some((source, base)) = self.around(span.start) else {
            return "";
        };
        let end = span.end.saturating_sub(base);
        source.slice(Span::new(span.start - base, end))
    }

    /// Names the files anew, in their order.
    pub(crate) fn rename(&mut self, name: impl Fn(&str) -> String) {
        for source in &mut self.0 {
            source.name = name(&source.name);
        }
    }
}

/// Where spans are looked up: in one file, or in all of a program.
pub trait Lookup {
    /// The file that holds an offset, with the offset at which it begins; behind the end, the last file.
    fn around(&self, offset: u32) -> Option<(&Source, u32)>;
}

impl Lookup for Source {
    fn around(&self, _: u32) -> Option<(&Source, u32)> {
        Some((self, 0))
    }
}

impl Lookup for Sources {
    fn around(&self, offset: u32) -> Option<(&Source, u32)> {
        let mut base = 0;
        for (index, source) in self.0.iter().enumerate() {
            if offset - base < extent(source) || index + 1 == self.0.len() {
                return Some((source, base));
            }
            base += extent(source);
        }
        None
    }
}

impl From<Source> for Sources {
    fn from(source: Source) -> Sources {
        Sources(vec![source])
    }
}

/// How much of the space of offsets a file takes.
fn extent(source: &Source) -> u32 {
    (source.text.len() as u32).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_lie_behind_one_another() {
        let mut sources = Sources::default();
        assert_eq!(sources.locate(3), None);
        assert_eq!(sources.add(Source::new("a.js", "a\nb")), 0);
        assert_eq!(sources.add(Source::new("b.js", "")), 4);
        assert_eq!(sources.add(Source::new("c.js", "one\ntwo")), 5);
        let place = |offset| {
            let (source, position) = sources.locate(offset).unwrap();
            format!("{}:{}:{}", source.name, position.line, position.column)
        };
        assert_eq!(place(3), "a.js:2:2", "the end of a file belongs to it");
        assert_eq!(place(4), "b.js:1:1");
        assert_eq!(place(9), "c.js:2:1");
        assert_eq!(place(99), "c.js:2:4");
        assert_eq!(sources.slice(Span::new(9, 12)), "two");
        assert_eq!(
            sources.slice(Span::new(2, 12)),
            "",
            "no span is in two files"
        );
        assert_eq!(sources.file(2).map(|(_, base)| base), Some(5));
        assert_eq!(sources.file(3), None);
    }

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
