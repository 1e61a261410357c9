//! The world of one seed: nodes, groups, bus, clients, and one event after another.
//!
//! Before it: the seed. After it: `checks`. Guarantees: one thread, one clock, one source of
//! chance; every event is a line of the trace. Leaves to others: judging what came out.

use std::collections::BTreeMap;

use cluster::cut::{expected, marked};
use cluster::engine::model::{ModelProgram, ModelWorker};
use cluster::limits::ShardLimits;
use cluster::outcome::{Outcome, StateHash};
use cluster::shard::Mutant;
use cluster::store::memory::{FlushMode, MemoryStores};
use cluster::{Command, EntryStamp, Shard, ShardIdentity};
use transport::{Incarnation, Namespace, ShardId};

use crate::backup::Backup;
use crate::bus::{Bus, Packet, ReplyTo, Weather};
use crate::client::{Client, Door};
use crate::driver::{self, Driver};
use crate::group::{Group, group_id};
use crate::random::Random;
use crate::{CLIENTS, CLUSTER, NODES, SHARDS, TRANSFERS};

/// A seeded bug of the world instead of the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    None,
    /// In the core.
    Core(Mutant),
    /// The disks lose what they said was flushed.
    LyingDisk,
    /// Parcels do not bring the cut of the shard that sends them.
    UnmarkedParcels,
    /// Acknowledgements do not bring the cut of the shard that gives them.
    UnmarkedAcknowledgements,
}

pub(crate) struct World {
    pub(crate) random: Random,
    pub(crate) now_ms: u64,
    pub(crate) bus: Bus,
    pub(crate) groups: Vec<Group>,
    pub(crate) stores: Vec<MemoryStores>,
    pub(crate) alive: Vec<bool>,
    pub(crate) doors: Vec<Door>,
    pub(crate) clients: Vec<Client>,
    pub(crate) trace: blake3::Hasher,
    pub(crate) lines: u64,
    pub(crate) bug: Bug,
    /// What the first replica to apply an entry came to.
    pub(crate) agreed: BTreeMap<(u32, u64), (StateHash, Vec<Outcome>)>,
    pub(crate) applied: u64,
    pub(crate) backups: Vec<Backup>,
    skew_ms: Vec<u64>,
    healed: bool,
}

impl World {
    pub(crate) fn new(seed: u64, bug: Bug) -> World {
        let mut random = Random::new(seed);
        let weather = Weather {
            lost_percent: random.below(25),
            repeated_percent: random.below(25),
            delay_ms_max: 1 + random.below(40),
        };
        let identity = |shard: u32| ShardIdentity {
            cluster: CLUSTER,
            shard: ShardId(shard),
            incarnation: Incarnation(1),
            shard_count: SHARDS,
        };
        let stores = || MemoryStores::new(FlushMode::OnDemand);
        let mut world = World {
            now_ms: 1_000_000,
            bus: Bus::new(weather),
            groups: (0..SHARDS)
                .map(|shard| Group::new(identity(shard), NODES))
                .collect(),
            stores: (0..NODES).map(|_| stores()).collect(),
            alive: vec![false; NODES],
            doors: vec![
                Door {
                    incarnation: 0,
                    sequence: 0
                };
                NODES
            ],
            clients: (0..CLIENTS)
                .map(|number| Client::new(number, TRANSFERS))
                .collect(),
            trace: blake3::Hasher::new(),
            lines: 0,
            bug,
            agreed: BTreeMap::new(),
            applied: 0,
            backups: Vec::new(),
            skew_ms: (0..NODES).map(|_| random.below(200)).collect(),
            healed: false,
            random,
        };
        (0..NODES).for_each(|node| world.start(node));
        world.deploy();
        world
    }

    pub(crate) fn say(&mut self, line: &str) {
        self.lines += 1;
        self.trace.update(line.as_bytes());
        self.trace.update(b"\n");
        if std::env::var_os("TROUPE_SIMULATION_TRACE").is_some() {
            println!("{:>8} {line}", self.now_ms);
        }
    }

    /// One thing happens.
    pub(crate) fn step(&mut self) {
        self.now_ms += self.random.below(4);
        match self.random.below(100) {
            0..=24 => self.receive(),
            25..=39 => self.client(),
            40..=54 => self.lead(),
            55..=69 => self.replicate(),
            70..=79 => self.flush(),
            80..=92 => self.apply(),
            93..=95 => self.flush_store(),
            _ => self.trouble(),
        }
    }

    fn trouble(&mut self) {
        if self.healed {
            self.ask_for_cuts();
            return self.elect_where_nobody_leads();
        }
        let node = self.random.below(NODES as u64) as usize;
        match self.random.below(20) {
            0 => self.crash(node),
            1..=4 if !self.alive[node] => self.start(node),
            5 => self.elect(),
            6 => self.begin_backup(),
            7..=9 => self.ask_for_cuts(),
            _ => self.elect_where_nobody_leads(),
        }
    }

    pub(crate) fn heal(&mut self) {
        self.say("heal");
        self.healed = true;
        self.bus.weather = Weather {
            lost_percent: 0,
            repeated_percent: 5,
            delay_ms_max: 10,
        };
        for node in 0..NODES {
            if !self.alive[node] {
                self.start(node);
            }
        }
    }

    fn start(&mut self, node: usize) {
        self.say(&format!("start {node}"));
        self.alive[node] = true;
        self.doors[node].incarnation += 1;
        self.doors[node].sequence = 0;
        for group in &mut self.groups {
            if self.random.percent(30) {
                group.install_snapshot(node, &self.stores[node]);
            }
            let (identity, replica) = (group.identity, &mut group.replicas[node]);
            replica.start(identity, &self.stores[node]);
            if let Some(shard) = &mut replica.shard {
                // A few of them.
                shard.keep_hot(8 << 10);
                seed_bug(shard, self.bug, node);
            }
        }
    }

    fn crash(&mut self, node: usize) {
        let up = self.alive.iter().filter(|alive| **alive).count();
        if !self.alive[node] || up <= NODES / 2 {
            return;
        }
        self.say(&format!("crash {node}"));
        self.alive[node] = false;
        let lies = self.bug == Bug::LyingDisk;
        let seed = self.random.next();
        for group in &mut self.groups {
            group.replicas[node].crash(&mut self.random, lies);
        }
        self.stores[node].crash(seed);
        // What its door had in hand is gone with it.
        for client in &mut self.clients {
            if client.door == node && client.current.is_some() {
                client.give_up(&mut self.random, &mut self.doors, self.now_ms);
            }
        }
    }

    fn stamp(&mut self, node: usize) -> EntryStamp {
        EntryStamp {
            time_ms: self.now_ms + self.skew_ms[node],
            entropy: self.random.bytes(),
        }
    }

    fn elect(&mut self) {
        let shard = self.random.below(u64::from(SHARDS)) as usize;
        let node = self.random.below(NODES as u64) as usize;
        let reaches: Vec<bool> = (0..NODES)
            .map(|at| at == node || self.random.percent(85))
            .collect();
        let stamp = self.stamp(node);
        if self.groups[shard].elect(node, &reaches, stamp) {
            self.say(&format!("elect {shard} {node}"));
        }
    }

    fn elect_where_nobody_leads(&mut self) {
        for shard in 0..self.groups.len() {
            if self.groups[shard].leader().is_none() {
                let node = self.random.below(NODES as u64) as usize;
                let stamp = self.stamp(node);
                if self.groups[shard].elect(node, &[true; NODES], stamp) {
                    self.say(&format!("elect {shard} {node}"));
                }
            }
        }
    }

    fn client(&mut self) {
        let at = self.random.below(CLIENTS as u64) as usize;
        let (random, doors) = (&mut self.random, &mut self.doors);
        let client = &mut self.clients[at];
        match &mut client.current {
            None if client.left > 0 => client.begin(random, doors, self.now_ms),
            None => {}
            Some(current) if current.gives_up_ms <= self.now_ms => {
                client.give_up(random, doors, self.now_ms);
            }
            Some(current) if current.again_ms <= self.now_ms => {
                current.again_ms = self.now_ms + 20 + random.below(60);
                let packet = Packet::Ask {
                    shard: crate::client::home(&current.transfer.to),
                    node: random.below(NODES as u64) as usize,
                    commands: vec![current.command.clone()],
                    reply_to: ReplyTo::Door {
                        client: at,
                        request: current.request,
                    },
                };
                let line = format!("client {at} asks {}", current.transfer.tag);
                self.bus.send(random, self.now_ms, &packet);
                self.say(&line);
            }
            Some(_) => {}
        }
    }

    fn receive(&mut self) {
        let Some(packet) = self.bus.receive(self.now_ms) else {
            return;
        };
        match packet {
            Packet::Ask {
                shard,
                node,
                commands,
                reply_to,
            } => {
                let replica = &mut self.groups[shard as usize].replicas[node];
                match &mut replica.leader {
                    Some(leader) if leader.pending.len() < 64 => leader.ask(commands, reply_to),
                    _ => self.answer(reply_to, None),
                }
            }
            Packet::Answer { to, outcome } => self.answered(to, outcome),
        }
    }

    fn answer(&mut self, to: ReplyTo, outcome: Option<Outcome>) {
        if !matches!(to, ReplyTo::Nobody) {
            let packet = Packet::Answer { to, outcome };
            self.bus.send(&mut self.random, self.now_ms, &packet);
        }
    }

    fn answered(&mut self, to: ReplyTo, outcome: Option<Outcome>) {
        match (to, outcome) {
            (ReplyTo::Door { client, request }, outcome) => {
                self.clients[client].answered(request, outcome);
            }
            (
                ReplyTo::Channel {
                    source,
                    node,
                    target,
                },
                Some(outcome),
            ) => {
                let Some((next, cut)) = expected(&[outcome]) else {
                    return;
                };
                let replica = &mut self.groups[source as usize].replicas[node];
                if let Some(leader) = &mut replica.leader {
                    let marks = self.bug != Bug::UnmarkedAcknowledgements;
                    let acked = driver::acked(target, Incarnation(1), next);
                    leader.ask(marked(if marks { cut } else { 0 }, acked), ReplyTo::Nobody);
                }
            }
            _ => {}
        }
    }

    /// A leader proposes what came, and its driver does what is owed.
    fn lead(&mut self) {
        let shard = self.random.below(u64::from(SHARDS)) as usize;
        let leads = |at: &usize| self.groups[shard].replicas[*at].leader.is_some();
        let leaders: Vec<usize> = (0..NODES).filter(leads).collect();
        if leaders.is_empty() {
            return;
        }
        let node = self.random.pick(&leaders);
        let stamp = self.stamp(node);
        let renew = self.random.percent(10);
        let replica = &mut self.groups[shard].replicas[node];
        let (Some(leader), Some(core)) = (&mut replica.leader, &mut replica.shard) else {
            return;
        };
        if (leader.driver.is_none() && replica.applied as u64 >= leader.first_index)
            || (leader.driver.is_some() && renew)
        {
            let mut fresh = Driver::default();
            fresh.take(core.rebuild_actions().unwrap());
            leader.driver = Some(fresh);
        }
        let mut commands = Vec::new();
        let mut replies = Vec::new();
        let taken = 1 + self.random.below(8) as usize;
        for (command, reply) in leader.pending.drain(..taken.min(leader.pending.len())) {
            commands.push(command);
            replies.push(reply);
        }
        let silent_percent = if self.healed { 10 } else { 60 };
        if let Some(driver) = &mut leader.driver {
            let due = driver.due(stamp.time_ms);
            let answers = driver.answers(&mut self.random, silent_percent);
            for command in due.into_iter().chain(answers) {
                commands.push(command);
                replies.push(ReplyTo::Nobody);
            }
            let from = (shard as u32, node);
            let marks = self.bug != Bug::UnmarkedParcels;
            for packet in driver.packets(&mut self.random, from, NODES, marks) {
                self.bus.send(&mut self.random, self.now_ms, &packet);
            }
        }
        if !commands.is_empty() {
            self.groups[shard].append(node, stamp, commands, replies);
            self.say(&format!("append {shard} {node}"));
        }
    }

    fn replicate(&mut self) {
        let shard = self.random.below(u64::from(SHARDS)) as usize;
        let from = self.random.below(NODES as u64) as usize;
        let to = self.random.below(NODES as u64) as usize;
        let entries_max = 1 + self.random.below(6) as usize;
        let group = &mut self.groups[shard];
        group.replicate(from, to, entries_max);
        (0..NODES).for_each(|node| group.commit(node));
    }

    fn flush(&mut self) {
        let shard = self.random.below(u64::from(SHARDS)) as usize;
        let node = self.random.below(NODES as u64) as usize;
        let group = &mut self.groups[shard];
        group.flush(node);
        (0..NODES).for_each(|node| group.commit(node));
    }

    fn flush_store(&mut self) {
        let shard = self.random.below(u64::from(SHARDS)) as usize;
        let node = self.random.below(NODES as u64) as usize;
        let group = &self.groups[shard];
        let up_to = self.random.below(group.replicas[node].applied as u64 + 1);
        self.stores[node].flush_up_to(group_id(&group.identity), up_to);
    }

    fn apply(&mut self) {
        let shard = self.random.below(u64::from(SHARDS)) as usize;
        let node = self.random.below(NODES as u64) as usize;
        for _ in 0..1 + self.random.below(6) {
            let replica = &mut self.groups[shard].replicas[node];
            let Some((index, _, applied)) = replica.apply_next() else {
                return;
            };
            self.applied += 1;
            let hash = replica.shard.as_ref().unwrap().state_hash();
            let mut replies = Vec::new();
            if let Some(leader) = &mut replica.leader {
                replies = leader.waiting.remove(&index).unwrap_or_default();
                if let Some(driver) = &mut leader.driver {
                    driver.take(applied.actions);
                }
            }
            let outcomes = applied.outcomes;
            for (reply, outcome) in replies.into_iter().zip(&outcomes) {
                self.answer(reply, Some(outcome.clone()));
            }
            self.say(&format!("apply {shard} {node} {index} {hash}"));
            let key = (shard as u32, index);
            let agreed = self
                .agreed
                .entry(key)
                .or_insert_with(|| (hash, outcomes.clone()));
            assert_eq!(
                *agreed,
                (hash, outcomes),
                "replicas of shard {shard} differ after entry {index} (node {node})"
            );
        }
    }

    fn deploy(&mut self) {
        let program = ModelProgram {
            workers: vec![ModelWorker {
                name: "Counter".to_owned(),
                daemon: true,
                keyed: true,
                restarts: 1_000,
                ..ModelWorker::default()
            }],
        };
        let bytes = program.encode();
        let id = cluster::ProgramId(*blake3::hash(&bytes).as_bytes());
        let limits = ShardLimits {
            command_instructions: 3000,
            door_window: 64,
            service_backoff_max_ms: 500,
            ..ShardLimits::default()
        };
        let activate = cluster::command::Activate {
            namespace: Namespace::default(),
            version: 1,
            names: vec![("Counter".to_owned(), id)],
            removed: Vec::new(),
        };
        let install = cluster::command::Install { program: bytes };
        for shard in 0..self.groups.len() {
            let stamp = self.stamp(0);
            let group = &mut self.groups[shard];
            assert!(group.elect(0, &[true; NODES], stamp), "all are up");
            let mut commands = vec![
                Command::Configure(Box::new(limits.clone())),
                Command::Install(install.clone()),
                Command::Activate(activate.clone()),
            ];
            commands.extend(crate::scripts::deploy());
            let replies = vec![ReplyTo::Nobody; commands.len()];
            group.append(0, stamp, commands, replies);
            (0..NODES).for_each(|node| group.replicate(0, node, 10));
            (0..NODES).for_each(|node| group.flush(node));
            group.commit(0);
        }
    }

    /// Whether nothing is left to do anywhere.
    pub(crate) fn is_quiet(&self) -> bool {
        let settled = |group: &Group| {
            let Some(leader) = group.leader() else {
                return false;
            };
            let leader = &group.replicas[leader];
            let empty = |leader: &crate::group::Leader| {
                leader.pending.is_empty() && leader.driver.is_some()
            };
            leader.leader.as_ref().is_some_and(empty)
                && group.replicas.iter().all(|replica| {
                    replica.applied == leader.log.len() && replica.log.len() == leader.log.len()
                })
                && leader
                    .shard
                    .as_ref()
                    .is_some_and(|shard| shard.rebuild_actions().is_ok_and(|owed| owed.is_empty()))
        };
        self.bus.is_empty()
            && self.is_cut_everywhere()
            && self.clients.iter().all(Client::is_idle)
            && self.groups.iter().all(settled)
    }
}

fn seed_bug(shard: &mut Shard, bug: Bug, node: usize) {
    let mutant = match bug {
        Bug::Core(Mutant::ForeignEntropy(_)) => Some(Mutant::ForeignEntropy(node as u8)),
        Bug::Core(mutant) => Some(mutant),
        _ => None,
    };
    shard.mutate(mutant);
}
