//! What built-ins do with frozen values, inconsistent comparators and the limits of a turn.

use crate::limits::Limits;
use crate::test_support::{check, compile, evaluate, run};

/// Shows what an expression gives within limits; an error shows its code.
fn within(text: &str, limits: &Limits) -> String {
    let module = compile(&format!("export default ({text});")).unwrap();
    match run(&module, limits) {
        Ok(shown) => shown,
        Err(error) => error.code,
    }
}

/// Expressions that would run or grow without end, and the limit that ends them.
const ENDLESS: &[(&str, &str)] = &[
    ("'a'.repeat(2 ** 40)", "E0402"),
    ("'ab'.padEnd(2 ** 50)", "E0402"),
    ("'a'.padStart(2 ** 30, 'é')", "E0402"),
    ("Array.from({ length: 2 ** 31 })", "E0401"),
    ("new Array(2 ** 24).fill([]).flat().map(String)", "E0402"),
    (
        "(() => { let s = 'ab'; while (true) s = s.concat(s) })()",
        "E0402",
    ),
    (
        "(() => { const a = [1]; a.push(a); return a.flat(Infinity) })()",
        "E0402",
    ),
    (
        "(() => { const a = []; for (;;) a.push(a.length) })()",
        "E0401",
    ),
    (
        "(() => { const a = [1]; for (const x of a) a.push(x) })()",
        "E0401",
    ),
    (
        "(() => { const s = new Set([0]); for (const x of s) s.add(x + 1) })()",
        "E0401",
    ),
    (
        "(() => { const t = 'a'.repeat(1e6); for (;;) t.indexOf('b') })()",
        "E0401",
    ),
    (
        "(() => { const t = 'é'.repeat(1e5); for (;;) t.lastIndexOf('éa') })()",
        "E0401",
    ),
    (
        "(() => { const t = 'é'.repeat(1e5); return t.indexOf('é'.repeat(5e4) + 'a') })()",
        "E0401",
    ),
    (
        "(() => { const a = [3, 1, 2]; for (;;) a.toSorted() })()",
        "E0402",
    ),
    (
        "(() => { const a = [3, 1, 2]; for (;;) a.sort() })()",
        "E0402",
    ),
    ("(() => { for (;;) JSON.stringify([1, 2, 3]) })()", "E0402"),
    (
        "(() => { const f = () => [1].map(f); return f() })()",
        "E0403",
    ),
    (
        "(() => { const o = { toString: () => String(o) }; return String(o) })()",
        "E0403",
    ),
    (
        "(() => { const e = new Error(); e.message = e; return String(e) })()",
        "E0403",
    ),
    (
        "(() => { const o = { toJSON: () => JSON.stringify(o) }; return JSON.stringify(o) })()",
        "E0403",
    ),
    (
        "(() => { const a = Math.max.apply, l = [a]; l[1] = l; return a.apply(a, l) })()",
        "E0403",
    ),
    (
        "(() => { let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return String(a) })()",
        "E0403",
    ),
];

#[test]
fn work_and_memory_are_counted_before_they_are_done() {
    let limits = Limits {
        turn_instructions: 1_000_000,
        turn_allocated_bytes: 8 << 20,
        ..Limits::default()
    };
    for (text, code) in ENDLESS {
        let found = within(text, &limits);
        assert_eq!(found, *code, "{text}");
    }
}

#[test]
fn deep_values_do_not_use_the_stack() {
    check(&[
        (
            "(() => { let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return JSON.stringify(a).length })()",
            "200002",
        ),
        (
            "(() => { let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return structuredClone(a).length })()",
            "1",
        ),
        (
            "(() => { let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return a.flat(Infinity).length })()",
            "0",
        ),
    ]);
    let deep = format!("JSON.parse('{}1{}')", "[".repeat(200), "]".repeat(200));
    assert!(evaluate(&deep).contains("SyntaxError: JSON: nests deeper"));
}

#[test]
fn an_inconsistent_comparator_ends_with_the_same_items() {
    check(&[
        ("[3, 2, 1].sort((a, b) => a > b)", "[1,2,3]"),
        ("[1, 2, 3, 4].sort(() => 1).length", "4"),
        ("[4, 3, 2, 1].sort(() => -1)", "[4,3,2,1]"),
        (
            "(() => { const a = [2, 1]; a.sort((x, y) => { a.length = 0; return x - y }); return a })()",
            "[1,2]",
        ),
        (
            "(() => { const a = [2, 1]; a.sort((x, y) => { a.push(9); return x - y }); return a })()",
            "[1,2,9]",
        ),
    ]);
}

#[test]
fn wrong_receivers_and_patterns_say_what_is_needed() {
    for (text, message) in [
        ("'abc'.includes(/b/)", "`re.test(text)`"),
        ("'abc'.matchAll(/b/)", "the flag g"),
        ("'abc'.replaceAll(/b/, 'c')", "the flag g"),
        ("new RegExp('(')", "Invalid regular expression: /(/"),
        ("RegExp('a', 'gg')", "Invalid flags"),
        ("/a/.exec.call('a', 'a')", "`exec` needs a regular"),
        ("[1].map(5)", "5 is not a function"),
        ("Number.MAX_VALUE(1)", "is not a function"),
        (
            "[].map.call('abc', x => x)",
            "`map` needs an array, not the text 'abc'",
        ),
        ("new Map().set.call(new Set(), 1)", "`set` needs a Map"),
        ("(5).toFixed.call('5')", "`toFixed` needs a number"),
        ("new Date().getTime()", "there is no time here"),
        ("Math.random()", "there is no chance here"),
        ("structuredClone(() => 1)", "a function cannot be cloned"),
        ("[].reduce((a, b) => a)", "Reduce of empty array"),
        ("Object.freeze([1]).push(2)", "write `[...list, item]`"),
        ("Object.freeze([1]).sort()", "write `list.toSorted(…)`"),
        (
            "Date.parse('2020-02-30') === Date.parse('x') || Date.parse('2020-02-30')",
            "NaN",
        ),
    ] {
        let found = evaluate(text);
        assert!(found.contains(message), "{text}: {found}");
    }
}
