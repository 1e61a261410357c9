//! Patterns made of pieces: refused as no pattern, or matched within the steps of a turn.
//!
//! Before: pieces of patterns and of texts, put together at random. Guarantees: no pattern hangs the engine, however it
//! backtracks, and no match lies outside of its text.

use super::rounds;
use crate::bytecode::FunctionIndex;
use crate::codes;
use crate::data::Data;
use crate::host::NoHost;
use crate::limits::Limits;
use crate::machine::Machine;
use crate::test_support::{Random, compile};

#[rustfmt::skip]
const PIECES: &[&str] = &[
    "a", "b", ".", "\\d", "\\w+", "\\b", "\\B", "^", "$", "(", ")", "(?:", "(?=", "(?!", "(?<=", "(?<!", "(?<n>", "(?<m>", "|", "*", "+", "?", "{2}", "{1,}", "{0,3}",
    "{", "}", "*?", "+?", "??", "[a-z]", "[^b]", "[", "]", "[]", "[^]", "-", "\\1", "\\2", "\\k<n>", "\\u{1f600}", "\\ud83d", "\\p{L}", "\\P{Lu}", "\\p{Script=Greek}", "😀",
    "é", "\\c", "\\cA", "\\0", "\\x41", "\\", "/", "(a+)+", "(a|a)*", "[a&&b]", "[\\w--\\d]", "\\q{ab}", "(?i:", "\\s*", "(.*)*", "{999999}", "\\-", "\\/",
];

const FLAGS: &[&str] = &[
    "", "g", "i", "m", "s", "u", "v", "y", "d", "gi", "iu", "iv", "gy", "dgimsuy", "imsvy", "uv",
    "gg",
];

const TEXTS: &[&str] = &[
    "a",
    "b",
    "aaaaaaaaaaaaaaaaaaaaaaaa",
    "😀",
    "Éé",
    "\n",
    "ab1_ -",
    "Σσς",
    "/",
    "\\",
];

#[test]
fn patterns_are_refused_or_matched_within_their_steps() {
    let module = compile(
        "export default (pattern, flags, text) => {
            let expression
            try { expression = RegExp(pattern, flags) } catch (error) { return error.name }
            const found = expression.exec(text)
            if (found) for (const [start, end] of (found.indices ?? []).filter(Boolean))
                if (!(0 <= start && start <= end && end <= text.length)) return 'outside'
            return [found && found.index + found[0].length <= text.length, text.replace(expression, '<$&>').length > 0, text.split(expression, 3).length]
        }",
    )
    .unwrap();
    let mut random = Random::from_environment();
    let limits = Limits {
        turn_instructions: 100_000,
        turn_regex_steps: 20_000,
        turn_allocated_bytes: 8 << 20,
        ..Limits::default()
    };
    let (mut matched, mut refused, mut too_much) = (0, 0, 0);
    let mut put = |pieces: &[&str], most: usize| -> String {
        (0..random.below(most))
            .map(|_| pieces[random.below(pieces.len())])
            .collect()
    };
    for _ in 0..rounds(6_000) {
        let (pattern, text) = (put(PIECES, 9), put(TEXTS, 6));
        let flags = put(FLAGS, 2);
        let memory = crate::memory::Memory::default();
        let mut machine = Machine::new(&module.code, &NoHost, &limits, &memory);
        let main = machine.value(Data::function(FunctionIndex(0), Vec::new()).unwrap());
        let exports = machine.call(&main, &[]).unwrap();
        let function = machine.array_item(&exports, 0).unwrap();
        let arguments = [&pattern, &flags, &text].map(|text| machine.text(text.clone()));
        match machine.call(&function, &arguments) {
            Ok(value) => match value.as_text() {
                Some(name) => {
                    assert_eq!(
                        name.to_string(),
                        "SyntaxError",
                        "/{pattern}/{flags} on {text:?}"
                    );
                    refused += 1;
                }
                None => matched += 1,
            },
            Err(trap) => {
                let error = machine.script_error(trap);
                let allowed = [
                    codes::LIMIT_REGEX,
                    codes::LIMIT_INSTRUCTIONS,
                    codes::LIMIT_MEMORY,
                ];
                assert!(
                    allowed.iter().any(|code| code.code == error.code),
                    "/{pattern}/{flags} on {text:?}: {error:?}"
                );
                too_much += 1;
            }
        }
    }
    println!("{matched} patterns ran, {refused} were none, {too_much} took too much");
    assert!(matched > 500 && refused > 500 && too_much > 0);
}
