//! What is far too large, too deep or too long ends with an error that names its limit: never with a hang, a panic or an
//! overflow of the stack, which would end this process.
//!
//! Times are not measured: each turn's instructions are, against the limit that it was given.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use vm::{
    Address, BuildLimits, Data, Identity, Input, Limits, Outcome, Program, Source, TurnContext,
    Worker, compile, turn,
};

/// The first refusal of a text; none where it compiles.
fn refusal(language: &str, text: String) -> Option<String> {
    let source = Source::new(format!("large.{language}"), text);
    let diagnostics = compile(&source, &BuildLimits::default()).err()?;
    let first = &diagnostics[0];
    assert!(!first.render(&source, false).is_empty());
    Some(format!("{} {}", first.code.code, first.message))
}

/// Those of the refusals that are not of the allowed codes.
fn unexpected(language: &str, name: &str, value: &str, allowed: &[&str]) -> Option<String> {
    let error = refusal(language, worker(value))?;
    (!allowed.contains(&&error[..5])).then(|| format!("{name}: {error}"))
}

fn worker(value: &str) -> String {
    format!(
        "const large = {value}\nexport const Large = act((self, {{ outbox }}) => send(outbox, computeState([], () => large === 0)))"
    )
}

fn many(part: &str, count: usize) -> String {
    part.repeat(count)
}

fn numbered(part: &dyn Fn(usize) -> String, count: usize) -> String {
    (0..count).map(part).collect()
}

/// Expressions that are far too long or deep.
#[rustfmt::skip]
fn operands() -> Vec<(&'static str, String)> {
    vec![
        ("array", format!("[{}]", many("0,", 400_000))),
        ("arrays", format!("[{}]", many("[],", 200_000))),
        ("spreads", format!("[{}]", many("...[1],", 100_000))),
        ("object", format!("{{{}}}", numbered(&|at| format!("k{at}:0,"), 60_000))),
        ("computed", format!("{{{}}}", numbered(&|at| format!("['k'+{at}]:0,"), 50_000))),
        ("text", format!("'{}'", many("a", 900_000))),
        ("sum", many("1+", 200_000) + "1"),
        ("commas", format!("({}0)", many("0,", 200_000))),
        ("and", many("1&&", 100_000) + "1"),
        ("power", many("1**", 100_000) + "1"),
        ("nullish", many("null??", 100_000) + "1"),
        ("conditions", many("0?1:", 100_000) + "1"),
        ("not", many("!", 400_000) + "1"),
        ("minus", many("- ", 300_000) + "1"),
        ("typeof", many("typeof ", 100_000) + "1"),
        ("parentheses", many("(", 300_000) + "1" + &many(")", 300_000)),
        ("brackets", many("[", 300_000) + &many("]", 300_000)),
        ("braces", many("{a:", 100_000) + "1" + &many("}", 100_000)),
        ("open", many("(", 900_000)),
        ("arrows", many("a=>", 200_000) + "1"),
        ("calls", "Array".to_owned() + &many("()", 200_000)),
        ("members", "Array.of()".to_owned() + &many(".a", 200_000)),
        ("optional", "[]".to_owned() + &many("?.a", 200_000)),
        ("elements", "[]".to_owned() + &many("[0]", 200_000)),
        ("template", format!("`{}`", many("${1}", 100_000))),
        ("templates", many("`${", 100_000) + "1" + &many("}`", 100_000)),
        ("arguments", format!("Math.max({})", many("0,", 200_000))),
        ("parameters", format!("({}) => 1", numbered(&|at| format!("p{at},"), 80_000))),
    ]
}

/// Parameters, patterns, statements and expressions of a kind that nest by themselves.
#[rustfmt::skip]
fn functions() -> Vec<(&'static str, String)> {
    vec![
        ("defaults", format!("({}) => 1", numbered(&|at| format!("p{at}={at},"), 60_000))),
        ("patterns", format!("({}a{}) => 1", many("[", 100_000), many("]", 100_000))),
        ("expression", format!("/{}/", many("a", 900_000))),
        ("groups", format!("/{}{}/", many("(", 100_000), many(")", 100_000))),
        ("choices", format!("/{}/", many("a|", 200_000))),
        ("class", format!("/[{}]/v", many("[", 100_000))),
        ("counted", format!("/{}/", many("(?:a{1000}){1000}", 3))),
        ("digits", many("9", 900_000)),
        ("functions", format!("[{}]", many("()=>1,", 100_000))),
        ("slots", format!("() => {{ {} }}", numbered(&|at| format!("let v{at}=0;"), 60_000) )),
        ("jumps", format!("() => {{ {} }}", many("if(1);", 100_000))),
        ("elses", format!("() => {{ {} }}", many("if(0);else ", 80_000) + ";")),
        ("blocks", format!("() => {{ {}{} }}", many("{", 100_000), many("}", 100_000))),
        ("labels", format!("() => {{ {}; }}", numbered(&|at| format!("l{at}:"), 80_000))),
        ("cases", format!("() => {{ switch(0) {{ {} }} }}", numbered(&|at| format!("case {at}:"), 70_000) )),
        ("tries", format!("() => {{ {}{} }}", many("try{", 50_000), many("}finally{}", 50_000) )),
        ("loops", format!("() => {{ {}; }}", many("for(;;)", 100_000))),
    ]
}

/// Types that are far too long or deep.
#[rustfmt::skip]
fn types() -> Vec<(&'static str, String)> {
    vec![
        ("types", format!("1 as {}number{}", many("[", 100_000), many("]", 100_000))),
        ("unions", format!("1 as {}number", many("number|", 100_000))),
        ("generics", format!("1 as {}number{}", many("A<", 100_000), many(">", 100_000))),
        ("conditional", format!("1 as {}1", many("A extends B?C:", 50_000))),
        ("assertions", "1".to_owned() + &many(" as any", 100_000)),
        ("not null", "1".to_owned() + &many("!", 100_000)),
        ("angles", many("<any>", 100_000) + "1"),
        ("keyof", format!("1 as {}number", many("keyof ", 100_000))),
        ("typed arrows", format!("1 as {}number", many("()=>", 100_000))),
    ]
}

#[test]
fn large_sources_are_compiled_or_refused() {
    let allowed = ["E0101", "E0108", "E0402", "E0405", "E0406", "E0407"];
    let mut wrong = Vec::new();
    for (name, value) in operands().into_iter().chain(functions()) {
        wrong.extend(unexpected("js", name, &value, &allowed));
    }
    for (name, value) in types() {
        wrong.extend(unexpected("ts", name, &value, &allowed));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn large_trees_of_commands_are_refused() {
    let mut wrong = Vec::new();
    let act = |body: &str| format!("export const Large = act((self, {{ outbox }}) => {body})");
    for (name, body) in [
        ("many", "sequence(Array.from({ length: 300_000 }, (_, i) => send(outbox, i)))".to_owned()),
        ("doubled", "Array(40).fill(0).reduce(c => sequence([c, c]), noop())".to_owned()),
        ("deep", "Array(5_000).fill(0).reduce(c => sequence([c]), noop())".to_owned()),
        ("deep waits", "(() => { const f = n => n ? waitFor(m => m, m => f(n - 1)) : noop(); return f(5_000) })()".to_owned()),
        ("endless", "(() => { const f = () => sequence(() => [f()]); return f() })()".to_owned()),
        ("deep attempts", "Array(5_000).fill(0).reduce(c => attempt(c, { otherwise: () => c }), noop())".to_owned()),
        ("wide race", "race(Array.from({ length: 200_000 }, () => delay(1)))".to_owned()),
        ("deep saga", "Array(5_000).fill(0).reduce(c => saga(compensate(c, c)), noop())".to_owned()),
        ("deep refs", "send(outbox, Array(50_000).fill(0).reduce(r => readState(r, x => x), computeState([], () => 1)))".to_owned()),
        ("wide refs", "send(outbox, Array(60).fill(0).reduce(r => computeState([r, r], x => x), computeState([], () => 1)))".to_owned()),
        ("deep literal", "send(outbox, Array(50_000).fill(0).reduce(v => [v], 1))".to_owned()),
        ("wide literal", "send(outbox, Array(60).fill(0).reduce(v => [v, v], computeState([], () => 1)))".to_owned()),
        ("loop", "{ for (;;); }".to_owned()),
        ("texts", "send(outbox, Array(60).fill(0).reduce(v => v + v, 'ab'))".to_owned()),
    ] {
        let error = refusal("js", act(&body)).expect(name);
        // A literal of that depth is most likely one that contains itself.
        let is_expected = error.starts_with("E04") || error.starts_with("E0206 a value given");
        if !is_expected {
            wrong.push(format!("{name}: {error}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Runs a function in one turn; the code of its error, or its result as JSON.
fn ran(function: &str, limits: &Limits) -> String {
    let script = format!(
        "export const Large = act((self, {{ complete }}) => complete(computeState([], {function})))"
    );
    let source = Source::new("large.js", script);
    let compiled = compile(&source, &BuildLimits::default());
    let program: Program = compiled
        .unwrap_or_else(|errors| panic!("{function}: {errors:?}"))
        .program;
    let identity = Identity {
        address: Address::keyed("Large", "default"),
        run: [7; 16],
    };
    let mut worker = Worker::new(&program, "Large", identity).unwrap();
    let context = TurnContext {
        now_ms: 0,
        seed: [3; 16],
        limits,
    };
    let start = Input::Start {
        config: Data::Null,
        outbox: None,
    };
    let done = turn(&program, &mut worker, start, &context);
    match done.outcome {
        Outcome::Completed { result } => {
            assert!(
                done.used.instructions <= limits.turn_instructions,
                "{function}"
            );
            assert!(
                done.used.allocated_bytes <= limits.turn_allocated_bytes,
                "{function}"
            );
            result.to_json()
        }
        Outcome::Trapped { error } | Outcome::Failed { error } => {
            assert!(
                error.message.contains("limit") || !error.code.starts_with("E04"),
                "{function}: {error:?}"
            );
            format!("{} {}", error.code, error.message)
        }
        other => panic!("{function}: {other:?}"),
    }
}

/// Functions, and how each ends with small limits: the beginning of a code, or of its result.
#[rustfmt::skip]
const ENDS: &[(&str, &str)] = &[
    ("() => { let s = 'ab'; for (;;) s += s }", "E0402"),
    ("() => { let s = ''; for (;;) s += 'a' }", "E04"),
    ("() => 'ab'.repeat(2 ** 31)", "E0402"),
    ("() => 'a'.padStart(2 ** 31, 'é')", "E0402"),
    ("() => Array(2 ** 32 - 1).fill(0)", "E0402"),
    ("() => { const a = []; a.length = 2 ** 31 }", "E0402"),
    ("() => { const a = []; a[2 ** 31] = 1 }", "E0402"),
    ("() => { const a = []; for (;;) a.push(a) }", "E04"),
    ("() => { let a = [0]; for (;;) a = a.concat(a) }", "E04"),
    ("() => { let a = [0]; for (;;) a = [...a, ...a] }", "E0402"),
    ("() => { let a = [0]; for (;;) a = [a, a].flat() }", "E04"),
    ("() => Array.from({ length: 1e6 }, (_, i) => i).length", "E0401"),
    ("() => Array(1e6).fill(1).length", "1000000"),
    ("() => { const m = new Map(); for (let i = 0; ; i++) m.set(i, i) }", "E04"),
    ("() => { const o = {}; for (let i = 0; ; i++) o['k' + i] = i }", "E04"),
    ("() => { let s = 'a'; for (;;) s = s.replaceAll('a', 'aa') }", "E04"),
    ("() => { let s = 'a'; for (;;) s = JSON.stringify(s) }", "E04"),
    ("() => { let s = 'a'; for (;;) s = encodeURIComponent(s + '%') }", "E04"),
    ("() => { let t = 'a'; for (;;) t = `${t}${t}` }", "E0402"),
    ("() => Number.MAX_VALUE.toString(2).repeat(1e6)", "E0402"),
    ("() => { const f = () => 1 + f(); return f() }", "E0403"),
    ("() => { const f = n => [n].map(f); return f(1) }", "E0403"),
    ("() => { const f = { toString: () => `${f}` }; return `${f}` }", "E0403"),
    ("() => { const f = () => [2, 1].sort(f); return f() }", "E0403"),
    ("() => { const f = () => 'a'.replace(/a/, f); return f() }", "E0403"),
    ("() => { const f = () => JSON.stringify({ toJSON: f }); return f() }", "E0403"),
    ("() => { const f = () => JSON.parse('[1]', f); return f() }", "E0403"),
    ("() => { const f = () => f.apply(null, [1]); return f() }", "E0403"),
    ("() => { let f = () => 1; for (let i = 0; i < 15_000; i++) f = (g => () => g())(f); return f() }", "E0403"),
    ("() => { let a = 1; for (let i = 0; i < 40_000; i++) a = [a]; return 1 }", "1"),
    ("() => { let a = 1; for (let i = 0; i < 40_000; i++) a = [a]; return a }", "E0404"),
    ("() => { let a = {}; for (let i = 0; i < 100_000; i++) a = { a }; return JSON.stringify(a) }", "E04"),
    ("() => { let a = []; for (let i = 0; i < 100_000; i++) a = [a]; return String(a) }", "E04"),
    ("() => { let a = []; for (let i = 0; i < 100_000; i++) a = [a]; return a.flat(Infinity) }", "E04"),
    ("() => { let a = []; for (let i = 0; i < 100_000; i++) a = [a]; return structuredClone(a) }", "E04"),
    ("() => { let a = []; for (let i = 0; i < 40_000; i++) a = [a]; return Object.freeze(a) && 1 }", "1"),
    ("() => { let e = null; for (let i = 0; i < 20_000; i++) e = new Error('x', { cause: e }); throw e }", "E0301"),
    ("() => { let m = new Map(); for (let i = 0; i < 10_000; i++) m = new Map([[m, m]]); return m.size }", "1"),
    ("() => JSON.parse('['.repeat(1e5))", "E0301"),
    ("() => JSON.parse('{\"a\":'.repeat(1e5))", "E0301"),
    ("() => /^(a+)+$/.test('a'.repeat(40) + 'b')", "E0412"),
    ("() => /(x+x+)+y/.test('x'.repeat(60))", "E0412"),
    ("() => 'a'.repeat(1e5).replace(/a*b/g, '')", "E0412"),
    ("() => /(?:a?){30}a{30}/.test('a'.repeat(25))", "E0412"),
    ("() => RegExp('(a|b|ab)*'.repeat(20) + 'c').test('ab'.repeat(50))", "E0412"),
    ("() => 'aaaa'.repeat(1e4).match(/(?=(a+))\\1b/)", "E04"),
    ("() => { for (;;); }", "E0401"),
    ("() => { try { for (;;); } catch { return 1 } finally { return 2 } }", "E0401"),
    ("() => { const a = [1]; for (const x of a) a.push(x) }", "E04"),
    ("() => { const m = new Map([[1, 1]]); for (const [k] of m) { m.delete(k); m.set(k + 1, 1) } }", "E04"),
    ("() => { const s = new Set([0]); s.forEach(x => s.add(x + 1)) }", "E04"),
    ("() => 'a'.repeat(2e6).split('').length", "E04"),
    ("() => ('a'.repeat(1e6) + 'b').indexOf('a'.repeat(5e5) + 'b')", "500000"),
    ("() => ('ab'.repeat(5e5)).lastIndexOf('ba'.repeat(2e5) + 'c')", "E0401"),
    ("() => Array(1e5).fill('ab').join('x'.repeat(1e5))", "E04"),
    ("() => { let a = []; for (let i = 0; i < 15_000; i++) a = [a]; return JSON.stringify(a, null, 10).length }", "E04"),
    ("() => { const o = {}; for (let i = 0; i < 2_000; i++) o['k'.repeat(1000) + i] = 1; for (;;) JSON.stringify({ ...o }) }", "E04"),
    ("() => Array.from({ length: 2000 }, (_, i) => i * 7 % 2000).sort(() => 1).length", "2000"),
    ("() => Array.from({ length: 2000 }, (_, i) => i * 7 % 2000).sort((a, b) => a % 3 - b % 5).length", "2000"),
    ("() => { let n = 0; return Array.from({ length: 2000 }, (_, i) => i).sort(() => (n = n * 5 + 3 & 1023) - 512).length }", "2000"),
    ("() => Array.from({ length: 100 }, () => 1).sort(() => NaN).length", "100"),
    ("() => { const a = [3, 2, 1]; a.sort((x, y) => { a.push(9); return x - y }); return a.length > 2 }", "true"),
];

#[test]
fn values_beyond_measure_end_with_a_limit() {
    let limits = Limits {
        turn_instructions: 400_000,
        turn_regex_steps: 200_000,
        turn_allocated_bytes: 32 << 20,
        ..Limits::default()
    };
    let mut wrong = Vec::new();
    for (function, expected) in ENDS {
        let found = ran(function, &limits);
        if !found.starts_with(expected) {
            wrong.push(format!("{function}\n  expected {expected}, found {found}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Work on texts of 300,000 units (`a` equal to `b`, but not the same) and a list of a thousand such.
#[rustfmt::skip]
const LONG: &[&str] = &[
    "n += a === b",
    "n += a < b",
    "n += a == b",
    "n += m.get(b)",
    "n += m.has(b + '')",
    "m.set(b, n++)",
    "n += o[b]",
    "n += b in o",
    "o[b] = n++",
    "n += a.length + (a + b).length",
    "n += a.toUpperCase().length",
    "n += a.normalize('NFD').length",
    "n += a.trim().length",
    "n += a.slice(1).length",
    "n += a.at(-1) > 'b'",
    "n += a.isWellFormed()",
    "n += a.toWellFormed().length",
    "n += a.indexOf('y')",
    "n += a.includes('y')",
    "n += a.lastIndexOf('y')",
    "n += a.endsWith(b)",
    "n += a.startsWith(b)",
    "n += a.localeCompare(b)",
    "n += a.split('y').length",
    "n += a.split(/y/).length",
    "n += a.search(/y/)",
    "n += a.replace('y', b).length",
    "n += a.replaceAll('x', '$&').length",
    "n += [...a].length",
    "n += Number(a)",
    "n += parseFloat(a)",
    "n += parseInt('1'.repeat(1e6))",
    "n += JSON.stringify(a).length",
    "n += encodeURIComponent(a).length",
    "n += `${a}${b}`.length",
    "n += l.length + l.concat(l).length",
    "n += l.slice().length",
    "n += l.indexOf(b + 'x')",
    "n += l.includes(b)",
    "n += l.toReversed().length",
    "n += l.with(0, b).length",
    "n += l.toSpliced(0, 1).length",
    "n += l.copyWithin(0, 1).length",
    "n += l.fill(b).length",
    "n += l.flat().length",
    "n += Object.keys(l).length",
    "n += Object.assign({}, l) ? 1 : 0",
    "n += new Set(l).size",
    "n += structuredClone(l).length",
    "n += [...l].length",
    "n += Math.max(...l)",
    "n += l.reverse().length",
    "n += l.shift() ? l.unshift(b) : 0",
    "n += l.splice(1, 1, b).length",
    "n += l.join('').length",
    "n += ({ ...l })[0].length",
    "n += l.at(-1) === b",
    "n += Array.from(l).length",
    "n += Object.is(a, b)",
    "n += RegExp(a).test(b)",
    "n += new Date(a).getTime()",
    "n += l.toSorted().length",
    "n += l.sort().length",
];

/// What a built-in does is counted by the length of what it works on: else few instructions would take forever.
#[test]
fn work_on_long_values_is_counted() {
    let limits = Limits {
        turn_instructions: 400_000,
        turn_regex_steps: 200_000,
        turn_allocated_bytes: 32 << 20,
        ..Limits::default()
    };
    for body in LONG {
        let function = format!(
            "() => {{ const a = 'x'.repeat(3e5) + 'é', b = 'x'.repeat(3e5) + 'é', l = Array(1e3).fill(a), m = new Map([[a, 1]]), o = {{ [a]: 1 }}; let n = 0; for (;;) {body} }}"
        );
        let found = ran(&function, &limits);
        assert!(found.starts_with("E04"), "{body}: {found}");
    }
}
