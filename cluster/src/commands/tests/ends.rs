//! Failures, restarts, ends, children.

use super::*;
use crate::codes;

#[test]
fn a_trap_undoes_the_turn_and_the_daemon_goes_on_after_a_rest() {
    let mut bench = Bench::new();
    bench.send("Counter/a", &[Do::Add(1)]);
    bench.send("Counter/a", &[Do::Add(10), Do::Trap]);
    assert_eq!(bench.dead(), ["model-trap"]);
    bench.send("Counter/a", &[Do::Add(100)]);
    assert_eq!(bench.count("Counter/a"), 1, "it rests");
    bench.pass(100);
    assert_eq!(bench.count("Counter/a"), 101);
    assert_eq!(bench.view("Counter/a").unwrap().failures, 0);
}

#[test]
fn a_panic_in_the_engine_is_a_failure_of_the_worker() {
    let mut bench = Bench::new();
    bench.send("Counter/a", &[Do::Add(1)]);
    bench.send("Counter/a", &[Do::Panic]);
    assert_eq!(bench.dead(), [codes::INTERNAL]);
    bench.pass(100);
    bench.send("Counter/a", &[Do::Add(1)]);
    assert_eq!(bench.count("Counter/a"), 2);
}

#[test]
fn too_many_failures_in_a_row_leave_it_failed() {
    let mut bench = Bench::new();
    bench.send("Daemon/default", &[Do::Add(1)]);
    for _ in 0..3 {
        assert_eq!(bench.status("Daemon/default"), "running");
        bench.send("Daemon/default", &[Do::Trap]);
        bench.pass(100);
    }
    assert_eq!(bench.status("Daemon/default"), "failed");
    bench.send("Daemon/default", &[Do::Add(1)]);
    assert_eq!(bench.dead().last().unwrap(), codes::ENDED);
    bench.start("Daemon/default", &[]);
    assert_eq!(bench.status("Daemon/default"), "running");
}

#[test]
fn what_a_failed_turn_did_stands_and_the_state_goes_back() {
    let mut bench = Bench::new();
    bench.send(
        "Counter/a",
        &[
            Do::Add(5),
            Do::Send("Counter".into(), Some("b".into()), vec![Do::Add(5)]),
            Do::Fail,
        ],
    );
    bench.pass(100);
    assert_eq!((bench.count("Counter/a"), bench.count("Counter/b")), (0, 5));
    assert!(bench.dead().is_empty());
}

#[test]
fn a_failed_timer_is_given_again_after_the_rest() {
    let mut bench = Bench::new();
    bench.send("Counter/a", &[Do::Delay(10, vec![Do::Trap])]);
    for _ in 0..4 {
        bench.pass(100);
    }
    assert_eq!(bench.status("Counter/a"), "failed");
}

#[test]
fn an_ephemeral_worker_stays_failed_and_rejects_messages() {
    let mut bench = Bench::new();
    bench.start("Task/a", &[]);
    bench.send("Task/a", &[Do::Fail]);
    assert_eq!(bench.status("Task/a"), "failed");
    let late = receipt(bench.send("Task/a", &[Do::Add(1)]));
    assert!(matches!(late.progress, Progress::DeadLetter { ref code, .. } if code == codes::ENDED));
}

#[test]
fn a_watched_child_tells_its_end() {
    let mut bench = Bench::new();
    bench.start("Task/a", &[Do::Spawn(true, vec![Do::Complete])]);
    let history = query::history(bench.shard.store(), &address("Task/a"), 0, 10).unwrap();
    assert_eq!(history.len(), 2, "its start, and the notice");
    let crate::record::TurnInput::Message { body, from, .. } = &history[1].1.input else {
        panic!("a message")
    };
    let notice = body.data().unwrap();
    assert_eq!(notice.property("type"), Some(&vm::Data::text("exit")));
    assert_eq!(
        notice.property("status"),
        Some(&vm::Data::text("completed"))
    );
    assert!(from.as_ref().unwrap().key().unwrap().starts_with('~'));
}

#[test]
fn a_worker_ends_itself_and_others() {
    let mut bench = Bench::new();
    bench.start("Task/a", &[]);
    bench.start(
        "Task/b",
        &[Do::Kill("Task".into(), "a".into()), Do::KillSelf],
    );
    assert_eq!(bench.status("Task/a"), "killed");
    assert_eq!(bench.status("Task/b"), "killed");
}

#[test]
fn a_failure_before_the_first_wait_ends_it() {
    let mut bench = Bench::new();
    bench.start("Counter/a", &[Do::Trap]);
    assert_eq!(bench.status("Counter/a"), "failed");
}

#[test]
fn what_ended_is_forgotten_in_time() {
    let mut bench = Bench::new();
    bench.start("Task/a", &[Do::Emit(vec![]), Do::Complete]);
    assert_eq!(bench.status("Task/a"), "completed");
    let started = receipt(bench.start("Task/b", &[Do::Complete]));
    bench.pass(crate::limits::ShardLimits::default().ended_ms);
    assert_eq!(bench.status("Task/a"), "none");
    assert_eq!(
        query::message(bench.shard.store(), started.message).unwrap(),
        None
    );
    bench.start("Task/a", &[Do::Add(1)]);
    assert_eq!(bench.count("Task/a"), 1);
}

#[test]
fn a_chain_without_end_is_cut() {
    let mut bench = Bench::new();
    let limits = crate::limits::ShardLimits {
        chain_hops: 10,
        ..Default::default()
    };
    bench.one(Command::Configure(Box::new(limits)));
    let mut list = vec![Do::Add(1)];
    for at in 0..20 {
        let to = Some((at % 2).to_string());
        list = vec![Do::Add(1), Do::Send("Counter".into(), to, list)];
    }
    bench.send("Counter/0", &list);
    assert_eq!(bench.dead(), [codes::CHAIN]);
    assert_eq!(bench.count("Counter/0") + bench.count("Counter/1"), 11);
}

#[test]
fn a_full_mailbox_makes_dead_letters() {
    let mut bench = Bench::new();
    let mut limits = crate::limits::ShardLimits::default();
    limits.turn.mailbox_messages = 2;
    bench.one(Command::Configure(Box::new(limits)));
    bench.send("Counter/a", &[Do::Delay(1000, vec![])]);
    for _ in 0..4 {
        bench.send("Counter/a", &[Do::Add(1)]);
    }
    assert_eq!(bench.dead(), [codes::MAILBOX_FULL, codes::MAILBOX_FULL]);
    bench.pass(1000);
    assert_eq!(bench.count("Counter/a"), 2);
}

#[test]
fn a_budget_leaves_the_rest_for_the_next_command() {
    let mut bench = Bench::new();
    let limits = crate::limits::ShardLimits {
        command_instructions: 1000,
        ..Default::default()
    };
    bench.one(Command::Configure(Box::new(limits)));
    let busy = |key: &str| {
        let list = vec![Do::Work(600), Do::Add(1)];
        Do::Send("Counter".into(), Some(key.into()), list)
    };
    let keys = ["a", "b", "c", "d"];
    let list: Vec<Do> = keys.iter().map(|key| busy(key)).collect();
    bench.send("Counter/first", &list);
    assert!(bench.last.actions.contains(&Action::Continue));
    assert_eq!(bench.shard.rebuild_actions().unwrap(), [Action::Continue]);
    let behind = receipt(bench.send("Counter/a", &[Do::Add(10)]));
    assert_eq!(behind.progress, Progress::Queued, "behind what waits");
    while bench.last.actions.contains(&Action::Continue) {
        bench.one(Command::Continue);
    }
    assert_eq!(bench.count("Counter/a"), 11);
    assert_eq!(bench.count("Counter/d"), 1);
}

#[test]
fn a_bare_name_kills_the_one_instance_of_a_worker_without_key() {
    let mut bench = Bench::new();
    bench.send("Daemon", &[Do::Add(1)]);
    let outcome = bench.kill("Daemon");
    let instance = receipt(outcome).instance;
    assert_eq!(instance, Some(address("Daemon/default")));
    assert_eq!(bench.status("Daemon/default"), "killed");
    assert_eq!(refusal(bench.kill("Daemon")).code, codes::ENDED);
    bench.send("Counter/default", &[Do::Add(1)]);
    let keyed = refusal(bench.kill("Counter"));
    assert_eq!(keyed.code, codes::UNKNOWN_INSTANCE);
    assert!(keyed.message.contains("Counter/KEY"), "{}", keyed.message);
    assert_eq!(bench.status("Counter/default"), "running");
}

#[test]
fn the_one_instance_of_a_name_is_killed_where_the_name_is_at_home() {
    let count = (2..).find(|count| crate::shard_of(&address("Daemon"), *count) == ShardId(0));
    let mut bench = Bench::of(count.unwrap());
    bench.deploy(&program());
    assert_eq!(bench.status("Daemon/default"), "running");
    let instance = receipt(bench.kill("Daemon"));
    assert_eq!(instance.instance, Some(address("Daemon/default")));
    assert_eq!(bench.status("Daemon/default"), "killed");
}
