//! The writer thread: moves committed units of all groups of a node into fjall, in rounds.
//!
//! Before it: commits, which only call it. After it: fjall's journal and one flush per round.
//! Guarantees: all units of a group since its last round and their last index go in one atomic
//! batch; `flushed()` moves after the flush. A group whose engine is behind is left for a later
//! round, so that it holds up neither commits nor other groups.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use cluster::store::StoreError;
use fjall::{Keyspace, PersistMode};

use super::engine::{Counters, Engine, lock};
use super::group::{Group, Taken};
use super::record::{Record, keyspace_name, record_key};

/// How a round went for one group.
enum Outcome {
    Idle,
    Behind,
    Written(Taken),
}

/// Tells the engine when the writer panics, so that nobody waits for a round that never ends.
struct Watch<'a>(&'a Engine);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail("its writer thread panicked".to_owned());
        }
    }
}

/// Runs rounds until the node stops or a write fails.
pub(super) fn run(engine: &Engine) {
    let _watch = Watch(engine);
    let mut behind = false;
    while wait_for_call(engine, behind) {
        match round(engine) {
            Ok(left) => behind = left,
            // The engine is poisoned and says so to every commit and flush.
            Err(_) => return,
        }
    }
}

/// Waits until a round is due; false when the node stops.
fn wait_for_call(engine: &Engine, behind: bool) -> bool {
    let mut call = lock(&engine.call);
    if behind {
        call.dirty = true;
    }
    call = engine
        .called
        .wait_while(call, |call| !call.dirty && !call.stop)
        .unwrap_or_else(PoisonError::into_inner);
    let settings = &engine.settings;
    let (pause, hurry) = if behind {
        (settings.retry_interval, false)
    } else {
        (settings.flush_interval, true)
    };
    call = engine
        .called
        .wait_timeout_while(call, pause, |call| !(call.stop || hurry && call.urgent))
        .unwrap_or_else(PoisonError::into_inner)
        .0;
    call.dirty = false;
    call.urgent = false;
    call.bytes = 0;
    !call.stop
}

/// One batch per group that has news, then one flush. Tells whether a group was left out.
fn round(engine: &Engine) -> Result<bool, StoreError> {
    let groups: Vec<Arc<Group>> = lock(&engine.groups).values().cloned().collect();
    let mut written = Vec::new();
    let mut behind = false;
    for group in groups {
        match write_group(engine, &group)? {
            Outcome::Idle => {}
            Outcome::Behind => behind = true,
            Outcome::Written(taken) => written.push((group, taken)),
        }
    }
    // Without a batch this asks only whether fjall's own threads still work.
    let mode = if written.is_empty() {
        PersistMode::Buffer
    } else {
        PersistMode::SyncData
    };
    engine
        .database
        .persist(mode)
        .map_err(|error| engine.poison("flush a batch", &error))?;
    Counters::add(&engine.counters.flushes, u64::from(!written.is_empty()));
    for (group, taken) in written {
        group.finish(&taken);
    }
    engine.end_round();
    Ok(behind)
}

fn write_group(engine: &Engine, group: &Group) -> Result<Outcome, StoreError> {
    let _writing = lock(&group.writing);
    let Some(base) = group.dirty() else {
        return Ok(Outcome::Idle);
    };
    let base = match base {
        Some(base) if is_behind(engine, &base) => {
            Counters::add(&engine.counters.postponed, 1);
            return Ok(Outcome::Behind);
        }
        Some(base) => base,
        None => found(engine, group)?,
    };
    let Some(taken) = group.freeze() else {
        return Ok(Outcome::Idle);
    };
    let mut batch = engine.database.batch();
    for (key, change) in taken.changes.iter() {
        match change {
            Some(value) => batch.insert(&base, &key[..], &value[..]),
            None => batch.remove(&base, &key[..]),
        }
    }
    let record = Record {
        generation: taken.generation,
        index: taken.index,
    };
    batch.insert(&engine.records, record_key(group.id), record.encode());
    batch
        .commit()
        .map_err(|error| engine.poison("write a batch", &error))?;
    Counters::add(&engine.counters.batches, 1);
    Counters::add(&engine.counters.changes, taken.changes.len() as u64);
    Counters::add(&engine.counters.bytes, taken.bytes);
    Ok(Outcome::Written(taken))
}

/// Creates the first keyspace of a group. Not when it is opened: that would make every first start
/// wait for the files of all groups.
fn found(engine: &Engine, group: &Group) -> Result<Keyspace, StoreError> {
    let generation = group.take_generation();
    let base = engine
        .keyspace(&keyspace_name(group.id, generation))
        .map_err(|error| engine.poison("create a group's files", &error))?;
    group.found(base.clone(), generation);
    Ok(base)
}

/// Whether fjall would make a writer of this keyspace sleep.
fn is_behind(engine: &Engine, base: &Keyspace) -> bool {
    base.sealed_memtable_count() >= engine.settings.sealed_memtables_max
        || base.l0_table_count() >= engine.settings.unmerged_tables_max
}

/// Stops the writer after the round that it is in.
pub(super) fn stop(engine: &Engine) {
    lock(&engine.call).stop = true;
    engine.called.notify_all();
    tracing::debug!(
        flushes = engine.counters.flushes.load(Ordering::Relaxed),
        "state store stops"
    );
}
