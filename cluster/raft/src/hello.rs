//! What nodes tell everybody: that they look for their cluster, or how they are. Every node sends
//! and hears it on the cluster's hello subject. Bootstrap, leader look-ups and placement come after
//! it. Guarantees: the last word of each node, with the time it was heard. Left to others: what
//! follows from it; a lost hello is made up for by the next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use cluster::StateHash;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use transport::{
    BusError, ClusterId, Headers, Incarnation, ShardId, SubscribeOptions, Subscription,
};

use crate::network::{Network, wire};
use crate::time::NodeTime;
use crate::types::{NodeId, NodeInfo};

/// One word of a node to all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hello {
    /// It has no cluster yet.
    Seeking(Seeking),
    /// It is a member.
    Report(Report),
}

/// A node without a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seeking {
    /// The node.
    pub node: NodeId,
    /// Its name and address.
    pub info: NodeInfo,
    /// Proposals that it has made.
    pub rounds: u64,
    /// The proposal that it is promised to: proposer, round, cluster.
    pub promise: Option<(NodeId, u64, ClusterId)>,
    /// What its wall clock showed when it sent this, in nanoseconds since 1970.
    pub clock: u64,
}

/// A member, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The node.
    pub node: NodeId,
    /// Its name and address.
    pub info: NodeInfo,
    /// Its cluster.
    pub cluster: ClusterId,
    /// Which life of the node.
    pub incarnation: u32,
    /// Drawn by its process: two of one id differ in it.
    pub process: u64,
    /// Whether it serves; a node that only starts has no say about the cluster's id.
    pub serving: bool,
    /// Whether its disk is full: it keeps its replicas, and takes no new work.
    pub full: bool,
    /// The system group.
    pub system: SystemReport,
    /// Its replicas.
    pub shards: Vec<ShardReport>,
    /// Shards whose replica here was found to differ from the majority's and does not take part.
    pub fenced: Vec<ShardId>,
    /// What its wall clock showed when it sent this, in nanoseconds since 1970.
    pub clock: u64,
    /// Whether it found that its clock is not that of the others.
    pub wrong_clock: bool,
}

/// A node's replica of the system group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemReport {
    /// Which life of it.
    pub life: Incarnation,
    /// The term that it knows.
    pub term: u64,
    /// Whether this node leads.
    pub leads: bool,
    /// Units applied.
    pub applied: u64,
}

/// A replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardReport {
    /// The shard.
    pub shard: ShardId,
    /// Which life of it.
    pub life: Incarnation,
    /// The term that it knows.
    pub term: u64,
    /// Whether this node leads.
    pub leads: bool,
    /// Units applied.
    pub applied: u64,
    /// Units that its log holds, whether committed or not.
    pub held: u64,
    /// Bytes that came so far of a snapshot that it is being sent.
    pub receiving: Option<u64>,
    /// Commands that it took in a second.
    pub load: u64,
    /// This replica's hash of the state at the last checkpoint, with the unit of that. A follower
    /// says it only while no verdict is known.
    pub checkpoint: Option<(u64, StateHash)>,
    /// Of the leader: the unit of the last verdict, and what the majority said; no hash where there
    /// was no majority, and the shard has stopped.
    pub agreed: Option<(u64, Option<StateHash>)>,
}

/// Who leads a group: its life, the term, the node.
pub type Lead = (Incarnation, u64, NodeId);

/// This process, as its reports name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Which life of the node.
    pub incarnation: u32,
    /// Drawn once.
    pub number: u64,
}

struct Heard<T> {
    what: T,
    at: Instant,
}

#[derive(Default)]
struct Book {
    seeking: BTreeMap<NodeId, Heard<Seeking>>,
    reports: BTreeMap<NodeId, Heard<Report>>,
    cluster: Option<ClusterId>,
    /// Another process that runs under this node's id.
    twin: Option<Report>,
    /// Versions of messages that this node cannot read.
    strange: BTreeSet<u8>,
}

impl Book {
    /// Reports of members of this node's cluster that are not older than that.
    fn counting(&self, silent_after: Duration) -> impl Iterator<Item = &Heard<Report>> {
        self.reports.values().filter(move |heard| {
            Some(heard.what.cluster) == self.cluster && heard.at.elapsed() < silent_after
        })
    }
}

/// What was heard last from every node.
pub struct HelloBoard {
    book: Mutex<Book>,
    heard: Notify,
    asked: Notify,
    began: Instant,
    silent_after: Duration,
    local: NodeId,
    own: Process,
    time: Arc<NodeTime>,
}

impl HelloBoard {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, hello: Hello) {
        let at = Instant::now();
        match &hello {
            Hello::Seeking(seeking) => self.time.heard(seeking.node, seeking.clock),
            Hello::Report(report) => self.time.heard(report.node, report.clock),
        }
        let is_question = match &hello {
            Hello::Seeking(_) => true,
            Hello::Report(report) => !report.serving,
        };
        let mut book = self.book();
        match hello {
            Hello::Seeking(what) if what.node != self.local => {
                book.reports.remove(&what.node);
                book.seeking.insert(what.node, Heard { what, at });
            }
            Hello::Report(what) if what.node != self.local => {
                book.seeking.remove(&what.node);
                book.reports.insert(what.node, Heard { what, at });
            }
            Hello::Report(what) if self.is_twin(&what) => book.twin = Some(what),
            _ => return,
        }
        drop(book);
        self.heard.notify_waiters();
        if is_question {
            self.asked.notify_one();
        }
    }

    /// Whether another process speaks as this node. What was late under way from an earlier life does not
    /// count: of two that run, the one whose life is older hears the other.
    fn is_twin(&self, report: &Report) -> bool {
        report.process != self.own.number && report.incarnation >= self.own.incarnation
    }

    /// Another process that runs as this node, as far as it was heard: its name, and where.
    #[must_use]
    pub fn twin(&self) -> Option<String> {
        let book = self.book();
        let info = &book.twin.as_ref()?.info;
        Some(format!("`{}` at {}", info.name, info.http))
    }

    /// This process.
    #[must_use]
    pub fn own(&self) -> Process {
        self.own
    }

    /// A version of messages that others use and this node cannot read.
    #[must_use]
    pub fn strange_version(&self) -> Option<u8> {
        self.book().strange.last().copied()
    }

    fn note_strange(&self, version: u8) {
        if self.book().strange.insert(version) {
            tracing::warn!(
                version,
                own = wire::VERSION,
                "a node on this bus speaks a version that this one cannot read; it is not heard"
            );
        }
    }

    /// Waits until a node that is starting wants to know who is there.
    pub async fn asked(&self) {
        self.asked.notified().await;
    }

    /// Waits for the next word of any node, at most that long.
    pub async fn changed(&self, at_most: Duration) {
        // Elapsed time is as good as a word: callers look again.
        let _ = tokio::time::timeout(at_most, self.heard.notified()).await;
    }

    /// Nodes without a cluster that were heard within that time.
    #[must_use]
    pub fn seeking(&self, within: Duration) -> Vec<Seeking> {
        let book = self.book();
        let recent = book
            .seeking
            .values()
            .filter(|heard| heard.at.elapsed() < within);
        recent.map(|heard| heard.what.clone()).collect()
    }

    /// The last report of every other member.
    #[must_use]
    pub fn reports(&self) -> Vec<Report> {
        let book = self.book();
        book.reports
            .values()
            .map(|heard| heard.what.clone())
            .collect()
    }

    /// The nodes that say that their clock is wrong.
    #[must_use]
    pub fn wrong_clocks(&self) -> BTreeSet<NodeId> {
        let book = self.book();
        let reports = book.counting(self.silent_after);
        let wrong = reports.filter(|heard| heard.what.wrong_clock);
        wrong.map(|heard| heard.what.node).collect()
    }

    /// The clocks, as far as they were heard.
    #[must_use]
    pub fn time(&self) -> &Arc<NodeTime> {
        &self.time
    }

    /// How long a node has been silent; since this process began where it was never heard.
    #[must_use]
    pub fn silence(&self, node: NodeId) -> Duration {
        let book = self.book();
        match book.reports.get(&node) {
            Some(heard) => heard.at.elapsed(),
            None => self.began.elapsed(),
        }
    }

    /// Whether a node can take work, by its last report: its disk is not full.
    #[must_use]
    pub fn has_room(&self, node: NodeId) -> bool {
        let book = self.book();
        let heard = book.reports.get(&node);
        heard.is_none_or(|heard| !heard.what.full)
    }

    /// Units of a shard that a node has applied, and that its log holds, as it reported last.
    #[must_use]
    pub fn extent(&self, node: NodeId, shard: ShardId) -> Option<(u64, u64)> {
        let book = self.book();
        let report = &book.reports.get(&node)?.what;
        let one = report.shards.iter().find(|one| one.shard == shard)?;
        Some((one.applied, one.held))
    }

    /// Bytes that a node has of a snapshot of a shard that it is being sent, as it reported last.
    #[must_use]
    pub fn receiving(&self, node: NodeId, shard: ShardId) -> Option<u64> {
        let book = self.book();
        let report = &book.reports.get(&node)?.what;
        report
            .shards
            .iter()
            .find(|one| one.shard == shard)?
            .receiving
    }

    /// What a shard took in a second, as its leader reported last; 0 where nobody leads it.
    #[must_use]
    pub fn load_of(&self, shard: ShardId) -> u64 {
        let leader = self.leader_of(shard).map(|(.., node)| node);
        let book = self.book();
        let report = leader.and_then(|node| book.reports.get(&node));
        let one = report.and_then(|heard| heard.what.shards.iter().find(|one| one.shard == shard));
        one.map_or(0, |one| one.load)
    }

    /// The cluster whose members' reports count from now on.
    pub fn set_cluster(&self, cluster: ClusterId) {
        self.book().cluster = Some(cluster);
    }

    /// Who leads a shard, by the reports of members that are not silent, with the life and the term.
    #[must_use]
    pub fn leader_of(&self, shard: ShardId) -> Option<Lead> {
        let book = self.book();
        let all = book.counting(self.silent_after).flat_map(|heard| {
            let led = heard.what.shards.iter().filter(|one| one.leads);
            led.filter(|one| one.shard == shard)
                .map(|one| (one.life, one.term, heard.what.node))
        });
        all.max()
    }

    /// The newest life of the system group that a member told of.
    #[must_use]
    pub fn system_life(&self) -> Incarnation {
        let book = self.book();
        let reports = book.counting(self.silent_after);
        let lives = reports.map(|heard| heard.what.system.life);
        lives.max().unwrap_or(Incarnation(1))
    }

    /// What the leader of the system group has applied, by its report.
    #[must_use]
    pub fn system_applied(&self) -> Option<u64> {
        let book = self.book();
        let reports = book.counting(self.silent_after).map(|heard| &heard.what);
        let led = reports.filter(|report| report.system.leads);
        let last = led.max_by_key(|report| (report.system.life, report.system.term));
        last.map(|report| report.system.applied)
    }

    /// Who leads the system group, by the reports, with the life and the term.
    #[must_use]
    pub fn system_leader(&self) -> Option<Lead> {
        let book = self.book();
        let reports = book.counting(self.silent_after).map(|heard| &heard.what);
        reports
            .filter(|report| report.system.leads)
            .map(|report| (report.system.life, report.system.term, report.node))
            .max()
    }
}

/// The board, and the task that fills it; it stops when this is dropped.
pub struct Listening {
    /// What was heard.
    pub board: Arc<HelloBoard>,
    task: JoinHandle<()>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts to listen to all nodes. A report that is older than `silent_after` says nothing of leads.
///
/// # Errors
/// Where the bus refuses the subscription.
pub async fn listen(
    network: &Network,
    silent_after: Duration,
    time: Arc<NodeTime>,
    own: Process,
) -> Result<Listening, BusError> {
    let pattern = network.subjects.hello().pattern();
    let bus = &network.buses.control;
    let subscription = bus.subscribe(pattern, SubscribeOptions::default()).await?;
    let board = Arc::new(HelloBoard {
        book: Mutex::default(),
        heard: Notify::new(),
        asked: Notify::new(),
        began: Instant::now(),
        silent_after,
        local: network.local,
        own,
        time,
    });
    let task = tokio::spawn(receive(Arc::clone(&board), subscription));
    Ok(Listening { board, task })
}

async fn receive(board: Arc<HelloBoard>, mut subscription: Subscription) {
    while let Some(message) = subscription.receive().await {
        match wire::decode(&message.payload) {
            Ok(hello) => board.hear(hello),
            Err(wire::WireError::Version { found }) => board.note_strange(found),
            Err(error) => tracing::debug!(%error, "a hello was not read"),
        }
    }
}

/// Tells all nodes. A hello that the bus does not take is made up for by the next.
pub async fn tell(network: &Network, hello: &Hello) {
    let payload: Bytes = wire::encode(hello);
    let subject = network.subjects.hello();
    let bus = &network.buses.control;
    if let Err(error) = bus.publish(subject, Headers::default(), payload).await {
        tracing::debug!(%error, "a hello was not sent");
    }
}
