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

/// Large maps and sets have an index when they are frozen; what a script sees is as if they had none.
#[test]
fn copies_of_large_maps_are_like_others() {
    let key = |at: usize| match at % 4 {
        0 => Data::from(at as f64),
        1 => Data::from(format!("key number {at}").as_str()),
        2 => Data::from(format!("k{at}").as_str()),
        _ => json(&format!("[{at}]")),
    };
    let host = TestHost::default();
    for (count, kinds) in [(5, 3), (8, 3), (9, 3), (300, 3), (300, 4)] {
        let keys = (0..count).filter(|at| at % 4 < kinds).map(key);
        let keys: Vec<Data> = keys.chain([Data::Number(f64::NAN), Data::Null]).collect();
        let entries = keys.iter().map(|key| (key.clone(), key.clone()));
        let map = Data::map(entries.collect()).unwrap();
        let set = Data::set(keys.clone()).unwrap();
        for function in [
            "m => [m.get(0), m.get(-0), m.get('k2'), m.get('key number 1'), m.get(NaN), m.get(null), m.get(7)]",
            "m => { const n = new Map(m); n.set('k2', 1).set('new', 2).set(NaN, 3); return [[...n], m.get('k2'), m.has('new')] }",
            "m => { const n = new Map(m); n.delete('k2'); n.set('k2', 1); return [n.size, [...n.keys()].at(-1)] }",
            "m => { let n = new Map(m); for (let i = 0; i < 50; i++) n = new Map(n).set('more' + i, i); return [...n] }",
        ] {
            let flat = format!("m => ({function})(new Map([...m]))");
            let (found, expected) = (
                applied(function, map.clone(), &host),
                applied(&flat, map.clone(), &host),
            );
            assert_eq!(found, expected, "{function} of {count}");
        }
        for at in (0..count).filter(|at| at % 4 < kinds) {
            let entry = Data::array(vec![set.clone(), key(at)]).unwrap();
            let found = applied("([s, key]) => s.has(key)", entry, &host);
            assert_eq!(found, "true", "{at} of {count}");
        }
    }
}

/// What was frozen with an index is found by it, and what is added to a copy as well.
#[test]
fn frozen_maps_take_their_index_over() {
    use crate::freeze::Purpose;
    let limits = Limits::default();
    let made = |source: &str, argument: Data| {
        let module = compile(&format!("export default {source}")).unwrap();
        let memory = crate::memory::Memory::default();
        let mut machine = Machine::new(&module.code, &crate::host::NoHost, &limits, &memory);
        let main = Data::function(crate::bytecode::FunctionIndex(0), Vec::new()).unwrap();
        let main = machine.value(main);
        let exports = machine.call(&main, &[]).unwrap();
        let function = machine.array_item(&exports, 0).unwrap();
        let value = machine.call(&function, &[machine.value(argument)]).unwrap();
        machine.freeze(&value, Purpose::State).unwrap()
    };
    let fill =
        "n => { const m = new Map(); for (let i = 0; i < n; i++) m.set('k' + i, i); return m }";
    let mut map = made(fill, Data::from(100.0));
    for round in 0..100 {
        let change = format!("m => new Map(m).set('k{round}', -1).set('more{round}', 1)");
        map = made(&change, map);
        let reread = Data::decode(&map.encode()).unwrap();
        for map in [map.clone(), reread] {
            let look = format!(
                "m => [m.get('k{round}'), m.get('k99'), m.get('more{round}'), m.get('more'), m.size]"
            );
            let expected = format!(
                "[-1,{},1,null,{}]",
                if round == 99 { -1 } else { 99 },
                101 + round
            );
            assert_eq!(made(&look, map).to_json(), expected);
        }
    }
    // A key of the heap is another one once it is frozen.
    let map = made(
        "n => new Map(Array.from({ length: n }, (_, i) => [[i], i]))",
        Data::from(20.0),
    );
    let pair = Data::array(vec![map, json("[7]")]).unwrap();
    assert_eq!(made("([m, key]) => m.get(key)", pair), Data::from(7.0));
}

/// Data is written as JSON at once; that it counts as much as any other value does is what keeps limits alike.
#[test]
fn json_of_frozen_data_is_that_of_a_copy_and_counts_as_much() {
    let text = r#"{"a":[1,-2.5,null,true,[],{}],"b":{"c":"say \"hi\"\n\u0001","12":"x","3":[{"d":{}}]},
        "long enough to be long":"a text that is not short at all","e":[[[["deep"]]]]}"#;
    let wide = r#"{"a":"é😀","ключ":["\ud800","b"],"rest":[1,2,3]}"#;
    let used = |function: &str, argument: &Data| {
        let module = compile(&format!("export default {function}")).unwrap();
        let limits = Limits::default();
        let memory = crate::memory::Memory::default();
        let mut machine = Machine::new(&module.code, &crate::host::NoHost, &limits, &memory);
        let main = Data::function(crate::bytecode::FunctionIndex(0), Vec::new()).unwrap();
        let main = machine.value(main);
        let exports = machine.call(&main, &[]).unwrap();
        let function = machine.array_item(&exports, 0).unwrap();
        let argument = machine.value(argument.clone());
        let before = machine.used();
        let value = machine.call(&function, &[argument]).unwrap();
        let after = machine.used();
        (
            show(&machine, &value),
            after.instructions - before.instructions,
            after.allocated_bytes - before.allocated_bytes,
        )
    };
    for text in [text, wide, "[]", "{}", r#"[[],[{}]]"#] {
        let data = json(text);
        let (direct, work, bytes) = used("m => JSON.stringify(m)", &data);
        let (copied, work_of_both, bytes_of_both) =
            used("m => JSON.stringify(structuredClone(m))", &data);
        let (_, work_of_copy, bytes_of_copy) = used("m => structuredClone(m)", &data);
        let (_, work_of_call, bytes_of_call) = used("m => m", &data);
        assert_eq!(direct, copied);
        assert_eq!(work + work_of_copy - work_of_call, work_of_both, "{text}");
        assert_eq!(
            bytes + bytes_of_copy - bytes_of_call,
            bytes_of_both,
            "{text}"
        );
        assert_eq!(
            used("m => JSON.parse(JSON.stringify(m))", &data).0,
            show_data(&data)
        );
    }
}

fn show_data(data: &Data) -> String {
    applied(
        "m => structuredClone(m)",
        data.clone(),
        &TestHost::default(),
    )
}

/// Objects, arrays and texts of a text that is no JSON do not stay.
#[test]
fn what_is_no_json_leaves_nothing_behind() {
    let source = "export default () => { for (const text of ['[[],{}', '[{\"a\":[1,2]}', '{\"a\":[]x']) try { JSON.parse(text) } catch {} return [] }";
    let module = compile(source).unwrap();
    let limits = Limits::default();
    let memory = crate::memory::Memory::default();
    let mut machine = Machine::new(&module.code, &crate::host::NoHost, &limits, &memory);
    let main =
        machine.value(Data::function(crate::bytecode::FunctionIndex(0), Vec::new()).unwrap());
    let exports = machine.call(&main, &[]).unwrap();
    let function = machine.array_item(&exports, 0).unwrap();
    let (objects, arrays) = machine.heap.mark();
    machine.call(&function, &[]).unwrap();
    let after = machine.heap.mark();
    // The three errors; the list of texts and the result.
    assert_eq!(after, (objects + 3, arrays + 2));
}
