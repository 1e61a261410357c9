//! Tests of the compiler: refusals, names, places, nesting.

use crate::test_support::{check, compile, compile_named};

fn first(text: &str) -> (String, String, String) {
    let diagnostics = compile(text).err().unwrap_or_default();
    let Some(diagnostic) = diagnostics.first() else {
        return Default::default();
    };
    (
        diagnostic.code.code.to_owned(),
        diagnostic.message.clone(),
        diagnostic.hint.clone().unwrap_or_default(),
    )
}

#[test]
fn what_is_not_part_of_the_language_is_refused_by_name() {
    for (text, code, word) in [
        ("const f = async () => 1", "E0102", "async"),
        ("function* f() {}", "E0102", "generators"),
        ("class A {}", "E0102", "classes"),
        ("const f = function () { return this.x }", "E0102", "this"),
        (
            "const f = function () { return arguments[0] }",
            "E0102",
            "arguments",
        ),
        ("const f = x => x`a${1}`", "E0102", "tagged templates"),
        ("const x = 1n", "E0102", "BigInt"),
        ("const o = { get a() { return 1 } }", "E0102", "getters"),
        ("const o = { __proto__: null }", "E0102", "__proto__"),
        ("const f = () => import('./x.js')", "E0102", "import"),
        ("const x = import.meta.url", "E0102", "import.meta"),
        ("namespace N { export const x = 1 }", "E0102", "namespace"),
        ("const f = x => new x()", "E0102", "new"),
        ("const f = (x, y) => x instanceof y", "E0102", "instanceof"),
        ("export * from './x.js'", "E0120", "./x.js"),
        ("import { x } from 'x'", "E0109", "`x`"),
        ("const x = Symbol('a')", "E0103", "Symbol"),
        ("const x = new Promise(() => 1)", "E0103", "Promise"),
        ("setTimeout(() => 1, 5)", "E0103", "setTimeout"),
        ("const x = fetch('a')", "E0103", "fetch"),
        ("const x = new URL('a')", "E0103", "URL"),
        ("const x = Intl.NumberFormat", "E0103", "Intl"),
        ("const x = new Proxy({}, {})", "E0103", "Proxy"),
        ("const x = new Uint8Array(4)", "E0103", "Uint8Array"),
        ("const x = eval('1')", "E0103", "eval"),
        ("const x = globalThis", "E0103", "globalThis"),
        ("const x = process.env.HOME", "E0103", "process"),
        ("const x = Math.nonsense(1)", "E0103", "Math.nonsense"),
        ("import { x } from './x.js'", "E0120", "./x.js"),
        ("const x = 1; x = 2", "E0105", "x"),
        ("y = 2", "E0104", "y"),
        ("const x = 1; const x = 2", "E0106", "x"),
        ("for (;;) { const f = () => { break } }", "E0107", ""),
        ("const f = () => { continue nowhere }", "E0107", ""),
        ("const = 1", "E0101", ""),
    ] {
        let (found, message, _) = first(text);
        assert!(
            found == code && message.contains(word),
            "{text}: {found} {message}"
        );
    }
}

#[test]
fn refusals_say_what_to_write() {
    for text in [
        "const f = async () => 1",
        "class A {}",
        "const x = fetch('a')",
        "const x = 1n",
        "const m = this",
    ] {
        assert!(!first(text).2.is_empty(), "{text}");
    }
    assert_eq!(
        first("const total = 1; const x = totl + 1").2,
        "did you mean `total`?"
    );
    assert_eq!(first("const x = akt(1)").2, "did you mean `act`?");
}

#[test]
fn several_errors_are_reported_at_once_in_the_order_of_the_text() {
    let diagnostics = compile("const a = 1n\nclass B {}\nconst c = nothing\n")
        .err()
        .unwrap();
    let codes: Vec<&str> = diagnostics
        .iter()
        .map(|diagnostic| diagnostic.code.code)
        .collect();
    assert_eq!(codes, ["E0102", "E0102", "E0104"]);
}

#[test]
fn free_names_are_addresses_or_shorthands() {
    let module = compile("export default [Ledger, Ledger, Alerts]").unwrap();
    let names: Vec<&str> = module
        .names_used
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["Ledger", "Alerts"]);
    check(&[
        ("Ledger", "{\"$address\":\"Ledger\"}"),
        ("Ledger === Ledger", "true"),
        ("`to ${Ledger}`", "\"to Ledger\""),
        ("typeof Ledger", "\"object\""),
        (
            "orderHandle",
            "E0304: `orderHandle` is a handle of the build stage and cannot be used here",
        ),
        (
            "import { act as a } from 'troupe'; export default a",
            "E0304: `act` belongs to the build stage and cannot be used here",
        ),
    ]);
}

#[test]
fn types_are_erased() {
    check(&[
        (
            "type A = { a: number }; interface B { b: string } const f = <T,>(x: T, y?: number): T => x as T; export default f<number>(3)!",
            "3",
        ),
        (
            "const o = { a: 1 } satisfies { a: number }; export default o.a!",
            "1",
        ),
        (
            "declare const x: number; import type { Y } from './y'; export default (1 as unknown as string)",
            "1",
        ),
        (
            "function f(a: string): string; function f(a: any) { return a } export default f('q')",
            "\"q\"",
        ),
        (
            "abstract class X {} export default 1",
            "E0102: classes are not part of the language",
        ),
    ]);
    assert!(compile_named("a.js", "const x: number = 1").is_err());
}

#[test]
fn exports_come_in_the_order_of_the_text() {
    let module = compile("export const a = 1, { b, c: [d] } = { b: 2, c: [3] }; const e = 4; export { e as f, e as default }; export function g() {}").unwrap();
    let names: Vec<String> = module
        .exports
        .iter()
        .map(|export| format!("{:?}", export.kind))
        .collect();
    assert_eq!(
        names,
        [
            "Named(\"a\")",
            "Named(\"b\")",
            "Named(\"d\")",
            "Named(\"f\")",
            "Default",
            "Named(\"g\")"
        ]
    );
    let module = compile("const x = 1; x + 1; x + 2").unwrap();
    assert_eq!(module.exports.len(), 2);
}

#[test]
fn deep_nesting_is_refused_and_never_overflows_the_stack() {
    let n = 100_000;
    for text in [
        "(".repeat(n),
        "[".repeat(n),
        "x = {".repeat(n),
        "{".repeat(n),
        "!".repeat(n) + "1",
        "- ".repeat(n) + "1",
        "typeof ".repeat(n) + "1",
        "x => ".repeat(n) + "1",
        "a ? b : ".repeat(n) + "1",
        "a = ".repeat(n) + "1",
        "2 ** ".repeat(n) + "1",
        "1 + ".repeat(n) + "1",
        "a".to_owned() + &".b".repeat(n),
        "a".to_owned() + &"()".repeat(n),
        "a".to_owned() + &"[0]".repeat(n),
        "a".to_owned() + &"``".repeat(n),
        "if (a) ".repeat(n) + "b",
        "if (a) b; else ".repeat(n) + "b",
        "if (a)\n".repeat(n) + "b",
        "while (a) ".repeat(n) + "b",
        "a: ".repeat(n) + "b",
        "`${".repeat(n),
        "do ".repeat(n) + "b",
        "let x: ".to_owned() + &"A<".repeat(n),
        "new ".repeat(n) + "a",
        "if (x) /'/.test((((\n".repeat(n),
        "a = b\n/'/.test((((\n".repeat(n),
        "x = a ++ /'/ ((((' + '\n".repeat(n),
        "x = {} /'/ ((((' + '\n".repeat(n),
        "for (x of /'/.test((((\n".repeat(n),
        "for (const x\nof /'/.test((((\n".repeat(n),
        "a\nof /'/ ((((' + '\n".repeat(n),
        "a, ".repeat(n) + &"(".repeat(n),
        "x as ".repeat(n) + "y",
        "async () => await ".repeat(n) + "y",
        "case 1: ".repeat(n),
        "f(function () {".repeat(n),
        "type A = B extends C ? D : ".repeat(n),
    ] {
        let diagnostics = compile(&text).err().unwrap_or_default();
        assert!(!diagnostics.is_empty(), "{}", &text[..20]);
    }
}

#[test]
fn the_deepest_accepted_programs_compile() {
    let shapes: [(&str, &str, &str); 12] = [
        ("(", "1", ")"),
        ("[", "", "]"),
        ("{ a: ", "1", "}"),
        ("x => ", "1", ""),
        ("x => { return ", "1", "}"),
        ("f(", "1", ")"),
        ("f(function () { return ", "1", "})"),
        ("f ? 1 : ", "2", ""),
        ("!", "1", ""),
        ("1 + ", "1", ""),
        ("`${", "1", "}`"),
        ("{ ...", "f", "}"),
    ];
    for (open, middle, close) in shapes {
        let text = |depth: usize| {
            format!(
                "const f = x => x; const y = {}{middle}{}",
                open.repeat(depth),
                close.repeat(depth)
            )
        };
        let is_too_deep = |depth: usize| {
            compile(&text(depth)).is_err_and(|errors| errors[0].code.code == "E0406")
        };
        let (mut accepted, mut refused) = (1, 2000);
        while refused - accepted > 1 {
            let middle = (accepted + refused) / 2;
            if is_too_deep(middle) {
                refused = middle;
            } else {
                accepted = middle;
            }
        }
        assert!(compile(&text(accepted)).is_ok(), "{open} {accepted}");
        assert!(accepted >= 80, "{open} {accepted}");
    }
}

#[test]
fn slashes_are_told_apart_where_they_can_be() {
    for text in [
        "const f = a => { for (const x of /'(a)/.exec(a)) a += x; return a }",
        "const f = (of, g) => { for (of / g; g; ) return of / g / 2 }",
        "const f = a => { if (a) /'/.test(a); return a / 2 / 3 }",
        "const f = a => { { a = 1 } ;/'/.test(a); return [a++ / 2, /[/']/.test(a)] }",
    ] {
        assert!(compile(text).is_ok(), "{text}");
    }
    let errors = compile("const f = a => { { a = 1 } /'/.test(a) }").unwrap_err();
    assert!(errors[0].message.contains("could be a division"));
}

#[test]
fn ordinary_programs_are_far_from_the_nesting_limit() {
    let lines: String = (0..2000)
        .map(|at| format!("const value{at} = {at} + 1 * 2\n"))
        .collect();
    assert!(compile(&lines).is_ok());
    let cases: String = (0..500)
        .map(|at| format!("case {at}: return '{at}' + x\n"))
        .collect();
    assert!(
        compile(&format!(
            "const f = x => {{ switch (x) {{ {cases} default: return 1 }} }}"
        ))
        .is_ok()
    );
    let object: String = (0..2000)
        .map(|at| format!("k{at}: {at} ? 'a' : 'b',\n"))
        .collect();
    assert!(compile(&format!("const o = {{ {object} }}")).is_ok());
    let chain = "x + ".repeat(500) + "x";
    assert!(compile(&format!("const x = 1; const y = {chain}")).is_ok());
    let branches = "if (x === 1) { y(2) } else ".repeat(150) + "y(3)";
    assert!(
        compile(&format!(
            "const y = x => x; const f = x => {{ {branches} }}"
        ))
        .is_ok()
    );
    let nested = "[".repeat(150) + &"]".repeat(150);
    assert!(compile(&format!("const x = {nested}")).is_ok());
    assert!(
        compile(
            "const a = 4, b = 2, g = 1; const x = a / b / g; const y = (a) / b; const z = a++ / 2"
        )
        .is_err()
    );
    assert!(
        compile("let a = 4, b = 2; const t = `${a}/${b}/${(a + b) / 2}`; const z = a++ / 2")
            .is_ok()
    );
}
