//! Programs, names, daemons, limits, checkpoints.

use super::*;
use crate::codes;
use crate::record::MessageFate;

#[test]
fn a_daemon_without_key_starts_when_it_is_deployed() {
    let mut bench = Bench::new();
    assert_eq!(bench.status("Daemon/default"), "running");
    bench.send("Daemon", &[Do::Add(1)]);
    assert_eq!(bench.count("Daemon/default"), 1);
    bench.deploy(&program());
    assert_eq!(bench.count("Daemon/default"), 1, "it keeps its run");
}

#[test]
fn a_deploy_begins_a_failed_daemon_again() {
    let mut bench = Bench::new();
    for _ in 0..3 {
        bench.send("Daemon/default", &[Do::Trap]);
        bench.pass(100);
    }
    assert_eq!(bench.status("Daemon/default"), "failed");
    bench.deploy(&program());
    assert_eq!(bench.status("Daemon/default"), "running");
}

#[test]
fn bytes_that_are_no_program_are_refused() {
    let mut bench = Bench::empty();
    let program = bytes::Bytes::from_static(b"\x01nonsense");
    let refused = refusal(bench.one(Command::Install(Install { program })));
    assert_eq!(refused.code, codes::BAD_PROGRAM);
    let activate = Activate {
        namespace: Namespace::default(),
        version: 1,
        names: vec![("Counter".into(), ProgramId([1; 32]))],
        removed: Vec::new(),
    };
    let refused = refusal(bench.one(Command::Activate(activate)));
    assert_eq!(refused.code, codes::UNKNOWN_PROGRAM);
}

#[test]
fn an_older_activation_changes_nothing() {
    let mut bench = Bench::new();
    let removed = |version: u64| {
        Command::Activate(Activate {
            namespace: Namespace::default(),
            version,
            names: Vec::new(),
            removed: vec!["Counter".into()],
        })
    };
    let active = |bench: &Bench| {
        let store = bench.shard.store();
        query::active_program(store, &Namespace::default(), "Counter").unwrap()
    };
    bench.one(removed(0));
    assert!(active(&bench).is_some());
    bench.one(removed(99));
    assert!(active(&bench).is_none());
}

#[test]
fn a_name_that_is_taken_away_is_a_service_until_it_is_given_again() {
    let mut bench = Bench::new();
    bench.send("Counter/runs", &[Do::Add(1)]);
    bench.send("Counter/ended", &[Do::Add(1), Do::Complete]);
    bench.one(Command::Activate(Activate {
        namespace: Namespace::default(),
        version: 99,
        names: Vec::new(),
        removed: vec!["Counter".into()],
    }));
    let waits = |bench: &Bench, receipt: &Receipt| {
        let found = query::message(bench.shard.store(), receipt.message).unwrap();
        matches!(found.unwrap().fate, MessageFate::Service { .. })
    };
    receipt(bench.send("Counter/runs", &[Do::Add(1)]));
    assert_eq!(bench.count("Counter/runs"), 2, "what runs goes on");
    for to in ["Counter/ended", "Counter/new", "Counter"] {
        let sent = receipt(bench.send(to, &[Do::Key("bare".into()), Do::Add(5)]));
        assert!(waits(&bench, &sent), "{to}");
    }
    assert_eq!(bench.status("Counter/ended"), "completed");
    bench.index += 100;
    bench.deploy(&program());
    for of in ["ended", "new", "bare"] {
        assert_eq!(bench.count(&format!("Counter/{of}")), 5, "{of}");
    }
}

#[test]
fn limits_that_would_stop_the_shard_are_refused() {
    let mut bench = Bench::new();
    let limits = crate::limits::ShardLimits {
        timers_per_command: 0,
        ..Default::default()
    };
    let refused = refusal(bench.one(Command::Configure(Box::new(limits))));
    assert_eq!(refused.code, codes::BAD_LIMIT);
}

#[test]
fn a_checkpoint_in_the_middle_of_an_entry_says_the_state_there() {
    let mut bench = Bench::new();
    let before = bench.send_command("Counter/a", &[Do::Add(1)]);
    let after = bench.send_command("Counter/a", &[Do::Add(1)]);
    let outcomes = bench.apply(vec![before.clone(), Command::Checkpoint, after]);
    let mut other = Bench::new();
    other.one(before);
    let checkpoint = other.one(Command::Checkpoint);
    assert_eq!(outcomes[1], checkpoint);
    assert_eq!(checkpoint, Outcome::Checkpoint(other.shard.state_hash()));
    assert_ne!(bench.shard.state_hash(), other.shard.state_hash());
}

#[test]
fn output_is_numbered_and_bounded() {
    let mut bench = Bench::new();
    let limits = crate::limits::ShardLimits {
        output_count: 3,
        ..Default::default()
    };
    bench.one(Command::Configure(Box::new(limits)));
    for at in 0..5 {
        bench.send("Counter/a", &[Do::Emit(vec![Do::Add(at)])]);
    }
    let page = query::output(bench.shard.store(), &address("Counter/a"), 0, 10);
    let page = page.unwrap().unwrap();
    assert_eq!((page.first, page.next), (3, 6));
    let numbers: Vec<u64> = page.items.iter().map(|item| item.number).collect();
    assert_eq!(numbers, [3, 4, 5]);
    assert_eq!(page.items[0].record.body, Do::body(&[Do::Add(2)]));
}

#[test]
fn history_is_bounded_with_its_messages() {
    let mut bench = Bench::new();
    let limits = crate::limits::ShardLimits {
        history_steps: 3,
        ..Default::default()
    };
    bench.one(Command::Configure(Box::new(limits)));
    let first = receipt(bench.send("Counter/a", &[Do::Add(1)]));
    for _ in 0..5 {
        bench.send("Counter/a", &[Do::Add(1)]);
    }
    let history = query::history(bench.shard.store(), &address("Counter/a"), 0, 10).unwrap();
    let steps: Vec<u64> = history.iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, [5, 6, 7]);
    assert_eq!(
        query::message(bench.shard.store(), first.message).unwrap(),
        None
    );
}

#[test]
fn programs_that_nobody_asks_for_leave_memory_and_come_back() {
    let mut bench = Bench::empty();
    for number in 0..200 {
        let worker = ModelWorker {
            name: format!("Worker{number}"),
            daemon: true,
            keyed: true,
            ..ModelWorker::default()
        };
        bench.deploy(&ModelProgram {
            workers: vec![worker],
        });
        bench.send("Worker0/a", &[Do::Add(1)]);
    }
    let loaded = bench.shard.programs.loaded();
    assert!(loaded <= 65, "{loaded} programs are decoded");
    bench.send("Worker7/a", &[Do::Add(1)]);
    assert_eq!(
        (bench.count("Worker0/a"), bench.count("Worker7/a")),
        (200, 1)
    );
}
