//! Instances that hold still and go on.

use super::*;
use crate::codes;
use crate::command::PauseRequest;

fn pause(bench: &mut Bench, target: &str, paused: bool) -> Outcome {
    let door = bench.door();
    let target = address(target);
    bench.one(Command::Pause(PauseRequest {
        door,
        target,
        paused,
    }))
}

#[test]
fn what_comes_while_it_holds_still_is_taken_in_order_when_it_goes_on() {
    let mut bench = Bench::new();
    bench.send("Counter/a", &[Do::Add(1)]);
    receipt(pause(&mut bench, "Counter/a", true));
    for amount in [10, 100] {
        bench.send("Counter/a", &[Do::Add(amount)]);
    }
    let view = bench.view("Counter/a").unwrap();
    assert_eq!((view.is_paused, view.mailbox), (true, 2));
    assert_eq!(bench.count("Counter/a"), 1);
    bench.reopen(Arc::new(ModelEngine));
    receipt(pause(&mut bench, "Counter/a", true));
    assert_eq!(bench.count("Counter/a"), 1, "a restart changes nothing");
    receipt(pause(&mut bench, "Counter/a", false));
    let view = bench.view("Counter/a").unwrap();
    assert_eq!((view.is_paused, view.mailbox), (false, 0));
    assert_eq!(bench.count("Counter/a"), 111);
    receipt(pause(&mut bench, "Counter/a", false));
    assert_eq!(bench.count("Counter/a"), 111, "a repeat changes nothing");
}

#[test]
fn a_timer_that_comes_due_meanwhile_fires_when_it_goes_on() {
    let mut bench = Bench::new();
    bench.send("Counter/a", &[Do::Delay(500, vec![Do::Add(1)])]);
    bench.send("Counter/a", &[Do::Add(10)]);
    receipt(pause(&mut bench, "Counter/a", true));
    bench.pass(600);
    assert_eq!(bench.count("Counter/a"), 0);
    receipt(pause(&mut bench, "Counter/a", false));
    assert_eq!(
        bench.count("Counter/a"),
        11,
        "the timer, and then its mailbox"
    );
}

#[test]
fn a_timer_that_is_not_due_yet_fires_in_its_time() {
    let mut bench = Bench::new();
    bench.send("Counter/a", &[Do::Delay(500, vec![Do::Add(1)])]);
    receipt(pause(&mut bench, "Counter/a", true));
    bench.pass(100);
    receipt(pause(&mut bench, "Counter/a", false));
    assert_eq!(bench.count("Counter/a"), 0);
    bench.pass(400);
    assert_eq!(bench.count("Counter/a"), 1);
}

#[test]
fn a_pause_outlasts_a_rest_and_a_rest_a_pause() {
    let mut bench = Bench::new();
    bench.send("Counter/a", &[Do::Add(1)]);
    bench.send("Counter/a", &[Do::Trap]);
    receipt(pause(&mut bench, "Counter/a", true));
    bench.send("Counter/a", &[Do::Add(10)]);
    bench.pass(100);
    assert_eq!(bench.count("Counter/a"), 1, "its rest is over");
    receipt(pause(&mut bench, "Counter/a", false));
    assert_eq!(bench.count("Counter/a"), 11);
    bench.send("Counter/a", &[Do::Trap]);
    receipt(pause(&mut bench, "Counter/a", true));
    bench.send("Counter/a", &[Do::Add(100)]);
    receipt(pause(&mut bench, "Counter/a", false));
    assert_eq!(bench.count("Counter/a"), 11, "it rests on");
    bench.pass(1_000);
    assert_eq!(bench.count("Counter/a"), 111);
}

#[test]
fn a_killed_one_is_not_paused_in_its_next_run() {
    let mut bench = Bench::new();
    bench.send("Counter/a", &[Do::Add(1)]);
    receipt(pause(&mut bench, "Counter/a", true));
    receipt(bench.kill("Counter/a"));
    assert_eq!(bench.status("Counter/a"), "killed");
    let ended = refusal(pause(&mut bench, "Counter/a", true));
    assert_eq!(ended.code, codes::ENDED);
    bench.send("Counter/a", &[Do::Add(5)]);
    assert_eq!(bench.count("Counter/a"), 5);
    assert!(!bench.view("Counter/a").unwrap().is_paused);
}

#[test]
fn what_is_no_instance_is_not_paused() {
    let mut bench = Bench::new();
    for target in ["Counter/none", "Counter"] {
        let refused = refusal(pause(&mut bench, target, true));
        assert_eq!(refused.code, codes::UNKNOWN_INSTANCE, "{target}");
    }
}
