//! Brings proposals and reads to the node that can serve them. Doors and channel pumps come before
//! it; the local proposer, or `remote` to the leader's node, after it. Guarantees: `submit` ends by
//! its deadline; it may send a command more than once, so it is for commands that are known by a
//! sequence of their own. Left to others: that sequence, and what a client is told.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use cluster::store::{GroupId, StateReader};
use cluster::{Command, Outcome, SystemCommand, SystemOutcome, SystemState};
use openraft::async_runtime::watch::WatchReceiver;
use tokio::sync::watch;
use tokio::time::Instant;
use transport::{Incarnation, ShardId};

use crate::group::Group;
use crate::hello::{HelloBoard, Lead};
use crate::limits::ClusterLimits;
use crate::local::LocalShard;
use crate::network::Network;
use crate::pieces;
use crate::proposer::{ProposeError, Proposer, Protocol, name, propose_error};
use crate::remote::{self, Request, Response};
use crate::shard_machine::ShardProtocol;
use crate::system_machine::SystemProtocol;
use crate::types::NodeId;

/// The system group on this node.
#[derive(Clone)]
pub struct LocalSystem {
    /// Which life of it.
    pub life: Incarnation,
    /// The group.
    pub group: Group,
    /// Where commands go.
    pub proposer: Proposer<SystemProtocol>,
}

/// Finds leaders and hands requests to them.
pub struct Router {
    pub(crate) network: Arc<Network>,
    pub(crate) board: Arc<HelloBoard>,
    pub(crate) limits: Arc<ClusterLimits>,
    pub(crate) states: watch::Receiver<Arc<SystemState>>,
    system: RwLock<Option<LocalSystem>>,
    shards: RwLock<BTreeMap<ShardId, Arc<LocalShard>>>,
}

/// The group of a shard.
#[must_use]
pub fn group_of(shard: ShardId) -> GroupId {
    GroupId(shard.0 + 1)
}

impl Router {
    /// A router without groups.
    #[must_use]
    pub fn new(
        network: Arc<Network>,
        board: Arc<HelloBoard>,
        limits: Arc<ClusterLimits>,
        states: watch::Receiver<Arc<SystemState>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            network,
            board,
            limits,
            states,
            system: RwLock::default(),
            shards: RwLock::default(),
        })
    }

    /// The system group runs here from now on.
    pub(crate) fn set_system(&self, system: LocalSystem) {
        let mut current = self.system.write().unwrap_or_else(PoisonError::into_inner);
        *current = Some(system);
    }

    /// The system group, once it runs here.
    pub(crate) fn system(&self) -> Option<LocalSystem> {
        let system = self.system.read().unwrap_or_else(PoisonError::into_inner);
        system.clone()
    }

    /// Whether a node is this one, or was heard lately.
    pub(crate) fn is_heard(&self, node: NodeId) -> bool {
        let silent = Duration::from_millis(self.limits.silent_ms);
        node == self.network.local || self.board.silence(node) < silent
    }

    /// A shard of which this node holds a replica.
    #[must_use]
    pub fn local(&self, shard: ShardId) -> Option<Arc<LocalShard>> {
        let shards = self.shards.read().unwrap_or_else(PoisonError::into_inner);
        shards.get(&shard).cloned()
    }

    /// All of them.
    #[must_use]
    pub fn locals(&self) -> Vec<Arc<LocalShard>> {
        let shards = self.shards.read().unwrap_or_else(PoisonError::into_inner);
        shards.values().cloned().collect()
    }

    pub(crate) fn add(&self, shard: Arc<LocalShard>) {
        let mut shards = self.shards.write().unwrap_or_else(PoisonError::into_inner);
        shards.insert(shard.id, shard);
    }

    pub(crate) fn remove(&self, shard: ShardId) -> Option<Arc<LocalShard>> {
        let mut shards = self.shards.write().unwrap_or_else(PoisonError::into_inner);
        shards.remove(&shard)
    }

    /// The node that leads a shard, by what this node knows.
    #[must_use]
    pub fn leader_of(&self, shard: ShardId) -> Option<NodeId> {
        let local = self.local(shard);
        let own = local.and_then(|local| known(local.life, &local.group));
        best(own, self.board.leader_of(shard))
    }

    /// The node that leads the system group, by what this node knows.
    #[must_use]
    pub fn system_leader(&self) -> Option<NodeId> {
        let system = self.system();
        let own = system.and_then(|system| known(system.life, &system.group));
        best(own, self.board.system_leader())
    }

    /// Proposes to a shard that this node leads.
    ///
    /// # Errors
    /// `NotLeader` where it does not, and as in `ProposeError`.
    pub async fn propose(
        &self,
        shard: ShardId,
        commands: Vec<Command>,
    ) -> Result<Vec<Outcome>, ProposeError> {
        match self.local(shard) {
            Some(local) if local.group.leads() => {
                local.standing.check()?;
                local.proposer.propose(commands).await
            }
            _ => Err(self.not_leader(shard)),
        }
    }

    fn not_leader(&self, shard: ShardId) -> ProposeError {
        let local = self.network.local;
        ProposeError::NotLeader {
            group: name(group_of(shard)),
            hint: self.leader_of(shard).filter(|node| *node != local),
        }
    }

    /// Proposes to the leader of a shard, wherever it is, until `deadline`. The commands may be
    /// proposed more than once.
    ///
    /// # Errors
    /// `TooLarge` and `Overloaded` at once; else the last reason when the time is over.
    pub async fn submit(
        &self,
        shard: ShardId,
        commands: Vec<Command>,
        deadline: Duration,
    ) -> Result<Vec<Outcome>, ProposeError> {
        let bytes = commands.iter().map(ShardProtocol::size).sum();
        let mut search = Search::for_bytes(deadline, bytes);
        loop {
            let local = self.network.local;
            let target = match self.local(shard) {
                // What this node leads by its own word needs no look at what others say, at first.
                Some(here) if search.is_new() && here.group.leads() => {
                    search.target(Some(local), &[])
                }
                _ => search.target(self.leader_of(shard), &self.replicas(shard)),
            };
            let tried = self.try_shard(shard, target, &commands, &search).await;
            if let Some(result) = search.judge(tried, &self.limits).await {
                return result;
            }
        }
    }

    async fn try_shard(
        &self,
        shard: ShardId,
        target: Option<NodeId>,
        commands: &[Command],
        search: &Search,
    ) -> Result<Vec<Outcome>, ProposeError> {
        let Some(target) = target else {
            return Err(self.not_leader(shard));
        };
        if target == self.network.local {
            return self.propose(shard, commands.to_vec()).await;
        }
        let request = Request::Propose {
            shard,
            commands: commands.to_vec(),
        };
        let wait = search.wait(&self.limits);
        match self.ask_leader(shard, target, &request, wait).await? {
            Response::Outcomes(outcomes) => Ok(outcomes),
            other => Err(unexpected(target, other)),
        }
    }

    /// Asks the node that leads a shard, until another one does: one that was cut off leaves its questions without an
    /// answer.
    async fn ask_leader(
        &self,
        shard: ShardId,
        leader: NodeId,
        request: &Request,
        deadline: Duration,
    ) -> Result<Response, ProposeError> {
        tokio::select! {
            biased;
            answer = remote::ask(&self.network, leader, request, deadline) => answer,
            () = self.replaced(shard, leader) => Err(ProposeError::Unknown {
                reason: format!("node {leader} did not answer before another node led {shard}"),
            }),
        }
    }

    /// Waits until the replica here hears of a leader that it did not know, and that is not `leader`.
    async fn replaced(&self, shard: ShardId, leader: NodeId) {
        if let Some(local) = self.local(shard) {
            let mut metrics = local.group.raft().server_metrics();
            let known = metrics.borrow_and_update().current_leader;
            while metrics.changed().await.is_ok() {
                let now = metrics.borrow_and_update().current_leader;
                if now.is_some_and(|now| now != leader && Some(now) != known) {
                    return;
                }
            }
        }
        std::future::pending::<()>().await;
    }

    /// Proposes to the system group here.
    ///
    /// # Errors
    /// `NotLeader` where this node does not lead it, and as in `ProposeError`.
    pub async fn propose_system(
        &self,
        commands: Vec<SystemCommand>,
    ) -> Result<Vec<SystemOutcome>, ProposeError> {
        match self.system() {
            Some(system) if system.group.leads() => system.proposer.propose(commands).await,
            _ => Err(ProposeError::NotLeader {
                group: name(GroupId(0)),
                hint: self
                    .system_leader()
                    .filter(|node| *node != self.network.local),
            }),
        }
    }

    /// Proposes to the leader of the system group, wherever it is, until `deadline`. The commands
    /// may be proposed more than once.
    ///
    /// # Errors
    /// As of `submit`.
    pub async fn submit_system(
        &self,
        commands: Vec<SystemCommand>,
        deadline: Duration,
    ) -> Result<Vec<SystemOutcome>, ProposeError> {
        let bytes = commands.iter().map(SystemProtocol::size).sum();
        let mut search = Search::for_bytes(deadline, bytes);
        loop {
            let members: Vec<NodeId> = {
                let state = self.states.borrow();
                state.members.keys().map(|node| node.0).collect()
            };
            let target = search.target(self.system_leader(), &members);
            let tried = self.try_system(target, &commands, &search).await;
            if let Some(result) = search.judge(tried, &self.limits).await {
                return result;
            }
        }
    }

    /// The version of the system group's state now: the number of a change that changes nothing. Numbers grow, and
    /// nobody else gets this one.
    ///
    /// # Errors
    /// As of `submit_system`.
    pub(crate) async fn system_version(&self, deadline: Duration) -> Result<u64, ProposeError> {
        let nothing = vec![SystemCommand::Place(Vec::new())];
        match self.submit_system(nothing, deadline).await?.as_slice() {
            [SystemOutcome::Done { version }] => Ok(*version),
            other => Err(ProposeError::Unknown {
                reason: format!("the system group said {other:?}"),
            }),
        }
    }

    async fn try_system(
        &self,
        target: Option<NodeId>,
        commands: &[SystemCommand],
        search: &Search,
    ) -> Result<Vec<SystemOutcome>, ProposeError> {
        let target = target.unwrap_or(self.network.local);
        if target == self.network.local {
            return self.propose_system(commands.to_vec()).await;
        }
        let request = Request::ProposeSystem(commands.to_vec());
        let wait = search.wait(&self.limits);
        match remote::ask(&self.network, target, &request, wait).await? {
            Response::SystemOutcomes(outcomes) => Ok(outcomes),
            other => Err(unexpected(target, other)),
        }
    }

    /// Sends bytes to the program of another node, and waits for its answer.
    ///
    /// # Errors
    /// As of `remote::ask`.
    pub async fn call(
        &self,
        node: NodeId,
        call: Bytes,
        deadline: Duration,
    ) -> Result<Bytes, ProposeError> {
        let request = Request::Call(call);
        match remote::ask(&self.network, node, &request, deadline).await? {
            Response::Answer(answer) => Ok(answer),
            other => Err(unexpected(node, other)),
        }
    }

    /// A reader of a shard whose replica is here. If `linearisable`, it sees everything that was
    /// committed before this call.
    ///
    /// # Errors
    /// `NotLeader` (with a node that holds it) where no replica is here; `Unavailable` and
    /// `Unknown` where the leader does not say what is committed.
    pub async fn read(
        &self,
        shard: ShardId,
        linearisable: bool,
    ) -> Result<Arc<dyn StateReader>, ProposeError> {
        let Some(local) = self.local(shard) else {
            return Err(self.not_leader(shard));
        };
        if local.standing.divergence().is_some() {
            return Err(self.not_leader(shard));
        }
        local.standing.check()?;
        if linearisable {
            let deadline = Duration::from_millis(self.limits.request_ms);
            self.linearise(shard, &local, deadline).await?;
        }
        Ok(Arc::clone(&local.reader))
    }

    async fn linearise(
        &self,
        shard: ShardId,
        local: &LocalShard,
        deadline: Duration,
    ) -> Result<(), ProposeError> {
        let mut search = Search::new(deadline);
        loop {
            search.tries += 1;
            let tried = self.try_linearise(shard, local, &search).await;
            if let Some(result) = search.judge(tried, &self.limits).await {
                return result;
            }
        }
    }

    async fn try_linearise(
        &self,
        shard: ShardId,
        local: &LocalShard,
        search: &Search,
    ) -> Result<(), ProposeError> {
        let wait = search.wait(&self.limits);
        if local.group.leads() {
            let done = local.group.linearise(wait).await;
            return done.map_err(|error| propose_error(group_of(shard), error));
        }
        let Some(leader) = self
            .leader_of(shard)
            .filter(|node| *node != self.network.local)
        else {
            return Err(self.not_leader(shard));
        };
        let request = Request::ReadIndex(shard);
        match self.ask_leader(shard, leader, &request, wait).await? {
            Response::ReadIndex(units) => local.wait_applied(units, wait).await,
            other => Err(unexpected(leader, other)),
        }
    }

    /// The units that a reader must have applied to see all that is committed.
    ///
    /// # Errors
    /// `NotLeader` where this node does not lead the shard.
    pub async fn read_index(&self, shard: ShardId) -> Result<u64, ProposeError> {
        let Some(local) = self.local(shard) else {
            return Err(self.not_leader(shard));
        };
        let deadline = Duration::from_millis(self.limits.request_ms);
        let done = local.group.linearise(deadline).await;
        done.map_err(|error| propose_error(group_of(shard), error))?;
        Ok(local.group.applied())
    }

    fn replicas(&self, shard: ShardId) -> Vec<NodeId> {
        let state = self.states.borrow();
        let assignment = state.shards.get(&shard);
        assignment.map_or_else(Vec::new, |assignment| {
            assignment.replicas.iter().map(|node| node.0).collect()
        })
    }
}

/// The leader that a group's own raft knows, with the life and the term.
fn known(life: Incarnation, group: &Group) -> Option<Lead> {
    let metrics = group.raft().server_metrics();
    let metrics = metrics.borrow_watched();
    let leader = metrics.current_leader?;
    Some((life, metrics.vote.leader_id.term, leader))
}

fn best(own: Option<Lead>, reported: Option<Lead>) -> Option<NodeId> {
    own.max(reported).map(|(.., node)| node)
}

fn unexpected(node: NodeId, response: Response) -> ProposeError {
    match response {
        Response::Failed(error) => error,
        other => ProposeError::Unknown {
            reason: format!("node {node} answered something else: {other:?}"),
        },
    }
}

/// A search for a leader, until a deadline.
struct Search {
    end: Instant,
    /// How much longer a try may take, for what is large.
    patience: Duration,
    tries: usize,
    /// A hint was followed at once.
    followed: bool,
    hint: Option<NodeId>,
    // A try that may have taken effect: no later refusal can take that back.
    unknown: Option<ProposeError>,
}

impl Search {
    fn new(deadline: Duration) -> Self {
        Self::for_bytes(deadline, 0)
    }

    /// For a request of that size.
    fn for_bytes(deadline: Duration, bytes: usize) -> Self {
        let patience = pieces::patience(bytes);
        Self {
            end: Instant::now() + deadline + patience,
            patience,
            tries: 0,
            followed: false,
            hint: None,
            unknown: None,
        }
    }

    /// Whether nobody was tried yet.
    const fn is_new(&self) -> bool {
        self.tries == 0
    }

    /// Whom to try: who another node named, else who is known, and on every third try any node
    /// that may know more.
    fn target(&mut self, leader: Option<NodeId>, others: &[NodeId]) -> Option<NodeId> {
        let other = || others.get((self.tries / 3) % others.len().max(1)).copied();
        let target = match self.hint.take() {
            Some(hint) => Some(hint),
            None if self.tries % 3 == 2 => other().or(leader),
            None => leader.or_else(other),
        };
        self.tries += 1;
        target
    }

    /// How long one try may take: short at first, because a lost message is the likely reason for
    /// silence, and longer each time, because a slow node is the other.
    fn wait(&self, limits: &ClusterLimits) -> Duration {
        let left = self.end.saturating_duration_since(Instant::now());
        let doublings = self.tries.saturating_sub(1).min(8) as u32;
        let wait_ms = limits.first_try_ms.saturating_mul(1 << doublings);
        left.min(Duration::from_millis(wait_ms.min(limits.request_ms)) + self.patience)
    }

    /// The result where the search is over; else nothing, after a pause.
    async fn judge<T>(
        &mut self,
        tried: Result<T, ProposeError>,
        limits: &ClusterLimits,
    ) -> Option<Result<T, ProposeError>> {
        let error = match tried {
            Ok(done) => return Some(Ok(done)),
            Err(error) => error,
        };
        let named = match &error {
            ProposeError::NotLeader { hint, .. } => *hint,
            _ => None,
        };
        let pause = Duration::from_millis(limits.submit_retry_ms);
        let is_over = error.is_unsent() || Instant::now() + pause >= self.end;
        match &error {
            ProposeError::Unknown { .. } if is_over => return Some(Err(error)),
            ProposeError::Unknown { .. } => self.unknown = Some(error),
            _ if is_over => return Some(Err(self.unknown.take().unwrap_or(error))),
            _ => {}
        }
        // A first hint is followed at once; the next may be the same again, without end.
        let follows = named.is_some() && !std::mem::replace(&mut self.followed, true);
        if !follows {
            tokio::time::sleep(pause).await;
        }
        self.hint = named;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> ProposeError {
        ProposeError::Unavailable {
            reason: "refused".to_owned(),
        }
    }

    fn silent() -> ProposeError {
        ProposeError::Unknown {
            reason: "silent".to_owned(),
        }
    }

    async fn judged(tries: Vec<ProposeError>) -> Option<ProposeError> {
        let limits = ClusterLimits::default();
        let mut search = Search::new(Duration::from_secs(60));
        let last = tries.len() - 1;
        for (number, error) in tries.into_iter().enumerate() {
            if number == last {
                search.end = Instant::now();
            }
            if let Some(judged) = search.judge::<()>(Err(error), &limits).await {
                return judged.err();
            }
        }
        None
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_first_hint_is_followed_without_a_pause() {
        let limits = ClusterLimits::default();
        let mut search = Search::new(Duration::from_secs(60));
        let began = Instant::now();
        for _ in 0..10 {
            let refused = Err(ProposeError::NotLeader {
                group: "a".to_owned(),
                hint: Some(2),
            });
            assert!(search.judge::<()>(refused, &limits).await.is_none());
        }
        let pauses = Duration::from_millis(9 * limits.submit_retry_ms);
        assert_eq!(began.elapsed(), pauses);
    }

    #[tokio::test]
    async fn a_try_that_may_have_taken_effect_is_not_forgotten() {
        let unknown = |error| matches!(error, Some(ProposeError::Unknown { .. }));
        assert!(unknown(judged(vec![silent(), refused()]).await));
        assert!(unknown(judged(vec![silent(), refused(), refused()]).await));
        assert!(unknown(judged(vec![refused(), silent()]).await));
        assert!(!unknown(judged(vec![refused(), refused()]).await));
        let overloaded = ProposeError::Overloaded {
            group: "a".to_owned(),
            retry_after_ms: 1,
        };
        assert!(unknown(judged(vec![silent(), overloaded]).await));
    }
}
