//! A node, put together: data folder, bus, log, stores, groups, door, HTTP, telemetry. `dev`, `demo`,
//! `node`, `bench` and the tests start the same node; they differ only in `Config` and in the bus.

use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, bail};
use cluster::engine::script::ScriptEngine;
use cluster_raft::apply::ThreadPool;
use cluster_raft::beginning::Beginning;
use cluster_raft::bootstrap::Discovery;
use cluster_raft::disk::FileDisk;
use cluster_raft::groups::{Config as GroupsConfig, Groups};
use cluster_raft::network::Buses;
use cluster_raft::ports::{Ports, SystemClock, SystemEntropy};
use cluster_raft::types::NodeInfo;
use cluster_store::{DiskSettings, DiskStores};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use transport::{Bus, ClusterName, NoSpans, NodeId, SpanSink};
use transport_memory::MemoryNetwork;

use crate::config::{Config, EMBEDDED};
use crate::door::{Door, DoorLimits, answer_queries, serve_bus};
use crate::http::{Context, Server};
use crate::outgoing::{AllowList, OutgoingClient};
use crate::restoring;
use crate::subscriptions::serve_subscriptions;
use crate::telemetry::OtlpSink;

/// How long leads may take to be handed over when the node goes.
const LEAVE_DEADLINE: Duration = Duration::from_secs(8);
/// Bytes that one message of the bus has to take: entries, batches of channels and pieces of what is larger travel
/// whole.
pub(crate) const BUS_BYTES_MIN: usize = 1 << 20;
/// Threads that apply entries. A group stays on one of them.
const APPLY_THREADS: usize = 2;
/// The file of a data folder that a node holds locked.
pub(crate) const LOCK: &str = "lock";
/// The folders of a data folder.
pub(crate) const FOLDERS: [&str; 4] = ["identity", "log", "received", "state"];

/// A running node.
pub struct Node {
    /// Its door.
    pub door: Arc<Door>,
    /// Where it serves HTTP.
    pub http: SocketAddr,
    groups: Groups,
    server: Server,
    bus_door: JoinHandle<()>,
    subscriptions: JoinHandle<()>,
    sink: Option<Arc<OtlpSink>>,
    leaving: watch::Sender<bool>,
    // Held as long as the node lives: two nodes on one folder would destroy each other's log.
    _lock: File,
}

impl Node {
    /// Starts a node on a bus, and returns once it is a member of its cluster; it answers `/healthz` and
    /// `/readyz` from the beginning.
    ///
    /// # Errors
    /// The folder, the address or the bus cannot be used, or the log is damaged; the error says which
    /// and why.
    pub async fn start(config: &Config, buses: Buses) -> anyhow::Result<Node> {
        let lock = lock(&config.data)?;
        restoring::check_finished(&config.data)?;
        let listener = TcpListener::bind(&config.http).await.with_context(|| {
            format!(
                "cannot serve HTTP at `{}`: an address is HOST:PORT, such as 127.0.0.1:7070",
                config.http
            )
        })?;
        let http = listener.local_addr()?;
        let sink = sink(config)?;
        let spans: Arc<dyn SpanSink> = match &sink {
            Some(sink) => Arc::clone(sink) as Arc<dyn SpanSink>,
            None => Arc::new(NoSpans),
        };
        let (leaving, left) = watch::channel(false);
        let served = Arc::new(OnceLock::new());
        let counts = sink.as_ref().map(|sink| sink.counts());
        let beginning = Beginning::default();
        let context = Context {
            cluster: config.cluster.clone(),
            beginning: beginning.clone(),
            door: Arc::clone(&served),
            leaving: left,
            spans: counts,
            large_bodies: Context::large_bodies(),
        };
        let server = Server::start(listener, context)?;

        let bus = Arc::clone(&buses.traffic);
        let ports = ports(config, buses, Arc::clone(&spans))?;
        let mut settings = groups_config(config, http)?;
        settings.beginning = beginning;
        let groups = Groups::start(settings, ports).await?;
        check_bus(&*bus)?;
        let door = Door::new(groups.clone(), bus, spans, door_limits(config));
        let door = Arc::new(door);
        answer_queries(&door);
        let bus_door = serve_bus(&door).await?;
        let subscriptions = serve_subscriptions(&door);
        // Set once, here.
        let _ = served.set(Arc::clone(&door));
        Ok(Node {
            door,
            http,
            groups,
            server,
            bus_door,
            subscriptions,
            sink,
            leaving,
            _lock: lock,
        })
    }

    /// Hands its leads over, finishes what is under way, and stops.
    pub async fn stop(self) {
        self.leaving.send_replace(true);
        self.bus_door.abort();
        self.subscriptions.abort();
        if tokio::time::timeout(LEAVE_DEADLINE, self.groups.shutdown())
            .await
            .is_err()
        {
            tracing::warn!("leads were not handed over in time; the others elect");
        }
        self.server.stop().await;
        if let Some(sink) = &self.sink {
            sink.flush().await;
        }
    }

    /// Waits until the node cannot go on, and says why.
    pub async fn failed(&self) -> String {
        self.groups.failed().await
    }

    /// Stops at once, without a word to the others, as a killed process does.
    pub async fn crash(self) {
        self.groups.abort();
        self.bus_door.abort();
        self.subscriptions.abort();
        self.server.abort().await;
    }
}

fn sink(config: &Config) -> anyhow::Result<Option<Arc<OtlpSink>>> {
    let Some(endpoint) = &config.otlp else {
        return Ok(None);
    };
    let sink = OtlpSink::start(endpoint, &config.name)
        .with_context(|| format!("cannot send traces to `{endpoint}`"))?;
    Ok(Some(Arc::new(sink)))
}

pub(crate) fn lock(data: &Path) -> anyhow::Result<File> {
    std::fs::create_dir_all(data)
        .with_context(|| format!("cannot make the data folder `{}`", data.display()))?;
    let path = data.join(LOCK);
    let file = File::create(&path).with_context(|| format!("cannot write `{}`", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(
            "the data folder `{}` is in use by another node; give each its own --data",
            data.display()
        ),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock `{}`", path.display()))
        }
    }
}

/// One of the folders in a data folder; makes it where it is missing.
pub(crate) fn folder(data: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let path = data.join(name);
    std::fs::create_dir_all(&path).with_context(|| format!("cannot make `{}`", path.display()))?;
    Ok(path)
}

fn ports(config: &Config, buses: Buses, spans: Arc<dyn SpanSink>) -> anyhow::Result<Ports> {
    let folder = |name: &str| folder(&config.data, name);
    let stores = DiskSettings {
        cache_bytes: config.store_cache_mib << 20,
        ..DiskSettings::default()
    };
    Ok(Ports {
        buses,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        identity_disk: Arc::new(FileDisk::open(&folder("identity")?)?),
        log_disk: Arc::new(FileDisk::open(&folder("log")?)?),
        spool_disk: Arc::new(FileDisk::open(&folder("received")?)?),
        payload_disk: Arc::new(FileDisk::open(&folder("payloads")?)?),
        stores: Arc::new(DiskStores::open(&folder("state")?, stores)?),
        engine: Arc::new(ScriptEngine),
        apply: ThreadPool::start(APPLY_THREADS)?,
        http: Arc::new(OutgoingClient::new(AllowList::new(&config.http_allow)?)),
        spans,
    })
}

fn groups_config(config: &Config, http: SocketAddr) -> anyhow::Result<GroupsConfig> {
    let info = NodeInfo {
        name: config.name.clone(),
        http: advertised(config, http),
    };
    let discovery = if config.bus == EMBEDDED && config.expect == 1 {
        Discovery::Alone
    } else {
        Discovery::Expect(usize::try_from(config.expect)?)
    };
    let mut groups = GroupsConfig::new(ClusterName::new(&config.cluster)?, info, discovery);
    groups.founding.shard_count = config.shards;
    groups.recover_system = config.recover_system;
    groups.log_limits.free_bytes_reserve = config.disk_reserve_mib << 20;
    groups.memory_limits.unflushed_bytes_max = config.unflushed_mib << 20;
    groups.timing.network.snapshot_bytes_per_second = config.snapshot_mib_per_second << 20;
    groups.memory_limits.worker_bytes_max = usize::try_from(config.worker_memory_mib << 20)?;
    groups.driver_limits.history_bytes_max = config.history_mib << 20;
    Ok(groups)
}

/// Refuses a bus that cannot carry what nodes send each other. Known once it has answered.
fn check_bus(bus: &dyn Bus) -> anyhow::Result<()> {
    let most = bus.max_payload();
    if (1..BUS_BYTES_MIN).contains(&most) {
        bail!(
            "the bus takes messages of at most {} KiB and nodes send each other up to {} KiB, however small the messages \
             of clients are: set `max_payload: 1MB` in the NATS server's configuration",
            most >> 10,
            BUS_BYTES_MIN >> 10
        );
    }
    Ok(())
}

fn door_limits(config: &Config) -> DoorLimits {
    DoorLimits {
        requests_max: config.requests_max as usize,
        waiting_max: config.requests_waiting_max as usize,
        message_bytes_max: (config.message_kib_max as usize) << 10,
    }
}

/// The address that others are told: the name of this machine where it listens on all of its addresses.
fn advertised(config: &Config, http: SocketAddr) -> String {
    if http.ip().is_unspecified() {
        return format!("http://{}:{}", config.name, http.port());
    }
    format!("http://{http}")
}

/// The buses of a single node.
#[must_use]
pub fn embedded_buses() -> Buses {
    let bus: Arc<dyn Bus> = Arc::new(MemoryNetwork::default().bus(NodeId(1)));
    Buses::shared(bus)
}
