//! Raft between nodes, over the bus. openraft's replication comes before it, the same module of
//! the other node after it. Guarantees: every call ends within a deadline; votes and heartbeats,
//! log entries, and snapshots travel on subjects (and connections) of their own; a chunk of a snapshot
//! that is larger than a message of the bus, because one value is, travels in pieces. Left to others: what an answer means (openraft), delivery (a lost
//! request is an error, and openraft sends again).

pub mod client;
mod gather;
mod hearing;
pub(crate) mod riding;
pub mod server;
mod snapshots;
pub mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use openraft::async_runtime::watch::WatchReceiver;
use transport::{Bus, BusError, BusState, Headers, RaftChannel, Subjects};

use crate::disk::Disk;
use crate::limits::PIECE_BYTES;
use crate::payloads::PayloadStore;
use crate::pieces::{self, Pieces, Taken};
use crate::state_machine::{Host, Raft};
use crate::types::NodeId;
use gather::{Gatherer, Rules};
use hearing::Hearing;
pub use snapshots::OutgoingStatistics;
use snapshots::{Incoming, Outgoing};
use wire::{Lived, Request, Response};

/// The connections of a node to the bus: one kind of traffic never waits for another.
#[derive(Clone)]
pub struct Buses {
    /// Votes, heartbeats, hand-overs, discovery.
    pub control: Arc<dyn Bus>,
    /// Log entries.
    pub log: Arc<dyn Bus>,
    /// Messages of workers, requests between nodes, snapshots.
    pub traffic: Arc<dyn Bus>,
}

impl Buses {
    /// One connection for everything, as in a process of its own.
    #[must_use]
    pub fn shared(bus: Arc<dyn Bus>) -> Self {
        Self {
            control: Arc::clone(&bus),
            log: Arc::clone(&bus),
            traffic: bus,
        }
    }
}

/// How long raft's calls may take, and how much they carry.
#[derive(Debug, Clone)]
pub struct NetworkTiming {
    /// Deadline of one append of entries, the other node's flush included.
    pub append_deadline: Duration,
    /// Deadline of one message of heartbeats.
    pub heartbeat_deadline: Duration,
    /// How long heartbeats to one node wait for each other.
    pub heartbeat_linger: Duration,
    /// A leader that hears no quorum for so long does not say that it leads.
    pub quorum_silence: Duration,
    /// A leader that hears no quorum for so long lets the others elect at once. Longer than its lease, so that it
    /// answers no reads any more.
    pub release_after: Duration,
    /// How long the word of a commit waits for the next entry, where entries come that often: followers apply so much
    /// later, unless somebody waits for it there.
    pub commit_linger: Duration,
    /// Deadline of one chunk of a snapshot, the last one (its installation) included.
    pub chunk_deadline: Duration,
    /// Appends to one peer of one group under way at a time.
    pub appends_in_flight: usize,
    /// Messages with appends to one peer, of all groups, under way at a time.
    pub messages_in_flight: usize,
    /// Bytes of keys and values in one chunk.
    pub chunk_bytes: usize,
    /// Snapshots that this node sends at a time; further ones wait their turn.
    pub snapshots_at_a_time: usize,
    /// Bytes of snapshots that this node sends in a second, over all of them, at most.
    pub snapshot_bytes_per_second: u64,
    /// Bytes of one received snapshot that are kept on disk until it is installed, at most.
    pub snapshot_bytes_max: u64,
    /// Bytes that a received snapshot leaves free on its disk, and at least twice what the log keeps
    /// free: the log is often on the same disk.
    pub spool_free_bytes_min: u64,
}

/// How long the answer of a silent node is waited for: longer than that of a heartbeat, since also a late one shows that
/// it is there.
const KNOCK_DEADLINE: Duration = Duration::from_secs(1);

/// A group on this node.
#[derive(Clone)]
struct Member {
    raft: Raft,
    host: Arc<Host>,
}

/// A node's end of raft's network, shared by all its groups.
pub struct Network {
    pub(crate) local: NodeId,
    pub(crate) subjects: Subjects,
    pub(crate) buses: Buses,
    pub(crate) timing: NetworkTiming,
    groups: RwLock<BTreeMap<Lived, Member>>,
    gatherers: Mutex<BTreeMap<(NodeId, RaftChannel), Gatherer>>,
    hearing: Hearing,
    incoming: Mutex<BTreeMap<Lived, Incoming>>,
    pieces: Pieces,
    /// What stands beside the log.
    pub(crate) payloads: Arc<PayloadStore>,
    outgoing: Outgoing,
    /// Where snapshots are kept while they arrive.
    spool_disk: Arc<dyn Disk>,
}

impl Network {
    /// The network of node `local`. Nothing is received before `server::serve`.
    #[must_use]
    pub fn new(
        local: NodeId,
        subjects: Subjects,
        buses: Buses,
        timing: NetworkTiming,
        spool_disk: Arc<dyn Disk>,
        payloads: Arc<PayloadStore>,
    ) -> Arc<Self> {
        let outgoing = Outgoing::new(timing.snapshots_at_a_time, timing.snapshot_bytes_per_second);
        Arc::new(Self {
            hearing: Hearing::new(timing.quorum_silence),
            outgoing,
            local,
            subjects,
            buses,
            timing,
            groups: RwLock::default(),
            gatherers: Mutex::default(),
            incoming: Mutex::default(),
            pieces: Pieces::default(),
            payloads,
            spool_disk,
        })
    }

    /// Hands requests for `group` to `raft` from now on. Whether its machine is watched goes with the answers.
    pub(crate) fn attach(&self, group: Lived, raft: Raft, host: Arc<Host>) {
        let mut groups = self.groups.write().unwrap_or_else(PoisonError::into_inner);
        groups.insert(group, Member { raft, host });
    }

    /// Answers requests for `group` with `NoGroup` from now on.
    pub(crate) fn detach(&self, group: Lived) {
        let mut groups = self.groups.write().unwrap_or_else(PoisonError::into_inner);
        groups.remove(&group);
        let mut incoming = self.incoming.lock().unwrap_or_else(PoisonError::into_inner);
        let unfinished = incoming.remove(&group);
        drop(incoming);
        drop(unfinished);
    }

    /// Bytes that came so far of a snapshot of `group` that is being received.
    pub(crate) fn receiving(&self, group: Lived) -> Option<u64> {
        let incoming = self.incoming.lock().unwrap_or_else(PoisonError::into_inner);
        incoming.get(&group).map(Incoming::bytes)
    }

    /// Snapshots that this node sends.
    pub(crate) fn sending(&self) -> OutgoingStatistics {
        self.outgoing.counts()
    }

    fn member(&self, group: Lived) -> Option<Member> {
        let groups = self.groups.read().unwrap_or_else(PoisonError::into_inner);
        groups.get(&group).cloned()
    }

    /// The nodes of a group that runs here.
    fn nodes(&self, group: Lived) -> BTreeSet<NodeId> {
        let Some(Member { raft, .. }) = self.member(group) else {
            return BTreeSet::new();
        };
        let metrics = raft.server_metrics();
        let metrics = metrics.borrow_watched();
        let membership = metrics.membership_config.membership();
        membership.nodes().map(|(id, _)| *id).collect()
    }

    /// Whether this node heard enough voters of `group` within that time, or lately where none is said, to say that it
    /// leads it.
    fn hears_quorum(&self, group: Lived, within: Option<Duration>) -> bool {
        let Some(Member { raft, .. }) = self.member(group) else {
            return true;
        };
        let metrics = raft.server_metrics();
        let metrics = metrics.borrow_watched();
        let voters = metrics.membership_config.membership().get_joint_config();
        self.hearing.hears_quorum(self.local, voters, within)
    }

    /// Who should follow this node as the leader of `group`, where that node was lost; none where it may be that this
    /// process was only held up.
    fn successor(&self, group: Lived, lost: NodeId) -> Option<NodeId> {
        let release_after = Some(self.timing.release_after);
        if !self.hearing.is_lost(lost) || self.hears_quorum(group, release_after) {
            return None;
        }
        let Member { raft, .. } = self.member(group)?;
        let metrics = raft.server_metrics();
        let metrics = metrics.borrow_watched();
        let voters = metrics.membership_config.membership().voter_ids();
        let others: Vec<NodeId> = voters.filter(|voter| *voter != self.local).collect();
        // Not all groups go to the same node.
        let chosen = group.group().0 as usize % others.len().max(1);
        others.get(chosen).copied()
    }

    /// Asks a node whether it is there, in a way that says nothing of any group.
    fn knock(self: &Arc<Self>, node: NodeId) {
        let can_leave = self.buses.control.state() == BusState::Connected;
        if self.hearing.may_knock(node, can_leave) {
            let network = Arc::clone(self);
            tokio::spawn(async move {
                // What matters is noted where the answer comes.
                let _ = network
                    .call(node, RaftChannel::Vote, &[], KNOCK_DEADLINE)
                    .await;
            });
        }
    }

    /// A node is heard again: what it missed is sent at once, instead of after a pause or with the next heartbeat.
    fn resume(&self, node: NodeId) {
        let groups = self.groups.read().unwrap_or_else(PoisonError::into_inner);
        let led: Vec<Raft> = groups
            .values()
            .map(|member| &member.raft)
            .filter(|raft| raft.is_leader())
            .cloned()
            .collect();
        drop(groups);
        if led.is_empty() {
            return;
        }
        tokio::spawn(async move {
            for raft in led {
                let trigger = raft.trigger();
                // A group that has stopped meanwhile sends nothing.
                let _ = trigger.reset_backoff([node]).await;
                let _ = trigger.heartbeat().await;
            }
        });
    }

    /// Takes a piece; gives the request once it is whole, or what to answer before.
    fn take_piece(&self, piece: &pieces::Piece) -> Result<(Lived, Request), Response> {
        match self.pieces.take(piece) {
            Taken::Part => Err(Response::Part),
            Taken::Lost => Err(Response::Restart),
            Taken::Whole(bytes) => {
                let requests = wire::decode::<Vec<(Lived, Request)>>(&bytes);
                let mut requests = requests.map_err(|error| Response::Failed(error.to_string()))?;
                let none = || Response::Failed("a large message without a request".to_owned());
                requests.pop().ok_or_else(none)
            }
        }
    }

    /// What gathers the requests of one kind to one node.
    fn gatherer(self: &Arc<Self>, target: NodeId, channel: RaftChannel) -> Gatherer {
        let mut all = self
            .gatherers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let start = || Gatherer::start(self, target, self.rules(channel));
        all.entry((target, channel)).or_insert_with(start).clone()
    }

    fn rules(&self, channel: RaftChannel) -> Rules {
        let timing = &self.timing;
        let (linger, deadline) = match channel {
            RaftChannel::Append => (Duration::ZERO, timing.append_deadline),
            _ => (timing.heartbeat_linger, timing.heartbeat_deadline),
        };
        Rules {
            channel,
            linger,
            deadline,
            in_flight: timing.messages_in_flight,
        }
    }

    fn bus(&self, channel: RaftChannel) -> &Arc<dyn Bus> {
        match channel {
            RaftChannel::Vote => &self.buses.control,
            RaftChannel::Append => &self.buses.log,
            RaftChannel::Snapshot => &self.buses.traffic,
        }
    }

    /// Sends requests to `target` and waits for the answers, as many and in the same order.
    pub(crate) async fn call(
        &self,
        target: NodeId,
        channel: RaftChannel,
        requests: &[(Lived, Request)],
        deadline: Duration,
    ) -> Result<Vec<Response>, CallError> {
        let payload = wire::encode(&requests);
        let large = payload.len() > PIECE_BYTES;
        let ([(group, Request::Chunk(_))], true) = (requests, large) else {
            let asked = requests.len();
            return self.send(target, channel, (payload, asked), deadline).await;
        };
        let mut answered = Vec::new();
        for piece in pieces::cut(self.local, &payload) {
            let part = wire::encode(&[(*group, Request::Piece(piece))].as_slice());
            answered = self.send(target, channel, (part, 1), deadline).await?;
            if !matches!(answered.as_slice(), [Response::Part]) {
                break;
            }
        }
        Ok(answered)
    }

    async fn send(
        &self,
        target: NodeId,
        channel: RaftChannel,
        (payload, asked): (Bytes, usize),
        deadline: Duration,
    ) -> Result<Vec<Response>, CallError> {
        let subject = self.subjects.raft(transport::NodeId(target), channel);
        let bus = self.bus(channel);
        let reply = bus
            .request(subject, Headers::default(), payload, deadline)
            .await?;
        if self.hearing.answered(target) {
            self.resume(target);
        }
        let responses: Vec<Response> = wire::decode(&reply.payload)?;
        if responses.len() != asked {
            return Err(CallError::Count {
                asked,
                answered: responses.len(),
            });
        }
        Ok(responses)
    }
}

/// Why a call to another node brought no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// The bus did not bring one.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// It could not be read.
    #[error(transparent)]
    Wire(#[from] wire::WireError),
    /// Not as many answers as questions.
    #[error("{answered} answers came for {asked} requests")]
    Count {
        /// Requests sent.
        asked: usize,
        /// Answers received.
        answered: usize,
    },
    /// The task that sends for this peer has ended.
    #[error("the node is shutting down")]
    Closed,
}
