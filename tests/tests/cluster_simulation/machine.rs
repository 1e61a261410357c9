//! A machine: its disks and stores, which outlive a crash, and its life, which does not: a runtime of one thread
//! whose time stands still between two steps, with the real groups of a node on it. The world comes before it,
//! `Groups::start` after it. Guarantees: nothing of a life runs once it has ended; everything it draws or reads of
//! time comes from the seed and the world. Left to others: when it starts and ends (`faults`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use cluster::engine::script::ScriptEngine;
use cluster::store::memory::{FlushMode, MemoryStores};
use cluster_raft::backup::{NewCluster, RestorePorts, restore};
use cluster_raft::bootstrap::Discovery;
use cluster_raft::disk::MemoryDisk;
use cluster_raft::http::NoHttp;
use cluster_raft::ports::{Clock, Entropy, Ports};
use cluster_raft::types::NodeInfo;
use cluster_raft::{Config, Groups};
use tests::random::Random;
use tokio::runtime::{Builder, Runtime};
use transport::ClusterName;
use transport::span::NoSpans;

use crate::apply::ApplyTasks;
use crate::bus;
use crate::disk::{Fate, Lie, SimulatedDisk};
use crate::network::{self, Network};
use crate::stores::TracedStores;
use crate::trace::Trace;
use crate::{NODES, SHARDS};

/// When the run begins, in nanoseconds since 1970.
const EPOCH_NANOS: u64 = 1_800_000_000_000_000_000;

/// What stays of a machine when it stops.
pub(crate) struct Machine {
    pub(crate) number: usize,
    pub(crate) life: Option<Life>,
    /// How often it was started.
    pub(crate) lives: u64,
    pub(crate) stores: MemoryStores,
    /// Its clock beyond the world's.
    pub(crate) ahead_ms: Arc<AtomicU64>,
    identity: MemoryDisk,
    log: MemoryDisk,
    spool: MemoryDisk,
    payloads: MemoryDisk,
    random: Random,
    lie: Lie,
    discovery: Discovery,
    network: Network,
    trace: Trace,
}

/// One life of a machine.
pub(crate) struct Life {
    pub(crate) name: network::Life,
    pub(crate) fate: Arc<Fate>,
    /// Longest wait before a batch of the log is written, in milliseconds.
    pub(crate) slow_ms: Arc<AtomicU64>,
    /// Stands still until then.
    pub(crate) paused_until_ms: Option<u64>,
    pub(crate) next_sequence: u64,
    started: Arc<OnceLock<Result<Arc<Groups>, String>>>,
    pub(crate) runtime: Runtime,
}

impl Machine {
    pub(crate) fn new(
        number: usize,
        mut random: Random,
        lie: Lie,
        network: Network,
        trace: Trace,
    ) -> Self {
        Self {
            number,
            life: None,
            lives: 0,
            stores: MemoryStores::new(FlushMode::OnDemand),
            ahead_ms: Arc::new(AtomicU64::new(random.below(200) as u64)),
            identity: MemoryDisk::default(),
            log: MemoryDisk::default(),
            spool: MemoryDisk::default(),
            payloads: MemoryDisk::default(),
            random,
            lie,
            discovery: Discovery::Expect(NODES),
            network,
            trace,
        }
    }

    /// Starts the node anew on what its disks hold.
    pub(crate) fn start(&mut self) {
        assert!(
            self.life.is_none(),
            "a machine is started where it is not up"
        );
        self.lives += 1;
        let name = network::Life {
            machine: self.number,
            count: self.lives,
        };
        self.trace
            .say(format_args!("start {} {}", name.machine, name.count));
        self.network.begin(name);
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let fate = Fate::new();
        let slow_ms = Arc::new(AtomicU64::new(1));
        let ports = self.ports(name, &fate, &slow_ms);
        let started = Arc::new(OnceLock::new());
        let slot = Arc::clone(&started);
        let config = self.config();
        runtime.spawn(async move {
            let groups = Groups::start(config, ports).await;
            let groups = groups.map(Arc::new).map_err(|error| error.to_string());
            assert!(slot.set(groups).is_ok(), "a node starts once in its life");
        });
        self.life = Some(Life {
            name,
            fate,
            slow_ms,
            paused_until_ms: None,
            next_sequence: 0,
            started,
            runtime,
        });
    }

    fn config(&self) -> Config {
        config(self.number, self.discovery)
    }

    fn ports(&mut self, name: network::Life, fate: &Arc<Fate>, slow_ms: &Arc<AtomicU64>) -> Ports {
        let disk = |inner: &MemoryDisk, what: &str, lie: Lie| {
            Arc::new(SimulatedDisk {
                inner: inner.clone(),
                label: format!("{} {what}", name.machine),
                fate: Arc::clone(fate),
                lie,
                trace: self.trace.clone(),
            })
        };
        let mut seed = || Random::new(self.random.bits());
        Ports {
            buses: bus::buses(&self.network, name),
            clock: Arc::new(SimulatedClock {
                trace: self.trace.clone(),
                ahead_ms: Arc::clone(&self.ahead_ms),
            }),
            entropy: Arc::new(SimulatedEntropy(Mutex::new(seed()))),
            identity_disk: disk(&self.identity, "identity", Lie::None),
            log_disk: disk(&self.log, "log", self.lie),
            spool_disk: disk(&self.spool, "spool", Lie::None),
            payload_disk: disk(&self.payloads, "payloads", Lie::None),
            stores: Arc::new(TracedStores {
                inner: self.stores.clone(),
                machine: name.machine,
                trace: self.trace.clone(),
            }),
            engine: Arc::new(ScriptEngine),
            apply: ApplyTasks::new(seed(), Arc::clone(slow_ms)),
            http: Arc::new(NoHttp),
            spans: Arc::new(NoSpans),
        }
    }

    /// Makes it the first of a new cluster, from a backup; it was never started. The log's writer is a thread of its
    /// own meanwhile, so the events of what it comes to may differ.
    pub(crate) fn restore(&mut self, file: &[u8]) {
        assert_eq!(self.lives, 0, "a fresh machine is restored onto");
        self.discovery = Discovery::Alone;
        let new = NewCluster {
            name: None,
            info: NodeInfo::default(),
            log_limits: self.config().log_limits,
        };
        let ports = RestorePorts {
            identity_disk: Arc::new(self.identity.clone()),
            log_disk: Arc::new(self.log.clone()),
            stores: Arc::new(self.stores.clone()),
            engine: Arc::new(ScriptEngine),
            entropy: Arc::new(SimulatedEntropy(Mutex::new(Random::new(
                self.random.bits(),
            )))),
            clock: Arc::new(SimulatedClock {
                trace: self.trace.clone(),
                ahead_ms: Arc::clone(&self.ahead_ms),
            }),
        };
        let runtime = Builder::new_current_thread().build().unwrap();
        let restored = runtime.block_on(restore(file, new, ports, |_| {}));
        restored.expect("a backup that is whole is restored");
    }

    /// Stops at once: what was not flushed is lost, by the seed. `disorder` is a seeded bug of the store.
    pub(crate) fn crash(&mut self, disorder: bool) {
        let Some(life) = self.life.take() else { return };
        let name = life.name;
        self.trace
            .say(format_args!("crash {} {}", name.machine, name.count));
        // First the fences, so that nothing that is dropped can still write or send.
        self.network.end(name);
        self.identity = self.identity.crash(self.random.bits());
        self.log = self.log.crash(self.random.bits());
        self.spool = self.spool.crash(self.random.bits());
        self.payloads = self.payloads.crash(self.random.bits());
        match disorder {
            true => self.stores.crash_out_of_order(self.random.bits()),
            false => self.stores.crash(self.random.bits()),
        }
        life.end();
    }

    /// The groups, once they have started.
    pub(crate) fn groups(&self) -> Option<Arc<Groups>> {
        let life = self.life.as_ref()?;
        match life.started.get()? {
            Ok(groups) => Some(Arc::clone(groups)),
            Err(_) if life.fate.is_doomed() => None,
            Err(error) => panic!("machine {} does not start: {error}", self.number),
        }
    }

    /// Whether it runs and is not paused.
    pub(crate) fn is_awake(&self) -> bool {
        let life = self.life.as_ref();
        life.is_some_and(|life| life.paused_until_ms.is_none())
    }

    /// A millisecond passes on the machine.
    pub(crate) fn step(&mut self, now_ms: u64) {
        let Some(life) = &mut self.life else { return };
        if let Some(until_ms) = life.paused_until_ms {
            if now_ms < until_ms {
                return;
            }
            life.paused_until_ms = None;
            self.trace.say(format_args!("resume {}", self.number));
        }
        self.network.deliver(self.number);
        life.pass(Duration::from_millis(1));
    }

    /// Stands still from now on; its clock does not.
    pub(crate) fn pause(&mut self, now_ms: u64, for_ms: u64) {
        let Some(life) = &mut self.life else { return };
        self.trace
            .say(format_args!("pause {} {for_ms}", self.number));
        life.paused_until_ms = Some(now_ms + for_ms);
        // When it goes on, all that was due meanwhile is due at once.
        let time = Duration::from_millis(for_ms);
        life.runtime
            .block_on(async { tokio::time::advance(time).await });
    }
}

impl Life {
    fn pass(&self, time: Duration) {
        // Made inside, where the machine's own time is.
        self.runtime
            .block_on(async { tokio::time::sleep(time).await });
    }

    fn end(self) {
        let Self {
            runtime, started, ..
        } = self;
        let entered = runtime.enter();
        drop(started);
        drop(entered);
        drop(runtime);
    }
}

/// Settings for a run: short times and small files, so that all that happens rarely happens often.
fn config(number: usize, discovery: Discovery) -> Config {
    let info = NodeInfo {
        name: format!("node-{number}"),
        http: String::new(),
    };
    let name = ClusterName::new("simulated").unwrap();
    let mut config = Config::new(name, info, discovery);
    config.founding.shard_count = SHARDS;
    config.log_limits.segment_bytes = 64 << 10;
    config.log_limits.write_bytes_max = 16 << 10;
    config.log_limits.free_bytes_reserve = 1 << 20;
    config.log_limits.segments_pinned_max = 4;
    config.timing.heartbeat_ms = 30;
    config.timing.election_timeout_min_ms = 100;
    config.timing.election_timeout_max_ms = 175;
    config.timing.network.quorum_silence = Duration::from_millis(75);
    config.timing.network.release_after = Duration::from_millis(200);
    config.timing.snapshot_entries = 60;
    config.timing.keep_entries = 20;
    config.timing.snapshot_check = Duration::from_millis(500);
    config.timing.network.chunk_bytes = 4 << 10;
    config.timing.network.chunk_deadline = Duration::from_secs(2);
    config.driver_limits.checkpoint_ms = 1_000;
    // Some commands are longer, programs and batches of parcels among them, and most are not.
    config.proposer_limits.payload_bytes_min = 600;
    config.payload_limits.grace_ms = 4_000;
    config.payload_limits.look_ms = 500;
    // Logs are cut early, so that those who were away get snapshots and payloads in every order.
    config.payload_limits.named_bytes_max = 4 << 10;
    config
}

struct SimulatedClock {
    trace: Trace,
    ahead_ms: Arc<AtomicU64>,
}

impl Clock for SimulatedClock {
    fn unix_nanos(&self) -> u64 {
        let ms = self.trace.now_ms() + self.ahead_ms.load(Ordering::Relaxed);
        EPOCH_NANOS + ms * 1_000_000
    }

    fn monotonic_nanos(&self) -> u64 {
        self.trace.now_ms() * 1_000_000
    }
}

struct SimulatedEntropy(Mutex<Random>);

impl Entropy for SimulatedEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let mut random = self.0.lock().unwrap();
        for chunk in bytes.chunks_mut(8) {
            let bits = random.bits().to_le_bytes();
            chunk.copy_from_slice(&bits[..chunk.len()]);
        }
    }
}
