//! Pure functions of many kinds, in our machine and in QuickJS, on the same source.
//!
//! Ours are called as turns call them: from outside, with frozen data, on an empty heap each time.
//! QuickJS calls its from a loop of its own, which costs it less.

use std::cell::RefCell;

use vm::bytecode::FunctionIndex;
use vm::compile::{Module, Names, compile_module};
use vm::freeze::Purpose;
use vm::host::NoHost;
use vm::machine::Machine;
use vm::memory::Memory;
use vm::value::Value;
use vm::{BuildLimits, Data, Limits, Source};

use crate::measure::medians;
use crate::memory::allocations;
use crate::quickjs::QuickJs;
use crate::table::{Table, count};

/// Calls that share a machine.
const CALLS: u64 = 16;

const FUNCTIONS: [(&str, &str); 18] = [
    ("arithmetic", "m => ((m.a * 3 + m.b) / 7 - m.c % 5) * 2 + (m.a | m.c) - (m.b & 255) + Math.floor(m.a / 3)"),
    ("predicate", "m => m.type === 'ORDER' && m.user !== 'u9' && m.amount > 10"),
    ("reads", "m => m.order.customer.address.city.length + m.order.customer.name.length + m.order.lines[1].price"),
    ("spread", "m => ({ ...m.account, balance: m.account.balance + m.amount, entries: m.account.entries + 1 })"),
    ("arrays", "m => m.items.filter(i => i.quantity > 2).map(i => i.quantity * i.price).reduce((a, b) => a + b, 0)"),
    ("strings", "m => { let s = ''; for (const w of m.text.split(' ')) s += w.charAt(0).toUpperCase() + w.slice(1) + '-'; return s.trim() }"),
    ("destructuring", "({ a, order: { customer: { name, vip = false }, lines: [first, ...others] }, ...rest }) =>
        [a, name, vip, first.price, others.length, Object.keys(rest).length]"),
    ("loop", "m => { let sum = 0; for (let i = 0; i < 1000; i++) { if (i % 3 === 0) sum += i * m.a; else sum -= m.b } return sum }"),
    ("closures", "m => { const add = n => x => x + n; const all = [1, 2, 3, 4, 5].map(add); let n = m.a; for (const f of all) n = f(n); return n }"),
    ("switch", "m => { let n = 0; for (const i of m.items) switch (i.kind) {
        case 'book': n += 1; break; case 'food': n += 2; break; case 'tool': n += 3; break; default: n += 10 } return n }"),
    ("template", "m => `${m.order.customer.name} ordered ${m.items.length} items for ${m.amount} ${m.currency} on ${m.type}`"),
    ("map", "m => { const c = new Map(); for (const i of m.items) c.set(i.kind, (c.get(i.kind) ?? 0) + i.quantity); return [...c] }"),
    ("regexp", "m => { const f = /^(\\w+)\\.(\\w+)@([\\w.]+)$/.exec(m.email); return f ? [f[1], f[2], f[3]] : null }"),
    ("sort", "m => [...m.numbers].sort((a, b) => a - b)"),
    ("json", "m => JSON.parse(JSON.stringify({ order: m.order, at: m.a }))"),
    ("recursion", "m => { const fib = n => n < 2 ? n : fib(n - 1) + fib(n - 2); return fib(15) }"),
    ("objects", "m => { const by = {}; for (const i of m.items) { (by[i.kind] ??= []).push(i.price) }
        return Object.entries(by).map(([kind, prices]) => ({ kind, total: prices.reduce((a, b) => a + b, 0) })) }"),
    ("errors", "m => { try { if (m.amount > 10) throw new RangeError('too much'); return 0 } catch (e) { return e.message.length } finally { m.a } }"),
];

/// What the functions are given.
const ARGUMENT: &str = r#"{
    "type": "ORDER", "user": "u1", "amount": 12.5, "currency": "EUR", "a": 10, "b": 20, "c": 33,
    "email": "ada.lovelace@example.org",
    "text": "the quick brown fox jumps over the lazy dog and runs away",
    "order": {
        "customer": { "name": "Ada Lovelace", "address": { "city": "London", "zip": "W1" } },
        "lines": [{ "price": 3.5 }, { "price": 4.25 }, { "price": 5 }]
    },
    "account": {
        "owner": "Ada", "currency": "EUR", "balance": 100, "entries": 3, "limit": 5000,
        "opened": "2000-01-01", "status": "active", "branch": "London"
    },
    "items": [
        { "kind": "book", "quantity": 1, "price": 9.5 }, { "kind": "food", "quantity": 3, "price": 2 },
        { "kind": "tool", "quantity": 5, "price": 19 }, { "kind": "book", "quantity": 4, "price": 7.25 },
        { "kind": "toy", "quantity": 2, "price": 11 }, { "kind": "food", "quantity": 8, "price": 1.5 },
        { "kind": "tool", "quantity": 1, "price": 25 }, { "kind": "book", "quantity": 3, "price": 12 },
        { "kind": "food", "quantity": 6, "price": 3 }, { "kind": "toy", "quantity": 7, "price": 4 }
    ],
    "numbers": [34, 7, 23, 32, 5, 62, 78, 1, 44, 12, 90, 3, 55, 21, 67, 8, 99, 15, 42, 71, 2, 88, 19, 60, 37, 11]
}"#;

/// The table of functions, and the geometric mean of how much faster ours are.
pub(crate) fn print() {
    print_some(&FUNCTIONS);
}

/// The table of some functions, where there are any of these names.
pub(crate) fn print_named(names: &[String]) {
    let known = FUNCTIONS.into_iter();
    let named: Vec<_> = known
        .filter(|(name, _)| names.iter().any(|wanted| wanted == name))
        .collect();
    if !named.is_empty() {
        print_some(&named);
    }
}

fn print_some(functions: &[(&str, &str)]) {
    let columns = [
        "function",
        "ours ns",
        "QuickJS ns",
        "times as fast",
        "instructions",
        "allocations",
    ];
    let mut table = Table::new("Pure functions, against QuickJS (quickjs-ng)", &columns);
    let quickjs = QuickJs::new();
    let argument = Data::from_json(ARGUMENT, &Limits::default()).unwrap();
    let mut logarithms = 0.0;
    for (name, source) in functions {
        let function = Function::new(source);
        let (ours, theirs) = quickjs.with(source, ARGUMENT, |repeat, json| {
            let result = function.call_and_freeze(&argument).to_json();
            assert_eq!(result, json, "the engines differ about {name}");
            let mut memory = Memory::default();
            let mut call = |times: u64| {
                for round in 0..times.div_ceil(CALLS) {
                    memory.clear();
                    let mut machine = function.machine(&memory);
                    for _ in 0..CALLS.min(times - round * CALLS) {
                        std::hint::black_box(function.result(&mut machine, &argument));
                        machine.heap.clear();
                    }
                }
            };
            let medians = medians(&mut [&mut call, repeat]);
            (medians[0], medians[1])
        });
        logarithms += (theirs / ours).ln();
        table.row(&[
            (*name).to_owned(),
            count(ours),
            count(theirs),
            format!("{:.2}", theirs / ours),
            function.instructions(&argument).to_string(),
            function.allocations(&argument).to_string(),
        ]);
    }
    let mean = (logarithms / functions.len() as f64).exp();
    let mut cells = vec![String::new(); columns.len()];
    cells[0] = "geometric mean".to_owned();
    cells[3] = format!("{mean:.2}");
    table.row(&cells);
    table.print();
}

/// A function of our machine, as the run stage has it: frozen, with what it captured.
pub(crate) struct Function {
    module: Module,
    function: Data,
    limits: Limits,
    /// What calls whose result is frozen use one after another, as turns do.
    memory: RefCell<Memory>,
}

struct NoNames;

impl Names for NoNames {
    fn is_ambient(&self, _: &str) -> bool {
        false
    }

    fn hint(&self, _: &str) -> Option<String> {
        None
    }
}

impl Function {
    pub(crate) fn new(source: &str) -> Function {
        let text = format!("export default {source}");
        let source = Source::new("function.js", text);
        let module = compile_module(&source, &NoNames, &BuildLimits::default()).unwrap();
        let limits = Limits {
            turn_instructions: u64::MAX,
            turn_allocated_bytes: u64::MAX,
            turn_regex_steps: u64::MAX,
            ..Limits::default()
        };
        let memory = Memory::default();
        let mut machine = Machine::new(&module.code, &NoHost, &limits, &memory);
        let main = machine.value(Data::function(FunctionIndex(0), Vec::new()).unwrap());
        let exports = machine.call(&main, &[]);
        let exports = exports.unwrap_or_else(|_| panic!("the module throws: {}", source.text));
        let exported = machine.array_item(&exports, 0).unwrap();
        let Ok(function) = machine.freeze(&exported, Purpose::Capture) else {
            panic!("the function cannot be kept: {}", source.text);
        };
        drop(machine);
        Function {
            module,
            function,
            limits,
            memory: RefCell::default(),
        }
    }

    fn machine<'p>(&'p self, memory: &'p Memory) -> Machine<'p> {
        Machine::new(&self.module.code, &NoHost, &self.limits, memory)
    }

    fn result<'p>(&'p self, machine: &mut Machine<'p>, argument: &'p Data) -> Value<'p> {
        let result = machine.call(&Value::of(&self.function), &[Value::of(argument)]);
        match result {
            Ok(value) => value,
            Err(_) => panic!("the function throws"),
        }
    }

    /// Calls it, and makes data of the result as a state is made.
    pub(crate) fn call_and_freeze(&self, argument: &Data) -> Data {
        let mut memory = self.memory.borrow_mut();
        memory.clear();
        let mut machine = self.machine(&memory);
        let value = self.result(&mut machine, argument);
        let Ok(data) = machine.freeze(&value, Purpose::State) else {
            panic!("the result cannot be kept");
        };
        drop(machine);
        data
    }

    /// Allocations of a call, in memory that another one has used.
    fn allocations(&self, argument: &Data) -> u64 {
        let memory = Memory::default();
        let mut machine = self.machine(&memory);
        self.result(&mut machine, argument);
        machine.heap.clear();
        let before = allocations();
        self.result(&mut machine, argument);
        allocations() - before
    }

    fn instructions(&self, argument: &Data) -> u64 {
        let memory = Memory::default();
        let mut machine = self.machine(&memory);
        self.result(&mut machine, argument);
        machine.used().instructions
    }
}
