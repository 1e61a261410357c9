//! What is left of TypeScript, and that lines stay where they are.

use super::{Plain, erase};
use crate::diagnostic::Diagnostic;
use crate::limits::BuildLimits;
use crate::source::Source;

fn plain(text: &str) -> Result<Plain, Vec<Diagnostic>> {
    erase(&Source::new("test.ts", text), &BuildLimits::default())
}

/// Checks the text that is left, spaces aside, and that each line is where it was.
fn check(cases: &[(&str, &str)]) {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut wrong = Vec::new();
    for (text, expected) in cases {
        let found = match plain(text) {
            Ok(plain) => plain.text,
            Err(errors) => format!("{errors:?}"),
        };
        let same_lines = found.matches('\n').count() == text.matches('\n').count();
        if words(&found) != words(expected) || !same_lines {
            wrong.push(format!("{text}\n  expected {expected}\n  found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn types_of_variables_and_functions_are_blanked() {
    check(&[
        ("let x: number = 1, y!: string;", "let x = 1, y ;"),
        (
            "function f<T>(this: Foo, a?: T, b: number = 2, ...c: T[]): asserts a is T { return a!; }",
            "function f ( a , b = 2, ...c ) { return a ; }",
        ),
        (
            "const f = async <T,>(a: T): Promise<T> => a as unknown as T;",
            "const f = async (a ) => a ;",
        ),
        (
            "const f = (a: number): {\n  b: number\n} => ({ b: a });",
            "const f = (a ) => ({ b: a });",
        ),
        (
            "try { f<number>(1) } catch (e: unknown) { g(e satisfies X) }",
            "try { f (1) } catch (e ) { g(e ) }",
        ),
        (
            "const a = <number>b, c = new Map<string, number>();",
            "const a = b, c = new Map ();",
        ),
        (
            "for (const x of y as number[]) z(x!);",
            "for (const x of y ) z(x );",
        ),
        (
            "const { a, b }: { a: number, b: string } = c;",
            "const { a, b } = c;",
        ),
    ]);
}

#[test]
fn declarations_of_types_are_blanked_and_keep_statements_apart() {
    check(&[
        (
            "const a = 1\ninterface X { a: number }\n(f)()",
            "const a = 1 ; (f)()",
        ),
        (
            "type A = 1;\nexport type B = A\nexport interface C {}",
            "; ; ;",
        ),
        (
            "declare const x: number;\ndeclare function f(): void\ndeclare module 'm' {}\ndeclare global {}",
            "; ; ; ;",
        ),
        (
            "function f(a: string): void;\nfunction f(a) {}",
            "; function f(a) {}",
        ),
        ("const a = b as any\n(f)()", "const a = b; (f)()"),
        ("let a = b!\n[1].map(f)", "let a = b; [1].map(f)"),
    ]);
}

#[test]
fn classes_lose_their_modifiers() {
    check(&[
        (
            "abstract class A<T> extends B<T> implements C, D<T> {\n  private readonly x?: number = 1;\n  declare y: number;\n  override z!: T;\n  [key: string]: any;\n  abstract f(): void;\n  protected async g?(a: T): Promise<void> {}\n  get h(): number { return 1 }\n}",
            "class A extends B {\n x = 1;\n ;\n z ;\n ;\n ;\n async g (a ) {}\n get h() { return 1 }\n}",
        ),
        (
            "class A { constructor(private x: number, readonly y = 2, z: string) { f() } }",
            "class A { constructor( x , y = 2, z ) { this.x = x; this.y = y; f() } }",
        ),
        (
            "class A extends B { constructor(public x: number) { super(x); f() } }",
            "class A extends B { constructor( x ) { super(x);; this.x = x; f() } }",
        ),
    ]);
}

#[test]
fn enums_become_objects() {
    let text = plain("export enum Size {\n  Small,\n  Large = 5,\n  Huge,\n  Both = Small | Large,\n  Named = 'n',\n  'a-b' = 7\n}\nf(Size)").unwrap().text;
    assert!(
        text.starts_with(
            "export var Size = ((Size) => { const Small = 0; Size[\"Small\"] = Small;"
        ),
        "{text}"
    );
    assert!(text.contains("const Huge = Large + 1;"), "{text}");
    assert!(text.contains("const Both = Small | Large;"), "{text}");
    assert!(text.contains("Size['a-b'] = __5;"), "{text}");
    assert_eq!(text.lines().nth(8), Some("f(Size)"), "{text}");
    check(&[("declare enum A { B }", ";")]);
}

#[test]
fn imports_that_are_only_types_are_left_out() {
    check(&[
        (
            "import type { A } from './a';\nimport { type B, c, D } from './b';\nlet d: D = c();",
            "; import { c } from './b'; let d = c();",
        ),
        ("import { A } from './a';\nlet a: A;", "; let a ;"),
        (
            "import e, { A } from './a';\nimport './b';\nlet a: A = e;",
            "import e from './a'; import './b'; let a = e;",
        ),
        (
            "import * as all from './a';\nall.f();",
            "import * as all from './a'; all.f();",
        ),
        (
            "const a = 1;\ntype B = 1;\nexport { a, type B };\nexport type { B as C };\nexport { x, type Y } from './x';",
            "const a = 1; ; export { a }; ; export { x } from './x';",
        ),
    ]);
}

#[test]
fn what_a_module_imports_and_exports_is_known() {
    let plain = plain("import type { T } from './t';\nimport { f } from './f.js';\nexport * from './all';\nexport { g as h } from './g';\nexport const { a, b } = f(), c = 1;\nexport default class {}\nexport interface I {}\nexport enum E { A }").unwrap();
    let imports: Vec<&str> = plain
        .imports
        .iter()
        .map(|import| import.specifier.as_str())
        .collect();
    assert_eq!(imports, ["./f.js", "./all", "./g"]);
    assert_eq!(plain.exports, ["h", "a", "b", "c", "default", "E"]);
    assert!(plain.exports_more && !plain.makes_workers);
    let names = |at: usize| {
        plain.imports[at]
            .names
            .iter()
            .map(|(name, _)| name.as_str())
    };
    assert_eq!(names(0).collect::<Vec<_>>(), ["f"]);
    assert_eq!(names(2).collect::<Vec<_>>(), ["g"]);
}

#[test]
fn scripts_are_told_from_other_modules() {
    let makes = |text: &str| plain(text).unwrap().makes_workers;
    assert!(makes("export const A = act(() => noop())"));
    assert!(makes(
        "import { act as a, noop } from 'troupe'; export const A = a(() => noop())"
    ));
    assert!(!makes("const act = f => f; export const A = act(1)"));
    assert!(!makes("export const f = x => x.act"));
}

#[test]
fn columns_stay_where_they_are() {
    let text = "const f = (a: number, b?: string): void => { g(a as any, b!); };\n";
    let found = plain(text).unwrap().text;
    assert_eq!(found.find("g(a"), text.find("g(a"));
    assert_eq!(found.len(), text.len());
    let javascript = "class A { static x = 1 }";
    let source = Source::new("a.js", javascript);
    assert_eq!(
        erase(&source, &BuildLimits::default()).unwrap().text,
        javascript
    );
}

#[test]
fn what_cannot_be_erased_is_refused_with_its_place() {
    let error = |text: &str| plain(text).unwrap_err().remove(0);
    assert_eq!(
        error("namespace A { export const b = 1 }").message,
        "a `namespace` cannot be erased as a type"
    );
    assert_eq!(error("import a = require('a'); a();").code.code, "E0102");
    assert_eq!(error("let x: = 1").code.code, "E0101");
    assert_eq!(error("const a = 1; const a = 2;").code.code, "E0106");
}
