//! Reactive functions of real scripts: inside a shard, between shards, over failures, ends and restarts.

use super::calls::{Pair, history, last};
use super::scripts::{bench, body, deploy, say, states};
use super::waits::output;
use super::*;
use crate::codes;
use crate::command::{EffectDone, EffectResult, ReadRequest};
use crate::engine::script::ScriptEngine;
use crate::message::Body;
use crate::record::{InstanceStatus, MessageFate, TurnInput, TurnOutcome};
use crate::replay::Replay;

const ACCOUNT: &str = "
export const Account = act(self => withState(() => 0, balance => whileLoop(() => waitFor(m => true, m => sequence([
  whenState(readState(m, m => m.close), kill(self)),
  modifyState(balance, computeState([m], m => b => b + m.add)),
]))), { as: 'balance' }), { key: m => m.id });
";

const EXPOSURE: &str = "
export const Exposure = reactive((get, id) => 2 * (get(stateOf(worker('Account', id), 'balance')) ?? 0));
export const Alarm = act((self, { outbox }) => whileLoop(() => waitFor(m => m.id, m => sequence([
  waitForValue(Exposure(readState(m, m => m.id)), v => v >= 100, v => send(outbox, v)),
]))), { key: m => m.alarm });
";

const SOURCES: &[(&str, &str)] = &[("account.js", ACCOUNT), ("exposure.js", EXPOSURE)];

fn add(account: &str, amount: i64) -> String {
    format!(r#"{{ "id": "{account}", "add": {amount} }}"#)
}

fn values(bench: &Bench, of: &str) -> Vec<String> {
    let page = query::output(bench.shard.store(), &address(of), 0, 100).unwrap();
    let items = page.map(|page| page.items).unwrap_or_default();
    let shown = items
        .into_iter()
        .map(|item| item.record.body.data().unwrap());
    let value = |data: vm::Data| match (data.property("value"), data.property("error")) {
        (Some(value), _) => value.to_json(),
        (None, error) => format!("error {}", error.map(vm::Data::to_json).unwrap_or_default()),
    };
    shown.map(value).collect()
}

fn read(bench: &mut Bench, name: &str, arguments: &str) -> Outcome {
    let door = bench.door();
    let arguments = body(arguments);
    let key = vm::reactive::instance_key(&arguments.data().unwrap());
    let source = address(name).with_key(key).unwrap();
    bench.one(Command::Read(ReadRequest {
        door,
        source,
        arguments,
    }))
}

#[test]
fn a_worker_waits_for_a_function_of_a_state() {
    let mut bench = bench(SOURCES);
    say(&mut bench, "Account", &add("ann", 10));
    say(&mut bench, "Alarm/a", r#"{ "id": "ann" }"#);
    let exposure = r#"Exposure/["ann"]"#;
    assert_eq!(values(&bench, exposure), ["20"]);
    assert_eq!(output(&bench, "Alarm/a"), [] as [&str; 0]);
    say(&mut bench, "Account", &add("ann", 0));
    assert_eq!(
        history(&bench, exposure).len(),
        2,
        "an equal state is not told"
    );
    say(&mut bench, "Account", &add("ann", 45));
    assert_eq!(values(&bench, exposure), ["20", "110"]);
    assert_eq!(output(&bench, "Alarm/a"), ["110"]);
    let told = last(&bench, exposure);
    let TurnInput::Told { from, version, .. } = &told.input else {
        panic!("{told:?}");
    };
    assert_eq!(*from, Some(address("Account/ann")));
    assert_eq!(*version, history(&bench, "Account/ann").len() as u64);
}

#[test]
fn the_causes_lead_from_the_worker_through_the_function_to_the_worker() {
    let mut bench = bench(SOURCES);
    say(&mut bench, "Account", &add("ann", 1));
    say(&mut bench, "Alarm/a", r#"{ "id": "ann" }"#);
    let sent = say(&mut bench, "Account", &add("ann", 99));
    let told = last(&bench, "Alarm/a").stamp;
    assert_eq!(told.root, sent.message);
    let story = query::story(bench.shard.store(), sent.message, None, 100).unwrap();
    let by_id = |id| story.iter().find(|message| message.stamp.id == id).unwrap();
    let through = by_id(told.cause.unwrap());
    assert_eq!(through.to, address(r#"Exposure/["ann"]"#));
    let first = by_id(through.stamp.cause.unwrap());
    assert_eq!(
        (first.stamp.id, &first.to),
        (sent.message, &address("Account/ann"))
    );
}

#[test]
fn readers_and_sources_in_other_shards_are_told_once() {
    for again in [false, true] {
        let mut pair = Pair::new(SOURCES);
        let account = Pair::key_in("Account", 1);
        let alarm = format!("Alarm/{}", Pair::key_in("Alarm", 0));
        say(
            &mut pair.0[0],
            &alarm,
            &format!(r#"{{ "id": "{account}" }}"#),
        );
        pair.settle(again);
        for amount in [10, 0, 20, 30] {
            say(
                &mut pair.0[1],
                &format!("Account/{account}"),
                &add(&account, amount),
            );
            pair.settle(again);
        }
        assert_eq!(output(&pair.0[0], &alarm), ["120"]);
        let exposure = format!(r#"Exposure/["{account}"]"#);
        let at = crate::shard_of(&address(&exposure), 2).0 as usize;
        assert_eq!(values(&pair.0[at], &exposure), ["0", "20", "60", "120"]);
        assert!(pair.0.iter().all(|bench| bench.dead().is_empty()));
    }
}

#[test]
fn without_a_reader_it_ends_after_a_minute_and_reads_nothing() {
    let mut bench = bench(SOURCES);
    let exposure = r#"Exposure/["ann"]"#;
    assert!(matches!(
        read(&mut bench, "Exposure", r#"["ann"]"#),
        Outcome::Accepted(_)
    ));
    assert_eq!(values(&bench, exposure), ["0"]);
    bench.pass(59_000);
    assert_eq!(bench.status(exposure), "running");
    // Another read holds it for another minute.
    assert!(matches!(
        read(&mut bench, "Exposure", r#"["ann"]"#),
        Outcome::Accepted(_)
    ));
    bench.pass(59_000);
    assert_eq!(bench.status(exposure), "running");
    bench.pass(1_000);
    assert_eq!(bench.status(exposure), "completed");
    let steps = history(&bench, exposure).len();
    say(&mut bench, "Account", &add("ann", 1));
    assert_eq!(history(&bench, exposure).len(), steps);
    assert!(!bench.shard.sources.is_read(&address("Account/ann")));
    read(&mut bench, "Exposure", r#"["ann"]"#);
    assert_eq!(values(&bench, exposure), ["0", "2"]);
}

#[test]
fn a_reader_holds_it_and_leaves_it() {
    let mut bench = bench(SOURCES);
    let exposure = r#"Exposure/["ann"]"#;
    say(&mut bench, "Alarm/a", r#"{ "id": "ann" }"#);
    bench.pass(200_000);
    assert_eq!(bench.status(exposure), "running");
    bench.kill("Alarm/a");
    bench.pass(59_000);
    assert_eq!(bench.status(exposure), "running");
    // A reader that comes in time keeps it.
    say(&mut bench, "Alarm/b", r#"{ "id": "ann" }"#);
    bench.pass(100_000);
    assert_eq!(bench.status(exposure), "running");
    bench.kill("Alarm/b");
    bench.pass(60_000);
    assert_eq!(bench.status(exposure), "completed");
}

#[test]
fn a_reader_whose_shard_lost_it_costs_one_message() {
    let mut bench = bench(SOURCES);
    say(&mut bench, "Alarm/a", r#"{ "id": "ann" }"#);
    // As if the end of the subscription had never been sent.
    let (place, mut instance) = bench.shard.take(&address("Alarm/a")).unwrap().unwrap();
    instance.record.sources.clear();
    bench.shard.hot.put(place, instance, true);
    bench.kill("Alarm/a");
    assert!(bench.shard.sources.is_read(&address(r#"Exposure/["ann"]"#)));
    say(&mut bench, "Account", &add("ann", 1));
    assert!(!bench.shard.sources.is_read(&address(r#"Exposure/["ann"]"#)));
    assert!(bench.dead().is_empty());
}

#[test]
fn a_source_that_ends_and_begins_again_is_told_so() {
    let mut bench = bench(SOURCES);
    read(&mut bench, "Exposure", r#"["ann"]"#);
    say(&mut bench, "Account", &add("ann", 5));
    say(
        &mut bench,
        "Account",
        r#"{ "id": "ann", "close": true, "add": 0 }"#,
    );
    // An ended run shows its last state, until the next begins.
    say(&mut bench, "Account", &add("ann", 7));
    assert_eq!(
        values(&bench, r#"Exposure/["ann"]"#),
        ["0", "10", "0", "14"]
    );
    assert_eq!(states(&bench, "Account/ann"), ["7"]);
}

#[test]
fn an_instance_that_is_removed_is_undefined_to_its_readers() {
    let mut bench = bench(&[
        ("account.js", ACCOUNT),
        (
            "has.js",
            "export const Has = reactive((get, id) => get(stateOf(worker('Account', id), 'balance')) !== undefined);
             export const Looks = act(self => waitForValue(Has('ann'), v => false));",
        ),
    ]);
    let door = bench.door();
    let to = address("Looks/a");
    let (config, message) = (None, None);
    bench.one(Command::Start(StartRequest {
        door,
        to,
        config,
        message,
    }));
    say(&mut bench, "Account", &add("ann", 5));
    bench.kill("Account/ann");
    assert_eq!(values(&bench, r#"Has/["ann"]"#), ["false", "true"]);
    bench.pass(bench.shard.limits().ended_ms);
    assert_eq!(bench.status("Account/ann"), "none");
    assert_eq!(values(&bench, r#"Has/["ann"]"#), ["false", "true", "false"]);
}

#[test]
fn a_failing_turn_tells_nothing_and_a_value_is_given_again_after_the_rest() {
    let fragile = "
export const N = act((self, { fail }) => withState(() => 0, n => whileLoop(() => waitFor(m => true, m => sequence([
  modifyState(n, computeState([m], m => s => m.n)), whenState(readState(m, m => m.bad), fail('bad')),
]))), { as: 'n' }), { daemon: true });
export const Twice = reactive(get => get(stateOf(worker('N'), 'n')) * 2);
export const Eager = act((self, { outbox }) => whileLoop(() =>
  waitForValue(Twice(), v => Date.now() < 1150 ? v.a.b : v > 0, v => sequence([send(outbox, v), delay(1e6)]))), { daemon: true });
";
    let mut bench = bench(&[("fragile.js", fragile)]);
    assert!(matches!(
        last(&bench, "Eager/default").outcome,
        TurnOutcome::Trapped(_)
    ));
    say(&mut bench, "N", r#"{ "n": 3 }"#);
    assert_eq!(output(&bench, "Eager/default"), [] as [&str; 0]);
    bench.pass(100);
    bench.pass(200);
    // The value that came while it rested took the place of the one before.
    assert_eq!(output(&bench, "Eager/default"), ["6"]);
    read(&mut bench, "Twice", "[]");
    let before = values(&bench, "Twice/[]");
    say(&mut bench, "N", r#"{ "n": 9, "bad": true }"#);
    assert_eq!(
        values(&bench, "Twice/[]"),
        before,
        "the failure went back to the wait"
    );
    assert!(bench.dead().is_empty(), "{:?}", bench.dead());
}

#[test]
fn functions_that_read_each_other_between_shards_read_an_error() {
    let text = "
export const Egg = reactive((get, n) => get(Hen(n)) + 1);
export const Hen = reactive((get, n) => get(Egg(n)) + 1);
";
    for n in 0..8 {
        let mut pair = Pair::new(&[("egg.js", text)]);
        let egg = format!("Egg/[{n}]");
        let at = crate::shard_of(&address(&egg), 2).0 as usize;
        read(&mut pair.0[at], "Egg", &format!("[{n}]"));
        pair.settle(n % 2 == 0);
        let told = values(&pair.0[at], &egg);
        assert!(told.last().unwrap().contains("E0342"), "{told:?}");
        assert!(told.len() <= 2, "{told:?}");
        assert!(pair.0[at].view(&egg).unwrap().step < 10);
    }
}

#[test]
fn an_effect_is_a_call_to_a_service() {
    let text = "export const Rate = reactive((get, pair) => get(effect(Rates, { pair })).cents);";
    let mut bench = bench(&[("rate.js", text)]);
    read(&mut bench, "Rate", r#"["EURUSD"]"#);
    let asked = bench.last.actions.iter().find_map(|action| match action {
        Action::Perform(call) => Some(call.clone()),
        _ => None,
    });
    let asked = asked.unwrap();
    assert_eq!(asked.service, address("Rates"));
    assert_eq!(asked.body.data().unwrap().to_json(), r#"{"pair":"EURUSD"}"#);
    assert_eq!(values(&bench, r#"Rate/["EURUSD"]"#), [] as [&str; 0]);
    for _ in 0..2 {
        bench.one(Command::EffectDone(EffectDone {
            service: asked.service.clone(),
            message: asked.stamp.id,
            attempt: asked.attempt,
            result: EffectResult::Answer(body(r#"{ "cents": 108 }"#)),
        }));
    }
    assert_eq!(values(&bench, r#"Rate/["EURUSD"]"#), ["108"]);
}

#[test]
fn clocks_tick_in_shard_time() {
    let text = "export const Second = reactive(get => get(clock(1000)) / 1000);";
    let mut bench = bench(&[("second.js", text)]);
    bench.now_ms = 5_300;
    read(&mut bench, "Second", "[]");
    bench.pass(699);
    bench.pass(1);
    bench.pass(2_500);
    assert_eq!(values(&bench, "Second/[]"), ["5", "6", "8"]);
    assert_eq!(bench.timer(), Some(9_000));
}

#[test]
fn a_deploy_brings_what_is_read_into_the_new_program() {
    let mut bench = bench(&[("account.js", ACCOUNT)]);
    let uses = "export const Uses = act((self, { outbox }) => waitForValue(Total(), v => v > 10, v => send(outbox, v)));";
    let total = |factor: u32| {
        format!(
            "export const Total = reactive(get => {factor} * get(stateOf(worker('Account', 'ann'), 'balance')));"
        )
    };
    deploy(&mut bench, "one.js", &total(1));
    deploy(&mut bench, "uses.js", uses);
    say(&mut bench, "Account", &add("ann", 4));
    let door = bench.door();
    let to = address("Uses/a");
    let (config, message) = (None, None);
    bench.one(Command::Start(StartRequest {
        door,
        to,
        config,
        message,
    }));
    assert_eq!(values(&bench, "Total/[]"), ["4"]);
    deploy(&mut bench, "three.js", &total(3));
    assert_eq!(values(&bench, "Total/[]"), ["4", "12"]);
    assert_eq!(output(&bench, "Uses/a"), ["12"]);
}

#[test]
fn a_name_that_is_deployed_later_is_told_to_who_waits_for_it() {
    let mut bench = bench(&[(
        "safe.js",
        "export const Safe = reactive(get => { try { return get(Later()) } catch (e) { return e.code } });",
    )]);
    read(&mut bench, "Safe", "[]");
    assert_eq!(values(&bench, "Safe/[]"), [r#""E0344""#]);
    deploy(
        &mut bench,
        "later.js",
        "export const Later = reactive(get => 'here');",
    );
    assert_eq!(values(&bench, "Safe/[]"), [r#""E0344""#, r#""here""#]);
}

#[test]
fn what_is_no_reactive_function_is_refused() {
    let mut bench = bench(SOURCES);
    let refused = read(&mut bench, "Account", r#"["ann"]"#);
    assert_eq!(refusal(refused).code, codes::REACTIVE);
    let refused = read(&mut bench, "Nothing", "[]");
    assert_eq!(refusal(refused).code, codes::UNKNOWN_WORKER);
    let door = bench.door();
    let to = address("Exposure");
    let (config, message) = (None, None);
    let refused = bench.one(Command::Start(StartRequest {
        door,
        to,
        config,
        message,
    }));
    assert_eq!(refusal(refused).code, codes::REACTIVE);
    for to in ["Exposure", r#"Exposure/["ann"]"#] {
        let door = bench.door();
        let refused = bench.one(Command::Send(SendRequest {
            door,
            to: address(to),
            from: None,
            body: body("1"),
        }));
        assert_eq!(refusal(refused).code, codes::REACTIVE);
    }
}

#[test]
fn too_many_readers_are_told_an_error() {
    let mut bench = bench(&[(
        "many.js",
        "export const One = reactive(get => 1);
         export const Reader = act((self, { outbox }) => waitFor(m => true, m => attempt(
           waitForValue(One(), v => v > 1), { otherwise: e => send(outbox, readState(e, e => e.code)) })), { key: m => m });",
    )]);
    let limits = crate::limits::ShardLimits {
        source_readers: 2,
        ..bench.shard.limits().clone()
    };
    bench.one(Command::Configure(Box::new(limits)));
    for reader in ["1", "2", "3"] {
        say(&mut bench, "Reader", reader);
    }
    assert_eq!(bench.status("Reader/2"), "running");
    assert_eq!(output(&bench, "Reader/3"), [r#""E-source-full""#]);
}

#[test]
fn subscriptions_are_part_of_the_story() {
    let mut bench = bench(SOURCES);
    let sent = say(&mut bench, "Alarm/a", r#"{ "id": "ann" }"#);
    let story = query::story(bench.shard.store(), sent.message, None, 100).unwrap();
    let subscribed =
        |message: &&crate::record::MessageRecord| message.fate == MessageFate::Subscribed;
    let to: Vec<String> = story
        .iter()
        .filter(subscribed)
        .map(|message| message.to.to_string())
        .collect();
    assert_eq!(to.len(), 2, "{to:?}");
    assert!(to.contains(&"Account/ann".to_owned()), "{to:?}");
}

/// What two shards come to when accounts, alarms and time go on in an order that a seed gives.
fn mesh(seed: u64, hot: usize, again: bool, reopen: bool) -> (Vec<crate::StateHash>, Vec<String>) {
    let mesh = "
export const Part = reactive((get, id) => get(stateOf(worker('Account', id), 'balance')) ?? 0);
export const Sum = reactive((get, limit) => { let sum = 0; for (const id of ['a', 'b', 'c', 'd']) { sum += get(Part(id)); if (sum > limit) break } return sum });
export const Even = reactive((get, limit) => { const s = get(Sum(limit)); if (s % 7 === 0) throw new Error('seven'); return s % 2 === 0 });
export const Watch = act((self, { outbox }) => whileLoop(() => waitFor(m => m.limit, m => attempt(
  waitForValue(Even(readState(m, m => m.limit)), v => v, v => send(outbox, 'even'), { timeout: 200, otherwise: send(outbox, 'late') }),
  { otherwise: e => send(outbox, readState(e, e => e.message)) }))), { key: m => m.watch });
";
    let mut pair = Pair::with_hot(&[("account.js", ACCOUNT), ("mesh.js", mesh)], hot);
    let watch = format!("Watch/{}", Pair::key_in("Watch", 0));
    let mut random = seed;
    let accounts = ["a", "b", "c", "d"];
    for _ in 0..60u64 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let account = accounts[(random >> 40) as usize % 4];
        let to = format!("Account/{account}");
        let at = crate::shard_of(&address(&to), 2).0 as usize;
        match random >> 61 {
            0 => drop(say(&mut pair.0[at], &to, r#"{ "close": true, "add": 0 }"#)),
            1 | 2 => {
                let limit = 5 + 10 * (random >> 50 & 1);
                say(
                    &mut pair.0[0],
                    &watch,
                    &format!(r#"{{ "limit": {limit} }}"#),
                );
            }
            3 => pair.settle(again),
            4 => {
                pair.0[0].pass(70);
                pair.0[1].pass(70);
            }
            5 => {
                let ms = [70, 70_000][usize::from(random >> 45 & 7 == 0)];
                pair.0[0].pass(ms);
                pair.0[1].pass(ms);
            }
            _ => drop(say(
                &mut pair.0[at],
                &to,
                &add(account, (random >> 33 & 3) as i64),
            )),
        }
        if reopen {
            pair.0.iter_mut().for_each(|bench| {
                bench.reopen(Arc::new(ScriptEngine));
                bench.shard.keep_hot(hot);
            });
        }
    }
    pair.settle(again);
    let hashes = pair.0.iter().map(|bench| bench.shard.state_hash());
    (hashes.collect(), output(&pair.0[0], &watch))
}

#[test]
fn meshes_come_to_the_same_however_they_are_kept_carried_and_opened() {
    let mut seen = std::collections::BTreeMap::new();
    for seed in 0..20 {
        let cold = mesh(seed, 0, false, false);
        assert_eq!(cold, mesh(seed, 100, false, false), "seed {seed}");
        assert_eq!(
            cold,
            mesh(seed, 0, false, true),
            "seed {seed}: opened again"
        );
        let twice = mesh(seed, 100, true, true);
        assert_eq!(cold.1, twice.1, "seed {seed}");
        for text in cold.1 {
            *seen.entry(text).or_insert(0) += 1;
        }
    }
    assert!(
        seen.len() == 3 && seen.values().all(|count| *count > 3),
        "{seen:?}"
    );
}

#[test]
fn a_history_of_a_reactive_function_can_be_run_again() {
    let mut bench = bench(SOURCES);
    say(&mut bench, "Alarm/a", r#"{ "id": "ann" }"#);
    for amount in [5, 5, 60] {
        say(&mut bench, "Account", &add("ann", amount));
    }
    for of in [r#"Exposure/["ann"]"#, "Alarm/a", "Account/ann"] {
        let mut replay = Replay::new(&ScriptEngine, address(of), vm::Limits::default());
        for (name, text) in SOURCES {
            let source = vm::Source::new(*name, *text);
            let compiled = vm::compile(&source, &vm::BuildLimits::default()).unwrap();
            let id = ProgramId(compiled.program.hash().0);
            let bytes = compiled.program.encode().into();
            replay.add_program(id, &bytes).unwrap();
        }
        let records = history(&bench, of);
        assert!(records.len() >= 3, "{of}");
        for (step, record) in records.iter().enumerate() {
            replay.step(step as u64 + 1, record).unwrap();
        }
        assert_eq!(replay.replayed().first_difference, None, "{of}");
    }
}

#[test]
fn a_subscription_that_comes_twice_is_one() {
    let mut bench = bench(SOURCES);
    say(&mut bench, "Alarm/a", r#"{ "id": "ann" }"#);
    let run = bench.view("Alarm/a").unwrap().run;
    let reader = crate::record::ReaderRecord {
        source: address(r#"Exposure/["ann"]"#),
        part: vm::reactive::Part::Result,
        reader: address("Alarm/a"),
        watch: vm::CallId {
            run: run.0,
            number: 0,
        },
    };
    let stamp = last(&bench, "Alarm/a").stamp;
    bench
        .shard
        .add_reader(&reader, &Body::default(), &stamp, 0)
        .unwrap();
    bench.one(Command::Continue);
    let key = (reader.reader.clone(), reader.watch);
    assert!(
        bench
            .shard
            .remove_reader(&reader.source, &reader.part, &key)
    );
    assert_eq!(
        bench.view("Alarm/a").unwrap().status,
        InstanceStatus::Running
    );
}
