//! Requests from node to node: proposals for a leader, joining, read indices, promises, and what
//! the node itself sends along. The router comes before it on one node, `Requests` of the other
//! after it. Guarantees: a request ends within its deadline and is answered once, if at all.
//! Left to others: trying again (`router`), what the node's own requests mean (`node`).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cluster::system::Member;
use cluster::{Command, Outcome, SystemCommand, SystemOutcome};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use transport::{
    Bus, BusError, BusMessage, ClusterId, Headers, ShardId, SubscribeOptions, Subscription,
};

use crate::identity::Proposal;
use crate::network::{Network, wire};
use crate::proposer::ProposeError;
use crate::types::{NodeId, NodeInfo};

/// The kind of subject that these requests go to.
const KIND: &str = "shard";

/// What one node asks another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Propose to a shard that the other node leads.
    Propose {
        /// The shard.
        shard: ShardId,
        /// What to do, in order.
        commands: Vec<Command>,
    },
    /// Propose to the system group, which the other node leads.
    ProposeSystem(Vec<SystemCommand>),
    /// Which unit must a reader have applied, to see all that is committed?
    ReadIndex(ShardId),
    /// Make the sender a member.
    Join {
        /// The sender.
        member: Member,
        /// The cluster that it means.
        cluster: ClusterId,
    },
    /// Promise yourself to a proposal.
    Promise(Proposal),
    /// For the node's own handler.
    Call(Bytes),
    /// Is there anybody?
    Who,
}

/// The answer to a `Request`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Response {
    /// Of a shard, one for each command.
    Outcomes(Vec<Outcome>),
    /// Of the system group, one for each command.
    SystemOutcomes(Vec<SystemOutcome>),
    /// Units.
    ReadIndex(u64),
    /// The sender is a member.
    Joined,
    /// Promised.
    Promised,
    /// Promised to another proposal: its proposer.
    PromisedElsewhere(NodeId),
    /// A member of a cluster already.
    Member(ClusterId),
    /// From the node's own handler.
    Answer(Bytes),
    /// Not done.
    Failed(ProposeError),
    /// There is: its name and address.
    Here(NodeInfo),
}

/// What answers requests of other nodes.
pub trait Requests: Send + Sync + 'static {
    /// Answers one.
    fn answer(self: Arc<Self>, request: Request) -> BoxFuture<'static, Response>;
}

/// Answers what other nodes send to this node's own program.
pub trait CallHandler: Send + Sync + 'static {
    /// Answers one call. It must end; the caller has a deadline of its own.
    fn answer(&self, call: Bytes) -> BoxFuture<'static, Bytes>;
}

/// The task that receives requests; it stops when this is dropped.
pub struct Serving {
    task: JoinHandle<()>,
}

impl Serving {
    /// Ends it, and waits until what it held is let go.
    pub async fn stop(mut self) {
        self.task.abort();
        // It was cancelled, which is what was wanted.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts to answer requests to this node.
///
/// # Errors
/// Where the bus refuses the subscription.
pub async fn serve(network: &Network, requests: Arc<dyn Requests>) -> Result<Serving, BusError> {
    let local = transport::NodeId(network.local);
    let pattern = network.subjects.node(local, KIND).pattern();
    let bus = Arc::clone(&network.buses.traffic);
    let subscription = bus.subscribe(pattern, SubscribeOptions::default()).await?;
    let task = tokio::spawn(receive(bus, requests, subscription));
    Ok(Serving { task })
}

async fn receive(bus: Arc<dyn Bus>, requests: Arc<dyn Requests>, mut subscription: Subscription) {
    while let Some(message) = subscription.receive().await {
        let answered = answer(Arc::clone(&bus), Arc::clone(&requests), message);
        drop(tokio::spawn(answered));
    }
}

async fn answer(bus: Arc<dyn Bus>, requests: Arc<dyn Requests>, message: BusMessage) {
    let response = match wire::decode(&message.payload) {
        Ok(request) => requests.answer(request).await,
        Err(error) => Response::Failed(ProposeError::Unavailable {
            reason: error.to_string(),
        }),
    };
    let payload = wire::encode(&response);
    let sent = bus.respond(&message, Headers::default(), payload).await;
    if let Err(error) = sent {
        tracing::debug!(%error, "an answer to another node was not sent");
    }
}

/// Asks another node.
///
/// # Errors
/// `TooLarge` for the bus, `Unknown` where it may have been done, else `Unavailable`.
pub async fn ask(
    network: &Network,
    node: NodeId,
    request: &Request,
    deadline: Duration,
) -> Result<Response, ProposeError> {
    let subject = network.subjects.node(transport::NodeId(node), KIND);
    let payload = wire::encode(request);
    let bus = &network.buses.traffic;
    let asked = bus
        .request(subject, Headers::default(), payload, deadline)
        .await;
    let reply = asked.map_err(|error| bus_error(node, &error))?;
    wire::decode(&reply.payload).map_err(|error| ProposeError::Unknown {
        reason: format!("node {node} answered what cannot be read: {error}"),
    })
}

fn bus_error(node: NodeId, error: &BusError) -> ProposeError {
    match error {
        BusError::TooLarge { bytes, max } => ProposeError::TooLarge {
            bytes: *bytes,
            bytes_max: *max,
        },
        error if error.is_unsent() => ProposeError::Unavailable {
            reason: format!("node {node} cannot be reached: {error}"),
        },
        error => ProposeError::Unknown {
            reason: format!("node {node} did not answer: {error}"),
        },
    }
}
