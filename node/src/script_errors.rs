//! Errors of scripts as `check` shows those of the compiler: with the line on which they arose. Comes after a run
//! here or a test; before the terminal.

use vm::diagnostic::Diagnostic;
use vm::error::StackFrame;
use vm::source::Span;
use vm::{ScriptError, Source, codes};

/// An error with the line of its innermost frame underlined. `files` are those of the program, each under the name
/// that frames have for it.
#[must_use]
pub(crate) fn rendered(error: &ScriptError, files: &[(&str, &Source)], colours: bool) -> String {
    let source_of = |frame: &StackFrame| {
        let found = files.iter().find(|(name, _)| *name == frame.file);
        found.map(|(_, source)| *source)
    };
    let first = error.stack.first();
    let place = first.and_then(|frame| {
        let source = source_of(frame)?;
        Some((source, offset(source, frame.line, frame.column)))
    });
    let code = codes::ALL.iter().find(|code| code.code == error.code);
    let (Some((source, at)), Some(code)) = (place, code) else {
        return error.to_string();
    };
    let mut diagnostic = Diagnostic::error(*code, Span::new(at, at + 1), error.message.clone());
    for frame in error.stack.iter().skip(1) {
        let file = source_of(frame).map_or(frame.file.as_str(), |source| &source.name);
        let called = format!(
            "called from {} ({file}:{}:{})",
            frame.function, frame.line, frame.column
        );
        diagnostic = diagnostic.with_note(called);
    }
    diagnostic.render(source, colours)
}

/// The offset in bytes of a line and a column in characters.
fn offset(source: &Source, line: u32, column: u32) -> u32 {
    let mut at = 0;
    for (number, text) in source.text.split_inclusive('\n').enumerate() {
        if number + 1 == line as usize {
            let columns = text.char_indices().nth(column as usize - 1);
            return (at + columns.map_or(text.len(), |(inside, _)| inside)) as u32;
        }
        at += text.len();
    }
    at as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_count_characters_of_a_line() {
        let source = Source::new("a.js", "é\naéb\n");
        assert_eq!(offset(&source, 2, 3), 6);
        assert_eq!(offset(&source, 9, 1), 8);
    }
}
