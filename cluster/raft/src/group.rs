//! One raft group on this node: its log, its state machine, its end of the network. `groups` opens
//! it; the proposer, the driver and placement work with it. Guarantees: only what openraft reports
//! as committed is applied; a group with one member spends nothing on ticks and heartbeats while it
//! leads; snapshots follow the bytes applied. Left to others: what is proposed, and when to move.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use cluster::store::GroupId;
use openraft::async_runtime::watch::WatchReceiver;
use openraft::errors::{
    ClientWriteError, Fatal, ForwardReason, ForwardToLeader, InitializeError,
    LinearizableReadError, RaftError,
};
use openraft::storage::RaftLogStorage;
use openraft::{ChangeMembers, Instant as _, LogIdOptionExt, RaftMetrics, ReadPolicy, ServerState};
use tokio::task::JoinHandle;
use transport::Incarnation;

use crate::limits::HAND_OVER_LAG_MAX;
use crate::network::Network;
use crate::network::client::Clients;
use crate::network::riding::Awaited;
use crate::network::wire::Lived;
use crate::payloads::{self, Claim};
use crate::proposer::ProposeError;
use crate::settings::Timing;
use crate::state_machine::{Host, Raft, StateMachine};
use crate::types::{Config, EntryData, NodeId, NodeInfo};

/// What openraft reports of a group.
pub type Metrics = RaftMetrics<Config>;

/// Why something was not done by a group.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    /// Another node leads, or none.
    #[error("E-not-leader: this node does not lead group {group}")]
    NotLeader {
        /// The group.
        group: GroupId,
        /// The node that leads, where it is known.
        leader: Option<NodeId>,
        /// Whether what was asked certainly had no effect.
        unsent: bool,
    },
    /// The group has stopped on this node.
    #[error("E-group-stopped: group {group} has stopped on this node: {reason}")]
    Stopped {
        /// The group.
        group: GroupId,
        /// What openraft says.
        reason: String,
    },
    /// openraft refuses, for example a second change of members at a time.
    #[error("E-group-refused: group {group} refuses: {reason}")]
    Refused {
        /// The group.
        group: GroupId,
        /// What openraft says.
        reason: String,
    },
    /// Not done in time; whether it will be is not known.
    #[error("E-group-deadline: group {group} did not answer within {} ms", after.as_millis())]
    Deadline {
        /// The group.
        group: GroupId,
        /// How long it was waited for.
        after: Duration,
    },
}

/// A group that runs on this node. Clones are the same group.
#[derive(Clone)]
pub struct Group {
    inner: Arc<Inner>,
}

struct Inner {
    id: GroupId,
    /// On the wire: the group in one of its lives.
    lived: Lived,
    local: NodeId,
    raft: Raft,
    host: Arc<Host>,
    network: Arc<Network>,
    awaited: Awaited,
    /// A node that was silent for longer is not asked to take over a lead.
    silence_max: Duration,
    keeper: Mutex<Option<JoinHandle<()>>>,
}

impl Inner {
    fn take_keeper(&self) -> Option<JoinHandle<()>> {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        keeper.take()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(keeper) = self.take_keeper() {
            keeper.abort();
        }
        self.network.detach(self.lived);
        // The core holds itself: without this it would go on for ever.
        let raft = self.raft.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            drop(runtime.spawn(async move { raft.shutdown().await }));
        }
    }
}

impl Group {
    /// Starts the group, in its life `life`, from what its log and store hold. It takes part at once, so it is only
    /// called where this node may vote with this log.
    ///
    /// # Errors
    /// `Stopped` where the log or the store cannot be read.
    pub async fn open<L>(
        (id, life): (GroupId, Incarnation),
        timing: &Timing,
        network: &Arc<Network>,
        log: L,
        host: Arc<Host>,
    ) -> Result<Self, GroupError>
    where
        L: RaftLogStorage<Config>,
    {
        let config = Arc::new(timing.raft_config(id));
        let lived = Lived::new(id, life);
        let awaited = Awaited::default();
        let clients = Clients::new(Arc::clone(network), lived, awaited.clone());
        host.take_payloads_from(network);
        let machine = StateMachine(Arc::clone(&host));
        let raft = Raft::new(network.local, config, clients, log, machine)
            .await
            .map_err(|error| stopped(id, &error))?;
        network.attach(lived, raft.clone(), Arc::clone(&host));
        let keeper = tokio::spawn(keep(raft.clone(), Arc::clone(&host), timing.clone()));
        let inner = Inner {
            id,
            lived,
            local: network.local,
            raft,
            host,
            network: Arc::clone(network),
            awaited,
            silence_max: Duration::from_millis(timing.election_timeout_min_ms),
            keeper: Mutex::new(Some(keeper)),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> GroupId {
        self.inner.id
    }

    /// openraft's handle.
    #[must_use]
    pub fn raft(&self) -> &Raft {
        &self.inner.raft
    }

    /// Its state machine.
    #[must_use]
    pub fn host(&self) -> &Arc<Host> {
        &self.inner.host
    }

    /// What openraft reports now.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.inner.raft.metrics().borrow_watched().clone()
    }

    /// Whether this node leads.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.inner.raft.is_leader()
    }

    /// The node that leads, as far as this one knows.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        self.inner
            .raft
            .server_metrics()
            .borrow_watched()
            .current_leader
    }

    /// The ids of its voters and of all its nodes.
    #[must_use]
    pub fn members(&self) -> (BTreeSet<NodeId>, BTreeSet<NodeId>) {
        let metrics = self.inner.raft.server_metrics();
        let metrics = metrics.borrow_watched();
        let membership = metrics.membership_config.membership();
        (
            membership.voter_ids().collect(),
            membership.nodes().map(|(id, _)| *id).collect(),
        )
    }

    /// Makes the group, with these voters. Nothing happens where it was made already.
    ///
    /// # Errors
    /// `Stopped`, or `Refused` where this node is not among them.
    pub async fn initialise(&self, voters: BTreeMap<NodeId, NodeInfo>) -> Result<(), GroupError> {
        match self.inner.raft.initialize(voters).await {
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
            Err(RaftError::APIError(error)) => Err(self.refused(&error)),
            Err(RaftError::Fatal(error)) => Err(stopped(self.inner.id, &error)),
        }
    }

    /// Replicates an entry and applies it here. Gives the encoded answer of the machine. Retries
    /// while a new leader has no lease yet: such an entry was not taken.
    ///
    /// # Errors
    /// `NotLeader`, `Stopped`, `Deadline`. Unless `unsent`, the entry may still be committed.
    pub async fn write(&self, data: EntryData, deadline: Duration) -> Result<Vec<u8>, GroupError> {
        let give_up = tokio::time::Instant::now() + deadline;
        let late = || GroupError::Deadline {
            group: self.inner.id,
            after: deadline,
        };
        loop {
            let write = self.inner.raft.client_write(data.clone());
            let written = tokio::time::timeout_at(give_up, write).await;
            match written.map_err(|_| late())? {
                Ok(response) => return Ok(response.data.0),
                Err(error) if lease_is_missing(&error) => {
                    tokio::time::sleep(LEASE_PAUSE).await;
                    if tokio::time::Instant::now() >= give_up {
                        return Err(self.not_leader(&ForwardToLeader::empty(), true));
                    }
                }
                Err(error) => return Err(self.write_error(&error)),
            }
        }
    }

    /// Keeps the commands of a large entry on a quorum of its voters, before the entry that names them.
    ///
    /// # Errors
    /// As of `payloads::place`.
    pub(crate) async fn place(
        &self,
        payload: Bytes,
        deadline: Duration,
    ) -> Result<Claim, ProposeError> {
        let (voters, _) = self.members();
        payloads::place(&self.inner.network, &voters, payload, deadline).await
    }

    /// Waits until everything that was committed before this call is applied here. On the leader
    /// its lease is enough, without one a round of heartbeats is made.
    ///
    /// # Errors
    /// `NotLeader`, `Stopped`, `Deadline`.
    pub async fn linearise(&self, deadline: Duration) -> Result<(), GroupError> {
        let policies = [ReadPolicy::LeaseRead, ReadPolicy::ReadIndex];
        let mut result = Ok(());
        for policy in policies {
            let read = self.inner.raft.ensure_linearizable(policy);
            let done = tokio::time::timeout(deadline, read).await;
            result = match done {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(forward)))) => {
                    return Err(self.not_leader(&forward, true));
                }
                Ok(Err(RaftError::APIError(error))) => Err(self.refused(&error)),
                Ok(Err(RaftError::Fatal(error))) => return Err(stopped(self.inner.id, &error)),
                Err(_) => Err(GroupError::Deadline {
                    group: self.inner.id,
                    after: deadline,
                }),
            };
        }
        result
    }

    /// Somebody on another node waits until so many units are applied there: it hears at once that they are
    /// committed.
    pub(crate) fn awaited_elsewhere(&self, units: u64) {
        self.inner.awaited.raise(units);
    }

    /// Lets `node` learn.
    ///
    /// # Errors
    /// `NotLeader`, `Stopped`, `Refused`.
    pub async fn add_learner(&self, node: NodeId, info: NodeInfo) -> Result<(), GroupError> {
        let added = self.inner.raft.add_learner(node, info, false).await;
        added.map(drop).map_err(|error| self.write_error(&error))
    }

    /// Makes `voters` the voters; other nodes stay as learners if `keep_others`, else they leave.
    ///
    /// # Errors
    /// `NotLeader`, `Stopped`, `Refused`.
    pub async fn change_voters(
        &self,
        voters: BTreeSet<NodeId>,
        keep_others: bool,
    ) -> Result<(), GroupError> {
        let change = ChangeMembers::ReplaceAllVoters(voters);
        let changed = self.inner.raft.change_membership(change, keep_others).await;
        changed.map(drop).map_err(|error| self.write_error(&error))
    }

    /// Takes nodes that do not vote out of the group.
    ///
    /// # Errors
    /// `NotLeader`, `Stopped`, `Refused`.
    pub async fn remove_learners(&self, nodes: BTreeSet<NodeId>) -> Result<(), GroupError> {
        let change = ChangeMembers::RemoveNodes(nodes);
        let changed = self.inner.raft.change_membership(change, true).await;
        changed.map(drop).map_err(|error| self.write_error(&error))
    }

    /// How many entries `node` is behind the leader's log; none where this node does not lead or
    /// does not know.
    #[must_use]
    pub fn lag(&self, node: NodeId) -> Option<u64> {
        let metrics = self.metrics();
        let matched = (*metrics.replication?.get(&node)?)?;
        let last = metrics.last_log_index?;
        Some(last.saturating_sub(matched.index()))
    }

    /// How long ago the last answer of `node` to this leader was asked for; none where this node
    /// does not lead or never had one.
    #[must_use]
    pub fn answered(&self, node: NodeId) -> Option<Duration> {
        let metrics = self.metrics();
        let answered = (*metrics.heartbeat?.get(&node)?)?;
        Some(answered.elapsed())
    }

    /// Asks `node` to take over the lead, and waits until another node leads. A leader that has
    /// asked takes no entries until somebody leads again, so a node that is silent, or has still to catch up, is not asked.
    ///
    /// # Errors
    /// `Refused` where that node is silent or behind, `Stopped`, or `Deadline` where this node still leads at
    /// its end.
    pub async fn transfer(&self, node: NodeId, deadline: Duration) -> Result<(), GroupError> {
        let is_silent = |silence: Duration| silence > self.inner.silence_max;
        if self.answered(node).is_none_or(is_silent) {
            return Err(self.refused(&format!("node {node} does not answer this leader")));
        }
        if self
            .lag(node)
            .is_none_or(|entries| entries > HAND_OVER_LAG_MAX)
        {
            return Err(self.refused(&format!("node {node} is behind this leader")));
        }
        let asked = self.inner.raft.trigger().transfer_leader(node).await;
        asked.map_err(|error| stopped(self.inner.id, &error))?;
        let local = self.inner.local;
        let moved = self
            .inner
            .raft
            .wait(Some(deadline))
            .metrics(
                |metrics| metrics.current_leader.is_some_and(|leader| leader != local),
                "hand over the lead",
            )
            .await;
        moved.map(drop).map_err(|_| GroupError::Deadline {
            group: self.inner.id,
            after: deadline,
        })
    }

    /// Stands for election now, as a group of one does after its start.
    ///
    /// # Errors
    /// `Stopped`.
    pub async fn elect(&self) -> Result<(), GroupError> {
        let asked = self.inner.raft.trigger().elect(true).await;
        asked.map_err(|error| stopped(self.inner.id, &error))
    }

    /// Stands for election again and again until somebody leads: the other members of a group that
    /// was just made open it a moment later, and a whole election timeout need not pass.
    pub async fn elect_soon(&self) {
        let end = tokio::time::Instant::now() + FIRST_ELECTION;
        while self.leader().is_none() && tokio::time::Instant::now() < end {
            tokio::time::sleep(FIRST_ELECTION_PAUSE).await;
            if self.leader().is_none() && self.elect().await.is_err() {
                return;
            }
        }
    }

    /// Units of the store that are applied.
    #[must_use]
    pub fn applied(&self) -> u64 {
        *self.inner.host.watch_applied().borrow()
    }

    /// Units that its log holds here, whether committed or not.
    #[must_use]
    pub fn held(&self) -> u64 {
        let last = self.metrics().last_log_index;
        last.map_or(0, |index| index + 1)
    }

    /// Whether anything is in its log or store.
    #[must_use]
    pub fn is_initialised(&self) -> bool {
        let metrics = self.metrics();
        metrics.last_log_index.is_some() || metrics.last_applied.index().is_some()
    }

    /// Stops taking part. The log and the store keep what they have.
    pub async fn shutdown(&self) {
        self.inner.network.detach(self.inner.lived);
        if let Err(error) = self.inner.raft.shutdown().await {
            tracing::warn!(group = %self.inner.id, %error, "a group did not stop cleanly");
        }
        if let Some(keeper) = self.inner.take_keeper() {
            keeper.abort();
            // It holds the state machine until it is gone, and so the store.
            let _ = keeper.await;
        }
    }

    /// Stops taking part, and makes what was applied durable, so that the next opening has no tail to
    /// apply.
    pub async fn close(&self) {
        self.shutdown().await;
        // Tasks that end by themselves may hold the machine for a moment more: closed, its store is
        // free for the next opening all the same.
        let flushed = self.host().with(|machine| {
            let flushed = machine.store().flush();
            machine.store().close();
            flushed
        });
        match flushed.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(group = %self.id(), %error, "a store was not flushed"),
            Err(error) => tracing::warn!(group = %self.id(), %error, "a store was not flushed"),
        }
    }

    fn refused(&self, error: &impl std::fmt::Display) -> GroupError {
        GroupError::Refused {
            group: self.inner.id,
            reason: error.to_string(),
        }
    }

    fn not_leader(&self, forward: &ForwardToLeader<Config>, unsent: bool) -> GroupError {
        GroupError::NotLeader {
            group: self.inner.id,
            leader: forward.leader_id.filter(|id| *id != self.inner.local),
            unsent,
        }
    }

    fn write_error(&self, error: &RaftError<Config, ClientWriteError<Config>>) -> GroupError {
        match error {
            // A leader that is deposed answers its pending writes in the same way, and those may
            // be committed by the next one.
            RaftError::APIError(ClientWriteError::ForwardToLeader(forward)) => {
                self.not_leader(forward, false)
            }
            RaftError::APIError(other) => self.refused(other),
            RaftError::Fatal(error) => stopped(self.inner.id, error),
        }
    }
}

/// How long the first election of a group is hurried, and how often.
const FIRST_ELECTION: Duration = Duration::from_secs(2);
const FIRST_ELECTION_PAUSE: Duration = Duration::from_millis(25);

/// Pause before a write is tried again that came before the leader's first lease.
const LEASE_PAUSE: Duration = Duration::from_millis(3);

fn lease_is_missing(error: &RaftError<Config, ClientWriteError<Config>>) -> bool {
    matches!(
        error,
        RaftError::APIError(ClientWriteError::ForwardToLeader(forward))
            if forward.reason == ForwardReason::LeaseExpired
    )
}

fn stopped(group: GroupId, error: &Fatal<Config>) -> GroupError {
    GroupError::Stopped {
        group,
        reason: error.to_string(),
    }
}

/// Housekeeping of a group while it runs: no ticks for a group of one that leads, and snapshots by
/// the bytes applied.
async fn keep(raft: Raft, host: Arc<Host>, timing: Timing) {
    let mut metrics = raft.server_metrics();
    let mut ticking = true;
    loop {
        let alone = {
            let now = metrics.borrow_and_update();
            let nodes = now.membership_config.membership().nodes().count();
            now.state == ServerState::Leader && nodes == 1
        };
        if alone == ticking {
            ticking = !alone;
            raft.runtime_config().tick(ticking);
        }
        let changed = tokio::time::timeout(timing.snapshot_check, metrics.changed()).await;
        if matches!(changed, Ok(Err(_))) {
            return;
        }
        if host.bytes_since_snapshot() >= timing.snapshot_bytes
            && raft.trigger().snapshot().await.is_err()
        {
            return;
        }
    }
}
