//! Backups: cuts at any time, while the world is in trouble, and what a cluster comes to that is restored from one.
//!
//! Before it: a world that works. After it: a verdict. Guarantees: the restored state is computed as a restore
//! does it, from a replica's earlier state and the log up to the cut; then it is driven to rest on its own.
//! Leaves to others: the file, which holds both.

use std::collections::BTreeSet;

use cluster::action::Action;
use cluster::cut::expected;
use cluster::store::memory::{FlushMode, MemoryStores};
use cluster::store::{Pair, StoreProvider};
use cluster::{Command, Entry, EntryStamp, Outcome, Shard, ShardIdentity, query};
use transport::{ClusterId, Incarnation, ShardId};

use crate::bus::{Packet, ReplyTo};
use crate::client::Verdict;
use crate::driver::{self, Driver};
use crate::group::group_id;
use crate::random::Random;
use crate::scripts::engine;
use crate::world::World;
use crate::{NODES, checks};

const BACKUPS_MAX: usize = 3;
const RESTORED: ClusterId = ClusterId([8; 16]);
const NEW_LIFE: Incarnation = Incarnation(2);
/// Rounds in which a restored cluster comes to rest.
const ROUNDS: usize = 10_000;

/// A backup that was begun.
pub(crate) struct Backup {
    number: u64,
    /// A state of each shard from before the cut: how many entries it has, and its content.
    views: Vec<(usize, Vec<Pair>)>,
    /// Transfers that were acknowledged before it began.
    done: BTreeSet<String>,
}

impl World {
    pub(crate) fn begin_backup(&mut self) {
        if self.backups.len() == BACKUPS_MAX {
            return;
        }
        let mut views = Vec::new();
        for group in &self.groups {
            let alive: Vec<usize> = (0..NODES)
                .filter(|node| group.replicas[*node].is_alive())
                .collect();
            let replica = &group.replicas[self.random.pick(&alive)];
            let Some(shard) = &replica.shard else { return };
            let content = shard.store().scan(&[1], None, usize::MAX).unwrap();
            views.push((replica.applied, content));
        }
        let finished = self.clients.iter().flat_map(|client| &client.finished);
        let done = finished.filter(|(_, verdict)| *verdict == Verdict::Done);
        self.backups.push(Backup {
            // No two have the same number: a cut that was begun for another may be from before this one began.
            number: self.backups.len() as u64 + 1,
            views,
            done: done.map(|(transfer, _)| transfer.tag.clone()).collect(),
        });
        self.say("begin a backup");
        self.ask_for_cuts();
    }

    /// Asks for the last cut where it is not known to be made; some are asked, and the others hear of it.
    pub(crate) fn ask_for_cuts(&mut self) {
        let Some(number) = self.backups.last().map(|backup| backup.number) else {
            return;
        };
        for shard in 0..self.groups.len() {
            if !self.is_cut(shard, number) && self.random.percent(50) {
                let packet = Packet::Ask {
                    shard: shard as u32,
                    node: self.random.below(NODES as u64) as usize,
                    commands: vec![Command::Cut(number)],
                    reply_to: ReplyTo::Nobody,
                };
                self.bus.send(&mut self.random, self.now_ms, &packet);
            }
        }
    }

    fn is_cut(&self, shard: usize, number: u64) -> bool {
        let group = &self.groups[shard];
        let leader = group.leader().map(|leader| &group.replicas[leader]);
        let core = leader.and_then(|leader| leader.shard.as_ref());
        core.is_some_and(|core| core.last_cut() >= number)
    }

    pub(crate) fn is_cut_everywhere(&self) -> bool {
        let number = self.backups.last().map_or(0, |backup| backup.number);
        (0..self.groups.len()).all(|shard| self.is_cut(shard, number))
    }
}

impl Backup {
    /// Restores it, and lets the new cluster come to rest.
    pub(crate) fn check(&self, world: &World) {
        let shards = (0..world.groups.len()).map(|at| self.restored(world, at));
        let mut restored = Restored {
            shards: shards.collect(),
            now_ms: world.now_ms,
            random: Random::new(self.number),
        };
        restored.begin();
        restored.settle();
        let shards: Vec<&Shard> = restored.shards.iter().map(|(shard, _)| shard).collect();
        let seen = checks::consistent(world, &shards);
        for tag in &self.done {
            let taken = checks::count(&seen, tag);
            assert_eq!(taken, 1, "{tag} was acknowledged before the backup began");
        }
    }

    /// One shard as it was at the cut, in its next life, with the number of its entries.
    fn restored(&self, world: &World, at: usize) -> (Shard, u64) {
        let group = &world.groups[at];
        let (held, content) = &self.views[at];
        let stores = MemoryStores::new(FlushMode::EveryUnits(1));
        let id = group_id(&group.identity);
        let mut store = stores.open(id).unwrap();
        let mut pairs = content.clone().into_iter().map(Ok);
        store.replace(*held as u64, &mut pairs).unwrap();
        let mut shard = Shard::open_with(group.identity, store, engine()).unwrap();
        let mut index = *held as u64;
        let is_cut = group.replicas[0].log[*held..].iter().any(|logged| {
            let entry = Entry::decode(&logged.entry).unwrap();
            index += 1;
            let is_cut = shard.apply_until_cut(index, &entry, self.number).unwrap();
            shard.store_mut().commit(index).unwrap();
            is_cut
        });
        assert!(is_cut, "every shard makes the cut");
        shard.adopt(RESTORED);
        index += 1;
        shard.store_mut().commit(index).unwrap();
        drop(shard);
        let identity = ShardIdentity {
            cluster: RESTORED,
            incarnation: NEW_LIFE,
            ..group.identity
        };
        let store = stores.open(id).unwrap();
        (Shard::open_with(identity, store, engine()).unwrap(), index)
    }
}

/// A cluster of one node on a bus that loses nothing.
struct Restored {
    shards: Vec<(Shard, u64)>,
    now_ms: u64,
    random: Random,
}

impl Restored {
    fn begin(&mut self) {
        for at in 0..self.shards.len() {
            assert!(self.shards[at].0.awaits_life());
            self.apply(at, vec![Command::BeginLife(NEW_LIFE)]);
        }
    }

    fn apply(&mut self, at: usize, commands: Vec<Command>) -> Vec<Outcome> {
        let stamp = EntryStamp {
            time_ms: self.now_ms,
            entropy: self.random.bytes(),
        };
        let (shard, index) = &mut self.shards[at];
        *index += 1;
        let applied = shard.apply(*index, &Entry { stamp, commands }).unwrap();
        shard.store_mut().commit(*index).unwrap();
        applied.outcomes
    }

    fn settle(&mut self) {
        for _ in 0..ROUNDS {
            let mut is_quiet = true;
            for at in 0..self.shards.len() {
                let owed = self.shards[at].0.rebuild_actions().unwrap();
                is_quiet &= owed.is_empty();
                owed.into_iter().for_each(|action| self.perform(at, action));
            }
            if is_quiet {
                return;
            }
        }
        panic!("the restored cluster comes to rest");
    }

    fn perform(&mut self, at: usize, action: Action) {
        match action {
            Action::Meet(other) => self.meet(at, other),
            Action::Send(batch) => {
                let target = batch.target.0;
                let lives = (NEW_LIFE, batch.target_incarnation);
                let deliver = driver::deliver(at as u32, lives.0, batch);
                let outcomes = self.apply(target as usize, vec![deliver]);
                if let Some((next, _)) = expected(&outcomes) {
                    self.apply(at, vec![driver::acked(target, lives.1, next)]);
                }
            }
            other => {
                let mut owed = Driver::default();
                owed.take(vec![other]);
                self.now_ms = self.now_ms.max(owed.timer_ms.unwrap_or(0));
                let mut commands = owed.due(self.now_ms);
                commands.extend(owed.answers(&mut self.random, 0));
                self.apply(at, commands);
            }
        }
    }

    fn meet(&mut self, at: usize, other: ShardId) {
        let own = (ShardId(at as u32), NEW_LIFE);
        let store = self.shards[at].0.store();
        let Some(meet) = query::meeting(store, own, (other, NEW_LIFE)).unwrap() else {
            return;
        };
        let outcomes = self.apply(other.0 as usize, vec![Command::Meet(meet)]);
        match outcomes.into_iter().next() {
            Some(Outcome::Met(met)) => {
                assert_eq!(met.forgotten, 0, "nothing that was acknowledged is missing");
                self.apply(at, vec![Command::Met(met)]);
            }
            other => panic!("{other:?}"),
        }
    }
}
