//! Measures one shard without log and disk: hops of tokens around a ring of scripted workers, and
//! durable-style adds, each an entry of its own or batched. Prints turns a second.
//!
//! `cargo run --release -p cluster --example hops`

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods
)]

use std::time::Instant;

use cluster::command::{Activate, Command, DoorHeader, DoorSequence, Install, SendRequest};
use cluster::store::memory::{FlushMode, MemoryStores};
use cluster::store::{GroupId, StoreProvider};
use cluster::{Action, Body, Entry, EntryStamp, ProgramId, Shard, ShardIdentity};
use transport::{
    Address, ClusterId, DoorOrigin, HybridTime, Incarnation, MessageId, Namespace, NodeId, ShardId,
    Stamp,
};

const SCRIPT: &str = "
export const Ring = act(self => whileLoop(() => waitFor(m => true, token =>
  whenState(readState(token, t => t.hops > 0),
    send(worker('Ring', readState(token, t => (t.at + 1) % t.size)),
      readState(token, t => ({ at: (t.at + 1) % t.size, size: t.size, hops: t.hops - 1 })))))),
  { daemon: true, key: m => m.at });
export const Counter = act(self => withState(() => 0, count => whileLoop(() =>
  waitFor(m => typeof m.add === 'number', m =>
    modifyState(count, computeState([m], m => n => n + m.add))))), { daemon: true, key: m => m.name });
";

struct Bench {
    shard: Shard,
    index: u64,
    sequence: u64,
}

impl Bench {
    fn apply(&mut self, commands: Vec<Command>) -> Vec<Action> {
        self.index += 1;
        let stamp = EntryStamp {
            time_ms: 1000 + self.index,
            entropy: [1; 16],
        };
        let applied = self.shard.apply(self.index, &Entry { stamp, commands });
        self.shard.store_mut().commit(self.index).unwrap();
        applied.unwrap().actions
    }

    fn send(&mut self, to: &str, json: &str) -> Command {
        self.sequence += 1;
        let origin = DoorSequence {
            node: NodeId(1),
            incarnation: Incarnation(1),
            sequence: self.sequence,
        };
        let id = MessageId::root(&DoorOrigin {
            cluster: ClusterId([1; 16]),
            node: origin.node,
            node_incarnation: origin.incarnation,
            sequence: origin.sequence,
        });
        let data = vm::Data::from_json(json, &vm::Limits::default()).unwrap();
        Command::Send(SendRequest {
            door: DoorHeader {
                origin,
                stamp: Stamp::root(id, HybridTime::new(1000, 0), None),
                idempotency: None,
            },
            to: Address::parse(Namespace::default(), to).unwrap(),
            from: None,
            body: Body::from_data(data),
        })
    }
}

fn bench() -> Bench {
    let identity = ShardIdentity {
        cluster: ClusterId([1; 16]),
        shard: ShardId(0),
        incarnation: Incarnation(1),
        shard_count: 1,
    };
    let stores = MemoryStores::new(FlushMode::EveryUnits(64));
    let shard = Shard::open(identity, stores.open(GroupId(1)).unwrap()).unwrap();
    let mut bench = Bench {
        shard,
        index: 0,
        sequence: 0,
    };
    let source = vm::Source::new("bench.js", SCRIPT);
    let program = vm::compile(&source, &vm::BuildLimits::default());
    let program = program.unwrap().program;
    let id = ProgramId(program.hash().0);
    let names = ["Ring", "Counter"].map(|name| (name.to_owned(), id));
    bench.apply(vec![
        Command::Configure(Box::default()),
        Command::Install(Install {
            program: program.encode().into(),
        }),
        Command::Activate(Activate {
            namespace: Namespace::default(),
            version: 1,
            names: names.to_vec(),
            removed: Vec::new(),
        }),
    ]);
    bench
}

fn hops(workers: u64, tokens: u64, hops: u64) {
    let mut bench = bench();
    let start: Vec<Command> = (0..tokens)
        .map(|token| {
            let at = token * workers / tokens;
            let json = format!(r#"{{"at":{at},"size":{workers},"hops":{hops}}}"#);
            bench.send(&format!("Ring/{at}"), &json)
        })
        .collect();
    let began = Instant::now();
    let mut actions = bench.apply(start);
    let mut entries = 1;
    while actions.contains(&Action::Continue) {
        actions = bench.apply(vec![Command::Continue]);
        entries += 1;
    }
    let turns = tokens * hops;
    let rate = turns as f64 / began.elapsed().as_secs_f64();
    println!(
        "ring of {workers}, {tokens} tokens: {rate:.0} hops/s ({turns} hops, {entries} entries)"
    );
}

fn adds(batch: u64, keys: u64, count: u64) {
    let mut bench = bench();
    let entries: Vec<Vec<Command>> = (0..count / batch)
        .map(|entry| {
            let key = |at: u64| format!("Counter/{}", (entry * batch + at) % keys);
            let send = |at: u64| bench.send(&key(at), r#"{"add":1}"#);
            (0..batch).map(send).collect()
        })
        .collect();
    let began = Instant::now();
    for commands in entries {
        bench.apply(commands);
    }
    let rate = count as f64 / began.elapsed().as_secs_f64();
    println!("{keys} counters, {batch} adds an entry: {rate:.0} adds/s");
}

fn main() {
    hops(1000, 64, 3_000);
    hops(10, 1, 100_000);
    adds(1, 1000, 50_000);
    adds(64, 1000, 200_000);
    adds(64, 1, 200_000);
}
