//! Calls and replies of real scripts: inside a shard, between shards, and to external services.

use super::scripts::{bench, body, deploy, say};
use super::waits::output;
use super::*;
use crate::action::ServiceCall;
use crate::command::{ChannelAcked, Deliver, EffectDone, EffectResult};
use crate::engine::script::ScriptEngine;
use crate::record::{HistoryRecord, InstanceStatus, TurnInput, TurnOutcome};
use crate::replay::Replay;

const LEDGER: &str = "
export const Ledger = act(self => withState(() => 100, balance => whileLoop(() => waitFor(m => m.amount, m => sequence([
  modifyState(balance, computeState([m], m => b => b - m.amount)),
  whenState(readState(m, m => m.slow), delay(readState(m, m => m.slow))),
  reply(m, { left: balance }),
])))), { key: m => m.account });
";

const SHOP: &str = "
export const Shop = act((self, { outbox }) => whileLoop(() => waitFor(m => m.buy, order => sequence([
  call(worker('Ledger', readState(order, m => m.account)), readState(order, m => m.buy),
    r => send(outbox, readState(r, r => r.left)),
    { timeout: 1000, otherwise: send(outbox, 'no answer') }),
]))), { key: m => m.shop });
";

const SERVICE: &str = "
export const Asker = act((self, { outbox, complete }) => sequence([
  call(Bank, { ask: 1 }, r => sequence([send(outbox, r), complete({ by: sender(r), got: r })])),
]));
";

pub(super) fn history(bench: &Bench, of: &str) -> Vec<HistoryRecord> {
    let steps = query::history(bench.shard.store(), &address(of), 0, 100).unwrap();
    steps.into_iter().map(|(_, record)| record).collect()
}

pub(super) fn last(bench: &Bench, of: &str) -> HistoryRecord {
    history(bench, of).pop().unwrap()
}

/// Two shards of a cluster with the same programs.
pub(super) struct Pair(pub(super) [Bench; 2]);

impl Pair {
    pub(super) fn new(sources: &[(&str, &str)]) -> Pair {
        Pair::with_hot(sources, 0)
    }

    /// With so many instances in memory at a time.
    pub(super) fn with_hot(sources: &[(&str, &str)], hot: usize) -> Pair {
        let shard = |number: u32| {
            let mut bench = Bench::of(2);
            let store = MemoryStores::new(FlushMode::EveryUnits(1));
            let store = store.open(GroupId(number + 1)).unwrap();
            let identity = ShardIdentity {
                shard: ShardId(number),
                ..identity(2)
            };
            bench.shard = Shard::open_with(identity, store, Arc::new(ScriptEngine)).unwrap();
            bench.shard.keep_hot(hot);
            for (name, text) in sources {
                deploy(&mut bench, name, text);
            }
            bench
        };
        Pair([shard(0), shard(1)])
    }

    /// Carries parcels until there are none. `again` gives every batch twice, as a bus may.
    pub(super) fn settle(&mut self, again: bool) {
        loop {
            let mut carried = false;
            for source in 0..2 {
                for action in self.0[source].shard.rebuild_actions().unwrap() {
                    let Action::Send(batch) = action else {
                        continue;
                    };
                    carried = true;
                    let deliver = Command::Deliver(Deliver {
                        source: ShardId(source as u32),
                        source_incarnation: Incarnation(1),
                        target_incarnation: batch.target_incarnation,
                        first: batch.first,
                        parcels: batch.parcels.clone(),
                    });
                    if again {
                        self.0[1 - source].one(deliver.clone());
                    }
                    let Outcome::ChannelExpects(next) = self.0[1 - source].one(deliver) else {
                        panic!("the batch was refused");
                    };
                    self.0[source].one(Command::ChannelAcked(ChannelAcked {
                        target: batch.target,
                        target_incarnation: batch.target_incarnation,
                        through: next - 1,
                    }));
                }
            }
            if !carried {
                return;
            }
        }
    }

    pub(super) fn key_in(name: &str, shard: u32) -> String {
        let mut keys = (0..).map(|at| format!("k{at}"));
        let owner = |key: &String| crate::shard_of(&address(&format!("{name}/{key}")), 2);
        keys.find(|key| owner(key) == ShardId(shard)).unwrap()
    }
}

fn order(account: &str, extra: &str) -> String {
    format!(r#"{{ "account": "{account}", "buy": {{ "amount": 30{extra} }} }}"#)
}

#[test]
fn a_call_is_answered_inside_a_shard() {
    let mut bench = bench(&[("ledger.js", LEDGER), ("shop.js", SHOP)]);
    say(&mut bench, "Shop/a", &order("x", ""));
    say(&mut bench, "Shop/a", &order("x", ""));
    assert_eq!(output(&bench, "Shop/a"), ["70", "40"]);
    let record = last(&bench, "Shop/a");
    assert!(
        matches!(&record.input, TurnInput::Reply { from: Some(from), .. }
        if *from == address("Ledger/x"))
    );
}

#[test]
fn a_call_is_answered_between_shards_once() {
    for again in [false, true] {
        let mut pair = Pair::new(&[("ledger.js", LEDGER), ("shop.js", SHOP)]);
        let shop = format!("Shop/{}", Pair::key_in("Shop", 0));
        let account = Pair::key_in("Ledger", 1);
        say(&mut pair.0[0], &shop, &order(&account, ""));
        // What comes while it waits stays in the mailbox.
        say(&mut pair.0[0], &shop, &order(&account, ""));
        assert_eq!(pair.0[0].view(&shop).unwrap().mailbox, 1);
        pair.settle(again);
        assert_eq!(output(&pair.0[0], &shop), ["70", "40"]);
        assert_eq!(pair.0[0].view(&shop).unwrap().mailbox, 0);
        let ledger = format!("Ledger/{account}");
        assert_eq!(history(&pair.0[1], &ledger).len(), 3);
    }
}

#[test]
fn a_late_reply_is_noted_and_dropped() {
    let mut pair = Pair::new(&[("ledger.js", LEDGER), ("shop.js", SHOP)]);
    let shop = format!("Shop/{}", Pair::key_in("Shop", 0));
    let account = Pair::key_in("Ledger", 1);
    say(&mut pair.0[0], &shop, &order(&account, r#", "slow": 5000"#));
    pair.settle(false);
    pair.0[0].pass(1000);
    assert_eq!(output(&pair.0[0], &shop), [r#""no answer""#]);
    pair.0[1].pass(5000);
    pair.settle(false);
    assert_eq!(output(&pair.0[0], &shop), [r#""no answer""#]);
    assert_eq!(last(&pair.0[0], &shop).outcome, TurnOutcome::Late);
    assert!(pair.0[0].dead().is_empty());
}

#[test]
fn a_reply_to_a_run_that_is_over_starts_no_new_one() {
    let mut bench = bench(&[("ledger.js", LEDGER), ("shop.js", SHOP)]);
    say(&mut bench, "Shop/a", &order("x", r#", "slow": 500"#));
    bench.kill("Shop/a");
    bench.pass(500);
    assert_eq!(bench.status("Shop/a"), "killed");
    assert_eq!(bench.dead(), [crate::codes::ENDED]);
}

#[test]
fn the_answer_of_a_service_is_the_reply() {
    let mut bench = bench(&[("asker.js", SERVICE)]);
    let door = bench.door();
    bench.one(Command::Start(StartRequest {
        door,
        to: address("Asker/a"),
        config: None,
        message: None,
    }));
    let call: ServiceCall = bench
        .last
        .actions
        .iter()
        .find_map(|action| match action {
            Action::Perform(call) => Some(call.clone()),
            _ => None,
        })
        .unwrap();
    assert_eq!(call.body.data().unwrap().to_json(), r#"{"ask":1}"#);
    // Another message is not the reply.
    say(&mut bench, "Asker/a", r#"{ "ok": "not this" }"#);
    for _ in 0..2 {
        bench.one(Command::EffectDone(EffectDone {
            service: call.service.clone(),
            message: call.stamp.id,
            attempt: call.attempt,
            result: EffectResult::Answer(body(r#"{ "ok": true }"#)),
        }));
    }
    let view = bench.view("Asker/a").unwrap();
    assert_eq!(view.status, InstanceStatus::Completed, "{:?}", view.error);
    assert_eq!(
        view.result.unwrap().data().unwrap().to_json(),
        r#"{"by":{"$address":"Bank"},"got":{"ok":true}}"#
    );
    assert_eq!(output(&bench, "Asker/a"), [r#"{"ok":true}"#]);
}

#[test]
fn a_reply_whose_turn_fails_is_given_again_after_the_rest() {
    const FRAGILE: &str = "
export const Asker = act((self, { outbox }) => whileLoop(() => sequence([
  waitFor(m => m.go, m => call(Bank, m, r => send(outbox, readState(r, r => Date.now() < 1150 ? r.a.b : r.ok)))),
])), { daemon: true });
";
    let mut bench = bench(&[("asker.js", FRAGILE)]);
    say(&mut bench, "Asker", r#"{ "go": true }"#);
    let call = bench.last.actions.iter().find_map(|action| match action {
        Action::Perform(call) => Some(call.clone()),
        _ => None,
    });
    let call = call.unwrap();
    bench.one(Command::EffectDone(EffectDone {
        service: call.service,
        message: call.stamp.id,
        attempt: call.attempt,
        result: EffectResult::Answer(body(r#"{ "ok": "yes" }"#)),
    }));
    assert!(matches!(
        last(&bench, "Asker/default").outcome,
        TurnOutcome::Trapped(_)
    ));
    assert!(bench.dead().is_empty(), "it is not given up yet");
    bench.pass(100);
    bench.pass(200);
    assert_eq!(output(&bench, "Asker/default"), [r#""yes""#]);
    assert!(bench.dead().is_empty());
}

#[test]
fn a_history_with_calls_can_be_run_again() {
    let mut pair = Pair::new(&[("ledger.js", LEDGER), ("shop.js", SHOP)]);
    let shop = format!("Shop/{}", Pair::key_in("Shop", 0));
    let account = Pair::key_in("Ledger", 1);
    say(&mut pair.0[0], &shop, &order(&account, r#", "slow": 2000"#));
    pair.settle(false);
    pair.0[0].pass(1000);
    pair.0[1].pass(3000);
    pair.settle(false);
    say(&mut pair.0[0], &shop, &order(&account, ""));
    pair.settle(false);
    for (bench, of) in [
        (&pair.0[0], shop),
        (&pair.0[1], format!("Ledger/{account}")),
    ] {
        let mut replay = Replay::new(&ScriptEngine, address(&of), vm::Limits::default());
        let source = if of.starts_with("Shop") { SHOP } else { LEDGER };
        let name = if of.starts_with("Shop") {
            "shop.js"
        } else {
            "ledger.js"
        };
        let compiled =
            vm::compile(&vm::Source::new(name, source), &vm::BuildLimits::default()).unwrap();
        let id = ProgramId(compiled.program.hash().0);
        replay
            .add_program(id, &compiled.program.encode().into())
            .unwrap();
        let records = history(bench, &of);
        assert!(records.len() >= 4);
        for (step, record) in records.iter().enumerate() {
            replay.step(step as u64 + 1, record).unwrap();
        }
        assert_eq!(replay.replayed().first_difference, None, "{of}");
        assert_eq!(replay.replayed().turns, records.len() as u64);
    }
}

const DESK: &str = "
export const Desk = act((self, { outbox, fail }) => whileLoop(() => attempt(saga(sequence([
  race([
    sequence([delay(300), fail('slow')]),
    parallel([
      whileLoop(loop => waitFor(m => m.add, m => compensate(send(outbox, m), send(outbox, readState(m, m => -m.add))))),
      sequence([
        waitFor(m => m.ask, m => call(worker('Ledger', readState(m, m => m.ask)), { amount: 1 }, r => send(outbox, readState(r, r => r.left)),
          { timeout: 150, retry: { attempts: 2, backoff: 20 } })),
        waitFor(m => m.end, m => whenState(readState(m, m => m.fail), fail('asked'))),
      ]),
    ]),
  ]),
])), { otherwise: error => send(outbox, readState(error, e => e)) })), { daemon: true, key: m => m.desk });
";

/// What two shards come to when desks, ledgers and time go on in an order that a seed gives.
fn desks(seed: u64, hot: usize, again: bool) -> (Vec<crate::StateHash>, Vec<String>) {
    let mut pair = Pair::with_hot(&[("ledger.js", LEDGER), ("desk.js", DESK)], hot);
    let desk = format!("Desk/{}", Pair::key_in("Desk", 0));
    let account = Pair::key_in("Ledger", 1);
    let mut random = seed;
    for step in 0..60u64 {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let json = match random >> 61 {
            0 => format!(r#"{{ "ask": "{account}" }}"#),
            1 => r#"{ "end": true }"#.to_owned(),
            2 => r#"{ "end": true, "fail": true }"#.to_owned(),
            3 => r#"{ "noise": 1 }"#.to_owned(),
            4 => {
                pair.settle(again);
                continue;
            }
            5 => {
                pair.0[0].pass(70);
                pair.0[1].pass(70);
                continue;
            }
            _ => format!(r#"{{ "add": {} }}"#, step + 1),
        };
        say(&mut pair.0[0], &desk, &json);
    }
    pair.settle(again);
    let hashes = pair.0.iter().map(|bench| bench.shard.state_hash());
    (hashes.collect(), output(&pair.0[0], &desk))
}

#[test]
fn desks_come_to_the_same_however_they_are_kept_and_carried() {
    let mut undone = 0;
    let mut answered = 0;
    for seed in 0..20 {
        let cold = desks(seed, 0, false);
        assert_eq!(cold, desks(seed, 100, false), "seed {seed}");
        let twice = desks(seed, 100, true);
        assert_eq!(cold.1, twice.1, "seed {seed}");
        undone += cold.1.iter().filter(|text| text.starts_with('-')).count();
        answered += cold.1.iter().filter(|text| text.starts_with('9')).count();
    }
    assert!(undone > 20, "only {undone} steps were undone");
    assert!(answered > 5, "only {answered} calls were answered");
}

#[test]
fn a_call_that_a_service_only_acknowledges_gets_null() {
    let log = "export const Asker = act((self, { complete }) =>
      call(Log, 'a record', r => complete(computeState([r], r => [r]))));";
    let mut bench = bench(&[("asker.js", log)]);
    let door = bench.door();
    bench.one(Command::Start(StartRequest {
        door,
        to: address("Asker/a"),
        config: None,
        message: None,
    }));
    let performed = |action: &Action| match action {
        Action::Perform(call) => Some(call.clone()),
        _ => None,
    };
    let call: ServiceCall = bench.last.actions.iter().find_map(performed).unwrap();
    bench.one(Command::EffectDone(EffectDone {
        service: call.service,
        message: call.stamp.id,
        attempt: call.attempt,
        result: EffectResult::Acknowledged,
    }));
    let view = bench.view("Asker/a").unwrap();
    assert_eq!(view.status, InstanceStatus::Completed, "{:?}", view.error);
    assert_eq!(view.result.unwrap().data().unwrap().to_json(), "[null]");
}
