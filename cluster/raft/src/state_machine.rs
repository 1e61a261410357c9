//! openraft's state machine over a `Machine`. openraft's core comes before it, the machine on its
//! apply thread after it. Guarantees: the last applied log id and the membership stand in the same
//! unit of the store as what was applied; answers leave only after that unit; a snapshot is the
//! store's view at a flushed index, so that the log is purged only below one. Left to others: when
//! to take a snapshot (`group`), how it travels (`network`).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use cluster::store::{StateReader, StoreError, StoreView};
use futures::{Stream, StreamExt};
use openraft::storage::{ApplyResponder, EntryResponder, RaftStateMachine};
use openraft::{OptionalSend, RaftSnapshotBuilder};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::apply::Lane;
use crate::blocking;
use crate::driver::waiters::NewsBoard;
use crate::machine::{Machine, MachineError, RAFT_KEY_PREFIX};
use crate::memory::Memory;
use crate::network::Network;
use crate::network::wire::{self, WireLogId, WireStoredMembership};
use crate::payloads::{self, Reference};
use crate::spool::Spool;
use crate::types::{
    AppliedEntry, Entry, EntryData, LeaderId, LogId, Membership, NodeId, NodeInfo, Payload,
};
use crate::types::{Config, StoredMembership};

/// A handle to a running group.
pub type Raft = openraft::Raft<Config, StateMachine>;
/// A snapshot with what it holds.
pub type Snapshot = openraft::storage::Snapshot<LeaderId, NodeId, NodeInfo, SnapshotData>;
/// What openraft knows of a snapshot.
pub type SnapshotMeta = openraft::storage::SnapshotMeta<LeaderId, NodeId, NodeInfo>;

/// Where the adapter keeps its own record.
const APPLIED_KEY: &[u8] = &[RAFT_KEY_PREFIX, b'a'];

/// Entries in one unit of the store.
const UNIT_ENTRIES: usize = 64;

/// The content of a snapshot.
pub enum SnapshotData {
    /// Of this node's store, to be sent.
    View(Arc<dyn StoreView>),
    /// Received, to be installed: keys ascending.
    Received(Spool),
}

/// The adapter's own record in the store.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct AppliedRecord {
    last: Option<WireLogId>,
    membership: WireStoredMembership,
}

/// How far a group has applied.
#[derive(Debug, Clone, Default)]
struct Applied {
    last: Option<LogId>,
    membership: StoredMembership,
}

/// A machine with what raft keeps of it; shared by the adapter, snapshots and queries.
pub struct Host {
    machine: Mutex<Box<dyn Machine>>,
    applied: Mutex<Applied>,
    applied_units: watch::Sender<u64>,
    bytes_since_snapshot: AtomicU64,
    lane: Lane,
    reader: Arc<dyn StateReader>,
    memory: Option<Arc<Memory>>,
    /// Where the payloads are that entries name; set when the group is opened.
    network: OnceLock<Arc<Network>>,
    /// Where those listen who wait for what is applied.
    news: OnceLock<Arc<NewsBoard>>,
    failed_write: OnceLock<String>,
}

impl Host {
    /// A machine whose store is open, the thread that it runs on, and the memory that bounds how far its
    /// store is behind; the system group, whose changes are few, has no such bound.
    ///
    /// # Errors
    /// Where the store cannot be read.
    pub fn new(
        mut machine: Box<dyn Machine>,
        lane: Lane,
        memory: Option<Arc<Memory>>,
    ) -> Result<Arc<Self>, MachineError> {
        let applied = read_applied(machine.store().get(APPLIED_KEY)?.as_deref())?;
        let units = units(applied.last);
        let reader = machine.store().reader();
        Ok(Arc::new(Self {
            reader,
            machine: Mutex::new(machine),
            applied: Mutex::new(applied),
            applied_units: watch::channel(units).0,
            bytes_since_snapshot: AtomicU64::new(0),
            lane,
            memory,
            network: OnceLock::new(),
            news: OnceLock::new(),
            failed_write: OnceLock::new(),
        }))
    }

    /// Payloads that entries name are found there from now on.
    pub(crate) fn take_payloads_from(&self, network: &Arc<Network>) {
        // A host is opened in one group only, on the one network of its node.
        let _ = self.network.set(Arc::clone(network));
    }

    /// The machine tells its news there.
    pub(crate) fn tell_at(&self, news: &Arc<NewsBoard>) {
        // A machine has one board for all its life.
        let _ = self.news.set(Arc::clone(news));
    }

    /// Whether somebody waits for what is applied.
    pub(crate) fn is_watched(&self) -> bool {
        self.news.get().is_some_and(|news| news.is_watched())
    }

    /// The whole of an entry that names its commands.
    async fn whole(&self, named: Payload, reference: Reference) -> io::Result<Payload> {
        let Payload::Normal(data) = &named else {
            return Ok(named);
        };
        let Some((_, stamp)) = Reference::read(&data.0) else {
            return Ok(named);
        };
        let network = self.network.get();
        let network = network.ok_or_else(|| io::Error::other("a group without a network"))?;
        let nodes = {
            let applied = self.applied();
            let nodes = applied.membership.membership().nodes();
            nodes.map(|(id, _)| *id).collect()
        };
        let payload = payloads::obtain(network, &nodes, reference).await;
        let payload =
            payload.map_err(|reason| stopped("obtain a payload", &MachineError::Broken(reason)))?;
        let whole = [stamp, &payload].concat();
        Ok(Payload::Normal(EntryData(Bytes::from(whole))))
    }

    /// Runs `work` with the machine on its thread, after everything before it.
    ///
    /// # Errors
    /// Where it panicked.
    pub async fn with<T, F>(self: &Arc<Self>, work: F) -> io::Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut dyn Machine) -> T + Send + 'static,
    {
        let host = Arc::clone(self);
        self.lane.run(move || work(host.machine().as_mut())).await
    }

    /// The units applied so far, and every change of it.
    pub fn watch_applied(&self) -> watch::Receiver<u64> {
        self.applied_units.subscribe()
    }

    /// What the store said where a write to it failed: the node cannot go on, and its log has the rest.
    pub fn failed_write(&self) -> Option<String> {
        self.failed_write.get().cloned()
    }

    fn note(&self, error: &MachineError) {
        if let MachineError::Store(failed @ StoreError::Poisoned { .. }) = error {
            // The first failure is the cause of the others.
            let _ = self
                .failed_write
                .set(format!("{}: {failed}", failed.code()));
        }
    }

    /// The last entry applied.
    pub fn last_applied(&self) -> Option<LogId> {
        self.applied().last
    }

    /// Bytes of entries applied since the last snapshot of this process.
    pub fn bytes_since_snapshot(&self) -> u64 {
        self.bytes_since_snapshot.load(Ordering::Relaxed)
    }

    fn machine(&self) -> MutexGuard<'_, Box<dyn Machine>> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn applied(&self) -> MutexGuard<'_, Applied> {
        self.applied.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies entries as one unit. Answers leave after its commit.
    fn apply(&self, batch: Vec<EntryResponder<Config>>) -> Result<(), MachineError> {
        let mut machine = self.machine();
        let mut applied = self.applied().clone();
        let mut answers: Vec<(ApplyResponder<Config>, AppliedEntry)> =
            Vec::with_capacity(batch.len());
        let mut bytes = 0;
        for (entry, responder) in batch {
            let answer = apply_entry(machine.as_mut(), &mut applied, entry, &mut bytes)?;
            if let Some(responder) = responder {
                answers.push((responder, AppliedEntry(answer)));
            }
        }
        let unit = units(applied.last);
        let store = machine.store();
        store.put(APPLIED_KEY, record(&applied));
        store.commit(unit)?;
        machine.committed(unit);
        drop(machine);
        *self.applied() = applied;
        self.applied_units.send_replace(unit);
        self.bytes_since_snapshot
            .fetch_add(bytes, Ordering::Relaxed);
        for (responder, answer) in answers {
            responder.send(answer);
        }
        Ok(())
    }

    /// What is durable, as a snapshot; none where nothing is. May wait for the disk.
    fn snapshot(&self) -> Result<Option<Snapshot>, MachineError> {
        let bytes = self.bytes_since_snapshot.load(Ordering::Relaxed);
        let view = self.reader.view()?;
        let applied = read_applied(view.get(APPLIED_KEY)?.as_deref())?;
        if applied.last.is_none() {
            return Ok(None);
        }
        self.bytes_since_snapshot
            .fetch_sub(bytes, Ordering::Relaxed);
        Ok(Some(Snapshot {
            meta: SnapshotMeta {
                last_log_id: applied.last,
                last_membership: applied.membership,
            },
            snapshot: SnapshotData::View(Arc::from(view)),
        }))
    }

    fn install(&self, meta: &SnapshotMeta, received: &Spool) -> Result<(), MachineError> {
        let mut machine = self.machine();
        let unit = units(meta.last_log_id);
        machine.store().replace(unit, &mut received.pairs())?;
        machine.reload()?;
        let found = read_applied(machine.store().get(APPLIED_KEY)?.as_deref())?;
        if found.last != meta.last_log_id {
            return Err(MachineError::Broken(format!(
                "a snapshot up to {:?} holds the state of {:?}",
                meta.last_log_id, found.last
            )));
        }
        drop(machine);
        *self.applied() = found;
        self.applied_units.send_replace(unit);
        Ok(())
    }
}

fn apply_entry(
    machine: &mut dyn Machine,
    applied: &mut Applied,
    entry: Entry,
    bytes: &mut u64,
) -> Result<Vec<u8>, MachineError> {
    applied.last = Some(entry.log_id);
    match entry.payload {
        Payload::Blank => Ok(Vec::new()),
        Payload::Normal(data) => {
            *bytes += data.0.len() as u64;
            machine.apply(units(applied.last), &data.0)
        }
        Payload::Membership(membership) => {
            applied.membership = StoredMembership::new(Some(entry.log_id), membership);
            Ok(Vec::new())
        }
    }
}

/// Makes what was applied up to a unit the first thing that a new group of one node has applied. The caller closes
/// the unit.
///
/// # Errors
/// Where the store's record of before cannot be read.
pub(crate) fn found(
    store: &mut dyn cluster::store::StateStore,
    unit: u64,
    (node, info): (NodeId, NodeInfo),
) -> Result<LogId, MachineError> {
    let before = read_applied(store.get(APPLIED_KEY)?.as_deref())?;
    let leader = LeaderId {
        term: before
            .last
            .map_or(0, |last| last.committed_leader_id().term),
        node_id: node,
    };
    let last = LogId::new(leader, unit - 1);
    let alone = BTreeSet::from([node]);
    let membership = Membership::new(vec![alone], BTreeMap::from([(node, info)]));
    let membership = membership.map_err(|error| MachineError::Broken(error.to_string()))?;
    let applied = Applied {
        last: Some(last),
        membership: StoredMembership::new(Some(last), membership),
    };
    store.put(APPLIED_KEY, record(&applied));
    Ok(last)
}

/// The unit of the store that holds everything up to an entry: a log begins at index 0, a store's
/// units at 1.
#[must_use]
pub fn units(last: Option<LogId>) -> u64 {
    last.map_or(0, |id| id.index() + 1)
}

fn record(applied: &Applied) -> Bytes {
    wire::encode(&AppliedRecord {
        last: applied.last.map(Into::into),
        membership: (&applied.membership).into(),
    })
}

fn read_applied(bytes: Option<&[u8]>) -> Result<Applied, MachineError> {
    let Some(bytes) = bytes else {
        return Ok(Applied::default());
    };
    let broken = |error: wire::WireError| MachineError::Broken(error.to_string());
    let record: AppliedRecord = wire::decode(bytes).map_err(broken)?;
    Ok(Applied {
        last: record.last.map(Into::into),
        membership: record.membership.try_into().map_err(broken)?,
    })
}

/// openraft's handle on a `Host`.
#[derive(Clone)]
pub struct StateMachine(pub Arc<Host>);

impl StateMachine {
    /// The store's own view of what is durable. It is taken beside the applying thread, which never waits
    /// for what the disk is writing.
    async fn snapshot(&self) -> io::Result<Option<Snapshot>> {
        let host = Arc::clone(&self.0);
        let taken = blocking::run(move || host.snapshot()).await?;
        let taken = taken.map_err(|error| stopped("take a snapshot", &error))?;
        if taken.is_some() {
            return Ok(taken);
        }
        // A view shows what is durable, and nothing is yet.
        self.run("flush for a snapshot", |host| {
            Ok(host.machine().store().flush()?)
        })
        .await?;
        let host = Arc::clone(&self.0);
        let taken = blocking::run(move || host.snapshot()).await?;
        taken.map_err(|error| stopped("take a snapshot", &error))
    }

    async fn apply_unit(&self, batch: Vec<EntryResponder<Config>>) -> io::Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        if let Some(memory) = &self.0.memory {
            memory.wait_for_disk().await;
        }
        self.run("apply", move |host| host.apply(batch)).await
    }

    async fn run<T, F>(&self, what: &'static str, work: F) -> io::Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Host) -> Result<T, MachineError> + Send + 'static,
    {
        let host = Arc::clone(&self.0);
        let done = self.0.lane.run(move || work(&host)).await?;
        done.map_err(|error| {
            self.0.note(&error);
            stopped(what, &error)
        })
    }
}

fn stopped(what: &'static str, error: &MachineError) -> io::Error {
    tracing::error!(%error, what, "a group stops: its state machine failed");
    io::Error::other(error.to_string())
}

impl RaftStateMachine<Config> for StateMachine {
    type SnapshotData = SnapshotData;
    type SnapshotBuilder = Self;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        let applied = self.0.applied();
        Ok((applied.last, applied.membership.clone()))
    }

    async fn apply<S>(&mut self, entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Config>>> + Unpin + OptionalSend,
    {
        let mut units = entries.ready_chunks(UNIT_ENTRIES);
        while let Some(unit) = units.next().await {
            let mut batch = Vec::with_capacity(unit.len());
            for one in unit {
                let (mut entry, responder) = one?;
                let Some(reference) = Reference::of_entry(&entry) else {
                    batch.push((entry, responder));
                    continue;
                };
                // In a unit of its own, so that no two large ones are in memory; after those before it,
                // which say who else is in the group.
                self.apply_unit(std::mem::take(&mut batch)).await?;
                entry.payload = self.0.whole(entry.payload, reference).await?;
                self.apply_unit(vec![(entry, responder)]).await?;
            }
            self.apply_unit(batch).await?;
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Self {
        self.clone()
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: SnapshotData,
    ) -> io::Result<()> {
        let SnapshotData::Received(received) = snapshot else {
            return Err(io::Error::other("a node's own view is not installed"));
        };
        let meta = meta.clone();
        self.run("install a snapshot", move |host| {
            host.install(&meta, &received)
        })
        .await
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        self.snapshot().await
    }
}

impl RaftSnapshotBuilder<Config> for StateMachine {
    type SnapshotData = SnapshotData;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        match self.snapshot().await? {
            Some(snapshot) => Ok(snapshot),
            None => Err(io::Error::other("nothing was applied yet")),
        }
    }
}

#[cfg(test)]
mod tests;
