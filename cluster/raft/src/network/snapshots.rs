//! Sends a snapshot in chunks and puts it together at the other end. openraft comes before and
//! after it. Guarantees: a chunk is taken once and in order; a new transfer of a group replaces an
//! unfinished one; nothing is installed before all of it is there; neither end has more than a chunk
//! in memory; the rate of sending is bounded. Left to others: what is in a snapshot
//! (`state_machine`), where it is kept meanwhile (`spool`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cluster::store::{Pair, StoreView};
use openraft::errors::RPCError;
use openraft::network::RPCTypes;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;
use transport::RaftChannel;

use super::client::{call_error, network_error, refused};
use super::wire::{Lived, Request, Response, WireChunk};
use super::{CallError, Network};
use crate::blocking;
use crate::spool::Spool;
use crate::state_machine::{Raft, Snapshot, SnapshotData, SnapshotMeta};
use crate::types::{Config, NodeId, Vote};

/// Tells the transfers of this process apart.
static TRANSFERS: AtomicU64 = AtomicU64::new(1);

/// A snapshot that is being received.
pub(super) struct Incoming {
    transfer: u64,
    /// Number of the next chunk.
    next: u32,
    bytes: u64,
    spool: Spool,
}

impl Incoming {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Snapshots that a node sends to others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutgoingStatistics {
    /// Under way now.
    pub sending: u64,
    /// Waiting for their turn now.
    pub waiting: u64,
    /// Those that had to wait for it since the node started.
    pub waited: u64,
}

/// What all snapshots that a node sends share: few at a time, and one rate. A node that was away for long
/// needs one of every shard at once; the others must not notice.
pub(super) struct Outgoing {
    places: Semaphore,
    waiting: AtomicU64,
    under_way: AtomicU64,
    /// Those that found no place at once, so far.
    waited: AtomicU64,
    bytes_per_second: u64,
    /// When the next chunk may go.
    due: Mutex<Option<Instant>>,
}

impl Outgoing {
    pub(super) fn new(at_a_time: usize, bytes_per_second: u64) -> Self {
        Self {
            places: Semaphore::new(at_a_time.max(1)),
            waiting: AtomicU64::new(0),
            under_way: AtomicU64::new(0),
            waited: AtomicU64::new(0),
            bytes_per_second: bytes_per_second.max(1),
            due: Mutex::new(None),
        }
    }

    /// A place, until it is dropped. It is counted for less long than it is held.
    async fn place(&self) -> (Counted<'_>, SemaphorePermit<'_>) {
        if self.places.available_permits() == 0 {
            self.waited.fetch_add(1, Ordering::Relaxed);
        }
        let waiting = Counted::new(&self.waiting);
        let place = self.places.acquire().await;
        drop(waiting);
        let place = place.expect("the places of a network are never closed");
        (Counted::new(&self.under_way), place)
    }

    /// Waits until as many bytes more may have been sent.
    async fn keep_to_rate(&self, bytes: u64) {
        let takes = Duration::from_micros(bytes.saturating_mul(1_000_000) / self.bytes_per_second);
        let due = {
            let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let next = due.map_or(now, |due| due.max(now)) + takes;
            *due = Some(next);
            next
        };
        tokio::time::sleep_until(due).await;
    }

    pub(super) fn counts(&self) -> OutgoingStatistics {
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        OutgoingStatistics {
            sending: count(&self.under_way),
            waiting: count(&self.waiting),
            waited: count(&self.waited),
        }
    }
}

/// One more, until it is dropped.
struct Counted<'a>(&'a AtomicU64);

impl<'a> Counted<'a> {
    fn new(of: &'a AtomicU64) -> Self {
        of.fetch_add(1, Ordering::Relaxed);
        Self(of)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Sends `snapshot` and waits until it is installed. Gives the vote of the other node.
pub(super) async fn send(
    network: &Network,
    group: Lived,
    target: NodeId,
    vote: Vote,
    snapshot: Snapshot,
) -> Result<Vote, RPCError<Config>> {
    let Snapshot { meta, snapshot } = snapshot;
    let SnapshotData::View(view) = snapshot else {
        return Err(network_error("a received snapshot is not sent on"));
    };
    let transfer = TRANSFERS.fetch_add(1, Ordering::Relaxed) ^ (network.local << 32);
    let _place = network.outgoing.place().await;
    let mut after: Option<bytes::Bytes> = None;
    for number in 0.. {
        let pairs = page(Arc::clone(&view), after.take(), network.timing.chunk_bytes).await?;
        after = pairs.last().map(|(key, _)| key.clone());
        let chunk_bytes = bytes_of(&pairs) as u64;
        let is_last = pairs.is_empty();
        let chunk = WireChunk {
            transfer,
            number,
            vote: vote.into(),
            last: meta.last_log_id.map(Into::into),
            membership: (&meta.last_membership).into(),
            pairs,
            is_last,
        };
        let answer = send_chunk(network, group, target, chunk).await?;
        if is_last {
            return Ok(answer);
        }
        network.outgoing.keep_to_rate(chunk_bytes).await;
    }
    Err(network_error("a snapshot of too many chunks"))
}

/// Reads a page away from the runtime's threads: it may read from a disk.
async fn page(
    view: Arc<dyn StoreView>,
    after: Option<bytes::Bytes>,
    bytes_max: usize,
) -> Result<Vec<Pair>, RPCError<Config>> {
    let read = blocking::run(move || view.page(after.as_deref(), bytes_max)).await;
    match read {
        Ok(Ok(pairs)) => Ok(pairs),
        Ok(Err(error)) => Err(network_error(&error.to_string())),
        Err(error) => Err(network_error(&error.to_string())),
    }
}

async fn send_chunk(
    network: &Network,
    group: Lived,
    target: NodeId,
    chunk: WireChunk,
) -> Result<Vote, RPCError<Config>> {
    let requests = [(group, Request::Chunk(chunk))];
    let deadline = network.timing.chunk_deadline;
    let result = network
        .call(target, RaftChannel::Snapshot, &requests, deadline)
        .await;
    let failed = |error| call_error(error, RPCTypes::InstallSnapshot, network.local, target);
    let response = result.map_err(failed)?.into_iter().next();
    match response {
        Some(Response::Chunk(vote)) => Ok(vote.into()),
        Some(Response::Restart) => Err(network_error("the other node lost earlier chunks")),
        Some(response) => Err(refused(&response)),
        None => Err(failed(CallError::Closed)),
    }
}

fn bytes_of(pairs: &[Pair]) -> usize {
    pairs
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum()
}

/// Takes a chunk; installs the snapshot where it was the last one.
pub(super) async fn receive(
    network: &Network,
    group: Lived,
    raft: &Raft,
    chunk: WireChunk,
) -> Response {
    let (vote, last, is_last) = (chunk.vote, chunk.last, chunk.is_last);
    let membership = chunk.membership.clone();
    let incoming = match store(network, group, chunk).await {
        Ok(incoming) => incoming,
        Err(response) => return response,
    };
    if !is_last {
        put_back(network, group, incoming);
        return Response::Chunk(vote);
    }
    let last_membership = match membership.try_into() {
        Ok(membership) => membership,
        Err(error) => return failed(&error),
    };
    let snapshot = Snapshot {
        meta: SnapshotMeta {
            last_log_id: last.map(Into::into),
            last_membership,
        },
        snapshot: SnapshotData::Received(incoming.spool),
    };
    match raft.install_full_snapshot(vote.into(), snapshot).await {
        Ok(response) => Response::Chunk(response.vote.into()),
        Err(error) => failed(&error),
    }
}

fn failed(error: &impl std::fmt::Display) -> Response {
    Response::Failed(error.to_string())
}

/// Keeps a chunk. Gives what there is of the snapshot with it.
async fn store(network: &Network, group: Lived, chunk: WireChunk) -> Result<Incoming, Response> {
    let mut incoming = take_out(network, group, &chunk).ok_or(Response::Restart)?;
    incoming.next += 1;
    incoming.bytes += bytes_of(&chunk.pairs) as u64;
    let bytes_max = network.timing.snapshot_bytes_max;
    if incoming.bytes > bytes_max {
        let reason = format!("a snapshot of more than {bytes_max} bytes is not taken");
        return Err(Response::Failed(reason));
    }
    let kept = blocking::run(move || {
        incoming.spool.append(&chunk.pairs)?;
        Ok::<Incoming, std::io::Error>(incoming)
    });
    match kept.await {
        Ok(Ok(incoming)) => Ok(incoming),
        Ok(Err(error)) => Err(failed(&format!("a snapshot cannot be kept: {error}"))),
        Err(error) => Err(failed(&error)),
    }
}

/// What a chunk belongs to; nothing where chunks before it are missing. While it is written it is
/// out of the book, so that nobody waits for a lock.
fn take_out(network: &Network, group: Lived, chunk: &WireChunk) -> Option<Incoming> {
    let mut all = network
        .incoming
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let known = all.remove(&group);
    drop(all);
    if chunk.number == 0 {
        return Some(Incoming {
            transfer: chunk.transfer,
            next: 0,
            bytes: 0,
            spool: Spool::new(
                Arc::clone(&network.spool_disk),
                network.timing.spool_free_bytes_min,
            ),
        });
    }
    known.filter(|one| one.transfer == chunk.transfer && one.next == chunk.number)
}

/// Where a later transfer has begun meanwhile, this one is given up.
fn put_back(network: &Network, group: Lived, incoming: Incoming) {
    if network.member(group).is_none() {
        return;
    }
    let mut all = network
        .incoming
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let given_up = match all.contains_key(&group) {
        true => Some(incoming),
        false => all.insert(group, incoming),
    };
    drop(all);
    drop(given_up);
}
