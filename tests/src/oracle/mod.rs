//! A client oracle: many clients add to counters at random nodes while a test does harm to the cluster, and
//! every attempt is noted as acknowledged, refused or unknown. Afterwards the counters must hold every
//! acknowledged add once, no refused one, and any unknown one at most once. The nodes come before it; the
//! test decides on the faults and marks them, so that the longest wait is known for each.

mod check;
mod client;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use check::Verdict;

use crate::random::{Random, seed};
use client::Client;

/// The file name of [`WORKER`].
pub const FILE: &str = "tally.js";

/// The worker that keeps each add by its id, so that each can be looked for.
pub const WORKER: &str = r#"
export const Tally = act(() =>
  withState(() => ({ total: 0, ids: [] }), tally =>
    whileLoop(() =>
      waitFor(m => m.type === "add", add =>
        modifyState(tally, computeState([add], m => t => ({
          total: t.total + m.amount,
          ids: [...t.ids, m.id],
        }))),
      ),
    ),
  ), { daemon: true, key: m => m.counter });
"#;

/// What the clients do.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Clients at a time.
    pub clients: usize,
    /// Counters that they add to.
    pub counters: usize,
    /// Pause of a client between two adds.
    pub pause: Duration,
    /// How long one attempt may take: a node that is paused or cut off does not answer.
    pub attempt: Duration,
    /// Where chance comes from.
    pub seed: u64,
}

impl Load {
    /// The usual load, from the seed of this run.
    #[must_use]
    pub fn seeded() -> Self {
        Self {
            seed: seed(),
            ..Self::default()
        }
    }
}

impl Default for Load {
    fn default() -> Self {
        Self {
            clients: 12,
            counters: 150,
            pause: Duration::from_millis(4),
            attempt: Duration::from_secs(3),
            seed: 0,
        }
    }
}

/// What became of one add, over all attempts with its idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was acknowledged: it must be there.
    Acknowledged,
    /// It was refused each time: it must not be there.
    Refused,
    /// An attempt was not answered: it may be there, once.
    Unknown,
}

/// One add.
#[derive(Clone, Debug)]
pub struct Add {
    /// Its id, unique in the run.
    pub id: u64,
    /// The counter.
    pub counter: usize,
    /// What was added.
    pub amount: u64,
    /// What became of it.
    pub outcome: Outcome,
    /// Attempts until then.
    pub attempts: u32,
    /// From the first attempt on.
    pub waited: Duration,
    /// When it was over.
    pub ended: Instant,
}

/// What the clients share.
#[derive(Debug)]
struct Shared {
    urls: Vec<String>,
    load: Load,
    stop: AtomicBool,
    /// For each counter a total that was read and must never be undercut by a later read.
    totals: Vec<AtomicU64>,
    acknowledged: AtomicU64,
    violations: Mutex<Vec<String>>,
}

/// Clients at work.
#[derive(Debug)]
pub struct Oracle {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<Vec<Add>>>,
    marks: Vec<(String, Instant)>,
}

impl Oracle {
    /// Starts the clients on nodes where [`WORKER`] is deployed.
    #[must_use]
    pub fn start(urls: &[String], load: Load) -> Self {
        let shared = Arc::new(Shared {
            urls: urls.to_vec(),
            load,
            stop: AtomicBool::new(false),
            totals: (0..load.counters).map(|_| AtomicU64::new(0)).collect(),
            acknowledged: AtomicU64::new(0),
            violations: Mutex::default(),
        });
        let mut seeds = Random::new(load.seed);
        let clients = (0..load.clients)
            .map(|number| {
                let client = Client::new(Arc::clone(&shared), number, Random::new(seeds.bits()));
                std::thread::spawn(move || client.work())
            })
            .collect();
        Self {
            shared,
            clients,
            marks: vec![("no fault".to_owned(), Instant::now())],
        }
    }

    /// Says what happens from now on: longest waits are told apart by it.
    pub fn mark(&mut self, what: &str) {
        self.marks.push((what.to_owned(), Instant::now()));
    }

    /// How many adds were acknowledged so far.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.shared.acknowledged.load(Ordering::Relaxed)
    }

    /// Waits until so many more adds were acknowledged: the cluster does its work. Panics when it takes
    /// longer than `patience`.
    pub fn await_progress(&self, adds: u64, patience: Duration) {
        let goal = self.acknowledged() + adds;
        let what = format!("{adds} more adds to be acknowledged");
        crate::wait::until(&what, patience, || {
            (self.acknowledged() >= goal).then_some(())
        });
    }

    /// Stops the clients, reads all counters and compares; prints what was seen.
    pub fn finish(self) -> Verdict {
        self.shared.stop.store(true, Ordering::Relaxed);
        let mut adds: Vec<Add> = Vec::new();
        for client in self.clients {
            adds.extend(client.join().expect("a client does not fail"));
        }
        let waits = waits(&adds, &self.marks);
        let violations = self.shared.violations.lock().unwrap().clone();
        let verdict = check::check(&self.shared, &adds, violations);
        for (what, count, longest) in &waits {
            println!(
                "longest wait {:>6} ms of {count:>6} adds: {what}",
                longest.as_millis()
            );
        }
        println!("{verdict}");
        verdict
    }
}

/// For each mark the adds that ended from it to the next, and the longest wait among them.
fn waits(adds: &[Add], marks: &[(String, Instant)]) -> Vec<(String, usize, Duration)> {
    let mut found: BTreeMap<usize, (usize, Duration)> = BTreeMap::new();
    for add in adds {
        let mark = marks
            .iter()
            .rposition(|(_, from)| *from <= add.ended)
            .unwrap_or(0);
        let (count, longest) = found.entry(mark).or_default();
        *count += 1;
        *longest = add.waited.max(*longest);
    }
    let told = marks.iter().enumerate().map(|(number, (what, _))| {
        let (count, longest) = found.get(&number).copied().unwrap_or_default();
        (what.clone(), count, longest)
    });
    told.collect()
}
