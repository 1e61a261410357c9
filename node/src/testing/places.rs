//! Where an error arose, for people: frames of the engine's stack, the line in the source, errors of scripts
//! as `check` shows those of the compiler.

use vm::{ScriptError, Source};

use super::bundle::{Bundle, TestScript};
use super::modules::file_of;
use super::outcome::Place;
use crate::script_errors;

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

/// The name at a place, with what stands before it and a dot: `a.b` where the place is that of `b`.
pub(super) fn expression(place: &Place, bundle: &Bundle) -> Option<String> {
    let module = bundle.modules.get(&place.file)?;
    let line = module.source.text.lines().nth(place.line as usize - 1)?;
    name_at(line, place.column as usize - 1)
}

fn name_at(line: &str, column: usize) -> Option<String> {
    let letters: Vec<char> = line.chars().collect();
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let behind = letters.get(column..)?.iter();
    let length = behind.take_while(|letter| is_name(**letter)).count();
    let before = letters[..column].iter().rev();
    let start = column
        - before
            .take_while(|letter| is_name(**letter) || **letter == '.')
            .count();
    let name: String = letters[start..column + length].iter().collect();
    let name = name.trim_start_matches('.');
    (length > 0).then(|| name.to_owned())
}

/// An error of a script, with the line of its innermost frame underlined. Frames name files as the program
/// does; they are shown under their paths.
pub(super) fn script_error(error: &ScriptError, script: &TestScript, colours: bool) -> String {
    let names = script.script.program().sources().iter();
    let files: Vec<(&str, &Source)> = names
        .map(|source| source.name.as_str())
        .zip(&script.files)
        .collect();
    script_errors::rendered(error, &files, colours)
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
    fn the_name_at_a_place_has_what_stands_before_it() {
        let line = "  await a.b.cde(1); f(x).g(); (0)()";
        let at = |name: &str| name_at(line, line.find(name).unwrap());
        assert_eq!(at("cde").as_deref(), Some("a.b.cde"));
        assert_eq!(at("g()").as_deref(), Some("g"));
        assert_eq!(at("(0)"), None);
        assert_eq!(name_at(line, 99), None);
    }
}
