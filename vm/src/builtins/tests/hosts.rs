//! Built-ins over frozen data, and those that ask the host: time, chance, `console.log`.

use std::cell::{Cell, RefCell};

use crate::data::{Data, Symbolic};
use crate::error::Trap;
use crate::host::{Host, Misuse, NoHost};
use crate::limits::Limits;
use crate::machine::Machine;
use crate::test_support::{compile, show};
use crate::text::Text;
use crate::value::{HostRef, Value};

/// A host with a time, chance that counts up, and a memory for what is printed.
#[derive(Default)]
struct TestHost {
    chance: Cell<u64>,
    lines: RefCell<Vec<String>>,
}

impl<'p> Host<'p> for TestHost {
    fn ambient(&self, machine: &mut Machine<'p>, name: &Text) -> Result<Value<'p>, Trap> {
        NoHost.ambient(machine, name)
    }

    fn shorthand(&self, machine: &mut Machine<'p>, name: &Text) -> Result<Value<'p>, Trap> {
        NoHost.shorthand(machine, name)
    }

    fn call(
        &self,
        machine: &mut Machine<'p>,
        it: HostRef,
        with: &[Value<'p>],
    ) -> Result<Value<'p>, Trap> {
        NoHost.call(machine, it, with)
    }

    fn property(
        &self,
        machine: &mut Machine<'p>,
        it: HostRef,
        key: &Text,
    ) -> Result<Value<'p>, Trap> {
        NoHost.property(machine, it, key)
    }

    fn misuse(&self, machine: &mut Machine<'p>, it: HostRef, misuse: Misuse) -> Trap {
        NoHost.misuse(machine, it, misuse)
    }

    fn resolve(&self, _: Symbolic) -> Option<Data> {
        None
    }

    fn now_ms(&self) -> Result<f64, Trap> {
        Ok(1_600_000_000_000.0)
    }

    fn random_bits(&self) -> Result<u64, Trap> {
        let next = self.chance.get().wrapping_add((1 << 62) + 0x1234_5678);
        self.chance.set(next);
        Ok(self.chance.get())
    }

    fn print(&self, line: String) {
        self.lines.borrow_mut().push(line);
    }
}

/// Calls a function expression with a frozen argument and shows the result, or the error.
fn applied(function: &str, argument: Data, host: &TestHost) -> String {
    let module = compile(&format!("export default ({function});")).unwrap();
    let limits = Limits::default();
    let memory = crate::memory::Memory::default();
    let mut machine = Machine::new(&module.code, host, &limits, &memory);
    let main =
        machine.value(Data::function(crate::bytecode::FunctionIndex(0), Vec::new()).unwrap());
    let exports = machine.call(&main, &[]).unwrap();
    let function = machine.array_item(&exports, 0).unwrap();
    match machine.call(&function, &[machine.value(argument)]) {
        Ok(value) => show(&machine, &value),
        Err(trap) => {
            let error = machine.script_error(trap);
            format!("{}: {}", error.code, error.message)
        }
    }
}

fn json(text: &str) -> Data {
    Data::from_json(text, &Limits::default()).unwrap()
}

#[test]
fn frozen_arrays_are_read_and_copied_but_not_changed() {
    let list = json("[3,1,2]");
    for (function, expected) in [
        ("l => l.map(x => x * 2)", "[6,2,4]"),
        ("l => l.toSorted()", "[1,2,3]"),
        ("l => [...l].sort((a, b) => b - a)", "[3,2,1]"),
        ("l => l.toReversed().concat(l.slice(1))", "[2,1,3,1,2]"),
        ("l => l.with(0, 9)", "[9,1,2]"),
        ("l => l.toSpliced(0, 2)", "[2]"),
        ("l => l.includes(2) && l.indexOf(2) === 2", "true"),
        ("l => l.join('-')", "\"3-1-2\""),
        (
            "l => { const c = structuredClone(l); c.push(4); return c }",
            "[3,1,2,4]",
        ),
        ("l => JSON.stringify({ l })", r#""{\"l\":[3,1,2]}""#),
        ("l => Object.isFrozen(l)", "true"),
        (
            "l => [l[0], l[2], l['1'], l[-0], l.length, typeof l[3], typeof l[-1], typeof l[0.5]]",
            r#"[3,2,1,3,3,"undefined","undefined","undefined"]"#,
        ),
        ("l => Math.max(...l)", "3"),
    ] {
        assert_eq!(
            applied(function, list.clone(), &TestHost::default()),
            expected,
            "{function}"
        );
    }
    for (function, hint) in [
        ("l => l.push(1)", "`[...list, item]`"),
        ("l => l.pop()", "`list.slice(0, -1)`"),
        ("l => l.shift()", "`list.slice(1)`"),
        ("l => l.unshift(1)", "`[item, ...list]`"),
        ("l => l.splice(0, 1)", "`list.toSpliced(…)`"),
        ("l => l.sort()", "`list.toSorted(…)`"),
        ("l => l.reverse()", "`list.toReversed()`"),
        ("l => l.fill(0)", "`list.map(() => value)`"),
    ] {
        let found = applied(function, list.clone(), &TestHost::default());
        assert!(
            found.starts_with("E0302") && found.contains(hint),
            "{function}: {found}"
        );
    }
}

#[test]
fn frozen_maps_sets_and_dates_are_read_in_place() {
    let pairs = vec![
        (Data::from("a"), Data::from(1.0)),
        (json("[1]"), Data::from(2.0)),
    ];
    let map = Data::map(pairs).unwrap();
    let set = Data::set(vec![Data::from(3.0), Data::Number(f64::NAN)]).unwrap();
    for (function, argument, expected) in [
        (
            "m => [m.get('a'), m.has('b'), m.size, [...m.keys()]]",
            &map,
            r#"[1,false,2,["a",[1]]]"#,
        ),
        (
            "m => { const n = new Map([...m, ['c', 3]]); return [n.size, n.get('c')] }",
            &map,
            "[3,3]",
        ),
        (
            "m => { const n = new Map(m); return [n.set('a', 5).get('a'), n.has([1]), n.size, m.get('a')] }",
            &map,
            "[5,false,2,1]",
        ),
        ("m => Object.fromEntries(m)", &map, r#"{"a":1,"1":2}"#),
        (
            "s => [s.has(NaN), s.has(4), [...s].length, s.size]",
            &set,
            "[true,false,2,2]",
        ),
        (
            "d => [d.getTime(), d.toISOString()]",
            &Data::Date(0.0),
            r#"[0,"1970-01-01T00:00:00.000Z"]"#,
        ),
        (
            "d => new Date(d).setUTCDate(2)",
            &Data::Date(0.0),
            "86400000",
        ),
    ] {
        let expected = expected.replace(r#"{"a":1,"1":2}"#, r#"{"1":2,"a":1}"#);
        assert_eq!(
            applied(function, argument.clone(), &TestHost::default()),
            expected,
            "{function}"
        );
    }
    for (function, argument, hint) in [
        (
            "m => m.set('x', 1)",
            &map,
            "`new Map([...map, [key, value]])`",
        ),
        ("m => m.delete('a')", &map, "`new Map([...map].filter("),
        ("s => s.add(1)", &set, "`new Set([...set, value])`"),
        ("d => d.setTime(1)", &Data::Date(0.0), "`new Date(date)`"),
    ] {
        let found = applied(function, argument.clone(), &TestHost::default());
        assert!(
            found.starts_with("E0302") && found.contains(hint),
            "{function}: {found}"
        );
    }
}

#[test]
fn time_and_chance_come_from_the_host() {
    let host = TestHost::default();
    for (function, expected) in [
        (
            "() => [Date.now(), now(), +new Date()]",
            "[1600000000000,1600000000000,1600000000000]",
        ),
        (
            "() => new Date().toISOString().slice(0, 10)",
            "\"2020-09-13\"",
        ),
        ("() => Math.random()", "0.25000000001655676"),
        ("() => Math.random() < 1", "true"),
        ("() => uuid()", "\"c0000000-369d-4368-8000-000048d159e0\""),
    ] {
        assert_eq!(
            applied(function, Data::Undefined, &host),
            expected,
            "{function}"
        );
    }
}

#[test]
fn console_log_writes_texts_as_they_are_and_the_rest_as_json() {
    let host = TestHost::default();
    let function = "m => console.log('a', 1, undefined, null, m, [1, { b: 'c' }], new TypeError('no'), [undefined])";
    assert_eq!(applied(function, json(r#"{"k":"v"}"#), &host), "undefined");
    let cycle = "m => { const a = []; a.push(a); console.log(a) }";
    assert_eq!(applied(cycle, Data::Undefined, &host), "undefined");
    assert_eq!(
        *host.lines.borrow(),
        [
            r#"a 1 undefined null {"k":"v"} [1,{"b":"c"}] TypeError: no [null]"#,
            "an array"
        ]
    );
}

#[test]
fn paths_end_at_values_of_every_kind() {
    let message = json(r#"{"a":{"t":"né","l":[1,2],"n":5,"o":{"length":7},"b":true}}"#);
    let function = "m => [m.a.t, m.a.t.length, m.a.l.length, m.a.n, m.a.o.length, m.a.b, typeof m.a.n.length, typeof m.a.x]";
    let expected = r#"["né",2,2,5,7,true,"undefined","undefined"]"#;
    assert_eq!(
        applied(function, message.clone(), &TestHost::default()),
        expected
    );
    let found = applied("m => m.a.x.y", message, &TestHost::default());
    assert!(found.contains("reading 'y'"), "{found}");
}

/// A copy of a large frozen object shares its structure; what a script sees is as if it did not.
#[test]
fn copies_of_large_objects_are_like_others() {
    let pairs: Vec<String> = (0..300).map(|at| format!(r#""p{at}":{at}"#)).collect();
    let large = json(&format!("{{{}}}", pairs.join(",")));
    let host = TestHost::default();
    for function in [
        "s => ({ ...s })",
        "s => { const t = { ...s, p3: 'x', more: [1] }; return [t, t.p3, t.p4, t.more, t.nothing] }",
        "s => ({ ...s, p7: { deep: [s.p1] }, p299: undefined, last: NaN })",
        "s => { const t = { ...s }; delete t.p5; delete t.nothing; t.p5 = 1; return t }",
        "s => ({ ...s, '12': 1, '3': 2 })",
        "s => ({ z: 1, ...s, p1: 2 })",
        "s => { const t = { ...s, a: 1 }; const u = { ...t, a: 2, b: 3 }; t.p1 = 0; return [t, u] }",
        "s => { const keys = []; for (const k in { ...s, z: 0 }) keys.push(k); return keys }",
        "s => JSON.stringify({ ...s, q: undefined })",
        "s => { const { p1, p2, ...rest } = { ...s, y: 1 }; return [p1, p2, rest] }",
        "s => structuredClone({ ...s, c: 1 })",
        "s => Object.assign({}, s, { p9: null })",
        "s => { const t = { ...s }; return ['p1' in t, 'q' in t, Object.hasOwn(t, 'p2'), t.toString()] }",
        "s => { const t = Object.freeze({ ...s }); try { t.p1 = 0 } catch (e) { return e.name } }",
        "s => { const t = { ...s, f: () => 7 }; return t.f() + t.p1 }",
        "s => { const t = { ...s, toString: () => 'text' }; return t + '' }",
        "s => { const t = { ...s }; t['p' + 1] += 5; t.new ??= 3; return t }",
    ] {
        // What `JSON.parse` makes is an object like any other.
        let flat = format!("s => ({function})(JSON.parse(JSON.stringify(s)))");
        let expected = applied(&flat, large.clone(), &host);
        assert_eq!(
            applied(function, large.clone(), &host),
            expected,
            "{function}"
        );
    }
}

#[test]
fn what_is_kept_of_a_large_object_is_exact() {
    use crate::freeze::Purpose;
    let pairs: Vec<String> = (0..300).map(|at| format!(r#""p{at}":{at}"#)).collect();
    let large = json(&format!("{{{}}}", pairs.join(",")));
    let limits = Limits::default();
    for changes in [
        "p3: [[1]]",
        "p3: undefined, q: 1",
        "d: new Date(0), p4: 'text'",
        "'7': NaN",
    ] {
        for purpose in [Purpose::State, Purpose::Message] {
            let kept = |source: &str| {
                let text = format!("export default s => ({{ ...{source}, {changes} }})");
                let module = compile(&text).unwrap();
                let memory = crate::memory::Memory::default();
                let mut machine =
                    Machine::new(&module.code, &crate::host::NoHost, &limits, &memory);
                let main = machine
                    .value(Data::function(crate::bytecode::FunctionIndex(0), Vec::new()).unwrap());
                let exports = machine.call(&main, &[]).unwrap();
                let function = machine.array_item(&exports, 0).unwrap();
                let made = machine
                    .call(&function, &[machine.value(large.clone())])
                    .unwrap();
                machine.freeze(&made, purpose).unwrap()
            };
            let (shared, flat) = (kept("s"), kept("JSON.parse(JSON.stringify(s))"));
            assert_eq!(shared, flat, "{changes}");
            assert_eq!(shared.shape(), flat.shape(), "{changes}");
            assert_eq!(
                Data::decode(&shared.encode()).unwrap().shape(),
                flat.shape()
            );
        }
    }
}
