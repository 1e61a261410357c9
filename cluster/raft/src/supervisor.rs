//! Keeps this node's replicas as the shard map wants them: opens, initialises and closes groups, and
//! tells all nodes how they are. The system state comes before it, `LocalShard` after it.
//! Guarantees: a shard is initialised by one node only, the one the map names first; a replica is
//! closed only when its group no longer names this node. Left to others: changing the map
//! (`placement`), changing groups' members (`moves`).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cluster::agreement::Agreement;
use cluster::placement::Move;
use cluster::system::ShardAssignment;
use cluster::{ShardIdentity, StateHash, SystemCommand, SystemState};
use futures::future::join_all;
use openraft::async_runtime::watch::WatchReceiver;
use tokio::sync::Notify;
use tokio::time::Instant;
use transport::{NodeId as MemberId, ShardId};

use crate::bootstrap::Keeper;
use crate::error::StartError;
use crate::fencing;
use crate::hello::{self, Hello, Report, ShardReport, SystemReport};
use crate::local::{LocalShard, Shared};
use crate::network::wire::Lived;
use crate::room;
use crate::router::group_of;
use crate::types::NodeInfo;

/// What the supervisor works with.
pub(crate) struct Supervisor {
    /// What shards share.
    pub(crate) shared: Arc<Shared>,
    /// Who this node is.
    pub(crate) keeper: Arc<Keeper>,
    /// This node's name and address.
    pub(crate) info: NodeInfo,
    /// Whether this node takes part for others to see.
    pub(crate) serving: AtomicBool,
    /// Rung when there is something new to tell.
    pub(crate) news: Notify,
    /// Replicas that the map does not name any more, and since when.
    pub(crate) unwanted: Mutex<BTreeMap<ShardId, Instant>>,
}

/// How long a replica that the map does not name waits to hear it from its group. The record in the
/// map follows the group's own change, so it is right also where the group cannot tell.
const UNWANTED_PATIENCE: Duration = Duration::from_secs(10);

impl Supervisor {
    fn local(&self) -> MemberId {
        MemberId(self.shared.router.network.local)
    }

    /// Opens what belongs here and is not open, all at once, so that their first flushes are
    /// shared; closes what does not.
    pub(crate) async fn reconcile(&self) {
        let state = Arc::clone(&self.shared.router.states.borrow());
        let wanted: Vec<(ShardId, &ShardAssignment)> = state
            .shards
            .iter()
            .filter(|(_, assignment)| self.belongs_here(assignment))
            .map(|(shard, assignment)| (*shard, assignment))
            .collect();
        fencing::release(self, |shard| {
            let assignment = state.shards.get(&shard);
            assignment.is_some_and(|assignment| !self.belongs_here(assignment))
        })
        .await;
        for (shard, assignment) in &wanted {
            if let Some(local) = self.shared.router.local(*shard)
                && local.life < assignment.incarnation
            {
                tracing::warn!(%shard, life = %assignment.incarnation, "a shard goes on in a new life");
                self.shared.router.remove(*shard);
                local.group.close().await;
            }
        }
        let missing = wanted.iter().filter(|(shard, _)| {
            self.shared.router.local(*shard).is_none() && !self.shared.fences.holds(*shard)
        });
        join_all(missing.map(|(shard, assignment)| self.open(&state, *shard, assignment))).await;
        self.record_created(&state).await;
        for local in self.shared.router.locals() {
            let assignment = state.shards.get(&local.id);
            match assignment.filter(|assignment| !self.belongs_here(assignment)) {
                Some(assignment) => self.close(&local, assignment).await,
                None => {
                    let mut unwanted = self.unwanted.lock().unwrap_or_else(PoisonError::into_inner);
                    unwanted.remove(&local.id);
                }
            }
        }
    }

    /// Whether the map names this node for a shard, now or when the move under way is done.
    fn belongs_here(&self, assignment: &ShardAssignment) -> bool {
        let comes = matches!(
            assignment.step,
            Some(Move::AddReplica { node, .. }) if node == self.local()
        );
        comes || assignment.replicas.contains(&self.local())
    }

    async fn open(&self, state: &SystemState, shard: ShardId, assignment: &ShardAssignment) {
        let Some(cluster) = state.cluster else { return };
        let identity = ShardIdentity {
            cluster,
            shard,
            incarnation: assignment.incarnation,
            shard_count: state.shard_count,
        };
        if let Err(error) = self.fit(shard, assignment).await {
            tracing::error!(%shard, %error, "a replica is not made fit for a new life yet");
            return;
        }
        let local = match LocalShard::open(&self.shared, identity).await {
            Ok(local) => local,
            Err(error) => {
                tracing::error!(%shard, %error, "a shard does not open on this node");
                return;
            }
        };
        if !assignment.created && assignment.preferred_leader == self.local() {
            let voters = members_of(state, assignment);
            if let Err(error) = local.group.initialise(voters).await {
                tracing::error!(%shard, %error, "a shard was not initialised");
            }
            let group = local.group.clone();
            drop(tokio::spawn(async move { group.elect_soon().await }));
        } else {
            self.hurry(&local).await;
        }
        self.shared.router.add(local);
        self.news.notify_one();
    }

    /// Makes what is here of a shard fit for the life that the map says: on the node that the shard goes
    /// on from, it becomes the only member of the group; elsewhere it is kept aside. Every step may be
    /// done again after a crash; the life is noted last.
    async fn fit(&self, shard: ShardId, assignment: &ShardAssignment) -> Result<(), StartError> {
        let (shared, group) = (&self.shared, group_of(shard));
        if shared.lives.of(group) >= assignment.incarnation {
            return Ok(());
        }
        if assignment.recovered_from == Some(self.local()) {
            let local = shared.router.network.local;
            shared.opener.claim(group, local, self.info.clone()).await?;
        } else {
            let kept = shared.ports.stores.set_aside(group);
            kept.map_err(|error| StartError::System(error.to_string()))?;
            shared.opener.remove(group).await?;
        }
        Ok(shared.lives.note(group, assignment.incarnation)?)
    }

    /// A group of one has nobody to wait for.
    async fn hurry(&self, local: &LocalShard) {
        let (voters, _) = local.group.members();
        if voters.len() == 1 && voters.contains(&self.local().0) {
            // A group that has stopped is reported where it is used.
            let _ = local.group.elect().await;
        }
    }

    /// Records the shards that this node leads and that the map does not know as made.
    async fn record_created(&self, state: &SystemState) {
        let made = state
            .shards
            .iter()
            .filter(|(_, assignment)| !assignment.created)
            .filter(|(shard, _)| {
                let local = self.shared.router.local(**shard);
                local.is_some_and(|local| local.group.leads())
            });
        let commands: Vec<SystemCommand> = made
            .map(|(shard, _)| SystemCommand::ShardCreated { shard: *shard })
            .collect();
        if commands.is_empty() {
            return;
        }
        let router = &self.shared.router;
        let deadline = Duration::from_millis(router.limits.request_ms);
        if let Err(error) = router.submit_system(commands, deadline).await {
            tracing::debug!(%error, "made shards are recorded later");
        }
    }

    /// Closes a replica that its group does not name any more, and forgets its data.
    async fn close(&self, local: &Arc<LocalShard>, assignment: &ShardAssignment) {
        let shard = local.id;
        let (_, nodes) = local.group.members();
        let since = {
            let mut unwanted = self.unwanted.lock().unwrap_or_else(PoisonError::into_inner);
            *unwanted.entry(shard).or_insert_with(Instant::now)
        };
        let is_old = assignment.incarnation > local.life;
        if !is_old && nodes.contains(&self.local().0) && since.elapsed() < UNWANTED_PATIENCE {
            return;
        }
        tracing::info!(%shard, "this node gives its replica up");
        self.shared.router.remove(shard);
        local.group.shutdown().await;
        let group = group_of(shard);
        if let Err(error) = self.shared.opener.remove(group).await {
            tracing::warn!(%shard, %error, "the log of a shard was not removed");
        }
        if let Err(error) = self.shared.ports.stores.remove(group) {
            tracing::warn!(%shard, %error, "the store of a shard was not removed");
        }
        self.news.notify_one();
    }

    /// What this node tells of itself; none before it is a member.
    #[must_use]
    pub(crate) fn report(&self) -> Option<Report> {
        let identity = self.keeper.get();
        let router = &self.shared.router;
        let system = router.system()?;
        let system = SystemReport {
            life: system.life,
            term: term_of(&system.group),
            leads: system.group.leads(),
            applied: system.group.applied(),
        };
        let shards = router.locals().into_iter().map(|local| {
            let leads = local.group.leads();
            let standing = &local.standing;
            let verdict = || agreed(&standing.agreement());
            ShardReport {
                shard: local.id,
                life: local.life,
                term: term_of(&local.group),
                leads,
                applied: local.group.applied(),
                held: local.group.held(),
                receiving: router
                    .network
                    .receiving(Lived::new(group_of(local.id), local.life)),
                load: local.load.per_second(),
                // Once there is a verdict, a follower's word is of no more use to anybody.
                checkpoint: standing.own().filter(|_| leads).or(standing.undecided()),
                agreed: leads.then(verdict).flatten(),
            }
        });
        Some(Report {
            node: identity.node,
            info: self.info.clone(),
            cluster: identity.cluster?,
            incarnation: identity.incarnation,
            process: router.board.own().number,
            serving: self.serving.load(Ordering::Relaxed),
            full: room::shortage(self.shared.opener.log()).is_some(),
            system,
            shards: shards.collect(),
            fenced: self.shared.fences.shards(),
            wrong_clock: self.shared.clock_state.is_wrong(),
            clock: self.shared.time.wall(),
        })
    }

    /// Tells all nodes.
    pub(crate) async fn tell(&self) {
        if let Some(report) = self.report() {
            hello::tell(&self.shared.router.network, &Hello::Report(report)).await;
        }
    }
}

/// A verdict as it is reported.
pub(crate) fn agreed(agreement: &Agreement) -> Option<(u64, Option<StateHash>)> {
    (agreement.count > 0).then_some((agreement.unit, agreement.hash))
}

fn term_of(group: &crate::group::Group) -> u64 {
    let vote = group.raft().server_metrics().borrow_watched().vote;
    vote.leader_id.term
}

/// The replicas of a shard with what a group's membership knows of them.
fn members_of(
    state: &SystemState,
    assignment: &ShardAssignment,
) -> BTreeMap<crate::types::NodeId, NodeInfo> {
    let members = assignment.replicas.iter().map(|node| {
        let member = state.members.get(node);
        let info = member.map_or_else(NodeInfo::default, |member| NodeInfo {
            name: member.name.clone(),
            http: member.http.clone(),
        });
        (node.0, info)
    });
    members.collect()
}

/// Reconciles whenever the system state changes, and from time to time.
pub(crate) async fn run(supervisor: Arc<Supervisor>) {
    let mut states = supervisor.shared.router.states.clone();
    loop {
        let unfinished = {
            let state = states.borrow_and_update();
            state.shards.values().any(|assignment| !assignment.created)
        };
        supervisor.reconcile().await;
        let pause = if unfinished { SOON } else { LATER };
        if let Ok(Err(_)) = tokio::time::timeout(pause, states.changed()).await {
            return;
        }
    }
}

const SOON: Duration = Duration::from_millis(5);
const LATER: Duration = Duration::from_secs(2);

/// Tells all nodes from time to time, and soon where a lead changes or a node that starts asks.
pub(crate) async fn tell_all(supervisor: Arc<Supervisor>) {
    let router = &supervisor.shared.router;
    let every = Duration::from_millis(router.limits.report_ms);
    let at_least = Duration::from_millis(router.limits.hello_ms) / 2;
    loop {
        supervisor.tell().await;
        tokio::time::sleep(at_least).await;
        tokio::select! {
            biased;
            () = tokio::time::sleep(every.saturating_sub(at_least)) => {}
            () = supervisor.news.notified() => {}
            () = router.board.asked() => {}
        }
    }
}
