//! Large states, and workers as bytes: what a change costs as the state grows, and what storing costs.

use vm::{Data, Limits, Worker};

use crate::lambdas::Function;
use crate::measure::nanoseconds;
use crate::table::{Table, count};
use crate::workers::{ACCOUNT, COUNTER, Runner, TRANSFER};

/// Changes of a state, each as an updater.
const CHANGES: [(&str, &str); 5] = [
    ("{ ...s, n: s.n + 1 }", "s => ({ ...s, n: s.n + 1 })"),
    ("{ ...s, [new key]: 1 }", "s => ({ ...s, ['x' + s.n]: 1 })"),
    (
        "{ ...s, list: [...s.list, 1] }",
        "s => ({ ...s, list: [...s.list, 1] })",
    ),
    (
        "s.list.with(3, 0)",
        "s => ({ ...s, list: s.list.with(3, 0) })",
    ),
    (
        "one entry of s.map",
        "s => ({ ...s, map: new Map(s.map).set('k3', 0) })",
    ),
];

const SIZES: [usize; 3] = [10, 1_000, 10_000];

/// The tables of states and snapshots.
pub(crate) fn print() {
    let columns = ["updater", "10", "1,000", "10,000"];
    let title = "A change of a state with so many properties (items, entries), frozen again: ns";
    let mut table = Table::new(title, &columns);
    for (name, source) in CHANGES {
        let mut cells = vec![format!("`{name}`")];
        for size in SIZES {
            let state = state_of(size);
            let function = Function::new(source);
            cells.push(count(nanoseconds(|| function.call_and_freeze(&state))));
        }
        table.row(&cells);
    }
    table.print();
    snapshots();
}

/// As many properties, items and entries as is said; only what an updater changes is large.
fn state_of(size: usize) -> Data {
    let maker = "n => {
        const s = { n: 1, list: Array.from({ length: n }, (_, i) => i), map: new Map() }
        for (let i = 0; i < n; i++) { s['p' + i] = i; s.map.set('k' + i, i) }
        return s
    }";
    Function::new(maker).call_and_freeze(&Data::from(size as f64))
}

fn snapshots() {
    let columns = ["worker", "bytes", "store ns", "restore ns"];
    let mut table = Table::new("A worker as bytes, and back", &columns);
    for (name, script) in [
        ("counter", &COUNTER),
        ("account", &ACCOUNT),
        ("transfer", &TRANSFER),
    ] {
        let runner = Runner::new(script);
        let worker = runner.idle_worker("a-4711");
        let bytes = worker.encode(&runner.program);
        let limits = Limits::default();
        let decode = || Worker::decode(&bytes, &runner.program, &limits).unwrap();
        assert_eq!(decode(), worker);
        table.row(&[
            name.to_owned(),
            bytes.len().to_string(),
            count(nanoseconds(|| worker.encode(&runner.program))),
            count(nanoseconds(decode)),
        ]);
    }
    table.print();
}
