//! External services: queues, rests, answers.

use super::*;
use crate::action::ServiceCall;
use crate::codes;
use crate::command::{EffectDone, EffectResult};
use crate::record::MessageFate;

fn calls(actions: &[Action]) -> Vec<&ServiceCall> {
    let mut calls = Vec::new();
    for action in actions {
        if let Action::Perform(call) = action {
            calls.push(call);
        }
    }
    calls
}

fn ask(bench: &mut Bench) -> ServiceCall {
    bench.send("Counter/a", &[Do::Send("Mail".into(), None, vec![])]);
    calls(&bench.last.actions)[0].clone()
}

fn done(call: &ServiceCall, result: EffectResult) -> Command {
    Command::EffectDone(EffectDone {
        service: call.service.clone(),
        message: call.stamp.id,
        attempt: call.attempt,
        result,
    })
}

fn silent() -> EffectResult {
    EffectResult::Unanswered {
        reason: "nobody listens".into(),
    }
}

#[test]
fn an_answer_comes_back_as_a_message_once() {
    let mut bench = Bench::new();
    let call = ask(&mut bench);
    assert_eq!(call.from, Some(address("Counter/a")));
    let answer = EffectResult::Answer(Do::body(&[Do::Add(5)]));
    bench.one(done(&call, answer.clone()));
    bench.one(done(&call, answer));
    assert_eq!(bench.count("Counter/a"), 5);
    assert!(bench.shard.rebuild_actions().unwrap().is_empty());
}

#[test]
fn silence_is_followed_by_a_longer_rest_each_time() {
    let mut bench = Bench::new();
    let call = ask(&mut bench);
    bench.one(done(&call, silent()));
    assert_eq!(bench.timer(), Some(1200));
    assert!(calls(&bench.shard.rebuild_actions().unwrap()).is_empty());
    bench.pass(200);
    let again = calls(&bench.last.actions)[0].clone();
    assert_eq!((again.stamp.id, again.attempt), (call.stamp.id, 1));
    bench.one(done(&again, silent()));
    assert_eq!(bench.timer(), Some(1600));
    bench.one(done(&again, EffectResult::Acknowledged));
    assert!(bench.shard.rebuild_actions().unwrap().is_empty());
}

#[test]
fn a_message_that_waits_has_the_time_since_when_it_waits() {
    let mut bench = Bench::new();
    let call = ask(&mut bench);
    let since = |bench: &Bench| {
        let found = query::message(bench.shard.store(), call.stamp.id).unwrap();
        let record = found.unwrap();
        (record.time_ms, record.fate)
    };
    let sent_ms = bench.now_ms;
    assert_eq!(
        since(&bench),
        (sent_ms, MessageFate::Service { attempts: 0 })
    );
    bench.now_ms += 700;
    bench.one(done(&call, silent()));
    assert_eq!(
        since(&bench),
        (sent_ms, MessageFate::Service { attempts: 1 })
    );
    bench.now_ms += 700;
    bench.one(done(&call, EffectResult::Acknowledged));
    assert_eq!(since(&bench).0, sent_ms + 1400);
}

#[test]
fn a_message_is_given_up_when_its_time_is_over() {
    let mut bench = Bench::new();
    let call = ask(&mut bench);
    bench.now_ms += crate::limits::ShardLimits::default().service_time_to_live_ms;
    bench.one(done(&call, silent()));
    assert_eq!(bench.dead(), [codes::SERVICE_SILENT]);
}

#[test]
fn what_the_bus_can_never_take_is_given_up_at_once_and_holds_nothing_up() {
    let mut bench = Bench::new();
    let limits = crate::limits::ShardLimits {
        service_window: 1,
        ..Default::default()
    };
    bench.one(Command::Configure(Box::new(limits)));
    let mail = Do::Send("Mail".into(), None, vec![]);
    bench.send("Counter/a", &vec![mail; 2]);
    let first = calls(&bench.last.actions)[0].clone();
    let reason = "it has too many bytes".into();
    bench.one(done(&first, EffectResult::TooLarge { reason }));
    assert_eq!(bench.dead(), [codes::TOO_LARGE]);
    assert_eq!(bench.timer(), None, "the service does not rest");
    let second = calls(&bench.last.actions)[0].clone();
    bench.one(done(&second, EffectResult::Acknowledged));
    assert!(bench.shard.rebuild_actions().unwrap().is_empty());
}

#[test]
fn a_window_of_messages_is_asked_at_a_time_in_order() {
    let mut bench = Bench::new();
    let limits = crate::limits::ShardLimits {
        service_window: 2,
        service_queue: 3,
        ..Default::default()
    };
    bench.one(Command::Configure(Box::new(limits)));
    let mail = Do::Send("Mail".into(), None, vec![]);
    bench.send("Counter/a", &vec![mail; 4]);
    assert_eq!(bench.dead(), [codes::SERVICE_FULL]);
    let first: Vec<ServiceCall> = calls(&bench.last.actions).into_iter().cloned().collect();
    assert_eq!(first.len(), 2);
    bench.one(done(&first[1], EffectResult::Acknowledged));
    assert_eq!(calls(&bench.last.actions).len(), 1, "the third comes in");
    assert_eq!(calls(&bench.shard.rebuild_actions().unwrap()).len(), 2);
}

#[test]
fn a_deployed_worker_takes_what_waited_for_a_service_of_its_name() {
    let mut bench = Bench::new();
    let mail = |amount: i64| {
        let list = vec![Do::Add(amount)];
        Do::Send("Mail".into(), None, list)
    };
    bench.send("Counter/a", &[mail(1), mail(2)]);
    bench.deploy(&ModelProgram {
        workers: vec![ModelWorker {
            name: "Mail".into(),
            daemon: true,
            keyed: false,
            restarts: 0,
            ..ModelWorker::default()
        }],
    });
    assert_eq!(bench.count("Mail/default"), 3);
    assert!(bench.shard.rebuild_actions().unwrap().is_empty());
}

/// A worker of shard 0 of 64 whose name's home is elsewhere for all built-in names.
fn of_many() -> Bench {
    let mut bench = Bench::of(64);
    bench.deploy(&program());
    bench
}

/// An instance that lives in shard 0.
fn local(bench: &Bench) -> String {
    let at = |key: &u32| bench.shard.shard_of(&address(&format!("Counter/{key}"))) == ShardId(0);
    let key = (0..).find(at).unwrap();
    format!("Counter/{key}")
}

#[test]
fn a_built_in_service_is_performed_by_the_shard_of_its_sender() {
    for name in ["Http", "Bus", "Log"] {
        let mut bench = of_many();
        let sender = local(&bench);
        assert_ne!(bench.shard.shard_of(&address(name)), ShardId(0), "{name}");
        bench.send(&sender, &[Do::Send(name.into(), None, vec![])]);
        let call = calls(&bench.last.actions)[0].clone();
        assert_eq!(
            (call.service.name(), call.from),
            (name, Some(address(&sender)))
        );
        assert_eq!(bench.shard.rebuild_actions().unwrap().len(), 1);
        let answer = EffectResult::Answer(Do::body(&[Do::Add(7)]));
        let asked = calls(&bench.last.actions)[0].clone();
        bench.one(done(&asked, answer));
        assert_eq!(bench.count(&sender), 7);
    }
}

#[test]
fn a_worker_of_a_built_in_name_takes_its_place() {
    let mut bench = of_many();
    let sender = local(&bench);
    bench.send(&sender, &[Do::Send("Http".into(), None, vec![])]);
    assert_eq!(calls(&bench.last.actions).len(), 1);
    bench.deploy(&ModelProgram {
        workers: vec![ModelWorker {
            name: "Http".into(),
            daemon: true,
            keyed: false,
            restarts: 0,
            ..ModelWorker::default()
        }],
    });
    let sent = |bench: &Bench| {
        let sends = bench.last.actions.iter();
        sends.filter(|one| matches!(one, Action::Send(_))).count()
    };
    assert_eq!(sent(&bench), 1, "what waited goes to the home of the name");
    bench.send(&sender, &[Do::Send("Http".into(), None, vec![])]);
    assert_eq!((sent(&bench), calls(&bench.last.actions).len()), (1, 0));
}
