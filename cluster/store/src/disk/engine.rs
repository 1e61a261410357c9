//! What all groups of a node share: the fjall database, the call to the writer, and its health.
//!
//! Before it: the stores of the groups. After it: fjall, and the writer thread in `writer`.
//! Guarantees: after the first failed write no commit is accepted any more, so that what is on disk
//! stays a prefix of the units.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use cluster::store::{GroupId, StoreError};
use fjall::compaction::Leveled;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::group::Group;
use super::record::STARTED;
use crate::limits::DiskSettings;

/// The database of a node with what its handles share.
pub(super) struct Engine {
    pub(super) settings: DiskSettings,
    pub(super) database: Database,
    /// One record per group.
    pub(super) records: Keyspace,
    /// The groups that are open.
    pub(super) groups: Mutex<BTreeMap<GroupId, Arc<Group>>>,
    pub(super) call: Mutex<Call>,
    /// Bytes of all groups that are committed but not durable.
    pub(super) unflushed: Arc<AtomicU64>,
    /// Wakes the writer.
    pub(super) called: Condvar,
    /// Counts the writer's rounds, so that a flush can wait for one.
    pub(super) rounds: Mutex<u64>,
    pub(super) round_ended: Condvar,
    failure: OnceLock<Arc<str>>,
    pub(super) counters: Counters,
}

/// What the writer is asked to do.
#[derive(Debug, Default)]
pub(super) struct Call {
    /// Units were committed since the last round began.
    pub(super) dirty: bool,
    /// The round should begin at once.
    pub(super) urgent: bool,
    pub(super) stop: bool,
    /// Bytes of the units that no round has taken, about.
    pub(super) bytes: u64,
}

/// What the writer has done since the start.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) writes: AtomicU64,
    pub(super) changes: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) postponed: AtomicU64,
}

impl Engine {
    pub(super) fn new(settings: DiskSettings, database: Database, records: Keyspace) -> Self {
        Self {
            settings,
            database,
            records,
            groups: Mutex::default(),
            call: Mutex::default(),
            unflushed: Arc::default(),
            called: Condvar::new(),
            rounds: Mutex::default(),
            round_ended: Condvar::new(),
            failure: OnceLock::new(),
            counters: Counters::default(),
        }
    }

    /// Lets fjall number changes from here on above all that were ever numbered.
    ///
    /// At a start it counts on from the newest change in the keyspaces, but also numbers changes of
    /// its list of keyspaces, and does not look there. Where the last thing before a crash was that
    /// keyspaces came or went, later changes of the list would count as older, and names would come
    /// back or go to other keyspaces. So each start leaves out more numbers than can have been given
    /// out since a keyspace last got a change, and gives the first one after them to a change.
    pub(super) fn number_above_all(&self) -> fjall::Result<()> {
        const LEFT_OUT: u64 = 1 << 20;
        let last = &self.database.supervisor.seqno;
        last.fetch_max(last.get() + LEFT_OUT);
        let batch = self.database.batch();
        let mut batch = batch.durability(Some(PersistMode::SyncAll));
        batch.insert(&self.records, STARTED, &[][..]);
        batch.commit()
    }

    /// Tells the writer of a unit of `bytes`.
    pub(super) fn committed(&self, bytes: u64) {
        let mut call = lock(&self.call);
        call.bytes += bytes;
        let first = !call.dirty;
        call.dirty = true;
        let full = !call.urgent && call.bytes >= self.settings.flush_bytes;
        call.urgent |= full;
        drop(call);
        if first || full {
            self.called.notify_all();
        }
    }

    /// Asks for a round at once.
    pub(super) fn request_flush(&self) {
        let mut call = lock(&self.call);
        call.dirty = true;
        call.urgent = true;
        drop(call);
        self.called.notify_all();
    }

    /// Waits until `group` is durable up to `index`.
    pub(super) fn wait_for_flush(&self, group: &Group, index: u64) -> Result<(), StoreError> {
        let mut rounds = lock(&self.rounds);
        loop {
            drop(group.read()?);
            self.check()?;
            if group.flushed() >= index {
                return Ok(());
            }
            // A round that began before the last commit does not have it: ask each time.
            group.want_flush();
            self.request_flush();
            rounds = self
                .round_ended
                .wait(rounds)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends a round: those who wait for a flush look again.
    pub(super) fn end_round(&self) {
        *lock(&self.rounds) += 1;
        self.round_ended.notify_all();
    }

    /// Whether writes are still accepted.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match self.failure.get() {
            None => Ok(()),
            Some(reason) => Err(StoreError::Poisoned {
                reason: Arc::clone(reason),
            }),
        }
    }

    /// Refuses all writes from now on; returns the error to pass on.
    pub(super) fn poison(&self, what: &str, error: &fjall::Error) -> StoreError {
        self.fail(format!("could not {what}: {}", describe(error)))
    }

    /// Refuses all writes from now on, for a reason of our own.
    pub(super) fn fail(&self, reason: String) -> StoreError {
        let reason: Arc<str> = reason.into();
        if self.failure.set(Arc::clone(&reason)).is_ok() {
            tracing::error!(%reason, code = "E-store-stopped", "state store stopped");
        }
        self.end_round();
        StoreError::Poisoned { reason }
    }

    /// A new or existing keyspace of a group's content.
    pub(super) fn keyspace(&self, name: &str) -> fjall::Result<Keyspace> {
        let merging = Leveled::default()
            .with_l0_threshold(self.settings.merged_tables)
            .with_table_target_size(self.settings.table_bytes);
        self.database.keyspace(name, || {
            KeyspaceCreateOptions::default()
                .compaction_strategy(Arc::new(merging))
                .manual_journal_persist(true)
        })
    }
}

impl Counters {
    pub(super) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}

/// A lock whose data stays sound when its holder panics: every change under it is a few assignments.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An error of fjall that leaves the store usable.
pub(super) fn io_error(what: &'static str, error: &fjall::Error) -> StoreError {
    StoreError::Io {
        what,
        reason: describe(error).into(),
    }
}

fn describe(error: &fjall::Error) -> String {
    match error {
        fjall::Error::Io(error) => error.to_string(),
        fjall::Error::Storage(error) => error.to_string(),
        fjall::Error::Locked => "another process has the folder open".to_owned(),
        fjall::Error::Poisoned => "an earlier write of the engine failed".to_owned(),
        other => format!("{other:?}"),
    }
}
