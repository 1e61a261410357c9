//! Takes raft's requests from the bus and hands them to the groups. `client` of another node comes
//! before it, openraft's core after it. Guarantees: requests of one sender reach a group's core in
//! the order of arrival, without waiting for each other's answers; every request is answered.
//! Left to others: votes, terms, conflicts (openraft).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use futures::poll;
use openraft::raft::AppendEntriesRequest;
use tokio::task::JoinHandle;
use transport::{BusError, BusMessage, Headers, RaftChannel, SubscribeOptions, Subscription};

use super::wire::{self, Lived, Request, Response, WireVoteResponse};
use super::{Member, Network};
use crate::payloads::Reference;
use crate::state_machine::{Host, Raft};
use crate::types::Config;

/// Messages of one channel taken from the bus at a time.
const BATCH: usize = 256;

/// The tasks that receive; they stop when this is dropped.
pub struct Server {
    tasks: Vec<JoinHandle<()>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// Starts to receive raft's requests to this node.
///
/// # Errors
/// Where the bus refuses a subscription.
pub async fn serve(network: &Arc<Network>) -> Result<Server, BusError> {
    let mut tasks = Vec::new();
    let channels = [
        RaftChannel::Vote,
        RaftChannel::Append,
        RaftChannel::Snapshot,
    ];
    for channel in channels {
        let local = transport::NodeId(network.local);
        let pattern = network.subjects.raft(local, channel).pattern();
        let bus = network.bus(channel);
        let subscription = bus.subscribe(pattern, SubscribeOptions::default()).await?;
        tasks.push(tokio::spawn(receive(
            Arc::clone(network),
            channel,
            subscription,
        )));
    }
    Ok(Server { tasks })
}

async fn receive(network: Arc<Network>, channel: RaftChannel, mut subscription: Subscription) {
    let mut batch = Vec::new();
    while subscription.receive_many(&mut batch, BATCH).await > 0 {
        for message in batch.drain(..) {
            begin(&network, channel, message).await;
        }
    }
}

/// Starts every request of a message in order, and leaves waiting for the answers to a task.
async fn begin(network: &Arc<Network>, channel: RaftChannel, message: BusMessage) {
    let requests: Vec<(Lived, Request)> = match wire::decode(&message.payload) {
        Ok(requests) => requests,
        Err(error) => {
            tracing::warn!(subject = %message.subject, %error, "a raft request was not read");
            return;
        }
    };
    let mut started = Vec::with_capacity(requests.len());
    for (group, request) in requests {
        started.push(Started::new(network, group, request).await);
    }
    let all_done = started.iter().all(|one| matches!(one, Started::Done(_)));
    let answer = answer(Arc::clone(network), channel, message, started);
    match all_done {
        true => answer.await,
        false => drop(tokio::spawn(answer)),
    }
}

async fn answer(
    network: Arc<Network>,
    channel: RaftChannel,
    message: BusMessage,
    started: Vec<Started>,
) {
    let mut responses = Vec::with_capacity(started.len());
    for one in started {
        responses.push(one.finish().await);
    }
    let payload = wire::encode(&responses);
    let bus = network.bus(channel);
    if let Err(error) = bus.respond(&message, Headers::default(), payload).await {
        tracing::debug!(%error, "a raft answer was not sent");
    }
}

/// A request that its group's core has, or that is answered already.
enum Started {
    Done(Response),
    Waiting(Pin<Box<dyn Future<Output = Response> + Send>>),
}

impl Started {
    /// The first poll puts the request into the core's queue, which keeps the order.
    async fn new(network: &Arc<Network>, group: Lived, request: Request) -> Self {
        let Some(member) = network.member(group) else {
            return Self::Done(Response::NoGroup);
        };
        let mut future = Box::pin(handle(Arc::clone(network), group, member, request));
        match poll!(future.as_mut()) {
            Poll::Ready(response) => Self::Done(response),
            Poll::Pending => Self::Waiting(future),
        }
    }

    async fn finish(self) -> Response {
        match self {
            Self::Done(response) => response,
            Self::Waiting(future) => future.await,
        }
    }
}

async fn handle(network: Arc<Network>, group: Lived, member: Member, request: Request) -> Response {
    let Member { raft, host } = member;
    match request {
        Request::Append(append) => match append.into_request() {
            Ok(request) => take_entries(&network, &raft, &host, request).await,
            Err(error) => Response::Failed(error.to_string()),
        },
        Request::Vote(vote) => match raft.vote(vote.into_request()).await {
            Ok(response) => Response::Vote(WireVoteResponse::new(&response)),
            Err(error) => Response::Failed(error.to_string()),
        },
        Request::PreVote(vote) => match raft.pre_vote(vote.into_request()).await {
            Ok(response) => Response::Vote(WireVoteResponse::new(&response)),
            Err(error) => Response::Failed(error.to_string()),
        },
        Request::Transfer(transfer) => {
            match raft.handle_transfer_leader(transfer.into_request()).await {
                Ok(result) => Response::Transfer(result.map_err(|error| error.to_string())),
                Err(error) => Response::Failed(error.to_string()),
            }
        }
        Request::Chunk(chunk) => super::snapshots::receive(&network, group, &raft, chunk).await,
        Request::Piece(piece) => match network.take_piece(&piece) {
            Ok((whole, Request::Chunk(chunk))) if whole == group => {
                super::snapshots::receive(&network, group, &raft, chunk).await
            }
            Ok(_) => Response::Failed("only a chunk of a snapshot comes in pieces".to_owned()),
            Err(response) => response,
        },
    }
}

/// Entries come behind what they name. Where that is gone again the sender begins anew, so that this node's log names
/// nothing that it never had.
async fn take_entries(
    network: &Network,
    raft: &Raft,
    host: &Host,
    request: AppendEntriesRequest<Config>,
) -> Response {
    let named = request.entries.iter().filter_map(Reference::of_entry);
    let Some(_claims) = network.payloads.claim(named) else {
        return Response::Failed("E-payload-missing: an entry came without its payload".to_owned());
    };
    match raft.append_entries(request).await {
        Ok(result) => Response::appended(&result, host.is_watched()),
        Err(error) => Response::Failed(error.to_string()),
    }
}
