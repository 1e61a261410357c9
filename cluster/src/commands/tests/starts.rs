//! Starts and kills through a door.

use super::*;
use crate::codes;
use crate::record::MessageFate;

#[test]
fn a_start_runs_once_for_a_key() {
    let mut bench = Bench::new();
    let started = receipt(bench.start("Task/one", &[Do::Add(3)]));
    assert_eq!(started.instance, Some(address("Task/one")));
    assert_eq!(bench.count("Task/one"), 3);
    assert_eq!(refusal(bench.start("Task/one", &[])).code, codes::RUNNING);
    bench.send("Task/one", &[Do::Complete]);
    assert_eq!(bench.status("Task/one"), "completed");
    receipt(bench.start("Task/one", &[Do::Add(4)]));
    assert_eq!(bench.count("Task/one"), 4, "a new run begins anew");
}

#[test]
fn a_start_without_key_gets_a_fresh_one() {
    let mut bench = Bench::new();
    let first = receipt(bench.start("Task", &[])).instance.unwrap();
    let second = receipt(bench.start("Task", &[])).instance.unwrap();
    assert_ne!(first, second);
    assert!(first.key().unwrap().starts_with('~'));
    let reserved = refusal(bench.start(&first.to_string(), &[]));
    assert_eq!(reserved.code, codes::RESERVED_KEY);
}

#[test]
fn a_message_to_the_bare_name_of_a_task_is_the_first_of_a_run_of_its_own() {
    let mut bench = Bench::new();
    let one = receipt(bench.send("Task", &[Do::Add(1)]));
    let two = receipt(bench.send("Task", &[Do::Add(2)]));
    assert!(matches!(one.progress, Progress::Applied { .. }));
    assert_ne!(one.message, two.message);
    let tasks = query::instances(
        bench.shard.store(),
        &Namespace::default(),
        Some(&address("Task")),
        None,
        10,
    );
    assert_eq!(tasks.unwrap().len(), 2);
}

#[test]
fn an_unknown_worker_is_refused() {
    let mut bench = Bench::new();
    assert_eq!(
        refusal(bench.start("Nobody/x", &[])).code,
        codes::UNKNOWN_WORKER
    );
}

#[test]
fn the_first_message_of_a_start_comes_after_it() {
    let mut bench = Bench::new();
    let door = bench.door();
    let started = receipt(bench.one(Command::Start(StartRequest {
        door,
        to: address("Task/m"),
        config: Some(Do::body(&[Do::Add(1)])),
        message: Some(Do::body(&[Do::Add(10)])),
    })));
    assert_eq!(bench.count("Task/m"), 11);
    // Its id is known to whoever knows that of the start.
    let id = MessageId::first_of(started.message);
    let message = query::message(bench.shard.store(), id).unwrap().unwrap();
    assert_eq!(message.stamp.cause, Some(started.message));
    assert!(matches!(message.fate, MessageFate::Applied { step: 2, .. }));
}

#[test]
fn a_kill_ends_a_run_and_what_waits_is_a_dead_letter() {
    let mut bench = Bench::new();
    bench.send("Counter/a", &[Do::Delay(1000, vec![])]);
    bench.send("Counter/a", &[Do::Add(1)]);
    receipt(bench.kill("Counter/a"));
    assert_eq!(bench.status("Counter/a"), "killed");
    assert_eq!(bench.dead(), [codes::MAILBOX_LEFT]);
    assert_eq!(refusal(bench.kill("Counter/a")).code, codes::ENDED);
    assert_eq!(
        refusal(bench.kill("Counter/z")).code,
        codes::UNKNOWN_INSTANCE
    );
    bench.pass(1000);
    bench.send("Counter/a", &[Do::Add(7)]);
    assert_eq!(bench.count("Counter/a"), 7, "a new run");
}
