//! Verdicts on checkpoints: recorded, chained, and what a shard without a majority does.

use super::random::{Log, Random, for_seeds};
use super::*;
use crate::agreement::{Agreement, Verdict};
use crate::codes;
use crate::limits::VERDICT_REPLICAS_MAX;
use crate::outcome::StateHash;

fn verdict(unit: u64, hash: Option<u8>) -> Verdict {
    Verdict {
        unit,
        hash: hash.map(|of| StateHash([of; 32])),
        said: vec![
            (NodeId(1), StateHash([1; 32])),
            (NodeId(2), StateHash([2; 32])),
        ],
    }
}

#[test]
fn a_verdict_is_part_of_the_state_and_survives_a_reopening() {
    let stores = MemoryStores::new(FlushMode::EveryUnits(1));
    let open = || {
        let store = stores.open(GroupId(1)).unwrap();
        Shard::open_with(identity(1), store, Arc::new(ModelEngine)).unwrap()
    };
    let mut shard = open();
    let before = shard.state_hash();
    let entry = Entry {
        stamp: EntryStamp::default(),
        commands: vec![Command::Agreed(verdict(7, Some(1)))],
    };
    shard.apply(1, &entry).unwrap();
    shard.store_mut().commit(1).unwrap();
    let (agreement, hash) = (shard.agreement().clone(), shard.state_hash());
    assert_ne!(hash, before);
    assert_eq!((agreement.unit, agreement.count), (7, 1));
    drop(shard);
    let shard = open();
    assert_eq!((shard.agreement(), shard.state_hash()), (&agreement, hash));
    assert_eq!(Agreement::read(shard.store()).unwrap(), agreement);
}

#[test]
fn without_a_majority_nothing_is_taken_until_one_is_settled() {
    let mut bench = Bench::new();
    bench.send("Counter/a", &[Do::Delay(1_000, vec![Do::Add(1)])]);
    let late = bench.send_command("Counter/b", &[Do::Add(1)]);
    let outcomes = bench.apply(vec![Command::Agreed(verdict(2, None)), late]);
    assert_eq!(outcomes[0], Outcome::Done);
    assert_eq!(refusal(outcomes[1].clone()).code, codes::DISAGREEMENT);
    assert!(bench.last.actions.is_empty(), "{:?}", bench.last.actions);
    assert_eq!(bench.shard.rebuild_actions().unwrap(), []);
    let refused = refusal(bench.send("Counter/a", &[Do::Add(5)]));
    assert_eq!(refused.code, codes::DISAGREEMENT);
    bench.now_ms += 5_000;
    assert_eq!(
        refusal(bench.one(Command::TimerFired)).code,
        codes::DISAGREEMENT
    );
    assert_eq!(
        bench.one(Command::Agreed(verdict(2, Some(2)))),
        Outcome::Done
    );
    assert_ne!(bench.shard.rebuild_actions().unwrap(), []);
    bench.one(Command::TimerFired);
    assert_eq!(
        bench.count("Counter/a"),
        1,
        "what was owed before is still owed"
    );
}

#[test]
fn an_old_verdict_and_one_without_bounds_change_nothing() {
    let mut bench = Bench::new();
    bench.one(Command::Agreed(verdict(9, Some(1))));
    let hash = bench.shard.state_hash();
    for old in [verdict(8, None), verdict(9, None), verdict(9, Some(2))] {
        assert_eq!(bench.one(Command::Agreed(old)), Outcome::Done);
    }
    let mut wide = verdict(10, None);
    wide.said = vec![(NodeId(1), StateHash([1; 32])); VERDICT_REPLICAS_MAX + 1];
    let refused = refusal(bench.one(Command::Agreed(wide)));
    assert_eq!(refused.code, codes::MALFORMED);
    assert_eq!(bench.shard.state_hash(), hash);
}

#[test]
fn checkpoints_say_the_same_wherever_entries_are_split_and_replicas_began_anew() {
    for_seeds(20, |seed| {
        let log = Log::new(seed, 80);
        let mut random = Random(seed ^ 0x5eed);
        let whole = hashes(&log.entries(|_| false), usize::MAX);
        let single = hashes(&log.entries(|_| true), usize::MAX);
        let reopened = hashes(&log.entries(|_| random.below(2) == 0), 3);
        assert!(!whole.is_empty());
        assert_eq!(whole, single);
        assert_eq!(whole, reopened);
    });
}

/// What a replica says at each checkpoint and at the end, that begins anew from its store after
/// every so many entries.
fn hashes(entries: &[Entry], reopen_after: usize) -> Vec<StateHash> {
    let stores = MemoryStores::new(FlushMode::EveryUnits(1));
    let open = || {
        let store = stores.open(GroupId(1)).unwrap();
        Shard::open_with(identity(1), store, Arc::new(ModelEngine)).unwrap()
    };
    let mut shard = open();
    let mut said = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let index = at as u64 + 1;
        let applied = shard.apply(index, entry).unwrap();
        shard.store_mut().commit(index).unwrap();
        said.extend(applied.outcomes.iter().filter_map(|outcome| match outcome {
            Outcome::Checkpoint(hash) => Some(*hash),
            _ => None,
        }));
        if (at + 1) % reopen_after == 0 {
            drop(shard);
            shard = open();
        }
    }
    said.push(shard.state_hash());
    said
}
