//! All groups of a node: what `node` starts, asks and stops. Its door comes before it; the system
//! group, the shards of this node and, through the bus, the other nodes after it. Guarantees: what
//! was acknowledged is flushed on a quorum; a node whose log was lost never votes under its old id;
//! a stop hands the leads over first. Left to others: HTTP, deploys, what a client is told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use cluster::placement::Place;
use cluster::query::{self, HistorySize};
use cluster::store::StateReader;
use cluster::system::MemberState;
use cluster::{Command, Outcome, SystemCommand, SystemOutcome, SystemState};
use futures::future::join_all;
use tokio::sync::{Notify, broadcast, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use transport::{ClusterId, ClusterName, Incarnation, ShardId, Subjects};

use crate::announce;
use crate::answers::Answers;
use crate::backup::Holds;
use crate::beginning::Beginning;
use crate::blocking;
use crate::bootstrap::{Discovery, Keeper};
use crate::clock_watch::{self, ClockState};
use crate::driver::waiters::{News, Topic, TopicNews};
pub use crate::error::StartError;
use crate::failure::{self, Failure};
use crate::fences::Fences;
use crate::fencing;
use crate::group::Group;
use crate::hand_over::{self, Clocks};
use crate::hello::Listening;
use crate::limits::{
    ClusterLimits, DriverLimits, LogLimits, MemoryLimits, PayloadLimits, ProposerLimits,
};
use crate::lives::Lives;
use crate::local::Shared;
use crate::log::{LogStatistics, LogThreads};
use crate::memory::{Memory, MemoryStatistics};
use crate::moves;
use crate::network::{OutgoingStatistics, server};
use crate::opener::Opener;
use crate::payloads::{self, PayloadStatistics};
use crate::placement::{self, Founding};
use crate::ports::Ports;
use crate::proposer::ProposeError;
use crate::remote::{self, CallHandler, Serving};
use crate::room;
use crate::router::Router;
use crate::settings::Timing;
use crate::start::{self, Prepared};
use crate::status::{self, ReplicaStatus, Status};
use crate::supervisor::{self, Supervisor};
use crate::system_life;
use crate::types::{NodeId, NodeInfo};

/// Settings of a node's groups.
#[derive(Debug, Clone)]
pub struct Config {
    /// The cluster's name: nodes of one name on one bus are one cluster.
    pub cluster: ClusterName,
    /// This node's name and HTTP address, told to the others.
    pub info: NodeInfo,
    /// With whom a cluster begins, where there is none.
    pub discovery: Discovery,
    /// Whether this node goes on alone as the system group: after the loss of most of its voters.
    pub recover_system: bool,
    /// How a cluster is made, where this node makes it.
    pub founding: Founding,
    /// Told what the start waits for.
    pub beginning: Beginning,
    /// Times of raft.
    pub timing: Timing,
    /// Bounds of the log.
    pub log_limits: LogLimits,
    /// Bounds of proposing.
    pub proposer_limits: ProposerLimits,
    /// How long large payloads are kept.
    pub payload_limits: PayloadLimits,
    /// Bounds of memory.
    pub memory_limits: MemoryLimits,
    /// Bounds of driving.
    pub driver_limits: DriverLimits,
    /// Times between nodes.
    pub cluster_limits: ClusterLimits,
}

impl Config {
    /// Defaults, with 16 shards.
    #[must_use]
    pub fn new(cluster: ClusterName, info: NodeInfo, discovery: Discovery) -> Self {
        let founding = Founding {
            name: cluster.as_str().to_owned(),
            shard_count: 16,
            settings: cluster::system::SystemSettings::default(),
            semantics: cluster::system::Semantics::default(),
        };
        Self {
            cluster,
            info,
            discovery,
            recover_system: false,
            founding,
            beginning: Beginning::default(),
            timing: Timing::default(),
            log_limits: LogLimits::default(),
            proposer_limits: ProposerLimits::default(),
            payload_limits: PayloadLimits::default(),
            memory_limits: MemoryLimits::default(),
            driver_limits: DriverLimits::default(),
            cluster_limits: ClusterLimits::default(),
        }
    }
}

/// All groups of a node. Clones are the same node. Dropping the last one without `shutdown` is a
/// crash: nothing is handed over, nothing is flushed.
#[derive(Clone)]
pub struct Groups {
    inner: Arc<Inner>,
}

struct Inner {
    router: Arc<Router>,
    keeper: Arc<Keeper>,
    supervisor: Arc<Supervisor>,
    opener: Opener,
    handler: Arc<OnceLock<Arc<dyn CallHandler>>>,
    running: Mutex<Option<Running>>,
}

/// What ends with the node, in this order.
struct Running {
    tasks: Tasks,
    requests: Serving,
    _server: server::Server,
    _listening: Listening,
    threads: LogThreads,
}

struct Tasks(Vec<JoinHandle<()>>);

impl Tasks {
    fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.push(tokio::spawn(task));
    }

    /// What looks after a node that serves.
    fn watch(&mut self, supervisor: &Arc<Supervisor>) {
        self.spawn(fencing::run(Arc::clone(supervisor)));
        self.spawn(clock_watch::run(Arc::clone(supervisor)));
        self.spawn(supervisor::run(Arc::clone(supervisor)));
        self.spawn(room::watch(Arc::clone(supervisor)));
        self.spawn(failure::watch(Arc::clone(supervisor)));
        self.spawn(payloads::upkeep::run(Arc::clone(&supervisor.shared)));
        self.spawn(moves::run(Arc::clone(&supervisor.shared)));
    }
}

impl Tasks {
    /// Ends them, and waits until what they held is let go: a store that is still held cannot be
    /// opened by the next start.
    async fn stop(mut self) {
        let tasks = std::mem::take(&mut self.0);
        for task in &tasks {
            task.abort();
        }
        join_all(tasks).await;
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The router and the groups know each other; without this they would keep each other.
        for local in self.router.locals() {
            self.router.remove(local.id);
        }
    }
}

impl Groups {
    /// Starts: finds or begins the cluster, opens the system group and this node's shards. Returns
    /// when this node is a member and its shards are open; `wait_ready` says when it serves.
    ///
    /// # Errors
    /// As in `StartError`. A node that cannot find its cluster goes on looking.
    pub async fn start(config: Config, ports: Ports) -> Result<Self, StartError> {
        config.beginning.wait_for("it reads its log".to_owned());
        let prepared = start::prepare(&config, &ports).await?;
        let (sender, states) = watch::channel(Arc::new(SystemState::default()));
        let limits = Arc::new(config.cluster_limits.clone());
        let network = Arc::clone(&prepared.network);
        let board = Arc::clone(&prepared.listening.board);
        let time = Arc::clone(board.time());
        time.follow(states.clone());
        let router = Router::new(network, board, limits, states);
        let handler: Arc<OnceLock<Arc<dyn CallHandler>>> = Arc::default();
        let holds = Holds::new(Arc::clone(&router), prepared.opener.clone());
        let answers = Arc::new(Answers {
            holds: Arc::clone(&holds),
            router: Arc::clone(&router),
            keeper: Arc::clone(&prepared.keeper),
            handler: Arc::clone(&handler),
            info: config.info.clone(),
        });
        let requests = remote::serve(&prepared.network, answers).await?;
        let disk = &ports.identity_disk;
        let fences = Fences::open(Arc::clone(disk), prepared.network.local)?;
        let shared = Arc::new(Shared {
            ports: ports.clone(),
            timing: config.timing.clone(),
            proposer_limits: Arc::new(config.proposer_limits.clone()),
            driver_limits: Arc::new(config.driver_limits.clone()),
            opener: prepared.opener.clone(),
            router,
            fences: Arc::new(fences),
            lives: Arc::new(Lives::open(Arc::clone(disk))?),
            system_states: sender,
            alarm: Arc::default(),
            failure: Failure::default(),
            time,
            clock_state: ClockState::default(),
            memory: Memory::new(config.memory_limits.clone(), Arc::clone(&ports.stores)),
            holds,
        });
        config.beginning.know(&shared);
        let entrance = start::enter(&config, &ports, &prepared).await?;
        match config.recover_system {
            true => system_life::begin(&shared, &config.info).await?,
            false => start::open_system(&shared).await?,
        }
        let supervisor = Arc::new(Supervisor {
            shared: Arc::clone(&shared),
            keeper: Arc::clone(&prepared.keeper),
            info: config.info.clone(),
            serving: AtomicBool::new(false),
            news: Notify::new(),
            unwanted: Mutex::default(),
        });
        start::begin(&config, &supervisor, &entrance).await?;
        let mut tasks = Tasks(Vec::new());
        tasks.spawn(system_life::follow(Arc::clone(&shared)));
        let keeper = Arc::clone(&prepared.keeper);
        let founding = config.founding.clone();
        tasks.spawn(placement::run(Arc::clone(&shared), keeper, founding));
        tasks.spawn(supervisor::tell_all(Arc::clone(&supervisor)));
        start::become_member(&config, &shared.router, &prepared.keeper, &entrance).await?;
        supervisor.reconcile().await;
        supervisor.serving.store(true, Ordering::Relaxed);
        supervisor.news.notify_one();
        tasks.watch(&supervisor);
        tasks.spawn(announce::run(shared, config));
        Ok(Self::assemble(
            prepared, supervisor, handler, tasks, requests,
        ))
    }

    fn assemble(
        prepared: Prepared,
        supervisor: Arc<Supervisor>,
        handler: Arc<OnceLock<Arc<dyn CallHandler>>>,
        tasks: Tasks,
        requests: Serving,
    ) -> Self {
        let running = Running {
            tasks,
            requests,
            _server: prepared.server,
            _listening: prepared.listening,
            threads: prepared.threads,
        };
        let inner = Inner {
            router: Arc::clone(&supervisor.shared.router),
            keeper: prepared.keeper,
            supervisor,
            opener: prepared.opener,
            handler,
            running: Mutex::new(Some(running)),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// What the shards of this node share.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.inner.supervisor.shared
    }

    /// This node's id.
    #[must_use]
    pub fn local(&self) -> NodeId {
        self.inner.router.network.local
    }

    /// This life of the node; part of every door sequence.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        self.inner.keeper.life()
    }

    /// The cluster.
    #[must_use]
    pub fn cluster(&self) -> Option<ClusterId> {
        self.inner.keeper.cluster()
    }

    /// This node's wall clock as far as it is believed, in milliseconds since 1970: for stamps.
    #[must_use]
    pub fn wall_ms(&self) -> u64 {
        self.shared().time.believed_ms()
    }

    /// The subjects of the cluster.
    #[must_use]
    pub fn subjects(&self) -> &Subjects {
        &self.inner.router.network.subjects
    }

    /// Proposes to a shard that this node leads.
    ///
    /// # Errors
    /// `NotLeader` with a hint where it does not, and as in `ProposeError`.
    pub async fn propose(
        &self,
        shard: ShardId,
        commands: Vec<Command>,
    ) -> Result<Vec<Outcome>, ProposeError> {
        self.inner.router.propose(shard, commands).await
    }

    /// Proposes to the leader of a shard, wherever it is, until `deadline`. The commands may be
    /// proposed more than once, so they must be known by a door sequence or have no effect twice.
    ///
    /// # Errors
    /// `TooLarge` and `Overloaded` at once; else the last reason when the time is over.
    pub async fn submit(
        &self,
        shard: ShardId,
        commands: Vec<Command>,
        deadline: Duration,
    ) -> Result<Vec<Outcome>, ProposeError> {
        self.inner.router.submit(shard, commands, deadline).await
    }

    /// Proposes to the system group, wherever its leader is, until `deadline`. The commands may be
    /// proposed more than once.
    ///
    /// # Errors
    /// As of `submit`.
    pub async fn propose_system(
        &self,
        commands: Vec<SystemCommand>,
        deadline: Duration,
    ) -> Result<Vec<SystemOutcome>, ProposeError> {
        let router = &self.inner.router;
        router.submit_system(commands, deadline).await
    }

    /// The system group's state, and every change of it.
    #[must_use]
    pub fn system(&self) -> watch::Receiver<Arc<SystemState>> {
        self.inner.router.states.clone()
    }

    /// The node that leads a shard, by what this node knows.
    #[must_use]
    pub fn leader_of(&self, shard: ShardId) -> Option<NodeId> {
        self.inner.router.leader_of(shard)
    }

    /// Whether this node leads a shard.
    #[must_use]
    pub fn leads(&self, shard: ShardId) -> bool {
        let local = self.inner.router.local(shard);
        local.is_some_and(|local| local.group.leads())
    }

    /// Whether this node holds a replica of a shard.
    #[must_use]
    pub fn holds(&self, shard: ShardId) -> bool {
        self.inner.router.local(shard).is_some()
    }

    /// A reader of a shard whose replica is here. If `linearisable`, it sees everything that was
    /// committed before this call.
    ///
    /// # Errors
    /// `NotLeader`, with a node to ask, where no replica is here.
    pub async fn read(
        &self,
        shard: ShardId,
        linearisable: bool,
    ) -> Result<Arc<dyn StateReader>, ProposeError> {
        self.inner.router.read(shard, linearisable).await
    }

    /// News of a shard whose replica is here: subscribe before proposing what is waited for.
    #[must_use]
    pub fn subscribe(&self, shard: ShardId) -> Option<broadcast::Receiver<News>> {
        let local = self.inner.router.local(shard)?;
        Some(local.subscribe())
    }

    /// News of one topic of a shard whose replica is here.
    #[must_use]
    pub fn listen(&self, shard: ShardId, topic: Topic) -> Option<TopicNews> {
        let local = self.inner.router.local(shard)?;
        Some(local.listen(topic))
    }

    /// Answers calls of other nodes' programs from now on. Only the first handler counts.
    pub fn set_handler(&self, handler: Arc<dyn CallHandler>) {
        // A second handler is a fault of the program and changes nothing.
        let _ = self.inner.handler.set(handler);
    }

    /// Sends bytes to the program of another node and waits for its answer.
    ///
    /// # Errors
    /// As of `remote::ask`.
    pub async fn call(
        &self,
        node: NodeId,
        call: Bytes,
        deadline: Duration,
    ) -> Result<Bytes, ProposeError> {
        self.inner.router.call(node, call, deadline).await
    }

    /// Counts of the log: flushes, entries, bytes.
    #[must_use]
    pub fn log_statistics(&self) -> LogStatistics {
        self.inner.opener.log().statistics()
    }

    /// The history that the shards of this node keep together, and how many bytes of it they may keep; 0:
    /// all that retention leaves. Shards that cannot be read count nothing.
    #[must_use]
    pub fn history(&self) -> (HistorySize, u64) {
        let mut sum = HistorySize::default();
        for local in self.inner.router.locals() {
            let size = query::history_size(&*local.reader).unwrap_or_default();
            sum.bytes += size.bytes;
            sum.pruned_steps += size.pruned_steps;
            sum.message_records += size.message_records;
        }
        let shared = self.shared();
        (sum, shared.driver_limits.history_bytes_max)
    }

    /// Snapshots that this node sends to others.
    #[must_use]
    pub fn snapshots(&self) -> OutgoingStatistics {
        self.inner.router.network.sending()
    }

    /// What the node's shards take of its memory.
    #[must_use]
    pub fn memory_statistics(&self) -> MemoryStatistics {
        self.shared().memory.statistics()
    }

    /// Large payloads that stand beside the log of this node.
    #[must_use]
    pub fn payload_statistics(&self) -> PayloadStatistics {
        self.inner.router.network.payloads.statistics()
    }

    /// Whether this node serves: it knows the shards, and the leader of each.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let router = &self.inner.router;
        let state = router.states.borrow();
        let led = |shard: &ShardId| router.leader_of(*shard).is_some();
        state.cluster.is_some() && !state.shards.is_empty() && state.shards.keys().all(led)
    }

    /// Waits until this node serves. False when the time is over.
    pub async fn wait_ready(&self, at_most: Duration) -> bool {
        let end = Instant::now() + at_most;
        while !self.is_ready() {
            if Instant::now() >= end {
                return false;
            }
            tokio::time::sleep(READY_PAUSE).await;
        }
        true
    }

    /// The cluster as this node knows it, with the hashes of its own replicas' states now.
    pub async fn status(&self) -> Status {
        status::of(self.shared()).await
    }

    /// The replicas of a shard, with what was heard of each last.
    #[must_use]
    pub fn replicas(&self, shard: ShardId) -> Vec<ReplicaStatus> {
        status::replicas(self.shared(), shard)
    }

    /// The places that would make replicas and leads even by number and by load, as this node knows
    /// both.
    #[must_use]
    pub fn even_by_load(&self) -> Vec<(ShardId, Place)> {
        placement::even_by_load(self.shared())
    }

    /// Records that a member drains or takes part again; placement does the rest.
    ///
    /// # Errors
    /// As of `propose_system`; a refusal is an outcome.
    pub async fn set_draining(
        &self,
        node: NodeId,
        draining: bool,
    ) -> Result<Vec<SystemOutcome>, ProposeError> {
        let state = match draining {
            true => MemberState::Draining,
            false => MemberState::Active,
        };
        let command = SystemCommand::SetMemberState {
            node: transport::NodeId(node),
            state,
        };
        self.propose_system(vec![command], Duration::from_secs(10))
            .await
    }

    /// Whether too few of the voters of the system group are heard for it to go on by itself.
    #[must_use]
    pub fn system_has_no_quorum(&self) -> bool {
        system_life::has_no_quorum(self.shared())
    }

    /// Lets this node go on alone as the system group, from what it holds. Whoever asks has looked
    /// whether it has no quorum.
    ///
    /// # Errors
    /// `Unavailable` where this node does not come to lead.
    pub async fn recover_system(&self) -> Result<(), ProposeError> {
        let supervisor = &self.inner.supervisor;
        let shared = &supervisor.shared;
        let unavailable = |reason: String| ProposeError::Unavailable { reason };
        let begun = system_life::begin(shared, &supervisor.info).await;
        begun.map_err(|error| unavailable(error.to_string()))?;
        let led = system_life::await_lead(shared, Duration::from_secs(10)).await;
        self.report_soon();
        led.map_err(|error| unavailable(error.to_string()))
    }

    /// Hands the lead of a shard to another node that holds it.
    ///
    /// # Errors
    /// `NotLeader` where this node does not lead it; `Unavailable` where it was not taken over.
    pub async fn transfer(&self, shard: ShardId, to: NodeId) -> Result<(), ProposeError> {
        let router = &self.inner.router;
        let Some(local) = router.local(shard).filter(|local| local.group.leads()) else {
            return Err(ProposeError::NotLeader {
                group: format!("shard {shard}"),
                hint: router.leader_of(shard),
            });
        };
        let done = local.group.transfer(to, hand_over::PATIENCE).await;
        done.map_err(|error| ProposeError::Unavailable {
            reason: error.to_string(),
        })
    }

    /// Hands over every lead that another node can take.
    pub async fn hand_over(&self) {
        for (group, to, error) in hand_over::all(&self.inner.router, Clocks::Preferred).await {
            tracing::warn!(group = %group.id(), to, %error, "a lead was not handed over");
        }
    }

    /// Why this node takes no new work for want of room on its disk, where that is so.
    #[must_use]
    pub fn shortage(&self) -> Option<String> {
        room::shortage(self.inner.opener.log())
    }

    /// Waits until this node cannot go on, and says why. Whoever waits ends the process: its log or its
    /// store does not know what is on disk, or its id is not its own.
    pub async fn failed(&self) -> String {
        self.inner.supervisor.shared.failure.wait().await
    }

    /// Stops at once, as a killed process does: nothing is handed over, nothing more is flushed.
    pub fn abort(&self) {
        let running = &self.inner.running;
        let running = running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let router = &self.inner.router;
        for local in router.locals() {
            router.remove(local.id);
        }
        drop(running);
    }

    /// Hands the leads over, stops taking part, and makes everything durable.
    pub async fn shutdown(&self) {
        self.hand_over().await;
        let running = self
            .inner
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(running) = running else { return };
        running.tasks.stop().await;
        running.requests.stop().await;
        let router = &self.inner.router;
        let locals = router.locals();
        for local in &locals {
            router.remove(local.id);
        }
        let system = router.system().map(|system| system.group);
        let groups = locals.iter().map(|local| local.group.clone());
        let all: Vec<Group> = groups.chain(system).collect();
        join_all(all.iter().map(Group::close)).await;
        // Waits for the writer, so it must not run on a thread of the runtime.
        let closed = blocking::run(move || running.threads.close()).await;
        if closed.is_err() {
            tracing::error!("the log did not close cleanly");
        }
    }

    /// Tells all nodes how this one is, now.
    pub fn report_soon(&self) {
        self.inner.supervisor.news.notify_one();
    }
}

const READY_PAUSE: Duration = Duration::from_millis(2);
