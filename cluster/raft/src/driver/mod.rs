//! What the leader of a shard does after commit: pump channels, fire timers, perform effects,
//! publish outputs, go on with queued work. The shard's machine comes before it, other shards, the
//! bus and the shard's own proposer after it. Guarantees: it begins with what is owed by state,
//! acts only while this node leads, and losing any of its work loses nothing. Left to others:
//! recording that something was done (commands that it proposes).

mod channels;
pub(crate) mod checkpoints;
mod effects;
pub(crate) mod history;
mod lives;
mod outbox;
mod services;
mod timers;
pub mod waiters;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cluster::store::StateReader;
use cluster::{Action, Command};
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use transport::span::SpanSink;
use transport::{Incarnation, ShardId};

use crate::agreement::Standing;
use crate::group::Group;
use crate::http::HttpClient;
use crate::limits::DriverLimits;
use crate::ports::Clock;
use crate::proposer::{ProposeError, Proposer};
use crate::router::Router;
use crate::shard_machine::{DriverEvent, ShardProtocol};
use crate::spans;
use crate::time::ShardTime;
use channels::Announced;

/// What a driver works with.
pub struct DriverParts {
    /// The shard.
    pub shard: ShardId,
    /// Which life of it.
    pub incarnation: Incarnation,
    /// Its group.
    pub group: Group,
    /// Its own commands go here.
    pub proposer: Proposer<ShardProtocol>,
    /// Its state.
    pub reader: Arc<dyn StateReader>,
    /// Finds other shards.
    pub router: Arc<Router>,
    /// Bounds.
    pub limits: Arc<DriverLimits>,
    /// For spans.
    pub clock: Arc<dyn Clock>,
    /// Makes HTTP requests.
    pub http: Arc<dyn HttpClient>,
    /// Shard time, for timers.
    pub time: Arc<ShardTime>,
    /// Where spans go.
    pub spans: Arc<dyn SpanSink>,
    /// Where this replica stands in the agreement.
    pub standing: Arc<Standing>,
}

impl DriverParts {
    /// Proposes a command until it is committed or this node leads no longer. Only for commands
    /// that may be committed more than once.
    async fn propose(&self, command: Command) {
        self.propose_all(&[command]).await;
    }

    /// As [`DriverParts::propose`], for commands that stay together.
    async fn propose_all(&self, commands: &[Command]) {
        loop {
            match self.proposer.propose(commands.to_vec()).await {
                Ok(_) => return,
                Err(ProposeError::NotLeader { .. }) if !self.group.leads() => return,
                Err(error) => {
                    tracing::debug!(shard = %self.shard, %error, "a driver proposes again");
                    tokio::time::sleep(Duration::from_millis(self.limits.propose_retry_ms)).await;
                }
            }
        }
    }
}

/// Follows the events of a shard until its machine is gone.
pub async fn run(parts: Arc<DriverParts>, mut events: mpsc::UnboundedReceiver<DriverEvent>) {
    let mut lead = None;
    while let Some(event) = events.recv().await {
        match event {
            DriverEvent::Lead(owed) => {
                tracing::debug!(shard = %parts.shard, owed = owed.len(), "drives a shard");
                let now = parts.clock.unix_nanos();
                let begun = lead.insert(Lead::start(&parts));
                begun.take(owed, (now, now));
            }
            DriverEvent::Actions {
                actions,
                start_unix_nanos,
                end_unix_nanos,
            } => {
                if let Some(lead) = &mut lead {
                    lead.take(actions, (start_unix_nanos, end_unix_nanos));
                }
            }
            DriverEvent::Unlead => lead = None,
        }
    }
}

/// Goes on with queued work: one proposal at a time, however often it is asked for.
async fn go_on(parts: Arc<DriverParts>, more: Arc<Notify>) {
    loop {
        more.notified().await;
        parts.propose(Command::Continue).await;
    }
}

/// The tasks of one lead; they stop when it is dropped.
struct Lead {
    parts: Arc<DriverParts>,
    tasks: JoinSet<()>,
    timer: watch::Sender<Option<u64>>,
    outputs: mpsc::UnboundedSender<cluster::action::OutputNews>,
    ordered: mpsc::UnboundedSender<cluster::action::ServiceCall>,
    more: Arc<Notify>,
    calls: Arc<Semaphore>,
    pumps: BTreeMap<(ShardId, Incarnation), mpsc::UnboundedSender<Announced>>,
}

impl Lead {
    fn start(parts: &Arc<DriverParts>) -> Self {
        let mut tasks = JoinSet::new();
        let (timer, due) = watch::channel(None);
        tasks.spawn(timers::run(Arc::clone(parts), due));
        let (outputs, emitted) = mpsc::unbounded_channel();
        tasks.spawn(outbox::run(Arc::clone(parts), emitted));
        let (ordered, in_order) = mpsc::unbounded_channel();
        tasks.spawn(effects::run_ordered(Arc::clone(parts), in_order));
        let more = Arc::new(Notify::new());
        tasks.spawn(go_on(Arc::clone(parts), Arc::clone(&more)));
        Self {
            parts: Arc::clone(parts),
            tasks,
            timer,
            outputs,
            ordered,
            more,
            calls: Arc::new(Semaphore::new(parts.limits.service_calls_max)),
            pumps: BTreeMap::new(),
        }
    }

    /// Starts what actions ask for, in order.
    fn take(&mut self, actions: Vec<Action>, times: (u64, u64)) {
        while self.tasks.try_join_next().is_some() {}
        for action in actions {
            match action {
                Action::Send(batch) => self.pump(batch, times.1),
                Action::Timer { at_ms } => {
                    self.timer.send_replace(Some(at_ms));
                }
                Action::Perform(call) if effects::is_ordered(&call) => {
                    // The task ends with this lead.
                    let _ = self.ordered.send(call);
                }
                Action::Perform(call) => {
                    let parts = Arc::clone(&self.parts);
                    let calls = Arc::clone(&self.calls);
                    self.tasks.spawn(effects::perform(parts, calls, call));
                }
                Action::Continue => self.more.notify_one(),
                Action::Output(output) => {
                    // The task ends with this lead.
                    let _ = self.outputs.send(output);
                }
                Action::Turn(turn) => {
                    if self.parts.spans.is_enabled() {
                        spans::turn(&turn, times, &*self.parts.spans);
                    }
                }
                Action::RunEnded(_) => {}
                Action::Meet(other) => {
                    self.tasks
                        .spawn(lives::meet(Arc::clone(&self.parts), other));
                }
            }
        }
    }

    fn pump(&mut self, batch: cluster::action::ChannelBatch, at_unix_nanos: u64) {
        let channel = (batch.target, batch.target_incarnation);
        let (parts, tasks) = (&self.parts, &mut self.tasks);
        let pump = self.pumps.entry(channel).or_insert_with(|| {
            let (announce, announced) = mpsc::unbounded_channel();
            tasks.spawn(channels::run(Arc::clone(parts), channel, announced));
            announce
        });
        // The pump ends with this lead.
        let _ = pump.send(Announced {
            batch,
            at_unix_nanos,
        });
    }
}
