//! The world of one run: machines, network, clients and faults, stepped by the millisecond from one seed. `main`
//! comes before it. Guarantees: nothing moves but in `step`; a panic of a node that is not about to stop fails
//! the run. Left to others: what a step of each does, and the checks at the end.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use cluster::{SystemCommand, SystemState};
use cluster_raft::Groups;
use std::sync::Arc;
use tests::random::Random;
use tokio::sync::oneshot;
use transport::{NodeId, ShardId};

use crate::backup::Backups;
use crate::bug::Bug;
use crate::checks;
use crate::client::{Client, Known};
use crate::disk::Lie;
use crate::faults::Faults;
use crate::machine::Machine;
use crate::network::Network;
use crate::operator::{self, Operator};
use crate::program;
use crate::trace::Trace;
use crate::{CLIENTS, NODES, SHARDS};

/// Adds of each client.
const ADDS: u64 = 30;
/// How long things go wrong.
const TROUBLED_MS: u64 = 8_000;
/// How long the healed cluster may take for anything.
const PATIENCE_MS: u64 = 60_000;

/// Panics of this process, as the hook notes them.
pub(crate) static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

pub(crate) struct World {
    pub(crate) trace: Trace,
    pub(crate) machines: Vec<Machine>,
    pub(crate) clients: Vec<Client>,
    known: Known,
    faults: Faults,
    operator: Operator,
    pub(crate) backups: Backups,
    network: Network,
    random: Random,
    leads: BTreeMap<(usize, ShardId), bool>,
    now_ms: u64,
    /// When a machine more than the founders comes, where one does.
    joins_ms: Option<u64>,
    mode: Mode,
    bug: Bug,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Calm,
    Troubled,
    Healed,
    Restored,
}

impl World {
    pub(crate) fn new(seed: u64, bug: Bug) -> Self {
        let mut seeds = Random::new(seed);
        let mut random = || Random::new(seeds.bits());
        let trace = Trace::new();
        let network = Network::new(trace.clone(), random());
        let mut own = random();
        let joins = own.below(3) == 0;
        let count = NODES + usize::from(joins);
        let machine =
            |number| Machine::new(number, random(), bug.lie(), network.clone(), trace.clone());
        let machines: Vec<Machine> = (0..count).map(machine).collect();
        let mut random = || Random::new(own.bits());
        let client = |number| Client::new(number, random(), ADDS, trace.clone());
        let clients = (1..=CLIENTS).map(client).collect();
        let disorder = bug == Bug::StoreDisorder;
        let faults = Faults::new(random(), network.clone(), trace.clone(), count, disorder);
        let operator = Operator::new(random(), trace.clone());
        let backups = Backups::new(random(), trace.clone());
        Self {
            trace,
            machines,
            clients,
            known: Known::default(),
            faults,
            operator,
            backups,
            network,
            random: random(),
            leads: BTreeMap::new(),
            now_ms: 0,
            joins_ms: None,
            mode: Mode::Calm,
            bug,
        }
    }

    /// One node, of a cluster that is restored from a backup, once it serves. Nothing goes wrong any more.
    pub(crate) fn restored(file: &[u8]) -> Self {
        let trace = Trace::apart();
        let random = || Random::new(1);
        let network = Network::new(trace.clone(), random());
        let mut machine = Machine::new(0, random(), Lie::None, network.clone(), trace.clone());
        machine.restore(file);
        machine.start();
        let faults = Faults::new(random(), network.clone(), trace.clone(), 1, false);
        let mut world = Self {
            machines: vec![machine],
            clients: Vec::new(),
            known: Known::default(),
            faults,
            operator: Operator::new(random(), trace.clone()),
            backups: Backups::new(random(), trace.clone()),
            network,
            random: random(),
            leads: BTreeMap::new(),
            now_ms: 0,
            joins_ms: None,
            mode: Mode::Restored,
            bug: Bug::None,
            trace,
        };
        world.until("what was restored serves", |world| {
            let groups = world.machines[0].groups();
            groups.is_some_and(|groups| groups.is_ready())
        });
        world
    }

    /// Everything up to the checks.
    pub(crate) fn run(&mut self) {
        (0..NODES).for_each(|at| self.machines[at].start());
        self.until("the cluster begins", |world| {
            world.machines[..NODES]
                .iter()
                .all(|machine| machine.groups().is_some_and(|groups| groups.is_ready()))
        });
        self.deploy();
        self.mode = Mode::Troubled;
        self.faults.begin();
        let end_ms = self.now_ms + TROUBLED_MS;
        self.joins_ms = Some(self.now_ms + self.random.below(4_000) as u64);
        while self.now_ms < end_ms {
            self.step();
        }
        self.mode = Mode::Healed;
        self.faults.heal(self.now_ms, &mut self.machines);
        self.until("every client is done", |world| {
            world.clients.iter().all(Client::is_done)
        });
        self.ask_until_done(operator::calm);
        if self.operator.recovers {
            // Only what one node had would be left, so all have to have the same.
            checks::equal_replicas(self);
            let from = self.machines[0].groups().map(|groups| groups.local());
            let from = NodeId(from.expect("all is well"));
            self.trace.say(format_args!("goes on from {from}"));
            self.ask_until_done(move |state| operator::recover(state, from));
        }
    }

    /// Asks the system group for what follows from its state, until it has taken it.
    fn ask_until_done(&mut self, wishes: impl Fn(&SystemState) -> Vec<SystemCommand>) {
        for attempt in 0..100 {
            let at = attempt % self.machines.len();
            let Some(groups) = self.machines[at].groups() else {
                self.step();
                continue;
            };
            let commands = wishes(&groups.system().borrow());
            if commands.is_empty() {
                return;
            }
            let patience = Duration::from_secs(5);
            let done = self.ask(at, move |groups| async move {
                groups.propose_system(commands, patience).await
            });
            if matches!(done, Some(Ok(_))) {
                return;
            }
        }
        panic!("the system group takes nothing");
    }

    pub(crate) fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let end_ms = self.now_ms + PATIENCE_MS;
        while !holds(self) {
            assert!(self.now_ms < end_ms, "never: {what}");
            self.step();
        }
    }

    fn step(&mut self) {
        self.now_ms += 1;
        self.trace.set_now_ms(self.now_ms);
        self.network.set_now_ms(self.now_ms);
        match self.mode {
            Mode::Calm => {}
            Mode::Troubled => {
                self.faults.step(self.now_ms, &mut self.machines);
                self.operator.step(&self.machines);
            }
            Mode::Healed | Mode::Restored => {
                self.faults.step_healed(self.now_ms, &mut self.machines);
            }
        }
        if self.joins_ms.is_some_and(|at_ms| at_ms <= self.now_ms) {
            self.joins_ms = None;
            self.machines[NODES..].iter_mut().for_each(Machine::start);
        }
        let first = self.random.below(self.machines.len());
        for at in 0..self.machines.len() {
            let at = (first + at) % self.machines.len();
            self.step_machine(at);
        }
        if matches!(self.mode, Mode::Troubled | Mode::Healed) {
            self.backups.step(&self.machines, &self.clients);
        }
        if self.mode != Mode::Calm {
            for client in &mut self.clients {
                client.step(self.now_ms, &mut self.machines, &mut self.known);
            }
        }
        self.watch_leads();
    }

    fn step_machine(&mut self, at: usize) {
        self.bug.apply(at);
        let machine = &mut self.machines[at];
        machine.step(self.now_ms);
        let is_doomed = machine
            .life
            .as_ref()
            .is_some_and(|life| life.fate.is_doomed());
        let panics = std::mem::take(&mut *PANICS.lock().unwrap());
        // A node whose disks are gone may do what it likes.
        assert!(
            panics.is_empty() || is_doomed,
            "machine {at} panicked: {panics:?}"
        );
        if is_doomed {
            self.faults.bury(machine);
        }
    }

    fn watch_leads(&mut self) {
        for machine in &self.machines {
            let groups = machine.groups();
            for shard in (0..SHARDS).map(ShardId) {
                let now = groups.as_ref().is_some_and(|groups| groups.leads(shard));
                let key = (machine.number, shard);
                if self.leads.insert(key, now).unwrap_or_default() != now {
                    let number = machine.number;
                    self.trace.say(format_args!("leads {number} {shard} {now}"));
                }
            }
        }
    }

    fn deploy(&mut self) {
        let known = self.ask(0, |groups| async move {
            let commands = program::deploy_to_system();
            let patience = Duration::from_secs(20);
            groups.propose_system(commands, patience).await
        });
        let known = known.expect("nothing goes wrong yet");
        assert!(known.is_ok(), "the script is known: {known:?}");
        for shard in (0..SHARDS).map(ShardId) {
            let done = self.ask(0, move |groups| async move {
                let commands = program::deploy();
                groups
                    .submit(shard, commands, Duration::from_secs(20))
                    .await
            });
            let done = done.expect("nothing goes wrong yet");
            assert!(done.is_ok(), "the script is deployed: {done:?}");
        }
    }

    /// Runs something at a node, and the world until it is done; nothing where the node is not up or stops.
    pub(crate) fn ask<T, F>(&mut self, at: usize, work: impl FnOnce(Arc<Groups>) -> F) -> Option<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let machine = &self.machines[at];
        let (groups, life) = (machine.groups()?, machine.life.as_ref()?);
        let (sender, mut answer) = oneshot::channel();
        let work = work(groups);
        life.runtime.spawn(async move {
            // The world waits for it.
            let _ = sender.send(work.await);
        });
        let end_ms = self.now_ms + PATIENCE_MS;
        loop {
            match answer.try_recv() {
                Ok(answer) => return Some(answer),
                Err(oneshot::error::TryRecvError::Closed) => return None,
                Err(oneshot::error::TryRecvError::Empty) => {}
            }
            assert!(self.now_ms < end_ms, "a node answers nothing");
            self.step();
        }
    }
}
