//! Measures shards without log and disk: hops of tokens around a ring of scripted workers, inside one
//! shard or across several, durable-style adds, each an entry of its own or batched, and how fast the
//! history of a worker is read and run again. Prints turns a second, and the bytes of all that was written for one.
//!
//! `cargo run --release -p cluster --example hops -- [inside|across|adds|replay] [TIMES]`

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_types,
    clippy::disallowed_methods
)]

use std::time::{Duration, Instant};

use bytes::Bytes;
use cluster::action::ChannelBatch;
use cluster::command::{
    Activate, ChannelAcked, Command, Deliver, DoorHeader, DoorSequence, Install, SendRequest,
};
use cluster::engine::script::ScriptEngine;
use cluster::limits::ShardLimits;
use cluster::query;
use cluster::replay::Replay;
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
const book = (a, m) => ({ ...a, balance: a.balance + m.amount, entries: a.entries + 1,
  last: [...a.last, { id: m.id, amount: m.amount, at: m.at }].slice(-10),
  byKind: { ...a.byKind, [m.kind]: (a.byKind[m.kind] ?? 0) + m.amount } });
export const Account = act(() => withState(() => ({ owner: { name: 'Ada', country: 'GB' }, currency: 'EUR',
  balance: 0, entries: 0, limit: 5000, status: 'active', last: [], byKind: {} }), account => whileLoop(() =>
  waitFor(m => m.type === 'BOOK', m => sequence([
    modifyState(account, computeState([m], m => a => book(a, m))),
    send(worker('Audit'), computeState([account, m], (a, m) => ({ type: 'BOOKED', id: m.id, balance: a.balance })))])))),
  { daemon: true, key: m => m.account });
";
/// The one life of all shards.
const LIFE: Incarnation = Incarnation(1);
/// Acknowledgements of a channel come once in so many rounds.
const ACKNOWLEDGE_EVERY: u64 = 100;

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
        // As in the log: encoded once, read by every replica.
        let entry = Entry { stamp, commands }.encode().unwrap();
        let entry = Entry::decode(&entry).unwrap();
        let applied = self.shard.apply(self.index, &entry);
        self.shard.store_mut().commit(self.index).unwrap();
        applied.unwrap().actions
    }

    /// Bytes of keys and values that all entries so far have written, also of what was written again.
    fn written(&self) -> u64 {
        self.shard.store().unflushed_bytes()
    }

    fn send(&mut self, to: &str, json: &str) -> Command {
        self.sequence += 1;
        let origin = DoorSequence {
            node: NodeId(1),
            incarnation: LIFE,
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

fn program() -> (ProgramId, Bytes) {
    let source = vm::Source::new("bench.js", SCRIPT);
    let compiled = vm::compile(&source, &vm::BuildLimits::default()).unwrap();
    let id = ProgramId(compiled.program.hash().0);
    (id, compiled.program.encode().into())
}

fn bench(shard: u32, shard_count: u32) -> Bench {
    let identity = ShardIdentity {
        cluster: ClusterId([1; 16]),
        shard: ShardId(shard),
        incarnation: LIFE,
        shard_count,
    };
    let stores = MemoryStores::new(FlushMode::OnDemand);
    let shard = Shard::open(identity, stores.open(GroupId(1)).unwrap()).unwrap();
    let mut bench = Bench {
        shard,
        index: 0,
        sequence: 0,
    };
    let (id, program) = program();
    let names = ["Ring", "Counter", "Account"].map(|name| (name.to_owned(), id));
    bench.apply(vec![
        Command::Configure(Box::default()),
        Command::Install(Install { program }),
        Command::Activate(Activate {
            namespace: Namespace::default(),
            version: 1,
            names: names.to_vec(),
            removed: Vec::new(),
        }),
    ]);
    bench
}

fn token(bench: &mut Bench, at: u64, workers: u64, hops: u64) -> Command {
    let json = format!(r#"{{"at":{at},"size":{workers},"hops":{hops}}}"#);
    bench.send(&format!("Ring/{at}"), &json)
}

fn inside(workers: u64, tokens: u64, hops: u64) {
    let mut bench = bench(0, 1);
    let start: Vec<Command> = (0..tokens)
        .map(|number| token(&mut bench, number * workers / tokens, workers, hops))
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
    let bytes = bench.written() / turns;
    println!(
        "ring of {workers}, {tokens} tokens: {rate:.0} hops/s ({turns} hops, {entries} entries), {bytes} bytes each"
    );
}

/// Rounds: in each, every shard takes in one entry what the others sent it in the round before.
fn across(shards: u32, workers: u64, tokens: u64, hops: u64) {
    let mut benches: Vec<Bench> = (0..shards).map(|shard| bench(shard, shards)).collect();
    let mut waiting: Vec<Vec<Command>> = vec![Vec::new(); shards as usize];
    for number in 0..tokens {
        let at = number * workers / tokens;
        let to = Address::parse(Namespace::default(), &format!("Ring/{at}")).unwrap();
        let home = cluster::shard_of(&to, shards).0 as usize;
        let command = token(&mut benches[home], at, workers, hops);
        waiting[home].push(command);
    }
    let began = Instant::now();
    let (mut entries, mut round) = (0, 0);
    while waiting.iter().any(|commands| !commands.is_empty()) {
        round += 1;
        let taken: Vec<_> = waiting.iter_mut().map(std::mem::take).collect();
        for (source, commands) in taken.into_iter().enumerate() {
            if commands.is_empty() {
                continue;
            }
            entries += 1;
            for action in benches[source].apply(commands) {
                if let Action::Send(batch) = action {
                    let (target, source) = (batch.target.0 as usize, ShardId(source as u32));
                    if round % ACKNOWLEDGE_EVERY == 0 {
                        waiting[source.0 as usize].push(acknowledged(&batch));
                    }
                    waiting[target].push(deliver(source, batch));
                }
            }
        }
    }
    let turns = tokens * hops;
    let rate = turns as f64 / began.elapsed().as_secs_f64();
    let bytes = benches.iter().map(Bench::written).sum::<u64>() / turns;
    println!(
        "ring of {workers} over {shards} shards, {tokens} tokens: {rate:.0} hops/s ({turns} hops, {entries} entries), \
         {bytes} bytes each"
    );
}

fn deliver(source: ShardId, batch: ChannelBatch) -> Command {
    Command::Deliver(Deliver {
        source,
        source_incarnation: LIFE,
        target_incarnation: batch.target_incarnation,
        first: batch.first,
        parcels: batch.parcels,
    })
}

fn acknowledged(batch: &ChannelBatch) -> Command {
    Command::ChannelAcked(ChannelAcked {
        target: batch.target,
        target_incarnation: batch.target_incarnation,
        through: batch.first - 1,
    })
}

fn adds(batch: u64, keys: u64, count: u64) {
    let mut bench = bench(0, 1);
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
    let bytes = bench.written() / count;
    println!("{keys} counters, {batch} adds an entry: {rate:.0} adds/s, {bytes} bytes each");
}

/// Fills the history of an account, then reads it page by page and runs it again, as the door does.
fn replay(count: u64) {
    const PAGE: usize = 500;
    let mut bench = bench(0, 1);
    let limits = ShardLimits {
        history_steps: u64::MAX,
        ..ShardLimits::default()
    };
    bench.apply(vec![Command::Configure(Box::new(limits))]);
    for at in 0..count / 64 {
        let json = format!(
            r#"{{"type":"BOOK","account":"a","id":"t-{at}","kind":"card","amount":12.5,"at":946684800000}}"#
        );
        let sends = (0..64).map(|_| bench.send("Account/a", &json)).collect();
        bench.apply(sends);
    }
    let address = Address::parse(Namespace::default(), "Account/a").unwrap();
    let mut replay = Replay::new(&ScriptEngine, address.clone(), vm::Limits::default());
    let (program, bytes) = program();
    replay.add_program(program, &bytes).unwrap();
    let began = Instant::now();
    let (mut from, mut reading) = (0, Duration::ZERO);
    loop {
        let page_began = Instant::now();
        let page = query::history(bench.shard.store(), &address, from, PAGE).unwrap();
        reading += page_began.elapsed();
        let Some((last, _)) = page.last() else { break };
        from = last + 1;
        for (step, record) in &page {
            replay.step(*step, record).unwrap();
        }
    }
    let took = began.elapsed();
    let replayed = replay.replayed();
    assert_eq!(replayed.first_difference, None);
    let rate = replayed.turns as f64 / took.as_secs_f64();
    let share = 100.0 * reading.as_secs_f64() / took.as_secs_f64();
    println!(
        "{} turns of an account from history: {rate:.0}/s, reading was {share:.0} % of it",
        replayed.turns
    );
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |work: &str| arguments.first().is_none_or(|named| named == work);
    let times = arguments.get(1).map_or(100, |times| times.parse().unwrap());
    if wanted("inside") {
        inside(1000, 64, 30 * times);
        inside(10, 1, 1000 * times);
    }
    if wanted("across") {
        across(16, 1000, 64, 30 * times);
    }
    if wanted("adds") {
        adds(1, 1000, 500 * times);
        adds(64, 1000, 2000 * times);
        adds(64, 1, 2000 * times);
    }
    if wanted("replay") {
        replay(1000 * times);
    }
}
