//! How a node finds its cluster, or begins one with others. The start of a node comes before it,
//! the system group after it. Guarantees: a node promises itself durably to one proposal at a time;
//! only the proposer carries its proposal out, and only after all its members promised; a proposer
//! that gives up does so durably before it releases anybody. Left to others: joining a cluster that
//! exists (`join`), making its groups (`supervisor`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cluster::system::Semantics;
use futures::future::join_all;
use tokio::time::Instant;
use transport::{ClusterId, Incarnation};

use crate::beginning::Beginning;
use crate::hello::{self, Hello, HelloBoard, Report, Seeking};
use crate::identity::{Identity, IdentityError, IdentityFile, Proposal};
use crate::limits::ClusterLimits;
use crate::network::{Network, wire};
use crate::ports::Entropy;
use crate::remote::{self, Request, Response};
use crate::types::{NodeId, NodeInfo};

/// With how many others a cluster begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discovery {
    /// With none, on a bus that nobody else can reach: nothing is waited for.
    Alone,
    /// When so many nodes have seen each other, unless a cluster of that name is there already.
    Expect(usize),
}

/// Why no cluster was found.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The identity cannot be kept.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Another cluster has that name.
    #[error(
        "E-other-cluster: nodes on this bus belong to the cluster {found}, this node to {own}; give this cluster another name, or start this node with an empty data folder to join the other"
    )]
    OtherCluster {
        /// Theirs.
        found: ClusterId,
        /// This node's.
        own: ClusterId,
    },
    /// The data folder is that of a cluster of another name.
    #[error(
        "E-cluster-name: this node is set to be of the cluster `{given}`, and its data folder is of the cluster `{recorded}`; give it --cluster {recorded}, or another data folder"
    )]
    Name {
        /// What is set.
        given: String,
        /// What the data says.
        recorded: String,
    },
    /// This program does not run what scripts mean in the cluster.
    #[error(
        "E-semantics: scripts mean what version {cluster} says in this cluster, and this program runs version {own}; start the program that the other nodes run"
    )]
    Semantics {
        /// What is in force.
        cluster: u32,
        /// What this program runs.
        own: Semantics,
    },
    /// The cluster does not take this node in.
    #[error("{0}; start the program that the other nodes run")]
    Refused(String),
    /// Others speak a version that this program cannot read.
    #[error(
        "E-other-version: nodes of this cluster speak version {found} of the messages between nodes, this program version {}; start the program that the others run, and upgrade one release at a time",
        wire::VERSION
    )]
    Version {
        /// Theirs.
        found: u8,
    },
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// This node begins the cluster.
    Begin(Proposal),
    /// This node is one of those that a cluster began with.
    Promised(ClusterId),
    /// A cluster is there, which knows nothing of this node.
    Join(ClusterId),
}

/// The identity of this node, and who may change it: one change at a time, each durable.
pub struct Keeper {
    file: IdentityFile,
    identity: Mutex<Identity>,
}

impl Keeper {
    /// Keeps `identity` in that file.
    #[must_use]
    pub fn new(file: IdentityFile, identity: Identity) -> Arc<Self> {
        Arc::new(Self {
            file,
            identity: Mutex::new(identity),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Identity> {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The identity now.
    #[must_use]
    pub fn get(&self) -> Identity {
        self.lock().clone()
    }

    /// The cluster that this node is in; none before it is in one.
    #[must_use]
    pub fn cluster(&self) -> Option<ClusterId> {
        self.lock().cluster
    }

    /// Which life of the node this is.
    #[must_use]
    pub fn life(&self) -> Incarnation {
        self.lock().life()
    }

    /// Changes it, durably. Nothing changes where it cannot be saved.
    ///
    /// # Errors
    /// What the disk reports.
    pub fn change<T>(&self, change: impl FnOnce(&mut Identity) -> T) -> Result<T, IdentityError> {
        let mut identity = self.lock();
        let mut next = identity.clone();
        let result = change(&mut next);
        if next != *identity {
            self.file.save(&next)?;
            *identity = next;
        }
        Ok(result)
    }

    /// Answers a proposer: promises, unless promised to another or a member already.
    #[must_use]
    pub fn promise(&self, proposal: &Proposal) -> Response {
        let answer = self.change(|identity| {
            if let Some(cluster) = identity.cluster {
                return Response::Member(cluster);
            }
            match &identity.promise {
                Some(other) if other.proposer != proposal.proposer => {
                    Response::PromisedElsewhere(other.proposer)
                }
                Some(newer) if newer.round > proposal.round => {
                    Response::PromisedElsewhere(newer.proposer)
                }
                _ => {
                    identity.promise = Some(proposal.clone());
                    Response::Promised
                }
            }
        });
        match answer {
            Ok(response) => response,
            Err(error) => Response::Failed(crate::proposer::ProposeError::Unavailable {
                reason: error.to_string(),
            }),
        }
    }
}

/// What a search for a cluster works with.
pub struct Bootstrap<'a> {
    /// This node's end of the bus.
    pub network: &'a Arc<Network>,
    /// What others say.
    pub board: &'a HelloBoard,
    /// Who this node is.
    pub keeper: &'a Keeper,
    /// This node's name and address.
    pub info: &'a NodeInfo,
    /// With whom to begin.
    pub discovery: Discovery,
    /// Times.
    pub limits: &'a ClusterLimits,
    /// For the cluster's id.
    pub entropy: &'a dyn Entropy,
    /// Told what is waited for.
    pub beginning: &'a Beginning,
}

/// A member that has not promised after this time is done without.
const PROMISE_PATIENCE: Duration = Duration::from_secs(5);

impl Bootstrap<'_> {
    /// Searches until there is a cluster.
    ///
    /// # Errors
    /// As in `BootstrapError`.
    pub async fn find(&self) -> Result<Found, BootstrapError> {
        if self.discovery == Discovery::Alone {
            return Ok(Found::Begin(self.propose(&BTreeMap::new())?));
        }
        self.forget_own_proposal()?;
        let began = Instant::now();
        loop {
            self.say_hello().await;
            self.say_what_is_missing();
            if let Some(found) = self.look_for_members()? {
                return Ok(found);
            }
            check_version(self.board)?;
            self.look_for_release()?;
            if let Some(others) = self.partners(began.elapsed())
                && let Some(found) = self.try_to_begin(&others).await?
            {
                return Ok(found);
            }
            let pause = Duration::from_millis(self.limits.hello_ms);
            self.board.changed(pause).await;
        }
    }

    fn say_what_is_missing(&self) {
        if let Discovery::Expect(expected) = self.discovery {
            let heard = self.board.seeking(RECENT).len();
            self.beginning.wait_for(format!(
                "it looks for its cluster on the bus; {} of the {expected} nodes are there that begin one",
                heard + 1
            ));
        }
    }

    async fn say_hello(&self) {
        let identity = self.keeper.get();
        let promise = identity.promise.as_ref();
        let seeking = Seeking {
            node: identity.node,
            info: self.info.clone(),
            rounds: identity.rounds,
            promise: promise.map(|one| (one.proposer, one.round, one.cluster)),
            clock: self.board.time().wall(),
        };
        hello::tell(self.network, &Hello::Seeking(seeking)).await;
    }

    /// A proposal of this node from before a crash was not carried out, or this node would be a
    /// member.
    fn forget_own_proposal(&self) -> Result<(), BootstrapError> {
        self.keeper.change(|identity| {
            let node = identity.node;
            let own = |proposal: &Proposal| proposal.proposer == node;
            if identity.promise.as_ref().is_some_and(own) {
                identity.promise = None;
            }
        })?;
        Ok(())
    }

    /// Members of a cluster of this name that serve.
    fn look_for_members(&self) -> Result<Option<Found>, BootstrapError> {
        let reports = self.board.reports();
        let promise = self.keeper.get().promise;
        let begun = |report: &&Report| {
            promise
                .as_ref()
                .is_some_and(|promise| promise.cluster == report.cluster)
        };
        if let Some(report) = reports.iter().find(begun) {
            return Ok(Some(Found::Promised(report.cluster)));
        }
        let Some(report) = reports.iter().find(|report| report.serving) else {
            return Ok(None);
        };
        // Promised to others: they will release this node, or begin another cluster.
        if promise.is_some_and(|promise| !left(&promise, &reports)) {
            return Ok(None);
        }
        self.keeper.change(|identity| identity.promise = None)?;
        Ok(Some(Found::Join(report.cluster)))
    }

    /// Drops a promise whose proposer says that it gave its proposal up.
    fn look_for_release(&self) -> Result<(), BootstrapError> {
        let Some(promise) = self.keeper.get().promise else {
            return Ok(());
        };
        let seeking = self.board.seeking(RECENT);
        let released = seeking.iter().any(|other| {
            let holds = other.promise.map(|(proposer, round, _)| (proposer, round));
            other.node == promise.proposer
                && other.rounds >= promise.round
                && holds != Some((promise.proposer, promise.round))
        });
        if released {
            self.keeper.change(|identity| identity.promise = None)?;
        }
        Ok(())
    }

    /// The others to begin with, where this node is the one to propose.
    fn partners(&self, searched: Duration) -> Option<BTreeMap<NodeId, NodeInfo>> {
        let identity = self.keeper.get();
        let Discovery::Expect(expected) = self.discovery else {
            return None;
        };
        let is_bound = identity.only_joins || identity.promise.is_some();
        if is_bound || searched < Duration::from_millis(self.limits.discovery_ms) {
            return None;
        }
        let seeking = self.board.seeking(RECENT);
        let lowest = seeking.iter().all(|other| other.node > identity.node);
        if !lowest || seeking.len() + 1 < expected {
            return None;
        }
        let all = seeking.into_iter().map(|other| (other.node, other.info));
        // An odd number of voters; the others join what was begun.
        let count = largest_odd(all.len() + 1) - 1;
        Some(all.take(count).collect())
    }

    /// Proposes to begin with `others`, and gathers their promises. None where it was given up.
    async fn try_to_begin(
        &self,
        others: &BTreeMap<NodeId, NodeInfo>,
    ) -> Result<Option<Found>, BootstrapError> {
        let proposal = self.propose(others)?;
        tracing::info!(cluster = %proposal.cluster, members = proposal.members.len(), "proposes to begin a cluster");
        let give_up = Instant::now() + PROMISE_PATIENCE;
        let mut missing: Vec<NodeId> = others.keys().copied().collect();
        while !missing.is_empty() {
            let answers = join_all(missing.iter().map(|node| self.ask(*node, &proposal))).await;
            let mut refused = false;
            let mut still_missing = Vec::new();
            for (node, answer) in missing.iter().zip(answers) {
                match answer {
                    Some(Response::Promised) => {}
                    Some(Response::PromisedElsewhere(other)) => {
                        refused |= other < proposal.proposer;
                        still_missing.push(*node);
                    }
                    Some(Response::Member(_)) => refused = true,
                    _ => still_missing.push(*node),
                }
            }
            missing = still_missing;
            if refused || Instant::now() > give_up {
                self.forget_own_proposal()?;
                return Ok(None);
            }
            if !missing.is_empty() {
                self.say_hello().await;
                tokio::time::sleep(Duration::from_millis(self.limits.hello_ms)).await;
            }
        }
        Ok(Some(Found::Begin(proposal)))
    }

    async fn ask(&self, node: NodeId, proposal: &Proposal) -> Option<Response> {
        let request = Request::Promise(proposal.clone());
        let deadline = Duration::from_millis(self.limits.request_ms);
        remote::ask(self.network, node, &request, deadline)
            .await
            .ok()
    }

    /// Makes a proposal and promises this node to it.
    fn propose(&self, others: &BTreeMap<NodeId, NodeInfo>) -> Result<Proposal, BootstrapError> {
        let mut cluster = [0; 16];
        self.entropy.fill(&mut cluster);
        let info = self.info.clone();
        Ok(self.keeper.change(|identity| {
            identity.rounds += 1;
            let mut members = others.clone();
            members.insert(identity.node, info);
            let proposal = Proposal {
                proposer: identity.node,
                round: identity.rounds,
                cluster: ClusterId(cluster),
                members,
            };
            identity.promise = Some(proposal.clone());
            proposal
        })?)
    }
}

/// A node that said hello within this time is there.
const RECENT: Duration = Duration::from_secs(1);

/// Whether the proposer of a promise is a member of another cluster by now, so that its proposal is
/// void.
fn left(promise: &Proposal, reports: &[Report]) -> bool {
    let own = |report: &&Report| report.node == promise.proposer;
    reports
        .iter()
        .find(own)
        .is_some_and(|report| report.cluster != promise.cluster)
}

/// The number of voters that so many nodes begin with.
fn largest_odd(nodes: usize) -> usize {
    match nodes {
        0..=2 => 1,
        3..=4 => 3,
        _ => 5,
    }
}

/// Refuses to go on beside nodes that this one cannot understand.
///
/// # Errors
/// `Version`.
pub fn check_version(board: &HelloBoard) -> Result<(), BootstrapError> {
    match board.strange_version() {
        Some(found) => Err(BootstrapError::Version { found }),
        None => Ok(()),
    }
}

/// Refuses to go on where a serving node of this name belongs to another cluster.
///
/// # Errors
/// `OtherCluster`.
pub fn check_name(board: &HelloBoard, own: ClusterId) -> Result<(), BootstrapError> {
    let reports = board.reports();
    let other = reports
        .iter()
        .find(|report| report.serving && report.cluster != own);
    match other {
        Some(report) => Err(BootstrapError::OtherCluster {
            found: report.cluster,
            own,
        }),
        None => Ok(()),
    }
}
