//! A shard of which this node holds a replica: group, proposer, driver, news, reader. The
//! supervisor opens and closes it, the router uses it. Guarantees: the driver starts after the
//! first entry of this node's own lead is applied, and stops with it. Left to others: where shards
//! live (`placement`).

use std::sync::Arc;
use std::time::Duration;

use cluster::store::StateReader;
use cluster::{ShardIdentity, StateHash, SystemState};
use openraft::ServerState;
use openraft::async_runtime::watch::WatchReceiver;
use tokio::sync::{Notify, broadcast, mpsc, watch};
use tokio::task::JoinHandle;
use transport::{Incarnation, ShardId};

use crate::agreement::Standing;
use crate::apply::Lane;
use crate::backup::Holds;
use crate::clock_watch::ClockState;
use crate::driver::waiters::{News, NewsBoard, Topic, TopicNews};
use crate::driver::{self, DriverParts};
use crate::failure::Failure;
use crate::fences::Fences;
use crate::group::{Group, GroupError};
use crate::limits::{DriverLimits, ProposerLimits};
use crate::lives::Lives;
use crate::load::Load;
use crate::memory::Memory;
use crate::opener::Opener;
use crate::ports::Ports;
use crate::proposer::{CommitObserver, ProposeError, Proposer, ProposerParts, Protocol};
use crate::router::{Router, group_of};
use crate::settings::Timing;
use crate::shard_machine::{MachineParts, ShardMachine, ShardProtocol};
use crate::spans::CommitSpans;
use crate::state_machine::Host;
use crate::time::{NodeTime, ShardTime};
use crate::types::NodeId;

/// What all shards of a node share.
pub struct Shared {
    /// From outside.
    pub ports: Ports,
    /// Times.
    pub timing: Timing,
    /// Bounds of proposing.
    pub proposer_limits: Arc<ProposerLimits>,
    /// Bounds of driving.
    pub driver_limits: Arc<DriverLimits>,
    /// Opens logs.
    pub opener: Opener,
    /// Finds leaders.
    pub router: Arc<Router>,
    /// Replicas that must not take part.
    pub fences: Arc<Fences>,
    /// Which lives this node's replicas are of.
    pub lives: Arc<Lives>,
    /// Gets the system group's state and every change of it.
    pub system_states: watch::Sender<Arc<SystemState>>,
    /// Rung when a replica is found to differ.
    pub alarm: Arc<Notify>,
    /// Why this node ends.
    pub failure: Failure,
    /// The clocks.
    pub time: Arc<NodeTime>,
    /// Whether this node's clock is believed.
    pub clock_state: ClockState,
    /// What they may take of the node's memory.
    pub memory: Arc<Memory>,
    /// What is held of them for backups.
    pub holds: Arc<Holds>,
}

impl Shared {
    /// Starts what puts commands into the log of a group.
    pub(crate) fn propose_to<P>(&self, group: &Group, time: &Arc<ShardTime>) -> Proposer<P>
    where
        P: Protocol,
        CommitSpans: CommitObserver<P::Command>,
    {
        Proposer::start(ProposerParts {
            group: group.clone(),
            clock: Arc::clone(&self.ports.clock),
            time: Arc::clone(time),
            entropy: Arc::clone(&self.ports.entropy),
            limits: Arc::clone(&self.proposer_limits),
            observer: Arc::new(CommitSpans::new(Arc::clone(&self.ports.spans))),
            log: self.opener.log().clone(),
            memory: Arc::clone(&self.memory),
        })
    }

    /// The nodes whose replica of a shard was found to differ and does not take part.
    #[must_use]
    pub fn fenced(&self, shard: ShardId) -> Vec<NodeId> {
        let own = self
            .fences
            .holds(shard)
            .then_some(self.router.network.local);
        let reports = self.router.board.reports();
        let others = reports.iter().filter(|one| one.fenced.contains(&shard));
        own.into_iter()
            .chain(others.map(|report| report.node))
            .collect()
    }
}

/// A shard on this node.
pub struct LocalShard {
    /// Its number.
    pub id: ShardId,
    /// Which life of it.
    pub life: Incarnation,
    /// Its group.
    pub group: Group,
    /// Where commands go.
    pub proposer: Proposer<ShardProtocol>,
    /// For queries.
    pub reader: Arc<dyn StateReader>,
    /// Where it stands in the agreement of its replicas.
    pub standing: Arc<Standing>,
    /// How much it does.
    pub load: Arc<Load>,
    news: Arc<NewsBoard>,
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for LocalShard {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl LocalShard {
    /// Opens the shard from this node's log and store, and takes part in its group.
    ///
    /// # Errors
    /// Where the log or the store cannot be read.
    pub async fn open(
        shared: &Arc<Shared>,
        identity: ShardIdentity,
    ) -> Result<Arc<Self>, GroupError> {
        let group_id = group_of(identity.shard);
        let news = NewsBoard::new(shared.driver_limits.news_capacity);
        let (events, driven) = mpsc::unbounded_channel();
        let local = shared.router.network.local;
        let standing = Standing::new(identity.shard, local, Arc::clone(&shared.alarm));
        let time = ShardTime::new(Arc::clone(&shared.time));
        let load = Load::new();
        let machine = MachineParts {
            load: Arc::clone(&load),
            engine: Arc::clone(&shared.ports.engine),
            events,
            news: Arc::clone(&news),
            clock: Arc::clone(&shared.ports.clock),
            time: Arc::clone(&time),
            standing: Arc::clone(&standing),
            memory: Arc::clone(&shared.memory),
        };
        let (host, reader) = open_machine(shared, identity, machine).await?;
        host.tell_at(&news);
        let network = &shared.router.network;
        let lived = (group_id, identity.incarnation);
        let opened = shared
            .opener
            .open(lived, &shared.timing, network, Arc::clone(&host));
        let group = opened.await?;
        let proposer = shared.propose_to(&group, &time);
        let parts = DriverParts {
            shard: identity.shard,
            incarnation: identity.incarnation,
            group: group.clone(),
            proposer: proposer.clone(),
            reader: Arc::clone(&reader),
            router: Arc::clone(&shared.router),
            limits: Arc::clone(&shared.driver_limits),
            clock: Arc::clone(&shared.ports.clock),
            http: Arc::clone(&shared.ports.http),
            time,
            spans: Arc::clone(&shared.ports.spans),
            standing: Arc::clone(&standing),
        };
        let parts = Arc::new(parts);
        let tasks = vec![
            tokio::spawn(driver::checkpoints::run(Arc::clone(&parts))),
            tokio::spawn(driver::history::run(Arc::clone(&parts))),
            tokio::spawn(driver::run(parts, driven)),
            tokio::spawn(follow_lead(group.clone(), host)),
            tokio::spawn(begin_life(
                proposer.clone(),
                Arc::clone(&standing),
                identity.incarnation,
            )),
        ];
        Ok(Arc::new(Self {
            id: identity.shard,
            life: identity.incarnation,
            group,
            proposer,
            reader,
            standing,
            load,
            news,
            tasks,
        }))
    }

    /// Its news from now on, on any replica.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<News> {
        self.news.subscribe()
    }

    /// Its news of one topic from now on, on any replica.
    #[must_use]
    pub fn listen(&self, topic: Topic) -> TopicNews {
        self.news.listen(topic)
    }

    /// Waits until so many units are applied here.
    ///
    /// # Errors
    /// `Unknown` when the time is over.
    pub async fn wait_applied(&self, units: u64, at_most: Duration) -> Result<(), ProposeError> {
        let mut applied = self.group.host().watch_applied();
        let reached = tokio::time::timeout(at_most, applied.wait_for(|now| *now >= units)).await;
        match reached {
            Ok(Ok(_)) => Ok(()),
            _ => Err(ProposeError::Unknown {
                reason: format!("shard {} is behind unit {units} on this node", self.id),
            }),
        }
    }

    /// The hash of its state now, and the units applied.
    ///
    /// # Errors
    /// `Stopped` where the state cannot be read.
    pub async fn state_hash(&self) -> Result<(u64, StateHash), GroupError> {
        let stopped = |reason: String| GroupError::Stopped {
            group: self.group.id(),
            reason,
        };
        let host = self.group.host();
        let hashed = host
            .with(|machine| Ok((machine.store().committed(), machine.state_hash()?)))
            .await
            .map_err(|error| stopped(error.to_string()))?;
        let failed = |error: crate::machine::MachineError| stopped(error.to_string());
        let (units, hash) = hashed.map_err(failed)?;
        Ok((units, StateHash(hash)))
    }
}

async fn open_machine(
    shared: &Arc<Shared>,
    identity: ShardIdentity,
    parts: MachineParts,
) -> Result<(Arc<Host>, Arc<dyn StateReader>), GroupError> {
    let group = group_of(identity.shard);
    let lane = Lane::new(Arc::clone(&shared.ports.apply), group.0);
    let stores = Arc::clone(&shared.ports.stores);
    let home = lane.clone();
    let memory = Arc::clone(&shared.memory);
    // The store may read from a disk, so it is opened where it will be used.
    let opened = lane
        .run(move || -> Result<_, crate::machine::MachineError> {
            let store = stores.open(group)?;
            let mut machine = ShardMachine::open(identity, store, parts)?;
            let reader = machine.reader();
            Ok((Host::new(Box::new(machine), home, Some(memory))?, reader))
        })
        .await;
    let stopped = |reason: String| GroupError::Stopped { group, reason };
    opened
        .map_err(|error| stopped(error.to_string()))?
        .map_err(|error| stopped(error.to_string()))
}

/// Has the log begin the life that the shard map says, where it has not, once this node leads.
async fn begin_life(proposer: Proposer<ShardProtocol>, standing: Arc<Standing>, life: Incarnation) {
    while standing.awaits_life() {
        let command = cluster::Command::BeginLife(life);
        if let Err(error) = proposer.propose(vec![command]).await {
            tracing::debug!(%error, "a life begins later");
            tokio::time::sleep(LEAD_RETRY).await;
        }
    }
}

/// Tells the machine whether this node leads. The lead counts once everything committed before it
/// is applied: only then is it known what is owed.
pub(crate) async fn follow_lead(group: Group, host: Arc<Host>) {
    let mut metrics = group.raft().server_metrics();
    let mut leading_term = None;
    loop {
        let (leads, term) = {
            let now = metrics.borrow_and_update();
            (now.state == ServerState::Leader, now.vote.leader_id.term)
        };
        let wanted = leads.then_some(term);
        if wanted != leading_term {
            if leading_term.take().is_some() && set_leading(&group, &host, false).await.is_err() {
                return;
            }
            if wanted.is_some() && group.linearise(LEAD_PATIENCE).await.is_ok() {
                if set_leading(&group, &host, true).await.is_err() {
                    return;
                }
                leading_term = wanted;
            }
        }
        let behind = wanted != leading_term;
        let changed = tokio::time::timeout(
            if behind { LEAD_RETRY } else { LEAD_CHECK },
            metrics.changed(),
        );
        if matches!(changed.await, Ok(Err(_))) {
            return;
        }
    }
}

/// How long a new leader waits for its first entry to be applied, before it looks again.
const LEAD_PATIENCE: Duration = Duration::from_millis(500);
const LEAD_RETRY: Duration = Duration::from_millis(10);
const LEAD_CHECK: Duration = Duration::from_secs(3600);

async fn set_leading(group: &Group, host: &Arc<Host>, leading: bool) -> Result<(), ()> {
    let id = group.id();
    match host.with(move |machine| machine.set_leading(leading)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            tracing::error!(group = %id, %error, "a leader cannot read what it owes; it steps aside");
            group.shutdown().await;
            Err(())
        }
        Err(error) => {
            tracing::error!(group = %id, %error, "a leader cannot read what it owes; it steps aside");
            group.shutdown().await;
            Err(())
        }
    }
}
