//! Brings payloads to other nodes and back. The proposer places a payload on a quorum before its entry;
//! replication makes sure that a node has it before the entry is sent; the state machine obtains one
//! that is missing here. Guarantees: a node that says it has a payload has flushed it; what comes from
//! another node is checked against its hash. Left to others: what is needed for how long (`upkeep`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::time::Instant;

use super::{Claim, PayloadError, PayloadStore, Reference};
use crate::blocking;
use crate::limits::PAYLOAD_MISSING_MS;
use crate::network::Network;
use crate::pieces;
use crate::proposer::ProposeError;
use crate::remote::{self, Request, Response};
use crate::types::NodeId;

/// How long one request about a payload may take, besides what its size allows.
const REQUEST_DEADLINE: Duration = Duration::from_millis(500);
/// The first pause before a node is asked again, and the longest.
const PAUSE_MIN: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Keeps a payload here and on so many of `voters` that they are a quorum, and claims it here for its entry.
///
/// # Errors
/// `Full`, `Overloaded`, `Unavailable`: then no entry may name it.
pub(crate) async fn place(
    network: &Arc<Network>,
    voters: &BTreeSet<NodeId>,
    payload: Bytes,
    deadline: Duration,
) -> Result<Claim, ProposeError> {
    let end = Instant::now() + deadline + pieces::patience(payload.len());
    let late = || ProposeError::Unavailable {
        reason: "a large payload did not reach a quorum in time".to_owned(),
    };
    let store = &network.payloads;
    let placing = tokio::time::timeout_at(end, store.placing.acquire());
    let _placing = placing.await.map_err(|_| late())?;
    let reference = keep(store, payload.clone(), None).await?;
    // From now on, since the entry may wait for long before the log names it.
    let claim = store
        .claim(reference)
        .and_then(|claims| claims.into_iter().next());
    let claim = claim.ok_or_else(late)?;
    let reference = claim.reference();
    let needed = voters.len() / 2 + 1;
    let own = usize::from(voters.contains(&network.local));
    let others = voters.iter().filter(|node| **node != network.local);
    // Those that a quorum does not wait for get it all the same: their entry comes soon.
    let mut sending: FuturesUnordered<_> = others
        .map(|node| {
            let sent = push(Arc::clone(network), *node, reference, payload.clone(), end);
            tokio::spawn(sent)
        })
        .collect();
    let mut kept = own;
    while kept < needed {
        match tokio::time::timeout_at(end, sending.next()).await {
            Ok(Some(Ok(true))) => kept += 1,
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return Err(late()),
        }
    }
    Ok(claim)
}

/// Gives a payload to a node until it has it. False where it has not by `end`.
async fn push(
    network: Arc<Network>,
    node: NodeId,
    reference: Reference,
    payload: Bytes,
    end: Instant,
) -> bool {
    let mut pause = PAUSE_MIN;
    loop {
        match give(&network, node, reference, &payload).await {
            Ok(()) => return true,
            Err(error) => {
                tracing::debug!(node, payload = %reference, %error, "a payload is sent again");
            }
        }
        if Instant::now() + pause >= end {
            return false;
        }
        tokio::time::sleep(pause).await;
        pause = (2 * pause).min(PAUSE_MAX);
    }
}

/// Gives a payload to a node that may have it already.
async fn give(
    network: &Network,
    node: NodeId,
    reference: Reference,
    payload: &Bytes,
) -> Result<(), ProposeError> {
    let lane = network.payloads.lane(node);
    let _first = lane.lock().await;
    if network.payloads.is_elsewhere(node, reference) {
        return Ok(());
    }
    let request = Request::HasPayload(reference);
    let mut has = remote::ask(network, node, &request, REQUEST_DEADLINE).await?;
    if matches!(has, Response::HasPayload(false)) {
        let request = Request::PutPayload {
            reference,
            bytes: payload.clone(),
        };
        has = remote::ask(network, node, &request, REQUEST_DEADLINE).await?;
    }
    match has {
        Response::HasPayload(true) => {
            network.payloads.note_elsewhere(node, reference);
            Ok(())
        }
        Response::Failed(error) => Err(error),
        other => Err(ProposeError::Unavailable {
            reason: format!("node {node} answered {other:?}"),
        }),
    }
}

/// Makes sure that `node` has a payload, before an entry that names it is sent there. Where it is damaged here
/// it comes from one of `nodes` first.
///
/// # Errors
/// `Unavailable` where it does not take it now, or nobody has it.
pub(crate) async fn ensure(
    network: &Network,
    node: NodeId,
    nodes: &BTreeSet<NodeId>,
    reference: Reference,
) -> Result<(), ProposeError> {
    if network.payloads.is_elsewhere(node, reference) {
        return Ok(());
    }
    let payload = find(network, nodes, reference).await?;
    let payload = payload.ok_or_else(|| ProposeError::Unavailable {
        reason: format!("E-payload-missing: no node gives the payload {reference}"),
    })?;
    give(network, node, reference, &payload).await
}

/// A node refused an entry: what it said of payloads may be so no more.
pub(crate) fn doubt(network: &Network, node: NodeId) {
    network.payloads.forget_elsewhere(node);
}

/// A payload from this node, or else from one of `nodes`, again and again until one has it.
///
/// # Errors
/// A text: no node gave it for very long, or this node's disk fails.
pub(crate) async fn obtain(
    network: &Network,
    nodes: &BTreeSet<NodeId>,
    reference: Reference,
) -> Result<Bytes, String> {
    let end = Instant::now() + Duration::from_millis(PAYLOAD_MISSING_MS);
    let mut pause = PAUSE_MIN;
    loop {
        let found = find(network, nodes, reference).await;
        if let Some(payload) = found.map_err(|error| error.to_string())? {
            return Ok(payload);
        }
        if Instant::now() >= end {
            return Err(format!(
                "E-payload-missing: no node gives the payload {reference}"
            ));
        }
        tracing::warn!(payload = %reference, "an entry waits for its payload, which no node gives now");
        tokio::time::sleep(pause).await;
        pause = (2 * pause).min(PAUSE_MAX);
    }
}

/// A payload from this node, or else from one of `nodes`, asked once; then it is kept here.
async fn find(
    network: &Network,
    nodes: &BTreeSet<NodeId>,
    reference: Reference,
) -> Result<Option<Bytes>, PayloadError> {
    let store = &network.payloads;
    if let Some(payload) = read(store, reference).await? {
        return Ok(Some(payload));
    }
    for node in nodes.iter().filter(|node| **node != network.local) {
        let Some(payload) = fetch(network, *node, reference).await else {
            continue;
        };
        if keep(store, payload.clone(), Some(reference))
            .await?
            .is_some()
        {
            store.fetched.fetch_add(1, Ordering::Relaxed);
            return Ok(Some(payload));
        }
    }
    Ok(None)
}

async fn fetch(network: &Network, node: NodeId, reference: Reference) -> Option<Bytes> {
    let request = Request::GetPayload(reference);
    match remote::ask(network, node, &request, REQUEST_DEADLINE).await {
        Ok(Response::Payload(payload)) => payload,
        _ => None,
    }
}

/// What another node asks about payloads.
pub(crate) async fn answer(
    store: &Arc<PayloadStore>,
    request: Request,
) -> Result<Response, ProposeError> {
    match request {
        Request::HasPayload(reference) => Ok(Response::HasPayload(store.has(reference))),
        Request::PutPayload { reference, bytes } => {
            let kept = keep(store, bytes, Some(reference)).await?;
            Ok(Response::HasPayload(kept.is_some()))
        }
        Request::GetPayload(reference) => {
            let payload = read(store, reference).await?;
            Ok(Response::Payload(payload))
        }
        _ => Err(ProposeError::Unavailable {
            reason: "this is no question about payloads".to_owned(),
        }),
    }
}

/// Keeps a payload; none where it has another name than it should. Hashing is work, and is done where it
/// holds up nothing else.
async fn keep(
    store: &Arc<PayloadStore>,
    payload: Bytes,
    named: Option<Reference>,
) -> Result<Option<Reference>, PayloadError> {
    let store = Arc::clone(store);
    let kept = blocking::run(move || {
        let reference = Reference::of(&payload);
        if named.is_some_and(|named| named != reference) {
            return Ok(None);
        }
        store.put(reference, &payload).map(|()| Some(reference))
    });
    kept.await.map_err(|error| stopped(&error))?
}

async fn read(
    store: &Arc<PayloadStore>,
    reference: Reference,
) -> Result<Option<Bytes>, PayloadError> {
    let store = Arc::clone(store);
    let read = blocking::run(move || store.get(reference)).await;
    read.map_err(|error| stopped(&error))?
}

fn stopped(error: &std::io::Error) -> PayloadError {
    PayloadError::Io {
        action: "working with",
        cause: error.to_string(),
    }
}

impl From<PayloadError> for ProposeError {
    fn from(error: PayloadError) -> Self {
        let reason = error.to_string();
        match error {
            PayloadError::DiskFull { .. } => Self::Full { reason },
            PayloadError::Io { .. } => Self::Unavailable { reason },
        }
    }
}
