//! A shard's group on the model log: three replicas, elections, entries that a crash loses.
//!
//! Before it: commands at the leader. After it: the real `Shard::apply` over the real model store.
//! Guarantees (what raft gives): an entry is committed once it is flushed on a quorum in its
//! leader's term; what is committed is in every later leader's log. Leaves to others: raft itself.

use std::collections::BTreeMap;

use bytes::Bytes;
use cluster::action::Applied;
use cluster::store::memory::MemoryStores;
use cluster::store::{GroupId, StoreProvider};
use cluster::{Command, Entry, EntryStamp, Shard, ShardIdentity};

use crate::bus::ReplyTo;
use crate::driver::Driver;
use crate::random::Random;
use crate::scripts::engine;

/// One entry of a replica's log.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Logged {
    pub(crate) term: u64,
    pub(crate) entry: Bytes,
}

/// A leader's own state; gone when it learns of a later term, or crashes.
#[derive(Default)]
pub(crate) struct Leader {
    pub(crate) term: u64,
    pub(crate) pending: Vec<(Command, ReplyTo)>,
    pub(crate) waiting: BTreeMap<u64, Vec<ReplyTo>>,
    /// The first entry of its term: once it is applied, the leader knows what it owes.
    pub(crate) first_index: u64,
    pub(crate) driver: Option<Driver>,
}

impl Leader {
    /// Proposes commands in their order; the outcome of the last is the answer.
    pub(crate) fn ask(&mut self, commands: Vec<Command>, reply_to: ReplyTo) {
        let unanswered = commands.into_iter().map(|one| (one, ReplyTo::Nobody));
        self.pending.extend(unanswered);
        if let Some((_, reply)) = self.pending.last_mut() {
            *reply = reply_to;
        }
    }
}

pub(crate) struct Replica {
    pub(crate) shard: Option<Shard>,
    pub(crate) log: Vec<Logged>,
    /// Entries that a crash does not lose.
    pub(crate) flushed: usize,
    pub(crate) committed: usize,
    pub(crate) applied: usize,
    pub(crate) promised: u64,
    pub(crate) leader: Option<Leader>,
}

pub(crate) struct Group {
    pub(crate) identity: ShardIdentity,
    pub(crate) replicas: Vec<Replica>,
}

pub(crate) fn group_id(identity: &ShardIdentity) -> GroupId {
    GroupId(identity.shard.0 + 1)
}

impl Replica {
    pub(crate) fn start(&mut self, identity: ShardIdentity, stores: &MemoryStores) {
        let store = stores.open(group_id(&identity)).unwrap();
        let shard = Shard::open_with(identity, store, engine()).unwrap();
        self.applied = shard.store().committed() as usize;
        assert!(
            self.applied <= self.log.len(),
            "the log has what the store has"
        );
        self.committed = self.applied;
        self.shard = Some(shard);
    }

    /// Loses what was not flushed of the log. The store loses its own part beside.
    pub(crate) fn crash(&mut self, random: &mut Random, lies: bool) {
        self.shard = None;
        self.leader = None;
        let unflushed = (self.log.len() - self.flushed) as u64;
        let mut kept = self.flushed + random.below(unflushed + 1) as usize;
        if lies {
            // A disk whose flush did nothing for the last entries.
            kept = kept.saturating_sub(random.below(4) as usize);
        }
        self.log.truncate(kept);
        self.flushed = self.log.len();
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.shard.is_some()
    }

    fn last(&self) -> (u64, usize) {
        let term = self.log.last().map_or(0, |logged| logged.term);
        (term, self.log.len())
    }

    /// Applies the next entry that is committed and flushed here. Its index, entry and result.
    pub(crate) fn apply_next(&mut self) -> Option<(u64, Entry, Applied)> {
        if self.applied >= self.committed.min(self.flushed) {
            return None;
        }
        let shard = self.shard.as_mut()?;
        let entry = Entry::decode(&self.log[self.applied].entry).unwrap();
        self.applied += 1;
        let index = self.applied as u64;
        let applied = shard.apply(index, &entry).unwrap();
        shard.store_mut().commit(index).unwrap();
        Some((index, entry, applied))
    }
}

impl Group {
    pub(crate) fn new(identity: ShardIdentity, nodes: usize) -> Group {
        let replica = |_| Replica {
            shard: None,
            log: Vec::new(),
            flushed: 0,
            committed: 0,
            applied: 0,
            promised: 0,
            leader: None,
        };
        Group {
            identity,
            replicas: (0..nodes).map(replica).collect(),
        }
    }

    fn quorum(&self) -> usize {
        self.replicas.len() / 2 + 1
    }

    /// The node that leads in the latest term, as far as there is one.
    pub(crate) fn leader(&self) -> Option<usize> {
        let leads = |at: &usize| self.replicas[*at].leader.is_some();
        let term = |at: &usize| self.replicas[*at].leader.as_ref().map(|leader| leader.term);
        (0..self.replicas.len()).filter(leads).max_by_key(term)
    }

    /// Lets `candidate` stand, with the votes of those that it can reach.
    pub(crate) fn elect(&mut self, candidate: usize, reaches: &[bool], stamp: EntryStamp) -> bool {
        if !self.replicas[candidate].is_alive() {
            return false;
        }
        let known = self.replicas.iter().map(|replica| replica.promised).max();
        let term = known.unwrap_or(0) + 1;
        let last = self.replicas[candidate].last();
        let votes: Vec<usize> = (0..self.replicas.len())
            .filter(|at| reaches[*at] && self.replicas[*at].is_alive())
            .filter(|at| self.replicas[*at].last() <= last)
            .collect();
        if votes.len() < self.quorum() || !votes.contains(&candidate) {
            return false;
        }
        for at in votes {
            self.replicas[at].promised = term;
        }
        let replica = &mut self.replicas[candidate];
        replica.leader = Some(Leader {
            term,
            first_index: replica.log.len() as u64 + 1,
            ..Leader::default()
        });
        self.append(candidate, stamp, Vec::new(), Vec::new());
        true
    }

    /// Puts commands into the leader's log as one entry.
    pub(crate) fn append(
        &mut self,
        at: usize,
        stamp: EntryStamp,
        commands: Vec<Command>,
        replies: Vec<ReplyTo>,
    ) {
        let replica = &mut self.replicas[at];
        let Some(leader) = &mut replica.leader else {
            return;
        };
        let entry = Entry { stamp, commands }.encode().unwrap();
        replica.log.push(Logged {
            term: leader.term,
            entry,
        });
        leader.waiting.insert(replica.log.len() as u64, replies);
    }

    /// The leader at `from` brings the log of `to` on, a few entries at a time.
    pub(crate) fn replicate(&mut self, from: usize, to: usize, entries_max: usize) {
        let source = &self.replicas[from];
        let Some(term) = source.leader.as_ref().map(|leader| leader.term) else {
            return;
        };
        if from == to || !self.replicas[to].is_alive() {
            return;
        }
        if self.replicas[to].promised > term {
            // It learns that it was deposed.
            self.replicas[from].leader = None;
            return;
        }
        let committed = source.committed;
        let target = &self.replicas[to].log;
        let common = source.log.iter().zip(target);
        let common = common.take_while(|(left, right)| left.term == right.term);
        let common = common.count();
        let news: Vec<Logged> = source.log[common..]
            .iter()
            .take(entries_max)
            .cloned()
            .collect();
        let target = &mut self.replicas[to];
        target.promised = term;
        if target
            .leader
            .as_ref()
            .is_some_and(|leader| leader.term < term)
        {
            target.leader = None;
        }
        let matching = common + news.len();
        if !news.is_empty() && common < target.log.len() {
            assert!(common >= target.applied, "what is applied is never cut");
            target.log.truncate(common);
            target.flushed = target.flushed.min(common);
        }
        target.log.extend(news);
        target.committed = target.committed.max(committed.min(matching));
    }

    /// Gives a replica that is down the content of one that is further on, as a snapshot, and with
    /// it the log below: both are durable when it comes up.
    pub(crate) fn install_snapshot(&mut self, at: usize, stores: &MemoryStores) {
        let further = |from: &&Replica| from.is_alive() && from.applied > self.replicas[at].flushed;
        let Some(from) = self.replicas.iter().find(further) else {
            return;
        };
        let index = from.applied;
        let content = from.shard.as_ref().unwrap().store();
        let pairs = content.scan(&[], None, usize::MAX).unwrap();
        let log = from.log[..index].to_vec();
        let mut store = stores.open(group_id(&self.identity)).unwrap();
        let mut pairs = pairs.into_iter().map(Ok);
        store.replace(index as u64, &mut pairs).unwrap();
        let replica = &mut self.replicas[at];
        replica.log = log;
        replica.flushed = index;
    }

    pub(crate) fn flush(&mut self, at: usize) {
        let replica = &mut self.replicas[at];
        if replica.is_alive() {
            replica.flushed = replica.log.len();
        }
    }

    /// The leader commits what a quorum that follows it has flushed, if it is of its own term.
    pub(crate) fn commit(&mut self, at: usize) {
        let Some(term) = self.replicas[at].leader.as_ref().map(|leader| leader.term) else {
            return;
        };
        let mut index = self.replicas[at].log.len();
        while index > self.replicas[at].committed {
            let of_term = self.replicas[at].log[index - 1].term == term;
            let holds = |replica: &&Replica| {
                replica.is_alive()
                    && replica.promised == term
                    && replica.flushed >= index
                    && replica.log[index - 1].term == term
            };
            if of_term && self.replicas.iter().filter(holds).count() >= self.quorum() {
                self.replicas[at].committed = index;
                return;
            }
            index -= 1;
        }
    }
}
