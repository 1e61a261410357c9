//! What the clock does to instances: schedules start them, silence ends them, time forgets them.

use vm::schedule::{Missed, Schedule};

use super::*;
use crate::record::{TurnInput, TurnOutcome};

const HOUR_MS: u64 = 3_600_000;

fn hourly(missed: Missed) -> ModelProgram {
    ModelProgram {
        workers: vec![ModelWorker {
            name: "Report".into(),
            schedule: Some(Schedule::parse("0 * * * *", missed).unwrap()),
            ..ModelWorker::default()
        }],
    }
}

/// The keys of all runs of the worker that is scheduled.
fn runs(bench: &Bench) -> Vec<String> {
    let name = address("Report");
    let space = Namespace::default();
    let page = query::instances(bench.shard.store(), &space, Some(&name), None, 100).unwrap();
    let key = |view: query::InstanceView| view.address.key().unwrap().to_owned();
    page.into_iter().map(key).collect()
}

#[test]
fn each_time_of_a_schedule_starts_one_run_whose_key_is_the_time() {
    let mut bench = Bench::empty();
    bench.deploy(&hourly(Missed::Skip));
    assert_eq!(bench.timer(), Some(HOUR_MS));
    bench.pass(HOUR_MS - 1001);
    assert_eq!(runs(&bench), Vec::<String>::new());
    bench.pass(1);
    bench.pass(0);
    assert_eq!(runs(&bench), ["1970-01-01T01:00:00Z"]);
    assert_eq!(bench.timer(), Some(2 * HOUR_MS));
    bench.pass(HOUR_MS + 5);
    assert_eq!(runs(&bench).len(), 2);
}

#[test]
fn missed_times_are_left_out_or_made_up_for() {
    for (missed, expected) in [(Missed::Skip, 0), (Missed::One, 1), (Missed::All, 250)] {
        let mut bench = Bench::empty();
        bench.deploy(&hourly(missed));
        bench.pass(250 * HOUR_MS + HOUR_MS / 2);
        bench.pass(0);
        bench.pass(0);
        let name = address("Report");
        let mut count = 0;
        let mut after = None;
        loop {
            let space = Namespace::default();
            let store = bench.shard.store();
            let page = query::instances(store, &space, Some(&name), after.as_ref(), 100).unwrap();
            count += page.len();
            match page.last() {
                Some(last) => after = Some(last.address.clone()),
                None => break,
            }
        }
        assert_eq!(count, expected, "{missed:?}");
        assert_eq!(bench.timer(), Some(251 * HOUR_MS), "{missed:?}");
    }
}

#[test]
fn a_deploy_changes_a_schedule_and_an_undeploy_ends_it() {
    let mut bench = Bench::empty();
    bench.deploy(&hourly(Missed::Skip));
    bench.deploy(&hourly(Missed::All));
    bench.pass(HOUR_MS);
    assert_eq!(runs(&bench).len(), 1);
    let removed = Activate {
        namespace: Namespace::default(),
        version: bench.index + 1,
        names: Vec::new(),
        removed: vec!["Report".into()],
    };
    bench.one(Command::Activate(removed));
    bench.pass(5 * HOUR_MS);
    assert_eq!(runs(&bench).len(), 1);
}

#[test]
fn a_schedule_is_part_of_the_state() {
    let mut bench = Bench::empty();
    bench.deploy(&hourly(Missed::Skip));
    let Bench { shard, .. } = bench;
    let store = shard.into_store();
    let shard = Shard::open_with(identity(1), store, Arc::new(ModelEngine)).unwrap();
    assert_eq!(
        shard.rebuild_actions().unwrap(),
        [Action::Timer { at_ms: HOUR_MS }]
    );
}

fn session() -> ModelProgram {
    ModelProgram {
        workers: vec![ModelWorker {
            name: "Session".into(),
            daemon: true,
            keyed: true,
            restarts: 3,
            idle_ms: Some(1000),
            ..ModelWorker::default()
        }],
    }
}

#[test]
fn an_instance_that_receives_nothing_ends() {
    let mut bench = Bench::empty();
    bench.deploy(&session());
    bench.send("Session/a", &[Do::Add(1)]);
    bench.pass(600);
    bench.send("Session/a", &[Do::Add(1)]);
    bench.pass(999);
    assert_eq!(bench.status("Session/a"), "running");
    bench.pass(1);
    assert_eq!(bench.status("Session/a"), "completed");
    let history = query::history(bench.shard.store(), &address("Session/a"), 0, 10).unwrap();
    let (_, last) = history.last().unwrap();
    assert_eq!(last.input, TurnInput::Idle);
    assert_eq!(last.outcome, TurnOutcome::Completed);
    // The next message begins a new run with an id of its own, which is watched as well.
    let first = bench.view("Session/a").unwrap().run;
    bench.send("Session/a", &[Do::Add(5)]);
    assert_ne!(bench.view("Session/a").unwrap().run, first);
    assert_eq!(bench.count("Session/a"), 5);
    bench.pass(1000);
    assert_eq!(bench.status("Session/a"), "completed");
}

#[test]
fn an_instance_in_whose_mailbox_messages_wait_goes_on() {
    let mut bench = Bench::empty();
    bench.deploy(&session());
    bench.send("Session/a", &[Do::Delay(5000, vec![])]);
    bench.send("Session/a", &[Do::Add(1)]);
    bench.pass(4000);
    assert_eq!(bench.status("Session/a"), "running");
    bench.pass(1000);
    assert_eq!(bench.count("Session/a"), 1);
    bench.pass(2000);
    assert_eq!(bench.status("Session/a"), "completed");
    assert_eq!(bench.dead(), Vec::<String>::new());
}

#[test]
fn the_history_of_a_run_goes_in_time_also_where_the_instance_runs_again() {
    let mut bench = Bench::new();
    let kept_ms = crate::limits::ShardLimits::default().ended_ms;
    bench.send("Counter/a", &[Do::Add(1), Do::Complete]);
    bench.pass(10);
    bench.send("Counter/a", &[Do::Add(1)]);
    let steps = |bench: &Bench| {
        let history = query::history(bench.shard.store(), &address("Counter/a"), 0, 10);
        let steps = history.unwrap().into_iter().map(|(step, _)| step);
        steps.collect::<Vec<u64>>()
    };
    assert_eq!(steps(&bench), [1, 2, 3, 4]);
    bench.pass(kept_ms - 11);
    assert_eq!(steps(&bench), [1, 2, 3, 4]);
    bench.pass(1);
    assert_eq!(steps(&bench), [3, 4]);
    assert_eq!(bench.count("Counter/a"), 1);
}
