//! What a shard keeps of messages and steps, and how that is bounded.

use super::*;
use crate::command::{Prune, PruneFrom};
use crate::keys;
use crate::limits::ShardLimits;
use crate::outcome::Pruned;
use crate::record::MessageFate;

fn limited(change: impl FnOnce(&mut ShardLimits)) -> Bench {
    let mut bench = Bench::new();
    let mut limits = ShardLimits::default();
    change(&mut limits);
    let configured = bench.one(Command::Configure(Box::new(limits)));
    assert_eq!(configured, Outcome::Done);
    bench
}

fn rows(bench: &Bench, family: u8) -> usize {
    let rows = bench
        .shard
        .store()
        .scan(&[family], Some(&[family + 1]), usize::MAX);
    rows.unwrap().len()
}

/// Records of messages that are no steps.
fn noted(bench: &Bench) -> usize {
    // Each step has one of its own.
    rows(bench, keys::MESSAGE) - rows(bench, keys::HISTORY)
}

/// A message that never is a step of an instance: a service has it.
fn note(bench: &mut Bench) -> Receipt {
    receipt(bench.send("Mail", &[]))
}

fn prune(bench: &mut Bench, keep_bytes: u64, floor_steps: u64, from: Option<PruneFrom>) -> Pruned {
    let command = Command::Prune(Prune {
        keep_bytes,
        floor_steps,
        from,
    });
    match bench.one(command) {
        Outcome::Pruned(pruned) => pruned,
        other => panic!("not pruned: {other:?}"),
    }
}

/// Walks as the driver does, until a walk finds nothing. Returns the steps that went.
fn walk(bench: &mut Bench, keep_bytes: u64, floor_steps: u64) -> u64 {
    let (mut steps, mut in_walk, mut from) = (0, 0, None);
    loop {
        let pruned = prune(bench, keep_bytes, floor_steps, from);
        steps += pruned.steps;
        in_walk += pruned.steps;
        from = match pruned.next {
            Some(next) => Some(next),
            None if in_walk > 0 && pruned.history_bytes > keep_bytes => {
                in_walk = 0;
                None
            }
            None => return steps,
        };
    }
}

fn kept(bench: &Bench, of: &str) -> u64 {
    let view = bench.view(of).unwrap();
    view.step + 1 - view.history_first
}

#[test]
fn the_oldest_records_of_messages_go_when_there_are_too_many() {
    let mut bench = limited(|limits| limits.message_records = 5);
    let killed: Vec<Receipt> = (0..8).map(|_| note(&mut bench)).collect();
    assert_eq!((noted(&bench), rows(&bench, keys::MESSAGE_AGE)), (5, 5));
    let found = |receipt: &Receipt| {
        let record = query::message(bench.shard.store(), receipt.message).unwrap();
        record.map(|record| record.fate)
    };
    assert_eq!(found(&killed[2]), None);
    assert!(matches!(
        found(&killed[3]),
        Some(MessageFate::Service { .. })
    ));
}

#[test]
fn records_of_messages_go_when_they_are_old_and_never_hold_a_command_up() {
    let mut bench = limited(|limits| limits.message_ms = 1000);
    for _ in 0..100 {
        note(&mut bench);
    }
    bench.pass(500);
    note(&mut bench);
    bench.now_ms += 500;
    bench.one(Command::Continue);
    assert_eq!(noted(&bench), 37, "64 at a time");
    bench.one(Command::Continue);
    assert_eq!(noted(&bench), 1, "one is not old enough");
    bench.reopen(Arc::new(ModelEngine));
    bench.pass(500);
    assert_eq!((noted(&bench), rows(&bench, keys::MESSAGE_AGE)), (0, 0));
}

#[test]
fn a_message_that_was_applied_since_is_kept_with_its_step() {
    let mut bench = limited(|limits| limits.message_records = 1);
    bench.send("Counter/a", &[Do::Trap]);
    let waited = receipt(bench.send("Counter/a", &[Do::Add(1)]));
    let fate = |bench: &Bench| {
        let record = query::message(bench.shard.store(), waited.message).unwrap();
        record.map(|record| record.fate)
    };
    assert_eq!(fate(&bench), Some(MessageFate::Waiting));
    bench.pass(100);
    for _ in 0..3 {
        note(&mut bench);
    }
    assert!(matches!(fate(&bench), Some(MessageFate::Applied { .. })));
}

#[test]
fn history_of_ended_runs_goes_first_and_what_they_gave_stays() {
    let mut bench = Bench::new();
    for _ in 0..50 {
        bench.send("Counter/a", &[Do::Add(1)]);
    }
    for task in ["Task/old", "Task/new"] {
        bench.pass(10);
        bench.start(task, &[Do::Emit(vec![]), Do::Complete]);
    }
    let before = query::history_size(bench.shard.store()).unwrap();
    let pruned = prune(&mut bench, before.bytes - 1, 10, None);
    assert_eq!((pruned.steps, pruned.next), (1, None));
    assert_eq!((kept(&bench, "Task/old"), kept(&bench, "Task/new")), (0, 1));
    assert_eq!(kept(&bench, "Counter/a"), 51);
    walk(&mut bench, before.bytes / 2, 10);
    assert_eq!(kept(&bench, "Task/new"), 0);
    let gone = bench.view("Task/old").unwrap();
    assert_eq!((gone.status.as_str(), gone.emitted), ("completed", 1));
    assert!(gone.result.is_some());
    bench.pass(ShardLimits::default().ended_ms);
    assert_eq!(bench.status("Task/old"), "none", "its time ends as before");
}

#[test]
fn instances_that_run_keep_their_newest_steps() {
    let mut bench = Bench::new();
    for counter in ["Counter/a", "Counter/b"] {
        for _ in 0..100 {
            bench.send(counter, &[Do::Add(1)]);
        }
    }
    bench.send("Counter/c", &[Do::Add(1)]);
    let steps = walk(&mut bench, 0, 10);
    assert_eq!(
        (kept(&bench, "Counter/a"), kept(&bench, "Counter/b")),
        (10, 10)
    );
    assert_eq!((kept(&bench, "Counter/c"), steps), (2, 2 * 91));
    let history = query::history(bench.shard.store(), &address("Counter/a"), 0, 100).unwrap();
    assert_eq!((history.len(), history[0].0), (10, 92));
    assert_eq!(bench.count("Counter/a"), 100);
    let size = query::history_size(bench.shard.store()).unwrap();
    assert_eq!(size.pruned_steps, steps);
}

#[test]
fn a_walk_goes_on_where_a_command_stopped() {
    let mut bench = limited(|limits| limits.command_instructions = u64::MAX);
    for counter in 0..40 {
        let command = bench.send_command(&format!("Counter/{counter:02}"), &[Do::Add(1)]);
        bench.apply(vec![command; 1]);
        for _ in 0..4 {
            let more = (0..30).map(|_| bench.send_command(&format!("Counter/{counter:02}"), &[]));
            let more = more.collect();
            bench.apply(more);
        }
    }
    let first = prune(&mut bench, 0, 1, None);
    assert!(matches!(first.next, Some(PruneFrom::Running(_))));
    let second = prune(&mut bench, 0, 1, first.next);
    assert_eq!(second.steps, 2048, "a bounded number at a time");
    assert!(second.next.is_some());
    walk(&mut bench, 0, 1);
    assert!((0..40).all(|counter| kept(&bench, &format!("Counter/{counter:02}")) == 1));
}

#[test]
fn keys_that_no_walk_gave_do_no_harm() {
    let mut bench = Bench::new();
    for _ in 0..20 {
        bench.send("Counter/a", &[Do::Add(1)]);
    }
    for key in [&b""[..], b"\xff\xff", b"h", &[keys::INSTANCE, 7]] {
        for from in [PruneFrom::Ended, PruneFrom::Running] {
            prune(&mut bench, 1 << 40, 0, Some(from(key.to_vec().into())));
        }
    }
    assert_eq!(kept(&bench, "Counter/a"), 21);
}

#[test]
fn records_of_messages_come_last_of_their_kind() {
    let mut bench = Bench::new();
    let first = receipt(bench.send("Counter/a", &[Do::Add(1)])).message;
    for _ in 0..50 {
        bench.now_ms += 1;
        let sent = receipt(bench.send("Counter/a", &[Do::Add(1)])).message;
        let after = [&keys::message(sent)[..], &[0]].concat();
        // The shard's own stories, which were there before, may stand anywhere.
        let until = [&keys::message(first)[..3], &[0xff; 16]].concat();
        let rows = bench.shard.store().scan(&after, Some(&until), 1);
        assert_eq!(rows.unwrap(), []);
    }
}

#[test]
fn what_another_version_wrote_is_refused_and_says_so() {
    let mut store = MemoryStores::new(FlushMode::EveryUnits(1))
        .open(GroupId(1))
        .unwrap();
    let mut bytes = keys::encode_record(&crate::shard::Meta::new(identity(1))).to_vec();
    bytes[0] -= 1;
    store.put(&[keys::META], bytes.into());
    store.commit(1).unwrap();
    let refused = Shard::open(identity(1), store).err().unwrap().to_string();
    let wanted = format!("encoded with version {}", transport::codec::VERSION - 1);
    assert!(refused.contains(&wanted), "{refused}");
}
