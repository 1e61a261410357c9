//! Tests of the machine: what expressions and statements give, limits, stacks.

use crate::bytecode::{FunctionIndex, Instruction};
use crate::compile::Module;
use crate::data::Data;
use crate::host::NoHost;
use crate::limits::Limits;
use crate::machine::Machine;
use crate::memory::Memory;
use crate::test_support::{check, compile, evaluate, run};

#[test]
fn operators() {
    check(&[
        ("1 + 2 * 3 - 4 / 8", "6.5"),
        ("7 % -3", "1"),
        ("-7 % 3", "-1"),
        ("-0", "-0"),
        ("0 * -1", "-0"),
        ("2 ** 10", "1024"),
        ("(-2) ** 0.5", "NaN"),
        ("1 ** Infinity", "NaN"),
        ("5 & 3 | 8 ^ 2", "11"),
        ("1 << 31", "-2147483648"),
        ("-1 >>> 0", "4294967295"),
        ("-9 >> 1", "-5"),
        ("~5", "-6"),
        ("1 + '2'", "\"12\""),
        ("'3' * '4'", "12"),
        ("[] + {}", "\"[object Object]\""),
        ("[1, [2, 3], null, undefined] + ''", "\"1,2,3,,\""),
        ("+[]", "0"),
        ("+[5]", "5"),
        ("+{}", "NaN"),
        ("+true + +null", "1"),
        ("undefined + 1", "NaN"),
        ("null + 1", "1"),
        (
            "typeof null + typeof undefined + typeof (() => 1) + typeof 'a' + typeof 1 + typeof true",
            "\"objectundefinedfunctionstringnumberboolean\"",
        ),
        ("void 0", "undefined"),
        ("(1, 2, 3)", "3"),
        ("!'' && !0 && !null && !NaN", "true"),
        ("0 || 'a' || 'b'", "\"a\""),
        ("0 ?? 1", "0"),
        ("null ?? undefined ?? 2", "2"),
        ("({ valueOf: () => 4 }) * 2", "8"),
        ("`${{ toString: () => 'x' }}`", "\"x\""),
        ("'a' + { valueOf: () => 1, toString: () => 's' }", "\"a1\""),
        (
            "(() => { let n = 0; const o = { toString: () => String(n) }; return `${o} ${++n} ${o}${[n, null]}` })()",
            "\"0 1 11,\"",
        ),
        (
            "(() => { const log = []; const o = { toString: () => { log.push('o'); return '' } }; try { return `${o}${null.x}` } catch { return log } })()",
            "[\"o\"]",
        ),
    ]);
}

#[test]
fn comparisons() {
    check(&[
        ("1 < 2 && 2 <= 2 && 3 > 2 && !(NaN >= NaN)", "true"),
        ("'10' < '9'", "true"),
        ("'10' < 9", "false"),
        ("'a' < 'B'", "false"),
        ("null == undefined", "true"),
        ("null == 0", "false"),
        ("null >= 0", "true"),
        ("undefined == 0", "false"),
        ("'1' == 1", "true"),
        ("true == '1'", "true"),
        ("[1] == 1", "true"),
        ("[] == ''", "true"),
        ("[] == []", "false"),
        ("NaN === NaN", "false"),
        ("0 === -0", "true"),
        ("'b' in { b: 1 }", "true"),
        ("1 in [7]", "false"),
        (
            "'x' in 'xyz'",
            "E0301: TypeError: cannot use 'in' to search for 'x' in the text 'xyz'",
        ),
        ("[] instanceof Array", "true"),
        ("({}) instanceof Object", "true"),
        ("'a' instanceof Object", "false"),
        ("'\\u{1F600}' > '\\uFFFF'", "false"),
    ]);
}

#[test]
fn texts_are_utf16() {
    check(&[
        ("'a😀b'.length", "4"),
        ("'a😀b'[1] === '\\ud83d'", "true"),
        ("[...'a😀b']", "[\"a\",\"😀\",\"b\"]"),
        ("'\\ud800'", "\"\\ud800\""),
        ("'\\ud83d' + '\\ude00'", "\"😀\""),
        ("`line\n${1 + 1}`", "\"line\\n2\""),
        ("'abc'['1']", "\"b\""),
        ("'abc'[7]", "undefined"),
        ("`\\u00e9`.length", "1"),
    ]);
}

#[test]
fn numbers_are_written_as_in_javascript() {
    check(&[
        ("0.1 + 0.2", "0.30000000000000004"),
        ("1e21 + ''", "\"1e+21\""),
        ("'' + 1e-7", "\"1e-7\""),
        ("'' + 123456789012345680000", "\"123456789012345680000\""),
        ("'' + -0", "\"0\""),
        ("0x1f + 0b11 + 0o17 + 1_000", "1049"),
        (
            "({ [0.5]: 1, [1e21]: 2, [-1]: 3 })",
            "{\"0.5\":1,\"1e+21\":2,\"-1\":3}",
        ),
    ]);
}

#[test]
fn properties_keep_their_order() {
    check(&[
        (
            "({ b: 1, 2: 2, a: 3, 1: 4 })",
            "{\"1\":4,\"2\":2,\"b\":1,\"a\":3}",
        ),
        (
            "({ a: 1, ...{ b: 2, a: 3 }, c: 4 })",
            "{\"a\":3,\"b\":2,\"c\":4}",
        ),
        ("({ a: 1, a: 2 })", "{\"a\":2}"),
        (
            "({ ...[7, 8], ...'xy', ...null, ...5 })",
            "{\"0\":\"x\",\"1\":\"y\"}",
        ),
        (
            "({ ['k' + 1]: 1, [`k2`]: 2, 'k 3': 3 })",
            "{\"k1\":1,\"k2\":2,\"k 3\":3}",
        ),
        ("({ f() { return 1 } }).f()", "1"),
        (
            "(() => { const o = { a: 1, b: 2 }; delete o.a; o.a = 3; return o })()",
            "{\"b\":2,\"a\":3}",
        ),
        (
            "(() => { const a = [1, 2]; a[3] = 4; a.length = 3; return a })()",
            "[1,2,undefined]",
        ),
        (
            "(() => { let n = 0; const o = { get: 1 }; for (const k in { x: 1, 3: 1 }) n += k; return n })()",
            "\"03x\"",
        ),
        (
            "(() => { const o = { a: 1, b: 2, c: 3 }; let s = ''; for (const k in o) { s += k; delete o.b } return s })()",
            "\"ac\"",
        ),
    ]);
}

#[test]
fn destructuring() {
    check(&[
        (
            "(({ a, b: { c = 5, ...d } = {}, ...e }) => [a, c, d, e])({ a: 1, x: 2, y: 3 })",
            "[1,5,{},{\"x\":2,\"y\":3}]",
        ),
        (
            "(([a, , b = 2, ...c]) => [a, b, c])([1, 0, undefined, 4, 5])",
            "[1,2,[4,5]]",
        ),
        (
            "(() => { let a = 1, b = 2; [a, b] = [b, a]; return [a, b] })()",
            "[2,1]",
        ),
        (
            "(() => { const o = {}; ({ x: o.p, y: o['q'] = 9 } = { x: 1 }); return o })()",
            "{\"p\":1,\"q\":9}",
        ),
        (
            "(() => { const k = 'a'; const { [k]: v, ...rest } = { a: 1, b: 2 }; return [v, rest] })()",
            "[1,{\"b\":2}]",
        ),
        (
            "(({ a }) => a)(null)",
            "E0301: TypeError: cannot take null apart: it has no properties",
        ),
        (
            "(([a]) => a)({})",
            "E0301: TypeError: an object is not iterable; write `Object.values(object)` or `Object.entries(object)`",
        ),
        (
            "(() => { let order = []; const f = n => (order.push, n); const { a = f(1), b = f(2) } = { a: 0 }; return [a, b] })()",
            "[0,2]",
        ),
        (
            "(() => { let a, rest; ({ a, ...rest } = { a: 1, b: 2 }); return [a, rest] })()",
            "[1,{\"b\":2}]",
        ),
        (
            "(() => { const out = []; for (const [k, { v }] of [['a', { v: 1 }]]) out[0] = k + v; return out })()",
            "[\"a1\"]",
        ),
        (
            "(() => { let x; for ({ x } of [{ x: 4 }]); return x })()",
            "4",
        ),
    ]);
}

#[test]
fn functions_and_closures() {
    check(&[
        (
            "((a, b = a + 1, ...c) => [a, b, c])(1, undefined, 3, 4)",
            "[1,2,[3,4]]",
        ),
        (
            "(function f(n) { return n < 2 ? 1 : n * f(n - 1) })(5)",
            "120",
        ),
        (
            "const f = n => n ? f(n - 1) : 'done'; export default f(5000)",
            "\"done\"",
        ),
        (
            "export default even(10); function even(n) { return n === 0 || odd(n - 1) } function odd(n) { return n !== 0 && even(n - 1) }",
            "true",
        ),
        (
            "(() => { const fs = []; for (let i = 0; i < 3; i++) fs[i] = () => i; return [fs[0](), fs[1](), fs[2]()] })()",
            "[0,1,2]",
        ),
        (
            "(() => { const fs = []; for (let i = 0; i < 3; i++) { fs[i] = () => i; i += 1 } return [fs[0](), fs[2]()] })()",
            "[1,3]",
        ),
        (
            "(() => { const fs = []; for (var i = 0; i < 3; i++) fs[i] = () => i; return fs[0]() })()",
            "3",
        ),
        (
            "(() => { const fs = []; for (const x of [1, 2]) fs[x] = () => x; return fs[1]() + fs[2]() })()",
            "3",
        ),
        (
            "(() => { let n = 0; const next = () => ++n; next(); next(); return n })()",
            "2",
        ),
        ("((a, f = () => a) => { a = 2; return f() })(1)", "2"),
        (
            "(() => { const make = a => b => c => a + b + c; return make(1)(2)(3) })()",
            "6",
        ),
        (
            "(() => { f(); function f() { return x } let x = 1 })()",
            "E0301: ReferenceError: cannot access 'x' before initialization",
        ),
        (
            "(() => { return x; let x = 1 })()",
            "E0301: ReferenceError: cannot access 'x' before initialization",
        ),
        (
            "(() => { const x = (() => x)(); return x })()",
            "E0301: ReferenceError: cannot access 'x' before initialization",
        ),
    ]);
}

#[test]
fn arguments_and_names() {
    check(&[
        (
            "(function (a) { var b; return [a, b] })(1, 2, 3)",
            "[1,undefined]",
        ),
        ("((a, b) => a)(1)", "1"),
        (
            "((...all) => all)(...[1, 2], 3, ...'ab')",
            "[1,2,3,\"a\",\"b\"]",
        ),
        ("({ f: (a, b) => a + b }).f(...[1, 2])", "3"),
        ("((a, b = 1, c) => 0).length", "1"),
        (
            "(() => { const named = () => 0; return named.name })()",
            "\"named\"",
        ),
        ("1()", "E0301: TypeError: 1 is not a function"),
        (
            "({}).missing()",
            "E0301: TypeError: `.missing` of an object is not a function",
        ),
        (
            "undefined.x",
            "E0301: TypeError: cannot read properties of undefined (reading 'x')",
        ),
    ]);
}

#[test]
fn optional_chains_and_assignments() {
    check(&[
        (
            "(o => [o?.a, o?.a.b.c, o?.[1], o?.f(), o?.a?.b])(undefined)",
            "[undefined,undefined,undefined,undefined,undefined]",
        ),
        (
            "(o => [o.f?.(), o.g?.(2), o?.g(3), o.n?.x.y.z])({ g: x => x })",
            "[undefined,2,3,undefined]",
        ),
        ("(o => [(o?.a).b])({ a: { b: 1 } })", "[1]"),
        ("(o => delete o?.a?.b)({})", "true"),
        (
            "(() => { let a = null; a ??= 1; a ||= 2; a &&= 3; return a })()",
            "3",
        ),
        (
            "(() => { const o = { n: 1 }; o.n += 2; o['n'] *= 3; o.m ??= 7; o['m'] ||= 8; return [o, o.n++, ++o.n, o['n']--] })()",
            "[{\"n\":10,\"m\":7},9,11,11]",
        ),
        (
            "(() => { let s = '5'; const old = s++; return [old, s] })()",
            "[5,6]",
        ),
        (
            "(() => { const a = [1]; let i = 0; a[i++] += 5; return [a, i] })()",
            "[[6],1]",
        ),
    ]);
}

#[test]
fn statements() {
    check(&[
        (
            "(() => { let s = 0; outer: for (let i = 0; ; i++) { for (const j of [1, 2, 3]) { if (j === 2) continue outer; if (i === 3) break outer; s += j } } return s })()",
            "3",
        ),
        (
            "(() => { let s = ''; for (const n of [1, 2, 3, 4]) switch (n) { case 1: s += 'a'; case 2: s += 'b'; break; default: s += 'd'; case 3: s += 'c' } return s })()",
            "\"abbcdc\"",
        ),
        (
            "(() => { let i = 0; do { i++; if (i === 2) continue } while (i < 5); return i })()",
            "5",
        ),
        (
            "(() => { let i = 9; while (i) { i -= 2; if (i < 4) break } return i })()",
            "3",
        ),
        ("(() => { a: { b: { break a } return 1 } return 2 })()", "2"),
        (
            "(() => { if (0) return 1; else if ('') return 2; else return 3 })()",
            "3",
        ),
        (
            "(() => { switch (1) { case 0: let x = 1; case 1: return x } })()",
            "E0301: ReferenceError: cannot access 'x' before initialization",
        ),
        ("(() => { for (const x of [1]) { return x } })()", "1"),
        (
            "(() => { let n = 0; for (;;) { if (++n > 4) return n } })()",
            "5",
        ),
        (
            "(() => { let x = 1; { let x = 2; { x = 3 } } return x })()",
            "1",
        ),
        (
            "(() => { for (const x in 'ab') { var last = x } return last })()",
            "\"1\"",
        ),
        (
            "enum Size { S, M = 5, L, Name = 'n' }; export default [Size.S, Size.M, Size.L, Size[6], Size.Name]",
            "[0,5,6,\"L\",\"n\"]",
        ),
    ]);
}

#[test]
fn exceptions() {
    check(&[
        (
            "(() => { try { throw { code: 1 } } catch ({ code }) { return code } })()",
            "1",
        ),
        (
            "(() => { try { undefined.x } catch (e) { return [e.name, e instanceof TypeError, `${e}`] } })()",
            "[\"TypeError\",true,\"TypeError: cannot read properties of undefined (reading 'x')\"]",
        ),
        (
            "(() => { const log = []; let n = 0; for (const i of [1, 2, 3]) { try { if (i === 2) continue; log[n++] = i } finally { log[n++] = 'f' + i } } return log })()",
            "[1,\"f1\",\"f2\",3,\"f3\"]",
        ),
        (
            "(() => { try { return 'a' } finally { return 'b' } })()",
            "\"b\"",
        ),
        (
            "(() => { let x = 1; const f = () => { try { return x } finally { x = 2 } }; return [f(), x] })()",
            "[1,2]",
        ),
        (
            "(() => { try { try { throw 1 } finally { throw 2 } } catch (e) { return e } })()",
            "2",
        ),
        (
            "(() => { const deep = n => { if (!n) throw 'x'; deep(n - 1) }; try { deep(50) } catch (e) { return e } })()",
            "\"x\"",
        ),
        (
            "(() => { outer: for (;;) { try { for (;;) { try { break outer } finally { } } } finally { } } return 1 })()",
            "1",
        ),
        ("(() => { throw 5 })()", "E0301: 5 was thrown"),
        ("(() => { try { throw 1 } catch { return 2 } })()", "2"),
        (
            "(() => { let log = ''; try { try { throw 'a' } catch (e) { log += e; throw 'b' } finally { log += 'f' } } catch (e) { log += e } return log })()",
            "\"afb\"",
        ),
    ]);
}

#[test]
fn limits_end_every_program() {
    let limits = Limits {
        turn_instructions: 2_000_000,
        turn_allocated_bytes: 1 << 20,
        ..Limits::default()
    };
    for (text, code) in [
        ("(() => { for (;;); })()", "E0401"),
        ("(() => { let s = 'ab'; for (;;) s += s })()", "E0402"),
        (
            "(() => { const a = []; for (let i = 0; ; i++) a[i] = i })()",
            "E0402",
        ),
        ("(() => { const f = () => f(); f() })()", "E0403"),
        (
            "(() => { const f = () => { try { f() } catch { } }; f() })()",
            "E0403",
        ),
        ("(() => { const a = []; a[4000000000] = 1 })()", "E0402"),
        ("(() => { const a = []; a[10000000] = 1 })()", "E0402"),
        (
            "(() => { let a = []; for (let i = 0; i < 5000; i++) a = [a]; return a + '' })()",
            "E0403",
        ),
        (
            "(() => { const a = []; a[0] = a; return a + '' })()",
            "E0403",
        ),
        (
            "(() => { const o = { toString: () => `${o}` }; return `${o}` })()",
            "E0403",
        ),
        (
            "(() => { let o = {}; for (;;) o = { ...o, [Number] : 1 } })()",
            "E0402",
        ),
    ] {
        let shown = match compile(&format!("export default {text}")) {
            Ok(module) => run(&module, &limits).unwrap_or_else(|error| error.code),
            Err(diagnostics) => diagnostics[0].code.code.to_owned(),
        };
        assert_eq!(shown, code, "{text}");
    }
}

#[test]
fn stacks_name_function_file_line_and_column() {
    let module = compile("const inner = value => {\n  return value.x.y\n}\nfunction outer() { return inner({}) }\nexport default outer()").unwrap();
    let error = run(&module, &Limits::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "E0301: TypeError: cannot read properties of undefined (reading 'y')\n    at inner (test.ts:2:10)\n    at outer (test.ts:4:27)\n    at (module) (test.ts:5:16)"
    );
}

/// Several reads and a comparison are one step; an error is about the read that fails.
#[test]
fn an_error_in_a_chain_names_its_part() {
    for (reads, key) in [("m.a.b.c", "c"), ("m.z.b.c", "b"), ("m.a.b.c === 'x'", "c")] {
        let text = format!("const m = {{ a: {{}} }};\nexport default (() =>\n  {reads})()");
        let error = run(&compile(&text).unwrap(), &Limits::default()).unwrap_err();
        let message = format!("TypeError: cannot read properties of undefined (reading '{key}')");
        assert_eq!(error.message, message);
        assert_eq!((error.stack[0].line, error.stack[0].column), (3, 3));
    }
}

/// The instructions that a module uses.
fn used(module: &Module) -> u64 {
    let limits = Limits::default();
    let memory = Memory::default();
    let mut machine = Machine::new(&module.code, &NoHost, &limits, &memory);
    let main = Data::function(FunctionIndex(0), Vec::new()).unwrap();
    machine.call(&machine.value(main), &[]).unwrap();
    machine.used().instructions
}

/// What became one step counts as the instructions that it stands for.
#[test]
fn steps_count_as_their_instructions() {
    let used = |text: &str| used(&compile(text).unwrap());
    // Ten rounds: comparison (3), jump, body (4), increment, jump back.
    let round = "let n = 0; for (let i = 0; i < 10; i++) n = n + i; export default n";
    let no_round = "let n = 0; for (let i = 0; i < 0; i++) n = n + i; export default n";
    assert_eq!(used(round) - used(no_round), 100);
    // A jump to the return more, which is done together with it.
    let (yes, no) = ("(n => n ? 1 : 2)(1)", "(n => n ? 1 : 2)(0)");
    assert_eq!(used(&default(yes)) - used(&default(no)), 1);
    // A variable is written and read.
    for operator in ["+", "-", "*"] {
        let kept = default(&format!(
            "((a, b) => {{ const c = a {operator} b; return c }})(1, 2)"
        ));
        let at_once = default(&format!("((a, b) => a {operator} b)(1, 2)"));
        assert_eq!(used(&kept) - used(&at_once), 2);
    }
}

fn default(text: &str) -> String {
    format!("export default {text}")
}

/// The condition of a loop stands in its steps twice, and counts as in its instructions.
#[test]
fn rounds_count_as_their_instructions() {
    for (text, rounds) in [
        ("let i = 3; while (i) i--; export default i", 3),
        ("let i = 3; while (!i) i--; export default i", 0),
        (
            "const m = [1, 2]; let i = 0; while (i < m.length) i++; export default i",
            2,
        ),
        (
            "const m = { n: 4 }; let i = 0; for (; m.n !== i; i++) ; export default i",
            4,
        ),
        (
            "let n = 0; for (const i of [1, 2, 3]) n += i; export default n",
            3,
        ),
        ("let n = 0; for (const i of []) n += i; export default n", 0),
        (
            "const m = { n: 4 }; let i = 0; while (m.n * 2 + 1 > i * 3 + 2) i++; export default i",
            3,
        ),
    ] {
        let module = compile(text).unwrap();
        let instructions = &module.code.functions[0].instructions;
        let targets = || instructions.iter().map(Instruction::target).enumerate();
        let (back, start) = targets()
            .find_map(|(at, target)| {
                target
                    .filter(|to| *to <= at as u32)
                    .map(|to| (at as u32, to))
            })
            .unwrap();
        let (exit, _) = targets()
            .find(|(_, target)| *target == Some(back + 1))
            .unwrap();
        // The variable of a round is written in the same step as its value is found.
        let iterates = matches!(instructions[exit], Instruction::IterateNext { .. });
        let exit = exit as u32 + u32::from(iterates);
        let (round, last) = (back + 1 - start, exit + 1 - start);
        let others = instructions.len() as u32 - round;
        assert_eq!(
            used(&module),
            u64::from(others + rounds * round + last),
            "{text}"
        );
    }
}

/// A function with more registers than a window has is done in full, and computes the same.
#[test]
fn functions_of_many_variables() {
    let body = "const m = { a: 7, b: { c: 'x', d: [1, 2, 3] }, n: null }, log = []; let i = 0, s = '', u;
        const add = x => x + i, more = () => ++i;
        while (i < m.a) { i++; if (i === 3) continue; if (i >= 6) break; s += `${i},` }
        for (const x of m.b.d) log.push(x % 2 === 0 ? x / 2 : x * 3 - 1, x & 3, x | 8, -x);
        for (let k = 0; k <= 3; k += 1) log.push(k > 1, k !== 2, !k, m.b.d[k] ?? 'none', u ?? k);
        switch (m.b.c) { case 'y': log.push('y'); break; case 'x': log.push('x') }
        try { log.push(add(1), more(), Math.floor(7 / 2), m.n?.c, m.b.c === 'x', m.b.d.length, i--, i < s.length);
            const { a = 1, z = undefined, y = true } = m; log.push(a, z, y); null.x } catch (e) { log.push(e.name) }
        return [log, s, i, m.a <= i, i > 2, i % 3, m.a < 2, i - 1, m.a - i, m.a === 7, s + 1]";
    let many: String = (0..80).map(|at| format!("let v{at} = {at};")).collect();
    let few = evaluate(&format!("(() => {{ {body} }})()"));
    assert!(few.starts_with("[["), "{few}");
    let all = evaluate(&format!("(() => {{ {many} {body} }})()"));
    assert_eq!(all, few);
    let sums = evaluate(&format!(
        "[3, 1, 2].map((a, b, c) => {{ {many} return a + v79 + c.length }}).sort((a, b) => {{ {many} return a - b }})"
    ));
    assert_eq!(sums, "[83,84,85]");
}

#[test]
fn operands_keep_their_value_while_variables_change() {
    check(&[
        ("(() => { let a = 1; return a + (a = 5) + a })()", "11"),
        (
            "(() => { let a = 1; return [a, a++, a, ++a, a] })()",
            "[1,1,2,3,3]",
        ),
        (
            "(() => { let a = 2; const b = a * a-- - a; return [a, b] })()",
            "[1,3]",
        ),
        (
            "(() => { let a = 1, b = 2; [a, b] = [b, a]; return [a, b] })()",
            "[2,1]",
        ),
        (
            "(() => { let i = 0; const f = (...x) => x; return f(i, i += 2, i) })()",
            "[0,2,2]",
        ),
        (
            "(() => { let s = 'a'; s = s + (s += 'b') + s; return s })()",
            "\"aabab\"",
        ),
        (
            "(() => { let o = { n: 1 }; const p = o.n + (o = { n: 5 }).n + o.n; return p })()",
            "11",
        ),
        (
            "(() => { let x = 3; return x > 2 ? (x = 1, x) : x })()",
            "1",
        ),
        (
            "(() => { let x; return (x ?? (x = 4)) + (x ||= 9) + (x &&= 2) })()",
            "10",
        ),
        (
            "(() => { let a = 0; try { a = 1; throw a + 1 } catch (e) { return [a, e] } })()",
            "[1,2]",
        ),
    ]);
}
