//! Tests of commands, with model workers that do what their messages say.

mod activation;
mod agreement;
mod calls;
mod channels;
mod dead_letters;
mod door;
mod ends;
mod history;
mod hosting;
mod lives;
mod pauses;
mod properties;
mod random;
mod reactive;
mod scripts;
mod services;
mod starts;
mod timers;
mod waits;

use std::sync::Arc;

use transport::{
    Address, ClusterId, DoorOrigin, HybridTime, Incarnation, MessageId, Namespace, NodeId, ShardId,
    Stamp,
};

use crate::action::{Action, Applied};
use crate::command::{
    Activate, Command, DoorHeader, DoorSequence, Idempotency, Install, KillRequest, SendRequest,
    StartRequest,
};
use crate::engine::model::{Do, ModelEngine, ModelProgram, ModelRun, ModelWorker};
use crate::entry::{Entry, EntryStamp};
use crate::message::ProgramId;
use crate::outcome::{Outcome, Progress, Receipt, Refusal};
use crate::query;
use crate::shard::{Shard, ShardIdentity};
use crate::store::GroupId;
use crate::store::StoreProvider;
use crate::store::memory::{FlushMode, MemoryStores};

/// One shard with a store in memory, and a clock that the test moves.
pub(super) struct Bench {
    pub(super) shard: Shard,
    pub(super) index: u64,
    pub(super) now_ms: u64,
    pub(super) sequence: u64,
    pub(super) last: Applied,
}

pub(super) fn identity(shard_count: u32) -> ShardIdentity {
    ShardIdentity {
        cluster: ClusterId([7; 16]),
        shard: ShardId(0),
        incarnation: Incarnation(1),
        shard_count,
    }
}

pub(super) fn program() -> ModelProgram {
    let worker = |name: &str, daemon: bool, keyed: bool, restarts: u32| ModelWorker {
        name: name.to_owned(),
        daemon,
        keyed,
        restarts,
        ..ModelWorker::default()
    };
    ModelProgram {
        workers: vec![
            worker("Counter", true, true, 3),
            worker("Daemon", true, false, 2),
            worker("Task", false, false, 0),
        ],
    }
}

pub(super) fn address(text: &str) -> Address {
    Address::parse(Namespace::default(), text).unwrap()
}

impl Bench {
    pub(super) fn empty() -> Bench {
        Bench::of(1)
    }

    /// Shard 0 of so many.
    pub(super) fn of(shard_count: u32) -> Bench {
        let store = MemoryStores::new(FlushMode::EveryUnits(1))
            .open(GroupId(1))
            .unwrap();
        let engine = Arc::new(ModelEngine);
        let mut shard = Shard::open_with(identity(shard_count), store, engine).unwrap();
        shard.observe(true);
        Bench {
            shard,
            index: 0,
            now_ms: 1000,
            sequence: 0,
            last: Applied::default(),
        }
    }

    /// A shard with the model program installed and active.
    pub(super) fn new() -> Bench {
        let mut bench = Bench::empty();
        bench.deploy(&program());
        bench
    }

    pub(super) fn apply(&mut self, commands: Vec<Command>) -> Vec<Outcome> {
        self.index += 1;
        let entry = Entry {
            stamp: EntryStamp {
                time_ms: self.now_ms,
                entropy: [3; 16],
            },
            commands,
        };
        assert_eq!(Entry::decode(&entry.encode().unwrap()).unwrap(), entry);
        self.last = self.shard.apply(self.index, &entry).unwrap();
        self.shard.store_mut().commit(self.index).unwrap();
        self.last.outcomes.clone()
    }

    pub(super) fn one(&mut self, command: Command) -> Outcome {
        self.apply(vec![command]).remove(0)
    }

    pub(super) fn deploy(&mut self, program: &ModelProgram) -> ProgramId {
        let bytes = program.encode();
        let id = ProgramId(*blake3::hash(&bytes).as_bytes());
        let names = program.workers.iter();
        let activate = Activate {
            namespace: Namespace::default(),
            version: self.index + 1,
            names: names.map(|worker| (worker.name.clone(), id)).collect(),
            removed: Vec::new(),
        };
        let install = Install { program: bytes };
        let outcomes = self.apply(vec![Command::Install(install), Command::Activate(activate)]);
        assert_eq!(outcomes, [Outcome::Done, Outcome::Done]);
        id
    }

    pub(super) fn door(&mut self) -> DoorHeader {
        self.sequence += 1;
        door(self.sequence, self.now_ms)
    }

    pub(super) fn send_command(&mut self, to: &str, list: &[Do]) -> Command {
        Command::Send(SendRequest {
            door: self.door(),
            to: address(to),
            from: None,
            body: Do::body(list),
        })
    }

    pub(super) fn send(&mut self, to: &str, list: &[Do]) -> Outcome {
        let command = self.send_command(to, list);
        self.one(command)
    }

    pub(super) fn start(&mut self, to: &str, list: &[Do]) -> Outcome {
        let door = self.door();
        self.one(Command::Start(StartRequest {
            door,
            to: address(to),
            config: Some(Do::body(list)),
            message: None,
        }))
    }

    pub(super) fn kill(&mut self, target: &str) -> Outcome {
        let door = self.door();
        let target = address(target);
        self.one(Command::Kill(KillRequest { door, target }))
    }

    pub(super) fn view(&self, of: &str) -> Option<query::InstanceView> {
        query::instance(self.shard.store(), &address(of)).unwrap()
    }

    pub(super) fn count(&self, of: &str) -> i64 {
        let view = self.view(of).unwrap();
        ModelRun::read(&view.snapshot.unwrap()).unwrap().count
    }

    pub(super) fn status(&self, of: &str) -> &'static str {
        self.view(of).map_or("none", |view| view.status.as_str())
    }

    pub(super) fn dead(&self) -> Vec<String> {
        let letters = query::dead_letters(self.shard.store(), 0, 100).unwrap();
        letters
            .into_iter()
            .map(|(_, letter)| letter.cause.code)
            .collect()
    }

    /// Gives the shard up and opens its store again, as a node does that is started again.
    pub(super) fn reopen(&mut self, engine: Arc<dyn crate::engine::Engine>) {
        let identity = *self.shard.identity();
        let other = MemoryStores::new(FlushMode::EveryUnits(1));
        let other = other.open(GroupId(99)).unwrap();
        let other = Shard::open_with(identity, other, Arc::clone(&engine)).unwrap();
        let store = std::mem::replace(&mut self.shard, other).into_store();
        self.shard = Shard::open_with(identity, store, engine).unwrap();
        self.shard.observe(true);
    }

    /// Moves the clock and fires what is due, as the driver would.
    pub(super) fn pass(&mut self, ms: u64) {
        self.now_ms += ms;
        self.one(Command::TimerFired);
    }

    pub(super) fn timer(&self) -> Option<u64> {
        let timer = |action: &Action| match action {
            Action::Timer { at_ms } => Some(*at_ms),
            _ => None,
        };
        self.last.actions.iter().rev().find_map(timer)
    }
}

pub(super) fn door(sequence: u64, now_ms: u64) -> DoorHeader {
    let origin = DoorSequence {
        node: NodeId(5),
        incarnation: Incarnation(1),
        sequence,
    };
    let id = MessageId::root(&DoorOrigin {
        cluster: ClusterId([7; 16]),
        node: origin.node,
        node_incarnation: origin.incarnation,
        sequence,
    });
    DoorHeader {
        origin,
        stamp: Stamp::root(id, HybridTime::new(now_ms, 0), None),
        idempotency: None,
    }
}

pub(super) fn with_key(mut door: DoorHeader, key: &str, digest: u8) -> DoorHeader {
    door.idempotency = Some(Idempotency {
        key: key.to_owned(),
        digest: [digest; 32],
    });
    door
}

pub(super) fn receipt(outcome: Outcome) -> Receipt {
    match outcome {
        Outcome::Accepted(receipt) => receipt,
        other => panic!("not accepted: {other:?}"),
    }
}

pub(super) fn refusal(outcome: Outcome) -> Refusal {
    match outcome {
        Outcome::Refused(refusal) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}
