//! Turns per second of whole workers: what a node does for each message, without log and network.

use vm::{Data, Worker};

use crate::measure::nanoseconds;
use crate::memory::allocations;
use crate::table::{Table, count};
use crate::workers::{ACCOUNT, COUNTER, Runner, Script, TRANSFER};

/// A message that no worker here waits for.
const IGNORED: &str = r#"{"type":"OTHER","amount":1}"#;

/// The table of turns.
pub(crate) fn print() {
    let columns = ["turn", "a second", "ns", "allocations", "instructions"];
    let mut table = Table::new("Turns on one core", &columns);
    measure(&mut table, "counter", &COUNTER, None);
    measure(&mut table, "account", &ACCOUNT, None);
    measure(&mut table, "transfer", &TRANSFER, None);
    measure(
        &mut table,
        "message that the counter drops",
        &COUNTER,
        Some(IGNORED),
    );
    measure(
        &mut table,
        "message that the account drops",
        &ACCOUNT,
        Some(IGNORED),
    );
    replayed(&mut table);
    key(&mut table);
    table.print();
}

fn measure(table: &mut Table, name: &str, script: &'static Script, message: Option<&str>) {
    let runner = Runner::new(script);
    let mut worker = runner.idle_worker("a-4711");
    let message = match message {
        Some(json) => Data::from_json(json, &runner.limits).unwrap(),
        None => runner.message(),
    };
    // Until the state is as large as it gets.
    (0..20).for_each(|_| drop(runner.give(&mut worker, message.clone())));
    row(table, name, &runner, &mut worker, |_| message.clone());
}

fn row(
    table: &mut Table,
    name: &str,
    runner: &Runner,
    worker: &mut Worker,
    message: impl Fn(&Runner) -> Data,
) {
    let before = allocations();
    let turn = runner.give(worker, message(runner));
    let allocated = allocations() - before;
    let took = nanoseconds(|| runner.give(worker, message(runner)));
    table.row(&[
        name.to_owned(),
        count(1e9 / took),
        count(took),
        allocated.to_string(),
        turn.used.instructions.to_string(),
    ]);
}

/// As replay does it: each message is read from its stored bytes.
fn replayed(table: &mut Table) {
    let runner = Runner::new(&ACCOUNT);
    let mut worker = runner.idle_worker("a-4711");
    let bytes = runner.message().encode();
    row(
        table,
        "account, message from history",
        &runner,
        &mut worker,
        |_| Data::decode(&bytes).unwrap(),
    );
}

/// Which instance a message goes to.
fn key(table: &mut Table) {
    let runner = Runner::new(&ACCOUNT);
    let message = runner.message();
    let key_of = || runner.program.key_of("Account", &message, &runner.limits);
    assert_eq!(key_of().unwrap(), "a-4711");
    // In memory that another one has used.
    let before = allocations();
    key_of().unwrap();
    let allocated = allocations() - before;
    let took = nanoseconds(key_of);
    table.row(&[
        "`key` of a message".to_owned(),
        count(1e9 / took),
        count(took),
        allocated.to_string(),
        String::new(),
    ]);
}
