//! Fails on a Rust file over 800 lines and on a function over 70. Comes after `scan`, which finds what is
//! code. State machine and interpreter are where such limits fail first, so a test holds them, not taste.

use crate::scan::scan;
use crate::sources::{report, rust};

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;

#[test]
fn no_file_is_too_long() {
    let mut found = Vec::new();
    for source in rust() {
        let lines = source.text.lines().count();
        if lines > FILE_LINES_MAX {
            found.push(format!("{}: {lines} lines", source.path));
        }
    }
    report(
        "files over 800 lines (give its parts files of their own)",
        &found,
    );
}

#[test]
fn no_function_is_too_long() {
    let mut found = Vec::new();
    for source in rust() {
        for function in functions(&scan(&source.text).code) {
            if function.lines > FUNCTION_LINES_MAX {
                let Function { name, line, lines } = function;
                found.push(format!(
                    "{}:{line}: `{name}` has {lines} lines",
                    source.path
                ));
            }
        }
    }
    report("functions over 70 lines (split along its steps)", &found);
}

/// A function with a body: where its `fn` stands, from 1, and its lines from there to the closing brace.
#[derive(Debug, PartialEq)]
struct Function {
    name: String,
    line: usize,
    lines: usize,
}

/// Every function of blanked code, nested ones too.
fn functions(code: &str) -> Vec<Function> {
    let mut found = Vec::new();
    let mut line = 1;
    let mut previous = ' ';
    for (at, c) in code.char_indices() {
        line += usize::from(c == '\n');
        let begins_word = !(previous.is_alphanumeric() || previous == '_');
        previous = c;
        if !begins_word || !code[at..].starts_with("fn ") {
            continue;
        }
        let rest = &code[at + 3..];
        let name: String = rest
            .chars()
            .take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '#'))
            .collect();
        if let (false, Some(length)) = (name.is_empty(), body_end(rest)) {
            let lines = 1 + rest[..length].matches('\n').count();
            found.push(Function { name, line, lines });
        }
    }
    found
}

/// The length of text from a function's name to the end of its body; `None` where it has no body.
fn body_end(text: &str) -> Option<usize> {
    let (mut round, mut braces) = (0_i32, 0_i32);
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' => round += 1,
            ')' | ']' => round -= 1,
            '{' => braces += 1,
            '}' => braces -= 1,
            ';' if round == 0 && braces == 0 => return None,
            _ => continue,
        }
        if c == '}' && braces == 0 && round == 0 {
            return Some(at + 1);
        }
    }
    None
}

#[test]
fn functions_are_measured_from_signature_to_closing_brace() {
    let code = "trait T { fn none(&self, a: [u8; 2]); }\nimpl T for U {\n    pub fn one(\n        a: u8,\n    ) -> [u8; 2] {\n        fn two() {}\n    }\n}\ntype F = fn(u8);\n";
    let function = |name: &str, line, lines| Function {
        name: name.to_owned(),
        line,
        lines,
    };
    assert_eq!(
        functions(code),
        [function("one", 3, 5), function("two", 6, 1)]
    );
}
