//! What must hold once the healed cluster has come to rest. A run comes before it; after it a verdict. Guarantees:
//! every acknowledged add is applied exactly once, no refused one, an unknown one at most once, each with the
//! message that it sends on, in order; all replicas hold equal state. Left to others: reads that go back (`client`).

use std::collections::{BTreeMap, BTreeSet};

use cluster::query;
use cluster_raft::status::ShardStatus;
use transport::ShardId;

use crate::client::{Add, COUNTERS, LEDGERS, Verdict};
use crate::program::{self, Kept, address};
use crate::world::World;
use crate::{NODES, SHARDS};

/// Everything that is kept, in all shards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct All {
    tallies: BTreeMap<u64, Kept>,
    ledgers: BTreeMap<u64, Kept>,
    /// Ids of the adds that became dead letters.
    dead: Vec<u64>,
}

/// Checks the cluster, and what its backups come to. Gives how many of these there were.
pub(crate) fn check(world: &mut World) -> usize {
    let adds: Vec<Add> = world
        .clients
        .iter()
        .flat_map(|client| client.finished.clone())
        .collect();
    all_of(world, &adds);
    equal_replicas(world);
    world.backups.check(&adds)
}

/// Checks what a world that rests has of these adds.
pub(crate) fn all_of(world: &mut World, adds: &[Add]) {
    let all = settled(world);
    exactly_once(adds, &all);
    totals(adds, &all);
    order(adds, &all);
}

/// Reads everything until nothing is under way any more: all that tallies sent has arrived. Shards are read one after
/// another, so that what goes from one to the next meanwhile may be seen at its end only.
fn settled(world: &mut World) -> All {
    let mut before = All::default();
    for _ in 0..60 {
        let now = read_all(world);
        let arrived: usize = now.ledgers.values().map(|kept| kept.ids.len()).sum();
        let sent: usize = now.tallies.values().map(|kept| kept.ids.len()).sum();
        if arrived == sent && now == before {
            return now;
        }
        before = now;
        let mut left = 200;
        world.until("time passes", |_| {
            left -= 1;
            left == 0
        });
    }
    panic!("what was sent never arrives: {before:?}");
}

fn read_all(world: &mut World) -> All {
    let mut all = All::default();
    for shard in (0..SHARDS).map(ShardId) {
        let part = read_shard(world, shard);
        all.tallies.extend(part.tallies);
        all.ledgers.extend(part.ledgers);
        all.dead.extend(part.dead);
    }
    all
}

fn read_shard(world: &mut World, shard: ShardId) -> All {
    for attempt in 0..500 {
        let part = world.ask(
            attempt % world.machines.len().min(NODES),
            move |groups| async move {
                let reader = groups.read(shard, true).await.ok()?;
                let mut part = All::default();
                let here = |name: String| {
                    let address = address(&name);
                    let is_here = cluster::shard_of(&address, SHARDS) == shard;
                    is_here.then(|| program::kept(&*reader, &address))?
                };
                for number in 0..COUNTERS {
                    let found = here(format!("Tally/c{number}"));
                    part.tallies.extend(found.map(|(_, kept)| (number, kept)));
                }
                for number in 0..LEDGERS {
                    let found = here(format!("Ledger/l{number}"));
                    part.ledgers.extend(found.map(|(_, kept)| (number, kept)));
                }
                for (_, letter) in query::dead_letters(&*reader, 0, 1_000).unwrap() {
                    let body = letter.message.body.data().unwrap().to_json();
                    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
                    assert_eq!(body["bad"], true, "a dead letter: {letter:?}");
                    part.dead.extend(body["id"].as_u64());
                }
                Some(part)
            },
        );
        if let Some(Some(part)) = part {
            return part;
        }
    }
    panic!("shard {shard} is never read");
}

fn exactly_once(adds: &[Add], all: &All) {
    let count = |kept: &BTreeMap<u64, Kept>, id: u64| {
        let ids = kept.values().flat_map(|kept| &kept.ids);
        ids.filter(|kept| **kept == id).count()
    };
    for add in adds {
        let taken = count(&all.tallies, add.id);
        let noted = count(&all.ledgers, add.id);
        let dead = all.dead.iter().filter(|id| **id == add.id).count();
        let (effect, other) = match add.bad {
            true => (dead, taken),
            false => (taken, dead),
        };
        let is_right = match add.verdict {
            Verdict::Acknowledged => effect == 1,
            Verdict::Refused => effect == 0,
            Verdict::Unknown => effect <= 1,
        };
        assert!(
            is_right && other == 0 && noted == taken,
            "{add:?} was taken {taken} times, noted {noted} times, and is {dead} dead letters"
        );
    }
    let known: BTreeSet<u64> = adds.iter().map(|add| add.id).collect();
    let kept = all.tallies.values().chain(all.ledgers.values());
    for id in kept.flat_map(|kept| &kept.ids).chain(&all.dead) {
        assert!(known.contains(id), "nobody added {id}");
    }
}

fn totals(adds: &[Add], all: &All) {
    let amounts: BTreeMap<u64, u64> = adds.iter().map(|add| (add.id, add.amount)).collect();
    for kept in all.tallies.values().chain(all.ledgers.values()) {
        let sum: u64 = kept.ids.iter().map(|id| amounts[id]).sum();
        assert_eq!(kept.total, sum, "a total is the sum of what was kept");
    }
}

/// What one tally sent to one ledger arrived in the order in which it was sent.
fn order(adds: &[Add], all: &All) {
    let ledger_of: BTreeMap<u64, u64> = adds.iter().map(|add| (add.id, add.ledger)).collect();
    for (counter, tally) in &all.tallies {
        for (ledger, noted) in &all.ledgers {
            let sent = tally.ids.iter().filter(|id| ledger_of[id] == *ledger);
            let arrived = noted.ids.iter().filter(|id| tally.ids.contains(id));
            let (sent, arrived): (Vec<_>, Vec<_>) = (sent.collect(), arrived.collect());
            assert_eq!(sent, arrived, "order of tally {counter} to ledger {ledger}");
        }
    }
}

/// Polls until all replicas are at the same entry; then their hashes must be equal.
pub(crate) fn equal_replicas(world: &mut World) {
    let mut found: BTreeMap<ShardId, BTreeSet<(u64, String)>> = BTreeMap::new();
    for _ in 0..400 {
        found.clear();
        let mut held = 0;
        for at in 0..world.machines.len() {
            let status = world.ask(at, |groups| async move {
                let shards = groups.status().await.shards;
                // A replica that was moved away stays for a while.
                let local = groups.local();
                let here =
                    |one: &ShardStatus| groups.holds(one.shard) && one.replicas.contains(&local);
                shards.into_iter().filter(here).collect::<Vec<_>>()
            });
            for one in status.into_iter().flatten() {
                let hash = format!("{:?}", one.state_hash);
                held += 1;
                found
                    .entry(one.shard)
                    .or_default()
                    .insert((one.applied, hash));
            }
        }
        let hashes_agree = found.values().all(|states| {
            let applied: BTreeSet<u64> = states.iter().map(|(applied, _)| *applied).collect();
            applied.len() == states.len()
        });
        assert!(hashes_agree, "replicas at one entry differ: {found:?}");
        if found.values().all(|states| states.len() == 1) && held >= NODES * SHARDS as usize {
            return;
        }
        let mut left = 50;
        world.until("time passes", |_| {
            left -= 1;
            left == 0
        });
    }
    panic!("the replicas never come to the same entry: {found:?}");
}
