//! Messages through a door: applied once, remembered, refused.

use super::*;
use crate::codes;
use crate::limits::ShardLimits;

#[test]
fn a_message_makes_a_keyed_worker_and_is_applied_within_its_command() {
    let mut bench = Bench::new();
    let receipt = receipt(bench.send("Counter/a", &[Do::Add(5)]));
    assert_eq!(receipt.instance, Some(address("Counter/a")));
    assert!(matches!(
        receipt.progress,
        Progress::Applied { step: 2, .. }
    ));
    assert_eq!(bench.count("Counter/a"), 5);
}

#[test]
fn a_bare_name_is_routed_by_key() {
    let mut bench = Bench::new();
    let routed = receipt(bench.send("Counter", &[Do::Key("k".into()), Do::Add(2)]));
    assert!(matches!(routed.progress, Progress::Applied { .. }));
    assert_eq!(bench.count("Counter/k"), 2);
}

#[test]
fn a_client_is_told_that_a_message_has_no_key_and_a_worker_leaves_a_dead_letter() {
    let mut bench = Bench::new();
    let refused = refusal(bench.send("Counter", &[Do::Add(2)]));
    assert_eq!(refused.code, codes::KEY_FAILED);
    let said = "the `key` of Counter has no key for the message: the message has no key";
    assert_eq!(refused.message, said);
    assert_eq!(bench.dead(), Vec::<String>::new());
    let Command::Send(heard) = bench.send_command("Counter", &[Do::Add(2)]) else {
        unreachable!("it is a send")
    };
    receipt(bench.one(Command::Hear(heard)));
    assert_eq!(bench.dead(), [codes::KEY_FAILED], "nobody hears of it");
    let send = Do::Send("Counter".into(), None, vec![Do::Add(2)]);
    receipt(bench.send("Counter/a", &[send]));
    assert_eq!(bench.dead(), [codes::KEY_FAILED; 2]);
}

#[test]
fn the_same_sequence_is_applied_once_and_answered_alike() {
    let mut bench = Bench::new();
    let command = bench.send_command("Counter/a", &[Do::Add(1)]);
    let first = receipt(bench.one(command.clone()));
    let second = receipt(bench.one(command.clone()));
    assert!(!first.duplicate && second.duplicate);
    assert_eq!(first.progress, second.progress);
    let both = bench.apply(vec![command.clone(), command]);
    assert!(both.into_iter().all(|outcome| receipt(outcome).duplicate));
    assert_eq!(bench.count("Counter/a"), 1);
}

#[test]
fn a_request_older_than_the_window_is_told_that_its_outcome_is_unknown() {
    let mut bench = Bench::new();
    let limits = ShardLimits {
        door_window: 4,
        ..ShardLimits::default()
    };
    bench.one(Command::Configure(Box::new(limits)));
    let old = bench.send_command("Counter/a", &[Do::Add(1)]);
    bench.one(old.clone());
    for _ in 0..4 {
        bench.send("Counter/a", &[Do::Add(1)]);
    }
    assert_eq!(refusal(bench.one(old)).code, codes::OUTCOME_UNKNOWN);
    assert_eq!(bench.count("Counter/a"), 5);
}

#[test]
fn an_earlier_life_of_a_node_is_not_taken_again() {
    let mut bench = Bench::new();
    let old = bench.send_command("Counter/a", &[Do::Add(1)]);
    let Command::Send(mut new) = bench.send_command("Counter/a", &[Do::Add(1)]) else {
        unreachable!()
    };
    new.door.origin.incarnation = Incarnation(2);
    new.door.origin.sequence = 1;
    receipt(bench.one(Command::Send(new)));
    assert_eq!(refusal(bench.one(old)).code, codes::OUTCOME_UNKNOWN);
}

#[test]
fn an_idempotency_key_is_good_for_one_request_for_a_day() {
    let mut bench = Bench::new();
    let send = |bench: &mut Bench, digest: u8| {
        let door = with_key(bench.door(), "pay-1", digest);
        bench.one(Command::Send(SendRequest {
            door,
            to: address("Counter/a"),
            from: None,
            body: Do::body(&[Do::Add(1)]),
        }))
    };
    let first = receipt(send(&mut bench, 1));
    let again = receipt(send(&mut bench, 1));
    assert!(again.duplicate);
    assert_eq!(first.message, again.message);
    assert_eq!(refusal(send(&mut bench, 2)).code, codes::KEY_REUSED);
    bench.now_ms += ShardLimits::default().idempotency_ms;
    assert!(!receipt(send(&mut bench, 2)).duplicate);
    assert_eq!(bench.count("Counter/a"), 2);
}

#[test]
fn a_request_for_another_shard_is_refused_without_a_trace() {
    let mut bench = Bench::of(64);
    let hash = bench.shard.state_hash();
    let name = (0..).map(|at| format!("Counter/{at}"));
    let foreign = name
        .into_iter()
        .find(|name| crate::shard_of(&address(name), 64) != ShardId(0))
        .unwrap();
    bench.now_ms = 0;
    assert_eq!(refusal(bench.send(&foreign, &[])).code, codes::WRONG_SHARD);
    assert_eq!(bench.shard.state_hash(), hash);
}

#[test]
fn a_door_is_refused_while_too_much_waits_and_channels_are_not() {
    let mut bench = Bench::new();
    let limits = ShardLimits {
        mailbox_soft: 2,
        ..ShardLimits::default()
    };
    bench.one(Command::Configure(Box::new(limits)));
    bench.send("Counter/a", &[Do::Delay(1000, vec![])]);
    for _ in 0..2 {
        let waiting = receipt(bench.send("Counter/a", &[Do::Add(1)]));
        assert_eq!(waiting.progress, Progress::Queued);
    }
    let busy = refusal(bench.send("Counter/a", &[Do::Add(1)]));
    assert_eq!(busy.code, codes::BUSY);
    assert!(busy.retry_after_ms.is_some());
    bench.send(
        "Counter/b",
        &[Do::Send(
            "Counter".into(),
            Some("a".into()),
            vec![Do::Add(10)],
        )],
    );
    bench.pass(1000);
    assert_eq!(bench.count("Counter/a"), 12);
}

#[test]
fn history_and_messages_are_found() {
    let mut bench = Bench::new();
    let sent = receipt(bench.send(
        "Counter/a",
        &[Do::Send(
            "Counter".into(),
            Some("b".into()),
            vec![Do::Add(1)],
        )],
    ));
    let story = query::story(bench.shard.store(), sent.message, None, 100).unwrap();
    // The two starts, the message and what it sent.
    assert_eq!(story.len(), 4);
    assert!(story.iter().all(|record| record.stamp.root == sent.message));
    let history = query::history(bench.shard.store(), &address("Counter/b"), 0, 10).unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!(history[1].1.stamp.cause, Some(sent.message));
    let record = query::message(bench.shard.store(), sent.message).unwrap();
    assert_eq!(record.unwrap().to, address("Counter/a"));
}
