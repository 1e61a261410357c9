//! Texts that are almost scripts: each compiles or is refused with places inside it.
//!
//! Before: the scripts of the manual, those with mistakes among them, changed token by token. Guarantees: no panic, no
//! mistake of the compiler's own (`E0110`), and every span of a diagnostic lies in the text, between characters.

use super::rounds;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::limits::BuildLimits;
use crate::source::Source;
use crate::test_support::{Random, scripts};

fn kind(sign: char) -> u8 {
    if sign.is_alphanumeric() || sign == '_' {
        1
    } else if sign.is_whitespace() {
        2
    } else {
        0
    }
}

/// Words, numbers, spaces and single signs.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut start = 0;
    let mut signs = text.char_indices().peekable();
    while let Some((at, sign)) = signs.next() {
        let end = signs.peek().map_or(text.len(), |(next, _)| *next);
        let goes_on = signs
            .peek()
            .is_some_and(|(_, next)| kind(*next) == kind(sign) && kind(sign) != 0);
        if !goes_on {
            tokens.push(&text[start..end]);
            start = end;
        }
        debug_assert!(at < end);
    }
    tokens
}

#[rustfmt::skip]
const INSERTED: &[&str] = &[
    "(", ")", "[", "]", "{", "}", "=>", "...", ",", ";", ":", "?", "?.", "=", "`", "${", "'", "\"", "/", "*", "**=", "??=", "\n", "é", "😀", "\u{2028}", "0", "1e999", "0x", "1n", "async ", "await ",
    "yield ", "class ", "function ", "return ", "let ", "const ", "var ", "if ", "else ", "for ", "of ", "in ", "while ", "switch ", "case ", "default ", "try ", "catch ", "finally ", "throw ", "new ", "delete ",
    "typeof ", "this", "super", "import ", "export ", "act(", "sequence(", "waitFor(", "withState(", "self", "outbox", "config", "enum ", "type ", "as ", "@", "#", "\\", "<", ">", "</", "//", "/*", "*/", "\u{0}",
];

fn change(random: &mut Random, tokens: &mut Vec<&str>) {
    let (at, other) = (random.below(tokens.len()), random.below(tokens.len()));
    match random.below(13) {
        _ if tokens.is_empty() => tokens.push("act"),
        7.. => {
            // Another of its kind: what is parsed most often.
            let same =
                |token: &str| token.chars().next().map(kind) == tokens[at].chars().next().map(kind);
            let found = (other..tokens.len()).find(|place| same(tokens[*place]));
            tokens[at] = tokens[found.unwrap_or(at)];
        }
        0 => {
            tokens.remove(at);
        }
        1 => tokens.insert(at, tokens[other]),
        2 => tokens.swap(at, other),
        3 => tokens.truncate(at),
        4 => {
            // A stretch of the text again.
            let end = (other + random.below(20)).min(tokens.len());
            let stretch = tokens[other..end].to_vec();
            tokens.splice(at..at, stretch);
        }
        5 => {
            // Nests.
            let [open, close] = [
                ["(", ")"],
                ["[", "]"],
                ["{", "}"],
                ["!", ""],
                ["`${", "}`"],
                ["a=>", ""],
            ][random.below(6)];
            let depth = 1 << random.below(9);
            for _ in 0..depth {
                tokens.insert(at, open);
            }
            for _ in 0..depth {
                tokens.insert(at + depth, close);
            }
        }
        _ => tokens.insert(at, INSERTED[random.below(INSERTED.len())]),
    }
}

fn check(source: &Source, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        assert_ne!(
            diagnostic.code.code,
            codes::INTERNAL.code,
            "{}\n{}",
            diagnostic.message,
            source.text
        );
        let spans = diagnostic.related.iter().map(|(span, _)| *span);
        for span in spans.chain([diagnostic.span]) {
            let range = span.start as usize..span.end as usize;
            assert!(
                source.text.get(range).is_some(),
                "{span:?} of {diagnostic:?}\n{}",
                source.text
            );
        }
        let position = diagnostic.position(source);
        assert!(position.line >= 1 && position.column >= 1);
        assert!(!diagnostic.render(source, false).is_empty());
    }
}

#[test]
fn changed_texts_compile_or_are_refused_at_a_place() {
    let mut random = Random::from_environment();
    let limits = BuildLimits {
        commands: 2_000,
        run: crate::limits::Limits {
            turn_instructions: 50_000,
            turn_allocated_bytes: 4 << 20,
            ..Default::default()
        },
        ..BuildLimits::default()
    };
    let scripts = scripts();
    let (mut compiled, mut refused) = (0, 0);
    for _ in 0..rounds(8_000) {
        let (language, text) = &scripts[random.below(scripts.len())];
        let mut tokens = tokens(text);
        for _ in 0..=random.below(4) {
            change(&mut random, &mut tokens);
        }
        let source = Source::new(format!("changed.{language}"), tokens.concat());
        match crate::compile(&source, &limits) {
            Ok(done) => {
                compiled += 1;
                check(&source, &done.lints);
            }
            Err(diagnostics) => {
                refused += 1;
                assert!(!diagnostics.is_empty());
                check(&source, &diagnostics);
            }
        }
    }
    println!("{compiled} changed texts compiled, {refused} were refused");
    assert!(compiled > 100 && refused > 100);
}
