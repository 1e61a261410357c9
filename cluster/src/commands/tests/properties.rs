//! Properties of apply: how commands are batched, what is in memory and where a replica began
//! change nothing.

use super::random::{Log, Random, for_seeds};
use super::*;
use crate::keys;
use crate::message::Parcel;
use crate::store::{Pair, StateStore};
use crate::system::SystemEntry;

const SEEDS: u64 = 30;
const LENGTH: usize = 120;

fn open(store: Box<dyn StateStore>) -> Shard {
    let identity = identity(1);
    Shard::open_with(identity, store, Arc::new(ModelEngine)).unwrap()
}

fn store() -> Box<dyn StateStore> {
    let stores = MemoryStores::new(FlushMode::EveryUnits(1));
    stores.open(GroupId(1)).unwrap()
}

fn run(shard: &mut Shard, entries: &[Entry], first: u64) -> Vec<Applied> {
    let mut all = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let index = first + at as u64;
        all.push(shard.apply(index, entry).unwrap());
        shard.store_mut().commit(index).unwrap();
    }
    all
}

fn content(shard: &Shard) -> Vec<Pair> {
    shard.store().scan(&[], None, usize::MAX).unwrap()
}

fn outcomes(applied: &[Applied]) -> Vec<Outcome> {
    let all = applied.iter().flat_map(|applied| applied.outcomes.clone());
    all.collect()
}

#[test]
fn entries_split_anywhere_give_equal_state_and_outcomes() {
    for_seeds(SEEDS, |seed| {
        let log = Log::new(seed, LENGTH).of_few_messages();
        let (mut whole, mut split) = (open(store()), open(store()));
        let mut random = Random(seed ^ 0xffff);
        let one = run(&mut whole, &log.entries(|_| false), 1);
        let two = run(&mut split, &log.entries(|_| random.below(2) == 0), 1);
        assert_eq!(outcomes(&one), outcomes(&two));
        assert_eq!(whole.state_hash(), split.state_hash());
        assert!(content(&whole) == content(&split), "equal stores");
    });
}

#[test]
fn a_copy_and_the_tail_equal_replaying_all() {
    for_seeds(SEEDS, |seed| {
        let log = Log::new(seed, LENGTH).of_few_messages();
        let entries = log.entries(|at| at % 3 == 0);
        let at = Random(seed).below(entries.len() as u64) as usize;
        let mut whole = open(store());
        let all = run(&mut whole, &entries, 1);
        let mut first = open(store());
        run(&mut first, &entries[..at], 1);
        let pairs = content(&first);
        let mut copy = store();
        let mut pairs = pairs.into_iter().map(Ok);
        copy.replace(at as u64, &mut pairs).unwrap();
        let mut second = open(copy);
        assert_eq!(second.state_hash(), first.state_hash());
        let tail = run(&mut second, &entries[at..], at as u64 + 1);
        assert_eq!(outcomes(&all[at..]), outcomes(&tail));
        assert_eq!(whole.state_hash(), second.state_hash());
        assert!(content(&whole) == content(&second), "equal stores");
        assert_eq!(
            whole.rebuild_actions().unwrap(),
            second.rebuild_actions().unwrap()
        );
    });
}

#[test]
fn what_is_in_memory_changes_nothing() {
    for_seeds(SEEDS, |seed| {
        let entries = Log::new(seed, LENGTH).entries(|_| false);
        let (mut all, mut few) = (open(store()), open(store()));
        few.keep_hot(1);
        few.observe(true);
        let one = run(&mut all, &entries, 1);
        let two = run(&mut few, &entries, 1);
        assert_eq!(outcomes(&one), outcomes(&two));
        assert_eq!(all.state_hash(), few.state_hash());
        assert!(content(&all) == content(&few), "equal stores");
    });
}

#[test]
fn what_is_counted_of_history_is_what_is_there() {
    for_seeds(SEEDS, |seed| {
        let log = Log::new(seed, 2 * LENGTH).of_few_messages();
        let mut shard = open(store());
        run(&mut shard, &log.entries(|_| false), 1);
        let size = query::history_size(shard.store()).unwrap();
        let of = |family: u8| {
            shard
                .store()
                .scan(&[family], Some(&[family + 1]), usize::MAX)
        };
        let steps = of(keys::HISTORY).unwrap();
        let bytes: u64 = steps.iter().map(|(_, value)| 96 + value.len() as u64).sum();
        assert_eq!(size.bytes, bytes);
        let ages = of(keys::MESSAGE_AGE).unwrap().len() as u64;
        assert_eq!(size.message_records, ages);
        assert!(ages <= 12, "{ages} records");
        let messages = of(keys::MESSAGE).unwrap().len() as u64;
        assert!(messages <= ages + steps.len() as u64, "{messages} messages");
    });
}

#[test]
fn every_message_of_a_story_is_accounted_for() {
    for_seeds(SEEDS, |seed| {
        let entries = Log::new(seed, LENGTH).entries(|_| false);
        let mut shard = open(store());
        run(&mut shard, &entries, 1);
        let mut rounds = 0;
        let mut index = entries.len() as u64 + 1;
        // Let everything run out: what is queued, and what is due.
        while !shard.rebuild_actions().unwrap().is_empty() && rounds < 500 {
            let stamp = EntryStamp {
                time_ms: shard.time_ms() + 1000,
                entropy: [0; 16],
            };
            let commands = vec![Command::TimerFired, Command::Continue];
            shard.apply(index, &Entry { stamp, commands }).unwrap();
            shard.store_mut().commit(index).unwrap();
            index += 1;
            rounds += 1;
        }
        assert!(
            !shard.rebuild_actions().unwrap().contains(&Action::Continue),
            "the queue runs out"
        );
    });
}

#[test]
fn decoders_are_total() {
    for_seeds(3_000, |seed| {
        let mut random = Random(seed);
        let length = random.below(200);
        let mut bytes: Vec<u8> = (0..length).map(|_| random.next() as u8).collect();
        if let Some(first) = bytes.first_mut() {
            *first = 1;
        }
        let _ = Entry::decode(&bytes);
        let _ = SystemEntry::decode(&bytes);
        let _ = Parcel::decode(&bytes);
        let _ = crate::keys::decode_record::<crate::record::InstanceRecord>(&bytes);
        let _ = crate::keys::decode_record::<crate::record::HistoryRecord>(&bytes);
    });
}

#[test]
fn damaged_entries_are_read_or_refused() {
    for_seeds(20, |seed| {
        let mut random = Random(seed);
        for entry in Log::new(seed, 30).entries(|_| false) {
            let mut bytes = entry.encode().unwrap().to_vec();
            for _ in 0..20 {
                let at = random.below(bytes.len() as u64) as usize;
                bytes[at] = random.next() as u8;
                let _ = Entry::decode(&bytes);
                let _ = Entry::decode(&bytes[..at]);
            }
        }
    });
}
