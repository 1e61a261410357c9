//! Requests from node to node: proposals for a leader, joining, read indices, promises, payloads, parts of
//! backups, and what the node itself sends along. The router comes before it on one node, `Requests` of the other
//! after it. Guarantees: a request ends within its deadline, a large one within what its size allows
//! besides, and is answered once, if at all; what is larger than a piece travels in pieces.
//! Left to others: trying again (`router`), what the node's own requests mean (`node`).

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use cluster::system::Member;
use cluster::{Command, Outcome, SystemCommand, SystemOutcome};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use transport::{
    Bus, BusError, BusMessage, ClusterId, Headers, ShardId, SubscribeOptions, Subscription,
};

use crate::backup::HoldRequest;
use crate::identity::Proposal;
use crate::limits::PIECE_BYTES;
use crate::network::{Network, wire};
use crate::payloads::Reference;
use crate::pieces::{self, Piece, Pieces, Taken};
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
    /// Of a node that makes a backup.
    Hold(HoldRequest),
    /// Does the node have a payload?
    HasPayload(Reference),
    /// Keep a payload.
    PutPayload {
        /// Its name.
        reference: Reference,
        /// Its content.
        bytes: Bytes,
    },
    /// Give a payload.
    GetPayload(Reference),
    /// A part of a request that is larger than a message.
    Piece(Piece),
    /// Give a part of an answer that is larger than a message.
    Rest {
        /// Which answer.
        transfer: u64,
        /// Where the part begins.
        offset: u64,
    },
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
    /// Done for a backup, with what was to be read.
    Held(Bytes),
    /// Whether the node has a payload, on its disk.
    HasPayload(bool),
    /// A payload, where the node has it.
    Payload(Option<Bytes>),
    /// The part of a request is here.
    Part,
    /// The answer is larger than a message, and is kept to be fetched.
    Large {
        /// Which answer.
        transfer: u64,
        /// Its bytes.
        length: u64,
    },
    /// A part of an answer.
    Rest(Bytes),
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
    let receiver = Receiver {
        local: network.local,
        bus,
        requests,
        pieces: Pieces::default(),
    };
    let task = tokio::spawn(receive(Arc::new(receiver), subscription));
    Ok(Serving { task })
}

/// What an answer works with.
struct Receiver {
    local: NodeId,
    bus: Arc<dyn Bus>,
    requests: Arc<dyn Requests>,
    pieces: Pieces,
}

async fn receive(receiver: Arc<Receiver>, mut subscription: Subscription) {
    while let Some(message) = subscription.receive().await {
        let receiver = Arc::clone(&receiver);
        drop(tokio::spawn(async move { receiver.answer(message).await }));
    }
}

impl Receiver {
    async fn answer(&self, message: BusMessage) {
        let response = self.respond(&message.payload).await;
        let mut payload = wire::encode(&response);
        if payload.len() > PIECE_BYTES && !matches!(response, Response::Rest(_)) {
            let length = payload.len() as u64;
            payload = wire::encode(&match self.pieces.keep(self.local, &payload) {
                Some(transfer) => Response::Large { transfer, length },
                None => Response::Failed(ProposeError::Unknown {
                    reason: "too many large answers wait to be fetched".to_owned(),
                }),
            });
        }
        let sent = self.bus.respond(&message, Headers::default(), payload);
        if let Err(error) = sent.await {
            tracing::debug!(%error, "an answer to another node was not sent");
        }
    }

    async fn respond(&self, payload: &[u8]) -> Response {
        match wire::decode(payload) {
            Ok(Request::Piece(piece)) => match self.pieces.take(&piece) {
                Taken::Part => Response::Part,
                Taken::Whole(request) => match wire::decode(&request) {
                    Ok(request) => Arc::clone(&self.requests).answer(request).await,
                    Err(error) => unavailable(error.to_string()),
                },
                Taken::Lost => unavailable("there is no room for a large request now".to_owned()),
            },
            Ok(Request::Rest { transfer, offset }) => {
                match self.pieces.fetch(self.local, transfer, offset) {
                    Some(bytes) => Response::Rest(bytes),
                    None => unavailable("the answer is not kept any more".to_owned()),
                }
            }
            Ok(request) => Arc::clone(&self.requests).answer(request).await,
            Err(error) => unavailable(error.to_string()),
        }
    }
}

fn unavailable(reason: String) -> Response {
    Response::Failed(ProposeError::Unavailable { reason })
}

/// Asks another node.
///
/// # Errors
/// `Unknown` where it may have been done, else `Unavailable`.
pub async fn ask(
    network: &Network,
    node: NodeId,
    request: &Request,
    deadline: Duration,
) -> Result<Response, ProposeError> {
    let payload = wire::encode(request);
    let response = match payload.len() <= PIECE_BYTES {
        true => call(network, node, payload, deadline).await?,
        false => ask_in_pieces(network, node, &payload, deadline).await?,
    };
    match response {
        Response::Large { transfer, length } => {
            fetch(network, node, (transfer, length), deadline).await
        }
        response => Ok(response),
    }
}

/// One message and its answer.
async fn call(
    network: &Network,
    node: NodeId,
    payload: Bytes,
    deadline: Duration,
) -> Result<Response, ProposeError> {
    let subject = network.subjects.node(transport::NodeId(node), KIND);
    let bus = &network.buses.traffic;
    let asked = bus
        .request(subject, Headers::default(), payload, deadline)
        .await;
    let reply = asked.map_err(|error| bus_error(node, &error))?;
    wire::decode(&reply.payload).map_err(|error| ProposeError::Unknown {
        reason: format!("node {node} answered what cannot be read: {error}"),
    })
}

/// Only the last piece can have an effect: before it, whatever fails was not done.
async fn ask_in_pieces(
    network: &Network,
    node: NodeId,
    request: &Bytes,
    deadline: Duration,
) -> Result<Response, ProposeError> {
    let undone = |why: String| ProposeError::Unavailable { reason: why };
    for piece in pieces::cut(network.local, request) {
        let is_last = piece.offset as usize + piece.bytes.len() == request.len();
        let payload = wire::encode(&Request::Piece(piece));
        if is_last {
            let deadline = deadline + pieces::patience(request.len());
            return call(network, node, payload, deadline).await;
        }
        match call(network, node, payload, deadline).await {
            Ok(Response::Part) => {}
            Ok(Response::Failed(error)) => return Err(error),
            Ok(other) => return Err(undone(format!("node {node} answered {other:?}"))),
            Err(error) => return Err(undone(error.to_string())),
        }
    }
    Err(undone("the request is empty".to_owned()))
}

async fn fetch(
    network: &Network,
    node: NodeId,
    (transfer, length): (u64, u64),
    deadline: Duration,
) -> Result<Response, ProposeError> {
    let lost = |why: String| ProposeError::Unknown {
        reason: format!("node {node} has answered, and the answer did not come whole: {why}"),
    };
    let mut whole = BytesMut::new();
    while (whole.len() as u64) < length {
        let offset = whole.len() as u64;
        let request = wire::encode(&Request::Rest { transfer, offset });
        match call(network, node, request, deadline).await {
            Ok(Response::Rest(bytes)) if !bytes.is_empty() => whole.extend_from_slice(&bytes),
            Ok(other) => return Err(lost(format!("{other:?}"))),
            Err(error) => return Err(lost(error.to_string())),
        }
    }
    wire::decode(&whole).map_err(|error| lost(error.to_string()))
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
