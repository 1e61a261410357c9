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

impl Host for TestHost {
    fn ambient(&self, machine: &mut Machine<'_>, name: &Text) -> Result<Value, Trap> {
        NoHost.ambient(machine, name)
    }

    fn shorthand(&self, machine: &mut Machine<'_>, name: &Text) -> Result<Value, Trap> {
        NoHost.shorthand(machine, name)
    }

    fn call(&self, machine: &mut Machine<'_>, it: HostRef, with: &[Value]) -> Result<Value, Trap> {
        NoHost.call(machine, it, with)
    }

    fn property(&self, machine: &mut Machine<'_>, it: HostRef, key: &Text) -> Result<Value, Trap> {
        NoHost.property(machine, it, key)
    }

    fn misuse(&self, machine: &mut Machine<'_>, it: HostRef, misuse: Misuse) -> Trap {
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
    let mut machine = Machine::new(&module.code, host, &limits);
    let main = Data::function(crate::bytecode::FunctionIndex(0), Vec::new()).unwrap();
    let exports = machine.call(&Value::Frozen(main), &[]).unwrap();
    let function = machine.array_item(&exports, 0).unwrap();
    match machine.call(&function, &[Value::Frozen(argument)]) {
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
