//! openraft's side of the network: one client per group, peer and kind. openraft's replication
//! comes before it, `server` of the peer after it. Guarantees: appends are pipelined, and answered
//! in the order of the requests; pre-votes and hand-overs are really asked. Left to others:
//! deciding what an answer changes.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use openraft::base::{BoxFuture, BoxStream};
use openraft::errors::{
    NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable,
};
use openraft::network::{RPCOption, RPCTypes};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult,
    TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::{OptionalSend, RaftNetworkFactory, RaftNetworkV2};
use transport::{BusError, RaftChannel};

use super::gather::Gatherer;
use super::riding::{self, Awaited};
use super::wire::{Lived, Request, Response, WireAppend, WireTransfer, WireVoteRequest};
use super::{CallError, Network, snapshots};
use crate::payloads::{self, Reference};
use crate::start::SYSTEM;
use crate::state_machine::{Snapshot, SnapshotData, units};
use crate::types::{Config, LogId, NodeId, NodeInfo, Vote};

/// Makes the clients of one group.
pub struct Clients {
    network: Arc<Network>,
    group: Lived,
    awaited: Awaited,
}

/// What a client is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Log,
    Heartbeat,
}

/// Talks to one peer about one group.
pub struct Client {
    network: Arc<Network>,
    group: Lived,
    target: NodeId,
    purpose: Purpose,
    awaited: Awaited,
}

impl Clients {
    /// The clients of `group`, of which so much is awaited on other nodes.
    #[must_use]
    pub(crate) fn new(network: Arc<Network>, group: Lived, awaited: Awaited) -> Self {
        Self {
            network,
            group,
            awaited,
        }
    }

    fn client(&self, target: NodeId, purpose: Purpose) -> Client {
        Client {
            network: Arc::clone(&self.network),
            group: self.group,
            target,
            purpose,
            awaited: self.awaited.clone(),
        }
    }
}

impl RaftNetworkFactory<Config> for Clients {
    type Network = Client;

    async fn new_client(&mut self, target: NodeId, _node: &NodeInfo) -> Client {
        self.client(target, Purpose::Log)
    }

    async fn new_heartbeat_client(&mut self, target: NodeId, _node: &NodeInfo) -> Client {
        self.client(target, Purpose::Heartbeat)
    }
}

/// One append, with all that its future needs.
#[derive(Clone)]
struct Appender {
    network: Arc<Network>,
    group: Lived,
    target: NodeId,
    purpose: Purpose,
    gatherer: Gatherer,
    awaited: Awaited,
}

impl Appender {
    /// Sees to it that the peer has what the entries name. A failure comes back with the append, so that
    /// openraft begins again with these entries.
    async fn prepare(
        &self,
        request: AppendEntriesRequest<Config>,
    ) -> Result<AppendEntriesRequest<Config>, RPCError<Config>> {
        for reference in request.entries.iter().filter_map(Reference::of_entry) {
            let nodes = self.network.nodes(self.group);
            let ensured = payloads::ensure(&self.network, self.target, &nodes, reference).await;
            ensured.map_err(|error| {
                RPCError::Unreachable(Unreachable::from_string(error.to_string()))
            })?;
        }
        Ok(request)
    }

    async fn append(
        self,
        request: AppendEntriesRequest<Config>,
    ) -> Result<StreamAppendResult<Config>, RPCError<Config>> {
        if !self.network.hears_quorum(self.group, None) {
            return Err(self.fall_silent(request.vote).await);
        }
        let previous = request.prev_log_id;
        let last = request
            .entries
            .last()
            .map(|entry| entry.log_id)
            .or(previous);
        let append = Request::Append(WireAppend::new(request));
        let response = self.gatherer.ask(self.group, append).await;
        let response = response.map_err(|error| self.error(error, RPCTypes::AppendEntries))?;
        self.read(response, previous, last)
    }

    /// A leader that hears no quorum says nothing that would keep the others from electing: neither heartbeats nor
    /// entries. It asks them whether they are there, and goes on once enough of them are. They may hear it although it
    /// does not hear them: once its lease is over, it tells them that they need not wait.
    async fn fall_silent(&self, vote: Vote) -> RPCError<Config> {
        self.network.knock(self.target);
        let successor = match self.purpose {
            Purpose::Heartbeat => self.network.successor(self.group, self.target),
            Purpose::Log => None,
        };
        if let Some(successor) = successor {
            let release = TransferLeaderRequest::<Config>::new(vote, successor, None);
            let release = Request::Transfer(WireTransfer::new(&release));
            // Who answers is heard, and that is all that this is about.
            let _ = self.gatherer.ask(self.group, release).await;
        }
        RPCError::Unreachable(Unreachable::from_string("this leader hears no quorum"))
    }

    fn read(
        &self,
        response: Response,
        previous: Option<LogId>,
        last: Option<LogId>,
    ) -> Result<StreamAppendResult<Config>, RPCError<Config>> {
        if response == Response::AppendedAwaited {
            self.awaited.raise(units(last));
        }
        match response {
            Response::NoGroup | Response::Failed(_) => {
                payloads::doubt(&self.network, self.target);
                Err(refused(&response))
            }
            other => match other.into_append_result(previous, last) {
                Some(result) => Ok(result),
                None => Err(network_error("an answer that fits no append")),
            },
        }
    }

    fn error(&self, error: CallError, action: RPCTypes) -> RPCError<Config> {
        call_error(error, action, self.network.local, self.target)
    }
}

impl Client {
    fn appender(&self) -> Appender {
        let channel = match self.purpose {
            Purpose::Heartbeat => RaftChannel::Vote,
            Purpose::Log => RaftChannel::Append,
        };
        Appender {
            network: Arc::clone(&self.network),
            group: self.group,
            target: self.target,
            purpose: self.purpose,
            gatherer: self.network.gatherer(self.target, channel),
            awaited: self.awaited.clone(),
        }
    }

    async fn control(
        &self,
        request: Request,
        deadline: Duration,
    ) -> Result<Response, RPCError<Config>> {
        let requests = [(self.group, request)];
        let result = self
            .network
            .call(self.target, RaftChannel::Vote, &requests, deadline)
            .await;
        let responses = result
            .map_err(|error| call_error(error, RPCTypes::Vote, self.network.local, self.target))?;
        match responses.into_iter().next() {
            Some(response @ (Response::NoGroup | Response::Failed(_))) => Err(refused(&response)),
            Some(response) => Ok(response),
            None => Err(network_error("no answer")),
        }
    }

    async fn ask_vote(
        &self,
        request: Request,
        option: &RPCOption,
    ) -> Result<VoteResponse<Config>, RPCError<Config>> {
        match self.control(request, option.soft_ttl()).await? {
            Response::Vote(response) => Ok(response.into_response()),
            _ => Err(network_error("an answer that fits no vote")),
        }
    }
}

impl RaftNetworkV2<Config> for Client {
    type SnapshotData = SnapshotData;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Config>,
        _option: RPCOption,
    ) -> Result<AppendEntriesResponse<Config>, RPCError<Config>> {
        let appender = self.appender();
        let request = appender.prepare(request).await?;
        let result = appender.append(request).await?;
        Ok(result.into())
    }

    /// Sends without waiting for the answer to the one before. The bus keeps the order of one
    /// publisher; should it not, the peer answers with a conflict and openraft begins again.
    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        _option: RPCOption,
    ) -> BoxFuture<
        's,
        Result<
            BoxStream<'s, Result<StreamAppendResult<Config>, RPCError<Config>>>,
            RPCError<Config>,
        >,
    >
    where
        S: Stream<Item = AppendEntriesRequest<Config>> + OptionalSend + Unpin + 'static,
    {
        let appender = self.appender();
        let in_flight = self.network.timing.appends_in_flight;
        let preparing = appender.clone();
        // Everything waits for what the system group says.
        let linger = match self.group.group() == SYSTEM {
            true => Duration::ZERO,
            false => self.network.timing.commit_linger,
        };
        let riding = riding::ride(input, &self.awaited, linger);
        let prepared = riding.then(move |request| {
            let appender = preparing.clone();
            async move { appender.prepare(request).await }
        });
        let answers = prepared
            .map(move |request| {
                let appender = appender.clone();
                async move { appender.append(request?).await }
            })
            .buffered(in_flight);
        let answers: BoxStream<'s, _> = Box::pin(answers);
        Box::pin(std::future::ready(Ok(answers)))
    }

    async fn vote(
        &mut self,
        request: VoteRequest<Config>,
        option: RPCOption,
    ) -> Result<VoteResponse<Config>, RPCError<Config>> {
        let request = Request::Vote(WireVoteRequest::new(&request));
        self.ask_vote(request, &option).await
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<Config>,
        option: RPCOption,
    ) -> Result<VoteResponse<Config>, RPCError<Config>> {
        let request = Request::PreVote(WireVoteRequest::new(&request));
        self.ask_vote(request, &option).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<Config>, StreamingError<Config>> {
        let send = snapshots::send(&self.network, self.group, self.target, vote, snapshot);
        tokio::select! {
            biased;
            closed = cancel => Err(StreamingError::Closed(closed)),
            sent = send => sent.map(SnapshotResponse::new).map_err(Into::into),
        }
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<Config>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Config>, RPCError<Config>> {
        let request = Request::Transfer(WireTransfer::new(&request));
        match self.control(request, option.soft_ttl()).await? {
            Response::Transfer(Ok(())) => Ok(Ok(())),
            Response::Transfer(Err(reason)) => Err(network_error(&reason)),
            _ => Err(network_error("an answer that fits no hand-over")),
        }
    }
}

pub(super) fn network_error(reason: &str) -> RPCError<Config> {
    RPCError::Network(NetworkError::from_string(reason))
}

/// The peer lives, but its group does not: wait as for a peer that is away.
pub(super) fn refused(response: &Response) -> RPCError<Config> {
    let reason = match response {
        Response::Failed(reason) => reason.as_str(),
        _ => "the group does not run there",
    };
    RPCError::Unreachable(Unreachable::from_string(reason))
}

/// What a failed call means to openraft: whether to try again at once or to wait.
pub(super) fn call_error(
    error: CallError,
    action: RPCTypes,
    id: NodeId,
    target: NodeId,
) -> RPCError<Config> {
    match error {
        CallError::Bus(BusError::Deadline { deadline, .. }) => RPCError::Timeout(Timeout {
            action,
            id,
            target,
            timeout: deadline,
        }),
        CallError::Bus(
            error @ (BusError::NoResponders { .. } | BusError::Disconnected | BusError::Closed),
        ) => RPCError::Unreachable(Unreachable::new(&error)),
        other => RPCError::Network(NetworkError::new(&other)),
    }
}
