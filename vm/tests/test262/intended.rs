//! Failures that are meant: what our language does otherwise than the standard, each with the tests that show it.
//!
//! A failure is meant where a pattern is a part of `PATH: WHY`. The runner counts them by reason, and ends with an error
//! where a test fails for another.

/// A reason, and the patterns of the tests that fail for it.
type Reason = (&'static str, &'static [&'static str]);

const REASONS: &[Reason] = &[
    (
        "the methods of `Set` of ECMAScript 2025 are not there",
        &["built-ins/Set/prototype/", "staging/set-methods/"],
    ),
    (
        "arrays have items only, and no properties with names",
        &["arrays have items only"],
    ),
    (
        "arrays are dense: one of 2 ** 32 items is beyond the limit of memory",
        &["limit `turn_allocated_bytes`"],
    ),
    (
        "a test of all characters is beyond the limit of instructions",
        &["limit `turn_instructions`"],
    ),
    (
        "groups of a pattern nest up to a limit",
        &["groups nest deeper"],
    ),
    (
        "an assignment to a constant is refused before it runs",
        &["E0105 "],
    ),
    (
        "a module declares each name once, functions too",
        &["E0106 "],
    ),
    (
        "a script is a module, in strict mode",
        &[
            "keyword 'yield' is reserved",
            "value-await-non-module",
            "language/global-code/",
        ],
    ),
    (
        "a `/` that could begin a regular expression or a division is refused",
        &["could be a division"],
    ),
    (
        "there are no objects around primitives",
        &["built-ins/Object/S15.2.2.1", "built-ins/Object/assign/"],
    ),
    (
        "functions have no properties and no prototype, and are not frozen",
        &[
            "on a function",
            "Object.isFrozen(funObj)",
            "!Date.UTC.hasOwnProperty",
            "!Date.parse.hasOwnProperty",
            "ArrowFunction_restricted-properties",
            "__func.prototype",
        ],
    ),
    (
        "there is no `this`, so no `bind`, no constructor of one's own and no receiver of another kind",
        &[
            "`bind`",
            "built-ins/Array/of/",
            "needs an array, not an object",
            "includes/return-abrupt-tonumber-length",
            "call_with_regexp_not_same_constructor",
            "errors-absent-on-prototype",
        ],
    ),
    ("accessors are not there", &["key-invalid.js"]),
    (
        "`Date` reads the ISO format only",
        &["built-ins/Date/parse/zero.js"],
    ),
    (
        "a name that begins with a capital letter is an address",
        &[
            "language/literals/numeric/S7.8.3_A4.1",
            "language/expressions/in/S11.8.7_A2.1",
        ],
    ),
    (
        "a frozen array refuses to be reversed, however short",
        &["reverse/array-has-one-entry"],
    ),
    (
        "a function in the head of a loop sees the variable of the loop",
        &["scope-head-lex-open"],
    ),
    ("Annex B is for browsers", &["annexB/"]),
    (
        "a hole is `undefined`, and is there",
        &[
            "copyWithin/coerced-values-start-change-target.js",
            "copyWithin/fill-holes.js",
            "every/15.4.4.16-7-5.js",
            "every/15.4.4.16-7-b-1.js",
            "filter/15.4.4.20-9-5.js",
            "filter/15.4.4.20-9-b-1.js",
            "forEach/15.4.4.18-7-2.js",
            "forEach/15.4.4.18-7-4.js",
            "forEach/15.4.4.18-7-b-1.js",
            "indexOf/15.4.4.14-9-b-1.js",
            "lastIndexOf/15.4.4.15-8-b-1.js",
            "map/15.4.4.19-8-3.js",
            "map/15.4.4.19-8-5.js",
            "map/15.4.4.19-8-b-1.js",
            "reduce/15.4.4.21-8-c-1.js",
            "reduce/15.4.4.21-8-c-2.js",
            "reduce/15.4.4.21-8-c-3.js",
            "reduce/15.4.4.21-9-3.js",
            "reduce/15.4.4.21-9-b-1.js",
            "reduce/15.4.4.21-9-c-1.js",
            "reduceRight/15.4.4.22-8-c-1.js",
            "reduceRight/15.4.4.22-8-c-2.js",
            "reduceRight/15.4.4.22-8-c-3.js",
            "reduceRight/15.4.4.22-9-3.js",
            "reduceRight/15.4.4.22-9-b-1.js",
            "reduceRight/15.4.4.22-9-c-1.js",
            "some/15.4.4.17-7-5.js",
            "some/15.4.4.17-7-b-1.js",
            "sort/bug_596_2.js",
            "built-ins/Object/getOwnPropertyNames/15.2.3.4-4-b-6.js",
        ],
    ),
];

/// Why a failure is meant; nothing where it is not.
pub(crate) fn reason(path: &str, why: &str) -> Option<&'static str> {
    let line = format!("{path}: {why}");
    let mut reasons = REASONS.iter();
    let found = reasons.find(|(_, patterns)| patterns.iter().any(|part| line.contains(part)));
    found.map(|(reason, _)| *reason)
}
