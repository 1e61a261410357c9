//! The port of apply threads as tasks of the machine's one thread, and the log's writer as one more. The groups of
//! a node come before it. Guarantees: jobs of a lane run one after the other; the seed decides how late; a disk
//! that is slow holds up the writer. Left to others: how slow it is (`faults`).

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cluster_raft::apply::{ApplyThreads, Job};
use cluster_raft::disk::Disk;
use cluster_raft::log::{Log, LogConfig, LogError, LogThreads};
use tests::random::Random;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// One of so many jobs waits for a while before it runs.
const LATE_ONE_IN: usize = 8;
const LATE_MS_MAX: usize = 4;

pub(crate) struct ApplyTasks {
    random: Arc<Mutex<Random>>,
    slow_ms: Arc<AtomicU64>,
    lanes: Mutex<BTreeMap<u32, UnboundedSender<Job>>>,
}

impl ApplyTasks {
    pub(crate) fn new(random: Random, slow_ms: Arc<AtomicU64>) -> Arc<Self> {
        Arc::new(Self {
            random: Arc::new(Mutex::new(random)),
            slow_ms,
            lanes: Mutex::default(),
        })
    }

    fn lane(&self) -> UnboundedSender<Job> {
        let (sender, mut jobs) = unbounded_channel::<Job>();
        let random = Arc::clone(&self.random);
        tokio::spawn(async move {
            while let Some(job) = jobs.recv().await {
                let late_ms = late_ms(&random);
                if late_ms > 0 {
                    tokio::time::sleep(Duration::from_millis(late_ms)).await;
                }
                // A job that panics takes nothing else with it; the hook has noted it.
                let _ = catch_unwind(AssertUnwindSafe(job));
            }
        });
        sender
    }
}

fn late_ms(random: &Mutex<Random>) -> u64 {
    let mut random = random.lock().unwrap();
    match random.below(LATE_ONE_IN) {
        0 => random.below(LATE_MS_MAX) as u64,
        _ => 0,
    }
}

impl ApplyThreads for ApplyTasks {
    fn run(&self, lane: u32, job: Job) {
        let mut lanes = self.lanes.lock().unwrap();
        let queue = lanes.entry(lane).or_insert_with(|| self.lane());
        assert!(queue.send(job).is_ok(), "a lane lives as long as its node");
    }

    fn start_log(
        &self,
        disk: Arc<dyn Disk>,
        config: LogConfig,
    ) -> Result<(Log, LogThreads), LogError> {
        let (log, writer) = Log::open(disk, config)?;
        let (random, slow_ms) = (Arc::clone(&self.random), Arc::clone(&self.slow_ms));
        let pause = move || {
            let slow_ms = slow_ms.load(Ordering::Relaxed) as usize;
            let pause_ms = random.lock().unwrap().below(slow_ms + 1) as u64;
            tokio::time::sleep(Duration::from_millis(pause_ms))
        };
        tokio::spawn(writer.drive(pause));
        let threads = LogThreads::elsewhere(&log);
        Ok((log, threads))
    }
}
