//! Real scripts in a shard: state, routing, rings, children, failures, and the examples that ship.

use super::*;
use crate::engine::script::ScriptEngine;
use crate::message::Body;
use crate::record::{InstanceStatus, TurnOutcome};

const COUNTER: &str = "
export const Counter = act(self => withState(() => 0, count => whileLoop(() =>
  waitFor(m => typeof m.add === 'number', m =>
    modifyState(count, computeState([m], m => n => n + m.add))))), { daemon: true, key: m => m.name });
";

const RING: &str = "
export const Ring = act(self => whileLoop(() => waitFor(m => true, token =>
  whenState(readState(token, t => t.hops > 0),
    send(worker('Ring', readState(token, t => (t.at + 1) % t.size)),
      readState(token, t => ({ ...t, at: (t.at + 1) % t.size, hops: t.hops - 1 })))))),
  { daemon: true, key: m => m.at });
";

const PARENT: &str = "
const Child = act((self, { complete }) => waitFor(m => m.go, m => complete(readState(m, m => m.go * 2))));
export const Parent = act((self, { complete, outbox }) => sequence(() => [
  spawn(Child, { a: 1 }, child => sequence(() => [send(child, { go: 21 })]), { watch: true }),
  waitFor(m => m.type === 'exit', m => sequence(() => [
    send(outbox, readState(m, m => ({ status: m.status, result: m.result }))),
    delay(1000),
    complete(readState(m, m => m.result)),
  ])),
]));
";

const FRAGILE: &str = "
export const Fragile = act(self => withState(() => 0, n => whileLoop(() => waitFor(m => true, m => sequence(() => [
  modifyState(n, s => s + 1),
  modifyState(n, computeState([m], m => s => m.bad ? m.bad.worse.worst : s)),
]))))
, { daemon: true });
";

pub(super) fn bench(sources: &[(&str, &str)]) -> Bench {
    let mut bench = Bench::empty();
    let store = MemoryStores::new(FlushMode::EveryUnits(1));
    let store = store.open(GroupId(1)).unwrap();
    bench.shard = Shard::open_with(identity(1), store, Arc::new(ScriptEngine)).unwrap();
    for (name, text) in sources {
        deploy(&mut bench, name, text);
    }
    bench
}

pub(super) fn deploy(bench: &mut Bench, name: &str, text: &str) {
    let source = vm::Source::new(name, text);
    let compiled = vm::compile(&source, &vm::BuildLimits::default()).unwrap();
    let names = compiled.program.workers().filter(|worker| worker.exported);
    let id = ProgramId(compiled.program.hash().0);
    let activate = Activate {
        namespace: Namespace::default(),
        version: bench.index + 1,
        names: names.map(|worker| (worker.name.clone(), id)).collect(),
        removed: Vec::new(),
    };
    let install = Install {
        program: compiled.program.encode().into(),
    };
    let outcomes = bench.apply(vec![Command::Install(install), Command::Activate(activate)]);
    assert_eq!(outcomes, [Outcome::Done, Outcome::Done]);
}

pub(super) fn body(json: &str) -> Body {
    Body::from_data(vm::Data::from_json(json, &vm::Limits::default()).unwrap())
}

pub(super) fn say(bench: &mut Bench, to: &str, json: &str) -> Receipt {
    let door = bench.door();
    receipt(bench.one(Command::Send(SendRequest {
        door,
        to: address(to),
        from: None,
        body: body(json),
    })))
}

pub(super) fn states(bench: &Bench, of: &str) -> Vec<String> {
    let view = bench.view(of).unwrap();
    let program = query::decoded_program(bench.shard.store(), view.program).unwrap();
    let states = query::open_states(&program.unwrap().0, &view).unwrap();
    states.iter().map(vm::Data::to_json).collect()
}

#[test]
fn a_counter_counts_for_each_key() {
    let mut bench = bench(&[("counter.js", COUNTER)]);
    say(&mut bench, "Counter", r#"{ "name": "a", "add": 2 }"#);
    say(&mut bench, "Counter/a", r#"{ "add": 40 }"#);
    say(&mut bench, "Counter", r#"{ "name": "b", "add": 1 }"#);
    say(&mut bench, "Counter/a", r#"{ "noise": true }"#);
    assert_eq!(states(&bench, "Counter/a"), ["42"]);
    assert_eq!(states(&bench, "Counter/b"), ["1"]);
    let history = query::history(bench.shard.store(), &address("Counter/a"), 0, 10).unwrap();
    let dropped = history.last().unwrap();
    assert_eq!(dropped.1.outcome, TurnOutcome::Dropped);
}

#[test]
fn a_counter_survives_being_stored() {
    let mut bench = bench(&[("counter.js", COUNTER)]);
    bench.shard.keep_hot(0);
    for _ in 0..5 {
        say(&mut bench, "Counter/a", r#"{ "add": 1 }"#);
    }
    assert_eq!(states(&bench, "Counter/a"), ["5"]);
}

#[test]
fn a_token_goes_around_a_ring() {
    let mut bench = bench(&[("ring.js", RING)]);
    let sent = say(
        &mut bench,
        "Ring/0",
        r#"{ "at": 0, "size": 10, "hops": 100 }"#,
    );
    let ring = query::instances(
        bench.shard.store(),
        &Namespace::default(),
        Some(&address("Ring")),
        None,
        100,
    );
    let steps: u64 = ring.unwrap().iter().map(|view| view.step).sum();
    assert_eq!(steps, 10 + 101, "ten starts, and a turn for each arrival");
    let story = query::story(bench.shard.store(), sent.message, None, 1000).unwrap();
    assert_eq!(story.len(), 111);
}

#[test]
fn a_parent_hears_of_its_child_and_completes() {
    let mut bench = bench(&[("parent.js", PARENT)]);
    let door = bench.door();
    let started = receipt(bench.one(Command::Start(StartRequest {
        door,
        to: address("Parent/p"),
        config: None,
        message: None,
    })));
    assert!(matches!(started.progress, Progress::Applied { .. }));
    let page = query::output(bench.shard.store(), &address("Parent/p"), 0, 10);
    let emitted = &page.unwrap().unwrap().items[0].record.body;
    assert_eq!(
        emitted.data().unwrap().to_json(),
        r#"{"status":"completed","result":42}"#
    );
    assert_eq!(bench.status("Parent/p"), "running");
    bench.pass(1000);
    let view = bench.view("Parent/p").unwrap();
    assert_eq!(view.status, InstanceStatus::Completed);
    assert_eq!(view.result.unwrap().data().unwrap().to_json(), "42");
}

#[test]
fn a_script_error_undoes_the_turn_and_says_where() {
    let mut bench = bench(&[("fragile.js", FRAGILE)]);
    say(&mut bench, "Fragile", "{}");
    say(&mut bench, "Fragile", r#"{ "bad": {} }"#);
    let (_, letter) = query::dead_letters(bench.shard.store(), 0, 10).unwrap()[0].clone();
    assert!(letter.cause.code.starts_with("E03"), "{:?}", letter.cause);
    assert_eq!(letter.cause.stack[0].file, "fragile.js");
    assert_eq!(letter.cause.stack[0].line, 4);
    bench.pass(100);
    say(&mut bench, "Fragile", "{}");
    assert_eq!(states(&bench, "Fragile/default"), ["2"]);
}

#[test]
fn the_transfer_that_ships_does_what_it_says() {
    let mut bench = bench(&[
        (
            "transfer.js",
            include_str!("../../../../examples/transfer/transfer.js"),
        ),
        (
            "ledger.js",
            include_str!("../../../../examples/transfer/ledger.js"),
        ),
        (
            "notification.js",
            include_str!("../../../../examples/transfer/notification.js"),
        ),
    ]);
    let sent = say(
        &mut bench,
        "FundTransfer",
        r#"{ "type": "INITIATE_TRANSFER", "id": "t-1", "from": "alice", "to": "bob", "amount": 1250 }"#,
    );
    let transfer = sent.instance.unwrap().to_string();
    let view = bench.view(&transfer).unwrap();
    assert_eq!(view.status, InstanceStatus::Completed, "{:?}", view.error);
    assert!(bench.dead().is_empty(), "{:?}", bench.dead());
}

/// Takes one message, tells another worker and its outbox, and ends.
const STORY: &str = r#"
export const Task = act((self, { outbox }) => waitFor(m => m.type === 'go', go => sequence(() => [
  send(Other, { type: 'ask' }), send(Gone, 'last'), send(outbox, { type: 'done' }), delay(10), kill(Other),
])))
export const Other = act(() => whileLoop(() => waitFor(m => true)), { daemon: true })
"#;

#[test]
fn a_story_names_each_input_by_its_type_or_kind() {
    let mut bench = bench(&[("story.js", STORY)]);
    let root = say(&mut bench, "Task", r#"{ "type": "go" }"#).message;
    bench.pass(10);
    let store = bench.shard.store();
    let story = query::story(store, root, None, 100).unwrap();
    let mine = story.iter().filter(|one| one.stamp.root == root);
    let named = mine.map(|one| (one.to.name().to_owned(), query::kind(store, one).unwrap()));
    let mut named: Vec<(String, String)> = named.collect();
    named.sort();
    let expected = [
        ("Gone", "message"),
        ("Other", "ask"),
        ("Other", "kill"),
        ("Task", "done"),
        ("Task", "go"),
        ("Task", "start"),
        ("Task", "timer"),
    ];
    assert_eq!(
        named,
        expected.map(|(to, kind)| (to.to_owned(), kind.to_owned()))
    );
}
