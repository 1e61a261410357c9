//! Where an error arose, for people: frames of the engine's stack, the line in the source, errors of scripts
//! as `check` shows those of the compiler.

use vm::diagnostic::Diagnostic;
use vm::error::StackFrame;
use vm::source::Span;
use vm::{ScriptError, Source, codes};

use super::bundle::{Bundle, TestScript};
use super::modules::file_of;
use super::outcome::Place;

/// The places in files of the bundle that a stack of the engine names, innermost first.
pub(super) fn places(stack: &str, bundle: &Bundle) -> Vec<Place> {
    stack
        .lines()
        .filter_map(|line| place(line.trim().strip_prefix("at ")?))
        .filter(|place| bundle.modules.contains_key(&place.file))
        .collect()
}

/// `name (file:line:column)` or `file:line:column`.
fn place(frame: &str) -> Option<Place> {
    let inside = frame.rsplit_once(" (").map_or(frame, |(_, inside)| inside);
    let inside = inside.trim_end_matches(')');
    let (rest, column) = inside.rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    Some(Place {
        file: file_of(file).to_owned(),
        line: line.parse().ok()?,
        column: column.parse().ok()?,
    })
}

/// The place and its line, with a mark under the column.
pub(super) fn excerpt(place: &Place, bundle: &Bundle) -> String {
    let mut text = format!("at {}:{}:{}", place.file, place.line, place.column);
    let module = bundle.modules.get(&place.file);
    let line = module.and_then(|module| module.source.text.lines().nth(place.line as usize - 1));
    if let Some(line) = line {
        let number = place.line.to_string();
        let margin = " ".repeat(number.len());
        let before: String = line
            .chars()
            .take(place.column as usize - 1)
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        text.push_str(&format!("\n  {number} | {line}\n  {margin} | {before}^"));
    }
    text
}

/// An error of a script, with the line of its innermost frame underlined. Frames name files as the program
/// does; they are shown under their paths.
pub(super) fn script_error(error: &ScriptError, script: &TestScript, colours: bool) -> String {
    let names = script.script.program().sources().iter();
    let files: Vec<(&str, &Source)> = names
        .map(|source| source.name.as_str())
        .zip(&script.files)
        .collect();
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
    fn frames_are_read_in_both_forms() {
        let found = place("f (a/b:c.test.js:3:14)").unwrap();
        assert_eq!(
            (found.file.as_str(), found.line, found.column),
            ("a/b:c.test.js", 3, 14)
        );
        assert_eq!(place("x.js#text:1:2").unwrap().file, "x.js");
        assert_eq!(place("native"), None);
    }

    #[test]
    fn offsets_count_characters_of_a_line() {
        let source = Source::new("a.js", "é\naéb\n");
        assert_eq!(offset(&source, 2, 3), 6);
        assert_eq!(offset(&source, 9, 1), 8);
    }
}
