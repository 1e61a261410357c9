//! Measures one shard of real workers on the store on disk: what a message costs as workers, messages to
//! one worker and waiting messages grow, what the hash of the state costs, memory, files, opening.
//!
//! Before it: a person with a question about growth, who gives a folder on the disk in question.
//! After it: tables on standard output. Leaves to others: the log, other nodes, HTTP (`troupe bench`).
//!
//! `cargo run --release -p cluster-store --example shard_bench -- [FOLDER] [WORKERS…]`

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::ensure;
use cluster::command::{Activate, DoorHeader, DoorSequence, Install, SendRequest};
use cluster::store::conformance::Random;
use cluster::store::{GroupId, StoreProvider};
use cluster::{Body, Command, Entry, EntryStamp, Outcome, ProgramId, Shard, ShardIdentity, query};
use cluster_store::{DiskSettings, DiskStores};
use transport::{
    Address, ClusterId, DoorOrigin, HybridTime, Incarnation, MessageId, Namespace, NodeId, ShardId,
    Stamp,
};

/// A counter, and a worker that takes no message for a long time.
const SCRIPT: &str = "
export const Counter = act(self => withState(() => 0, count => whileLoop(() =>
  waitFor(m => true, m => modifyState(count, computeState([m], m => n => n + m))))), { daemon: true, key: m => 'a' });
export const Busy = act(self => whileLoop(() => delay(1000000000)), { daemon: true, key: m => 'a' });
";
/// Messages that share an entry.
const BATCH: u64 = 64;
/// Messages to workers that are there, for each number of workers.
const AGAIN: u64 = 50_000;
/// Memory for decoded workers: what one of 16 shards has of a node's 256 MiB.
const WORKER_BYTES: usize = 16 << 20;

struct Bench {
    folder: PathBuf,
    stores: DiskStores,
    shard: Option<Shard>,
    index: u64,
    sequence: u64,
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = match arguments.next() {
        Some(folder) => tempfile::TempDir::new_in(folder)?,
        None => tempfile::TempDir::new()?,
    };
    let numbers: Result<Vec<u64>, _> = arguments.map(|number| number.parse()).collect();
    let mut numbers = numbers?;
    if numbers.is_empty() {
        numbers = vec![1_000, 10_000, 100_000, 1_000_000];
    }
    workers(&folder.path().join("workers"), &numbers)?;
    messages(&folder.path().join("messages"), &numbers)?;
    waiting(&folder.path().join("waiting"))
}

/// More and more workers.
fn workers(folder: &Path, numbers: &[u64]) -> anyhow::Result<()> {
    println!(
        "workers  new us  again us  hash us  memory MiB  decoded MiB  files MiB  opens ms  memory then"
    );
    let mut bench = Bench::open(folder)?;
    bench.deploy()?;
    let mut made = 0;
    for &number in numbers {
        let new = bench.add(made..number)?;
        let mut random = Random::new(number);
        let again = bench.add((0..AGAIN).map(|_| random.below(number)))?;
        let hash = bench.hash();
        bench.flush()?;
        let (memory, decoded) = (resident_mib(), mib(bench.shard().hot_bytes() as u64));
        let files = mib(bench.stores.stats().disk_bytes);
        let opening;
        (bench, opening) = bench.reopen()?;
        println!(
            "{number:7} {:7.1} {:9.1} {:8.1} {memory:11.0} {decoded:12.1} {files:10.0} {:9.1} {:12.0}",
            each(new, number - made),
            each(again, AGAIN),
            hash.as_secs_f64() * 1e6,
            opening.as_secs_f64() * 1e3,
            resident_mib(),
        );
        made = number;
    }
    Ok(())
}

/// More and more messages to one worker.
fn messages(folder: &Path, numbers: &[u64]) -> anyhow::Result<()> {
    println!("messages to one  us each  kept steps  memory MiB  files MiB");
    let mut bench = Bench::open(folder)?;
    bench.deploy()?;
    let mut sent = 0;
    for &number in numbers {
        let took = bench.add((sent..number).map(|_| 0))?;
        bench.flush()?;
        let view = query::instance(bench.shard().store(), &address("Counter", 0))?;
        let view = view.ok_or_else(|| anyhow::anyhow!("the counter is not there"))?;
        println!(
            "{number:15} {:8.1} {:11} {:11.0} {:10.0}",
            each(took, number - sent),
            view.step + 1 - view.history_first,
            resident_mib(),
            mib(bench.stores.stats().disk_bytes),
        );
        sent = number;
    }
    Ok(())
}

/// As many as the door lets wait.
fn waiting(folder: &Path) -> anyhow::Result<()> {
    println!("messages that wait  us each  memory MiB");
    let mut bench = Bench::open(folder)?;
    bench.deploy()?;
    let mut sent = 0;
    for number in [1_000, 5_000, 10_000] {
        let took = bench.send((sent..number).map(|_| address("Busy", 0)))?;
        println!(
            "{number:18} {:8.1} {:11.0}",
            each(took, number - sent),
            resident_mib()
        );
        sent = number;
    }
    Ok(())
}

impl Bench {
    fn open(folder: &Path) -> anyhow::Result<Bench> {
        let stores = DiskStores::open(folder, DiskSettings::default())?;
        let identity = ShardIdentity {
            cluster: ClusterId([7; 16]),
            shard: ShardId(0),
            incarnation: Incarnation(1),
            shard_count: 1,
        };
        let mut shard = Shard::open(identity, stores.open(GroupId(1))?)?;
        shard.keep_hot(WORKER_BYTES);
        Ok(Bench {
            folder: folder.to_owned(),
            stores,
            index: shard.store().committed(),
            shard: Some(shard),
            sequence: 0,
        })
    }

    fn shard(&mut self) -> &mut Shard {
        self.shard
            .as_mut()
            .expect("a shard is only away while it is opened again")
    }

    /// Drops it as a crash does, and opens it again.
    fn reopen(mut self) -> anyhow::Result<(Bench, Duration)> {
        let (folder, sequence) = (self.folder.clone(), self.sequence);
        self.shard = None;
        drop(self);
        let begun = Instant::now();
        let bench = Bench::open(&folder)?;
        Ok((Bench { sequence, ..bench }, begun.elapsed()))
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        Ok(self.shard().store_mut().flush()?)
    }

    /// The median of a few hashes of the state, each after a message.
    fn hash(&mut self) -> Duration {
        let mut took: Vec<Duration> = (0..9)
            .map(|_| {
                let begun = Instant::now();
                std::hint::black_box(self.shard().state_hash());
                begun.elapsed()
            })
            .collect();
        took.sort_unstable();
        took[4]
    }

    fn deploy(&mut self) -> anyhow::Result<()> {
        let source = vm::Source::new("bench.js", SCRIPT);
        let compiled = vm::compile(&source, &vm::BuildLimits::default());
        let compiled = compiled.map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
        let id = ProgramId(compiled.program.hash().0);
        let install = Install {
            program: compiled.program.encode().into(),
        };
        let activate = Activate {
            namespace: Namespace::default(),
            version: 1,
            names: vec![("Counter".to_owned(), id), ("Busy".to_owned(), id)],
            removed: Vec::new(),
        };
        self.apply(vec![Command::Install(install), Command::Activate(activate)])?;
        Ok(())
    }

    /// Adds one to each of these counters.
    fn add(&mut self, counters: impl Iterator<Item = u64>) -> anyhow::Result<Duration> {
        self.send(counters.map(|counter| address("Counter", counter)))
    }

    /// Sends to each of these. Returns the CPU time of the whole process, also of what writes the state.
    fn send(&mut self, targets: impl Iterator<Item = Address>) -> anyhow::Result<Duration> {
        let before = cpu_time();
        let one = Body::from_data(vm::Data::from_json("1", &vm::Limits::default()).unwrap());
        let mut targets = targets.peekable();
        while targets.peek().is_some() {
            let batch: Vec<Address> = targets.by_ref().take(BATCH as usize).collect();
            let commands = batch.into_iter().map(|to| self.message(to, &one)).collect();
            for outcome in self.apply(commands)? {
                ensure!(matches!(outcome, Outcome::Accepted(_)), "{outcome:?}");
            }
        }
        Ok(cpu_time() - before)
    }

    fn message(&mut self, to: Address, body: &Body) -> Command {
        self.sequence += 1;
        let origin = DoorSequence {
            node: NodeId(5),
            incarnation: Incarnation(1),
            sequence: self.sequence,
        };
        let id = MessageId::root(&DoorOrigin {
            cluster: ClusterId([7; 16]),
            node: origin.node,
            node_incarnation: origin.incarnation,
            sequence: origin.sequence,
        });
        Command::Send(SendRequest {
            door: DoorHeader {
                origin,
                stamp: Stamp::root(id, HybridTime::new(self.index, 0), None),
                idempotency: None,
            },
            to,
            from: None,
            body: body.clone(),
        })
    }

    /// One entry, as one unit.
    fn apply(&mut self, commands: Vec<Command>) -> anyhow::Result<Vec<Outcome>> {
        self.index += 1;
        let index = self.index;
        let stamp = EntryStamp {
            time_ms: index,
            entropy: [3; 16],
        };
        // What the store may hold back is bounded by whoever proposes.
        while self.stores.unflushed_bytes() > 64 << 20 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let shard = self.shard();
        let applied = shard.apply(index, &Entry { stamp, commands })?;
        shard.store_mut().commit(index)?;
        Ok(applied.outcomes)
    }
}

fn address(name: &str, key: u64) -> Address {
    Address::instance(Namespace::default(), name, format!("w{key}")).unwrap()
}

fn each(took: Duration, count: u64) -> f64 {
    took.as_secs_f64() * 1e6 / count.max(1) as f64
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// User and system time of this process, all threads.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields = after_name.split_whitespace().skip(11).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    mib(kib.unwrap_or_default() << 10)
}
