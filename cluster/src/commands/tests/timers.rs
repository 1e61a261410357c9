//! Timers in shard time.

use super::*;

#[test]
fn a_delay_keeps_messages_and_then_takes_them_in_order() {
    let mut bench = Bench::new();
    bench.send("Counter/a", &[Do::Delay(500, vec![Do::Add(1)])]);
    assert_eq!(bench.timer(), Some(1500));
    bench.send("Counter/a", &[Do::Add(10)]);
    bench.send("Counter/a", &[Do::Add(100)]);
    assert_eq!(bench.view("Counter/a").unwrap().mailbox, 2);
    bench.pass(499);
    assert_eq!(bench.count("Counter/a"), 0);
    assert_eq!(bench.timer(), Some(1500), "announced anew");
    bench.pass(1);
    assert_eq!(bench.count("Counter/a"), 111);
    assert_eq!(bench.view("Counter/a").unwrap().mailbox, 0);
}

#[test]
fn timers_fire_once_and_in_order_of_due_time() {
    let mut bench = Bench::new();
    let log = |text: &str| vec![Do::Emit(vec![Do::Key(text.into())])];
    bench.send("Counter/late", &[Do::Delay(30, log("late"))]);
    bench.send("Counter/early", &[Do::Delay(10, log("early"))]);
    bench.now_ms += 100;
    bench.apply(vec![Command::TimerFired, Command::TimerFired]);
    let news = |action: &Action| match action {
        Action::Output(news) => Some(news.instance.to_string()),
        _ => None,
    };
    let order: Vec<String> = bench.last.actions.iter().filter_map(news).collect();
    assert_eq!(order, ["Counter/early", "Counter/late"]);
}

#[test]
fn many_timers_take_several_commands() {
    let mut bench = Bench::new();
    let limits = crate::limits::ShardLimits {
        timers_per_command: 2,
        ..Default::default()
    };
    bench.one(Command::Configure(Box::new(limits)));
    for at in 0..5 {
        bench.send(&format!("Counter/{at}"), &[Do::Delay(10, vec![Do::Add(1)])]);
    }
    let mut rounds = 0;
    bench.now_ms += 10;
    while rounds == 0 || bench.timer().is_some_and(|at| at <= bench.now_ms) {
        bench.one(Command::TimerFired);
        rounds += 1;
    }
    assert_eq!(rounds, 3);
    assert!((0..5).all(|at| bench.count(&format!("Counter/{at}")) == 1));
}

#[test]
fn time_never_goes_back() {
    let mut bench = Bench::new();
    bench.now_ms = 5000;
    bench.send("Counter/a", &[Do::Delay(100, vec![])]);
    bench.now_ms = 2000;
    bench.send("Counter/b", &[Do::Delay(100, vec![])]);
    assert_eq!(bench.shard.time_ms(), 5000);
    bench.now_ms = 5100;
    bench.one(Command::TimerFired);
    assert_eq!(bench.timer(), None);
}

#[test]
fn a_new_leader_knows_what_is_due() {
    let mut bench = Bench::new();
    bench.send("Counter/a", &[Do::Delay(500, vec![])]);
    let actions = bench.shard.rebuild_actions().unwrap();
    assert_eq!(actions, [Action::Timer { at_ms: 1500 }]);
}

#[test]
fn a_run_that_ends_leaves_only_the_timer_of_what_is_kept_of_it() {
    let mut bench = Bench::new();
    bench.send("Counter/a", &[Do::Delay(1_000_000, vec![])]);
    bench.send("Counter/b", &[Do::Trap]);
    bench.kill("Counter/a");
    bench.kill("Counter/b");
    let family = crate::keys::TIMER;
    let timers = bench.shard.store().scan(&[family], Some(&[family + 1]), 10);
    let timers = timers.unwrap();
    assert_eq!(timers.len(), 2, "one for each ended run");
    bench.pass(crate::limits::ShardLimits::default().ended_ms);
    assert_eq!(bench.status("Counter/a"), "none");
    assert_eq!(bench.timer(), None);
}
