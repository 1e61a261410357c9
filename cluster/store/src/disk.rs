//! The state stores of a node on disk: one fjall database, one keyspace per group.
//!
//! Before it: `node`, which opens the folder, and raft, which opens the groups. After it: fjall.
//! Guarantees: commits go to memory and never wait; one writer thread makes them durable in order,
//! each group's units and their last index in one table, without a journal; a start finds a prefix
//! of them and has nothing to replay. Leaves to others: replaying what was not flushed, from the log.

mod engine;
mod group;
mod key;
mod read;
mod record;
mod replace;
mod store;
mod view;
mod writer;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use cluster::store::{GroupId, StateStore, StoreError, StoreProvider};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::limits::{DiskSettings, MERGING_THREADS};
use engine::{Engine, io_error, lock};
use group::Group;
use record::{RECORDS, Record, STARTED, index_of, keyspace_name, record_group, record_key};
use store::DiskStore;

/// The stores of one node. Clones are the same node; it ends with its last clone and store, without
/// flushing: call [`StateStore::flush`] on each store first.
#[derive(Clone)]
pub struct DiskStores {
    running: Arc<Running>,
}

/// What the stores of a node have done since they were opened, and how far the disk is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiskStats {
    /// Times that the units of a group were written, each time as a table.
    pub writes: u64,
    /// Keys put or deleted in them.
    pub changes: u64,
    /// Bytes of keys and values in them.
    pub bytes: u64,
    /// Times that a group was left out of a round because too many of its tables were unmerged.
    pub postponed: u64,
    /// Bytes that are committed but not durable.
    pub unflushed_bytes: u64,
    /// Bytes of all files.
    pub disk_bytes: u64,
}

/// An engine with its writer thread.
struct Running {
    engine: Arc<Engine>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl DiskStores {
    /// Opens the stores in `folder`, which is created where it is not there. Reads the end of each
    /// table, and nothing of what they hold.
    ///
    /// # Errors
    ///
    /// `Io` where the folder cannot be opened or another process has it open, `Corrupt` where a
    /// group's record cannot be read.
    pub fn open(folder: &Path, settings: DiskSettings) -> Result<Self, StoreError> {
        let settings = settings.bounded();
        let database = Database::builder(folder)
            .cache_size(settings.cache_bytes)
            .worker_threads(MERGING_THREADS)
            .max_cached_files(Some(settings.open_files))
            .manual_journal_persist(true)
            .open()
            .map_err(|error| io_error("open its folder", &error))?;
        let records = database
            .keyspace(RECORDS, || {
                KeyspaceCreateOptions::default().manual_journal_persist(true)
            })
            .map_err(|error| io_error("open its records", &error))?;
        let engine = Arc::new(Engine::new(settings, database, records));
        engine
            .number_above_all()
            .map_err(|error| io_error("begin its numbers", &error))?;
        sweep(&engine)?;
        let thread = Arc::clone(&engine);
        let writer = std::thread::Builder::new()
            .name("state-writer".to_owned())
            .spawn(move || writer::run(&thread))
            .map_err(|error| StoreError::Io {
                what: "start its writer thread",
                reason: error.to_string().into(),
            })?;
        Ok(Self {
            running: Arc::new(Running {
                engine,
                writer: Mutex::new(Some(writer)),
            }),
        })
    }

    /// Counters and sizes, for metrics.
    pub fn stats(&self) -> DiskStats {
        let engine = &self.running.engine;
        let counters = &engine.counters;
        DiskStats {
            writes: counters.writes.load(Ordering::Relaxed),
            changes: counters.changes.load(Ordering::Relaxed),
            bytes: counters.bytes.load(Ordering::Relaxed),
            postponed: counters.postponed.load(Ordering::Relaxed),
            unflushed_bytes: engine.unflushed.load(Ordering::Relaxed),
            disk_bytes: engine.database.disk_space().unwrap_or_default(),
        }
    }
}

impl StoreProvider for DiskStores {
    fn open(&self, group: GroupId) -> Result<Box<dyn StateStore>, StoreError> {
        let engine = &self.running.engine;
        let mut groups = lock(&engine.groups);
        if groups.contains_key(&group) {
            return Err(StoreError::InUse { group });
        }
        let total = Arc::clone(&engine.unflushed);
        let aside = record_of(engine, group.aside())?.map_or(0, |record| record.generation);
        let opened = match record_of(engine, group)? {
            None => Group::new(group, None, 0, aside, total),
            Some(record) => {
                let base = existing(engine, group, record)?;
                let index = index_of(group, &base)?;
                Group::new(group, Some((base, record.generation)), index, aside, total)
            }
        };
        let opened = Arc::new(opened);
        groups.insert(group, Arc::clone(&opened));
        Ok(Box::new(DiskStore::new(Arc::clone(&self.running), opened)))
    }

    fn remove(&self, group: GroupId) -> Result<(), StoreError> {
        let engine = &self.running.engine;
        engine.check()?;
        let mut groups = lock(&engine.groups);
        let open = groups.remove(&group);
        let writing = open.as_ref().map(|open| lock(&open.writing));
        if let Some(open) = &open {
            open.close();
        }
        let record = record_of(engine, group)?;
        if let Some(record) = record {
            let mut batch = engine
                .database
                .batch()
                .durability(Some(PersistMode::SyncAll));
            batch.remove(&engine.records, record_key(group));
            batch
                .commit()
                .map_err(|error| engine.poison("remove a group", &error))?;
            replace::discard(engine, existing(engine, group, record)?);
        }
        drop(writing);
        engine.end_round();
        Ok(())
    }

    fn set_aside(&self, group: GroupId) -> Result<bool, StoreError> {
        let engine = &self.running.engine;
        engine.check()?;
        let mut groups = lock(&engine.groups);
        let Some(record) = record_of(engine, group)? else {
            return Ok(false);
        };
        for closed in [group, group.aside()] {
            if let Some(open) = groups.remove(&closed) {
                let _writing = lock(&open.writing);
                open.close();
            }
        }
        let before = record_of(engine, group.aside())?;
        let mut batch = engine
            .database
            .batch()
            .durability(Some(PersistMode::SyncAll));
        batch.remove(&engine.records, record_key(group));
        batch.insert(&engine.records, record_key(group.aside()), record.encode());
        batch
            .commit()
            .map_err(|error| engine.poison("set a group aside", &error))?;
        if let Some(before) = before {
            replace::discard(engine, existing(engine, group, before)?);
        }
        engine.end_round();
        Ok(true)
    }

    fn unflushed_bytes(&self) -> u64 {
        let engine = &self.running.engine;
        match engine.check() {
            Ok(()) => engine.unflushed.load(Ordering::Relaxed),
            // It takes nothing any more, and nobody should wait for it.
            Err(_) => 0,
        }
    }

    fn groups(&self) -> Result<Vec<GroupId>, StoreError> {
        let records = all_records(&self.running.engine)?;
        Ok(records.into_iter().map(|(group, _)| group).collect())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        writer::stop(&self.engine);
        let writer = lock(&self.writer).take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the state store's writer thread panicked");
        }
    }
}

/// Removes the keyspaces that no record names: what a crash left of a new group, a replacement or
/// a removal.
fn sweep(engine: &Engine) -> Result<(), StoreError> {
    let named: BTreeSet<String> = all_records(engine)?
        .into_iter()
        .map(|(group, record)| keyspace_name(group, record.generation))
        .chain([RECORDS.to_owned()])
        .collect();
    for name in engine.database.list_keyspace_names() {
        if !named.contains(&*name) {
            let keyspace = engine
                .keyspace(&name)
                .map_err(|error| io_error("open files left by a crash", &error))?;
            replace::discard(engine, keyspace);
        }
    }
    Ok(())
}

fn all_records(engine: &Engine) -> Result<Vec<(GroupId, Record)>, StoreError> {
    let mut records = Vec::new();
    for entry in engine.records.iter() {
        let (key, value) = entry
            .into_inner()
            .map_err(|error| io_error("read its records", &error))?;
        if &*key == STARTED {
            continue;
        }
        let group = record_group(&key).ok_or_else(|| StoreError::Io {
            what: "read its records",
            reason: format!("a record has a key of {} bytes", key.len()).into(),
        })?;
        records.push((group, Record::decode(group, &value)?));
    }
    Ok(records)
}

fn record_of(engine: &Engine, group: GroupId) -> Result<Option<Record>, StoreError> {
    let bytes = engine
        .records
        .get(record_key(group))
        .map_err(|error| io_error("read a group's record", &error))?;
    bytes.map(|bytes| Record::decode(group, &bytes)).transpose()
}

/// The keyspace that a record names.
fn existing(engine: &Engine, group: GroupId, record: Record) -> Result<Keyspace, StoreError> {
    let name = keyspace_name(group, record.generation);
    if !engine.database.keyspace_exists(&name) {
        return Err(StoreError::Corrupt {
            group,
            reason: format!("its files {name} are missing").into(),
        });
    }
    engine
        .keyspace(&name)
        .map_err(|error| io_error("open a group's files", &error))
}

#[cfg(test)]
mod tests;
