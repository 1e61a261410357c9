//! Shards that begin new lives, also from a state that others are ahead of: what counters got must be what
//! was sent once, except for what the lost part of a log did.

use super::*;
use crate::codes;
use crate::command::{ChannelAcked, Deliver};
use crate::store::Pair;

const SHARDS: u32 = 3;

/// All shards of a small cluster, with a driver that is as slow as the test wants.
struct World {
    shards: Vec<Bench>,
    /// The life that the system group wants each to be in.
    lives: Vec<Incarnation>,
    random: u64,
}

/// The key of a counter in a shard.
fn key_in(shard: u32) -> String {
    let mut keys = (0..).map(|at: u32| at.to_string());
    let is_there = |key: &String| {
        crate::shard_of(&address(&format!("Counter/{key}")), SHARDS) == ShardId(shard)
    };
    keys.find(is_there).unwrap()
}

fn counter(shard: u32) -> String {
    format!("Counter/{}", key_in(shard))
}

fn open(shard: u32, life: u32, pairs: Vec<Pair>, index: u64) -> Bench {
    let identity = ShardIdentity {
        shard: ShardId(shard),
        incarnation: Incarnation(life),
        ..identity(SHARDS)
    };
    let stores = MemoryStores::new(FlushMode::EveryUnits(1));
    let mut store = stores.open(GroupId(shard + 1)).unwrap();
    if index > 0 {
        store
            .replace(index, &mut pairs.into_iter().map(Ok))
            .unwrap();
    }
    let mut bench = Bench::of(SHARDS);
    bench.shard = Shard::open_with(identity, store, Arc::new(ModelEngine)).unwrap();
    bench.index = index;
    bench.sequence = u64::from(shard) * 1_000_000 + u64::from(life) * 10_000;
    bench
}

impl World {
    fn new(seed: u64) -> World {
        let shards = (0..SHARDS).map(|shard| {
            let mut bench = open(shard, 1, Vec::new(), 0);
            bench.deploy(&program());
            bench
        });
        World {
            shards: shards.collect(),
            lives: vec![Incarnation(1); SHARDS as usize],
            random: seed,
        }
    }

    fn chance(&mut self, bound: u64) -> u64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.random >> 33) % bound
    }

    /// A counter of one shard adds to a counter of another.
    fn add(&mut self, from: u32, to: u32) {
        let add = Do::Send("Counter".into(), Some(key_in(to)), vec![Do::Add(1)]);
        self.shards[from as usize].send(&counter(from), &[add]);
    }

    /// What a replica holds that stopped here.
    fn copy(&self, shard: u32) -> (Vec<Pair>, u64) {
        let bench = &self.shards[shard as usize];
        let pairs = bench.shard.store().scan(&[1], None, 100_000).unwrap();
        (pairs, bench.index)
    }

    /// The shard goes on from that replica in a new life.
    fn recover(&mut self, shard: u32, (pairs, index): (Vec<Pair>, u64)) {
        let life = self.lives[shard as usize].0 + 1;
        self.lives[shard as usize] = Incarnation(life);
        let mut bench = open(shard, life, pairs, index);
        assert!(bench.shard.awaits_life());
        assert_eq!(bench.shard.rebuild_actions().unwrap(), []);
        let begun = bench.one(Command::BeginLife(Incarnation(life)));
        assert_eq!(begun, Outcome::Done);
        assert!(!bench.shard.awaits_life());
        assert_eq!(
            bench.one(Command::BeginLife(Incarnation(life))),
            Outcome::Done
        );
        self.shards[shard as usize] = bench;
    }

    /// Does one thing that a shard owes. False where it owes nothing.
    fn drive(&mut self, shard: u32) -> bool {
        let owed = self.shards[shard as usize].shard.rebuild_actions().unwrap();
        let owed: Vec<&Action> = owed
            .iter()
            .filter(|action| matches!(action, Action::Send(_) | Action::Meet(_)))
            .collect();
        if owed.is_empty() {
            return false;
        }
        let at = self.chance(owed.len() as u64) as usize;
        match owed[at] {
            Action::Meet(other) => self.meet(shard, *other),
            Action::Send(batch) => {
                let own = *self.shards[shard as usize].shard.identity();
                let deliver = Command::Deliver(Deliver {
                    source: own.shard,
                    source_incarnation: own.incarnation,
                    target_incarnation: batch.target_incarnation,
                    first: batch.first,
                    parcels: batch.parcels.clone(),
                });
                let target = batch.target.0 as usize;
                let answer = self.shards[target].one(deliver);
                // An answer may be lost.
                if let Outcome::ChannelExpects(next) = answer
                    && self.chance(3) > 0
                {
                    self.shards[shard as usize].one(Command::ChannelAcked(ChannelAcked {
                        target: batch.target,
                        target_incarnation: batch.target_incarnation,
                        through: next - 1,
                    }));
                }
            }
            other => panic!("not asked for: {other:?}"),
        }
        true
    }

    fn meet(&mut self, shard: u32, other: ShardId) {
        let own = *self.shards[shard as usize].shard.identity();
        let target = (other, self.lives[other.0 as usize]);
        let store = self.shards[shard as usize].shard.store();
        let meet = query::meeting(store, (own.shard, own.incarnation), target).unwrap();
        let meet = Command::Meet(meet.expect("it is owed"));
        match self.shards[other.0 as usize].one(meet) {
            Outcome::Met(met) if self.chance(3) > 0 => {
                assert_eq!(
                    self.shards[shard as usize].one(Command::Met(met)),
                    Outcome::Done
                );
            }
            Outcome::Met(_) => {}
            other => panic!("{other:?}"),
        }
    }

    fn settle(&mut self) {
        for _ in 0..100_000 {
            let open: Vec<u32> = (0..SHARDS).filter(|shard| self.owes(*shard)).collect();
            if open.is_empty() {
                return;
            }
            let shard = open[self.chance(open.len() as u64) as usize];
            self.drive(shard);
        }
        panic!("it does not come to rest");
    }

    fn owes(&self, shard: u32) -> bool {
        let owed = self.shards[shard as usize].shard.rebuild_actions().unwrap();
        let counts = |action: &Action| matches!(action, Action::Send(_) | Action::Meet(_));
        owed.iter().any(counts)
    }

    fn count(&self, shard: u32) -> i64 {
        let bench = &self.shards[shard as usize];
        match bench.status(&counter(shard)) {
            "none" => 0,
            _ => bench.count(&counter(shard)),
        }
    }
}

#[test]
fn nothing_is_lost_or_doubled_by_new_lives_of_any_shards_at_any_time() {
    for seed in 0..60 {
        let mut world = World::new(seed);
        let mut sent = [0_i64; SHARDS as usize];
        for _ in 0..120 {
            let (from, to) = (world.chance(3) as u32, world.chance(3) as u32);
            match world.chance(20) {
                0 => {
                    let copy = world.copy(from);
                    world.recover(from, copy);
                }
                1..9 if from != to => {
                    world.add(from, to);
                    sent[to as usize] += 1;
                }
                _ => drop(world.drive(from)),
            }
        }
        world.settle();
        let counted: Vec<i64> = (0..SHARDS).map(|shard| world.count(shard)).collect();
        assert_eq!(counted, sent, "seed {seed}, lives {:?}", world.lives);
    }
}

/// A replica that was left behind: what the others sent and took since then is told, and what it took
/// itself since then is the only thing that is lost.
#[test]
fn a_shard_that_goes_on_from_an_older_state_fits_the_others_again() {
    for seed in 0..40 {
        let mut world = World::new(seed);
        world.add(0, 1);
        world.add(1, 0);
        world.settle();
        let copy = world.copy(0);
        // The lost part: two adds to shard 1, one taken from shard 1.
        world.add(0, 1);
        world.add(0, 1);
        world.add(1, 0);
        world.settle();
        assert_eq!((world.count(0), world.count(1)), (2, 3));
        world.recover(0, copy);
        assert_eq!(world.count(0), 1);
        // Everybody goes on at once, before they have met.
        world.add(0, 1);
        world.add(1, 0);
        world.add(2, 0);
        world.settle();
        assert_eq!(
            world.count(1),
            4,
            "seed {seed}: what was taken stays, what is new comes"
        );
        assert_eq!(world.count(0), 3, "seed {seed}: one of shard 1 is lost");
    }
}

#[test]
fn what_was_forgotten_is_told() {
    let mut world = World::new(1);
    world.add(1, 0);
    world.settle();
    let copy = world.copy(0);
    world.add(1, 0);
    world.add(1, 0);
    while world.owes(1) {
        world.drive(1);
    }
    world.recover(0, copy);
    let store = world.shards[0].shard.store();
    let own = (ShardId(0), Incarnation(2));
    let meet = query::meeting(store, own, (ShardId(1), Incarnation(1))).unwrap();
    let meet = Command::Meet(meet.unwrap());
    match world.shards[1].one(meet.clone()) {
        Outcome::Met(met) => assert_eq!(met.forgotten, 2),
        other => panic!("{other:?}"),
    }
    match world.shards[1].one(meet) {
        Outcome::Met(met) => assert_eq!(met.forgotten, 0, "told once"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_earlier_life_is_heard_no_more() {
    let mut world = World::new(1);
    world.add(0, 1);
    let old = world.shards[0].shard.rebuild_actions().unwrap();
    let Some(Action::Send(batch)) = old.first().cloned() else {
        panic!("{old:?}");
    };
    let copy = world.copy(0);
    world.recover(0, copy);
    world.settle();
    assert_eq!(world.count(1), 1);
    let late = world.shards[1].one(Command::Deliver(Deliver {
        source: ShardId(0),
        source_incarnation: Incarnation(1),
        target_incarnation: Incarnation(1),
        first: batch.first,
        parcels: batch.parcels,
    }));
    assert_eq!(refusal(late).code, codes::WRONG_INCARNATION);
    assert_eq!(world.count(1), 1);
}

#[test]
fn a_shard_that_had_stopped_for_want_of_a_majority_goes_on() {
    let mut world = World::new(1);
    let verdict = crate::agreement::Verdict {
        unit: 1,
        hash: None,
        said: Vec::new(),
    };
    world.shards[0].one(Command::Agreed(verdict));
    let refused = world.shards[0].send(&counter(0), &[Do::Add(1)]);
    assert_eq!(refusal(refused).code, codes::DISAGREEMENT);
    let copy = world.copy(0);
    world.recover(0, copy);
    receipt(world.shards[0].send(&counter(0), &[Do::Add(1)]));
    world.add(0, 2);
    world.settle();
    assert_eq!((world.count(0), world.count(2)), (1, 1));
}

#[test]
fn a_log_that_is_read_from_its_beginning_begins_in_the_first_life() {
    let mut bench = open(0, 3, Vec::new(), 0);
    assert!(bench.shard.awaits_life());
    assert_eq!(bench.shard.identity().incarnation, Incarnation(1));
    bench.one(Command::BeginLife(Incarnation(2)));
    assert!(bench.shard.awaits_life());
    bench.one(Command::BeginLife(Incarnation(3)));
    assert!(!bench.shard.awaits_life());
    bench.one(Command::BeginLife(Incarnation(2)));
    assert_eq!(bench.shard.identity().incarnation, Incarnation(3));
}
