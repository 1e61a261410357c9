//! Nodes in one process for the tests of groups: a network, disks and stores in memory that survive
//! a node, and waiting by polling.
#![allow(dead_code, unreachable_pub)]

pub mod faults;
pub mod work;
pub mod workers;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::engine::Engine;
use cluster::engine::model::ModelEngine;
use cluster::store::memory::{FlushMode, MemoryStores};
use cluster::{Command, StateHash};
use cluster_raft::apply::ThreadPool;
use cluster_raft::backup::RestorePorts;
use cluster_raft::bootstrap::Discovery;
use cluster_raft::disk::{Disk, Fill, MemoryDisk};
use cluster_raft::http::{HttpClient, NoHttp};
use cluster_raft::network::Buses;
use cluster_raft::ports::{Clock, Ports, SystemClock, SystemEntropy};
use cluster_raft::types::NodeInfo;
use cluster_raft::{Config, Groups, StartError};
use transport::span::{NoSpans, SpanSink};
use transport::{ClusterName, NodeId, ShardId};
use transport_memory::MemoryNetwork;

/// How long anything may take in a test on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What stays of a node when its process ends.
pub struct Machine {
    pub label: NodeId,
    network: MemoryNetwork,
    identity: MemoryDisk,
    log: MemoryDisk,
    spool: MemoryDisk,
    payloads: MemoryDisk,
    stores: MemoryStores,
    http: Arc<dyn HttpClient>,
    spans: Arc<dyn SpanSink>,
    engine: Arc<dyn Engine>,
    clock: Arc<dyn Clock>,
}

impl Machine {
    pub fn new(network: &MemoryNetwork, label: u64) -> Self {
        // Only the first test of a process can set it.
        let _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_test_writer()
            .try_init();
        Self {
            label: NodeId(label),
            network: network.clone(),
            identity: MemoryDisk::new(1 << 20),
            log: MemoryDisk::new(1 << 30),
            spool: MemoryDisk::new(1 << 30),
            payloads: MemoryDisk::new(1 << 30),
            stores: MemoryStores::new(FlushMode::EveryUnits(32)),
            http: Arc::new(NoHttp),
            spans: Arc::new(NoSpans),
            engine: Arc::new(ModelEngine),
            clock: Arc::new(SystemClock),
        }
    }

    fn ports(&self) -> Ports {
        Ports {
            buses: Buses {
                control: Arc::new(self.network.bus(self.label)),
                log: Arc::new(self.network.bus(self.label)),
                traffic: Arc::new(self.network.bus(self.label)),
            },
            clock: Arc::clone(&self.clock),
            entropy: Arc::new(SystemEntropy),
            identity_disk: Arc::new(self.identity.clone()),
            log_disk: Arc::new(self.log.clone()),
            spool_disk: Arc::new(self.spool.clone()),
            payload_disk: Arc::new(self.payloads.clone()),
            stores: Arc::new(self.stores.clone()),
            engine: Arc::clone(&self.engine),
            apply: ThreadPool::start(2).unwrap(),
            http: Arc::clone(&self.http),
            spans: Arc::clone(&self.spans),
        }
    }

    /// What a restore onto it works with.
    pub fn restore_ports(&self) -> RestorePorts {
        RestorePorts {
            identity_disk: Arc::new(self.identity.clone()),
            log_disk: Arc::new(self.log.clone()),
            stores: Arc::new(self.stores.clone()),
            engine: Arc::clone(&self.engine),
            entropy: Arc::new(SystemEntropy),
            clock: Arc::clone(&self.clock),
        }
    }

    /// Its stores make nothing durable by themselves: a disk that does not keep up.
    pub fn never_flush(&mut self) {
        self.stores = MemoryStores::new(FlushMode::OnDemand);
    }

    /// Makes its HTTP requests with `client`.
    pub fn request_with(&mut self, client: Arc<dyn HttpClient>) {
        self.http = client;
    }

    /// Gives its spans to `sink`.
    pub fn trace_to(&mut self, sink: Arc<dyn SpanSink>) {
        self.spans = sink;
    }

    /// Runs its turns with `engine`.
    pub fn run_with(&mut self, engine: Arc<dyn Engine>) {
        self.engine = engine;
    }

    /// Goes by that clock.
    pub fn go_by(&mut self, clock: Arc<dyn Clock>) {
        self.clock = clock;
    }

    /// The files of its identity folder.
    pub fn identity_files(&self) -> Vec<String> {
        self.identity.list().unwrap()
    }

    /// The folder of snapshots that it is receiving.
    pub fn spool(&self) -> &MemoryDisk {
        &self.spool
    }

    /// The folder of its large payloads.
    pub fn payloads(&self) -> &MemoryDisk {
        &self.payloads
    }

    /// Its state stores.
    pub fn stores(&self) -> &MemoryStores {
        &self.stores
    }

    pub async fn start(&self, config: Config) -> Result<Groups, StartError> {
        Groups::start(config, self.ports()).await
    }

    /// The process ends at once, and the machine loses what it did not flush.
    pub fn crash(&mut self, groups: Groups, seed: u64) {
        self.network.cut(self.label);
        drop(groups);
        self.identity = self.identity.crash(seed);
        self.log = self.log.crash(seed);
        self.spool = self.spool.crash(seed);
        self.payloads = self.payloads.crash(seed);
        self.stores.crash(seed);
    }

    /// Puts the machine back on the network.
    pub fn reconnect(&self) {
        self.network.heal(self.label);
    }

    /// Puts the machine on another network.
    pub fn move_to(&mut self, network: &MemoryNetwork) {
        self.network = network.clone();
    }

    /// The disk of its log has that many bytes from now on.
    pub fn resize_log_disk(&self, bytes: u64) {
        self.log.set_capacity_bytes(bytes);
    }

    /// The flush of its log after so many more fails.
    pub fn fail_log_flush_after(&self, flushes: u64) {
        self.log.fail_flush_after(flushes);
    }

    /// Another machine with a copy of this one's identity and log, whose place on the network is `label`.
    pub fn copy(&self, label: u64) -> Self {
        let copy = Self::new(&self.network, label);
        for (from, to) in [(&self.identity, &copy.identity), (&self.log, &copy.log)] {
            for name in from.list().unwrap() {
                let file = from.open(&name).unwrap();
                let mut bytes = vec![0; file.length_bytes().unwrap() as usize];
                file.read_at(0, &mut bytes).unwrap();
                let file = to.create(&name, bytes.len() as u64, Fill::Reserve).unwrap();
                file.write_at(0, &bytes).unwrap();
                file.sync_data().unwrap();
            }
        }
        copy
    }

    /// The machine loses its log folder.
    pub fn lose_log(&mut self) {
        self.log = MemoryDisk::new(1 << 30);
    }
}

/// Settings for a test: few shards, small log files.
pub fn config(label: u64, discovery: Discovery, shards: u32) -> Config {
    let info = NodeInfo {
        name: format!("node-{label}"),
        http: format!("127.0.0.1:{}", 7000 + label),
    };
    let name = ClusterName::new("test").unwrap();
    let mut config = Config::new(name, info, discovery);
    config.founding.shard_count = shards;
    config.log_limits.segment_bytes = 1 << 20;
    config.log_limits.write_bytes_max = 256 << 10;
    config
}

/// Starts machines at once and waits until all are ready.
pub async fn start_all(machines: &[Machine], shards: u32) -> Vec<Groups> {
    let count = machines.len();
    start_with(machines, |label| {
        config(label, Discovery::Expect(count), shards)
    })
    .await
}

/// As [`start_all`], each with the settings for its label.
pub async fn start_with(machines: &[Machine], config: impl Fn(u64) -> Config) -> Vec<Groups> {
    let starts = machines
        .iter()
        .map(|machine| machine.start(config(machine.label.0)));
    let started = futures::future::join_all(starts).await;
    let nodes: Vec<Groups> = started.into_iter().map(Result::unwrap).collect();
    for node in &nodes {
        assert!(node.wait_ready(PATIENCE).await, "the cluster gets ready");
    }
    nodes
}

/// Polls until `condition` holds.
pub async fn eventually<F, Fut>(what: &str, mut condition: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let began = Instant::now();
    while !condition().await {
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A command that changes the state and can be told from others.
pub fn change(number: u64) -> Command {
    let limits = cluster::limits::ShardLimits {
        dead_letters: number,
        ..Default::default()
    };
    Command::Configure(Box::new(limits))
}

/// Writes one change to a shard through `node`, and says how long it took.
pub async fn write(node: &Groups, shard: u32, number: u64) -> Duration {
    let began = Instant::now();
    let submitted = node.submit(ShardId(shard), vec![change(number)], PATIENCE);
    submitted.await.unwrap();
    began.elapsed()
}

/// The hash of each shard on a node, with the units applied.
pub async fn hashes(node: &Groups) -> Vec<(ShardId, u64, Option<StateHash>)> {
    let status = node.status().await;
    let shards = status.shards.into_iter();
    shards
        .map(|one| (one.shard, one.applied, one.state_hash))
        .collect()
}

/// Polls until all nodes that hold a shard have the same state of it.
pub async fn agree(nodes: &[&Groups]) {
    eventually("equal states on every replica", || async {
        let mut all = Vec::new();
        for node in nodes {
            let held = hashes(node).await;
            all.push(
                held.into_iter()
                    .filter(|(shard, ..)| node.holds(*shard))
                    .collect::<Vec<_>>(),
            );
        }
        all.iter().flatten().all(|one| {
            let same = |other: &&(ShardId, u64, Option<StateHash>)| other.0 == one.0;
            all.iter().flatten().filter(same).all(|other| other == one)
        })
    })
    .await;
}
