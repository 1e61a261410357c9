//! The writer thread: moves committed units of all groups of a node into fjall, in rounds.
//!
//! Before it: commits, which only call it. After it: fjall's tables. Guarantees: all units of
//! a group since it was last written and their last index become one table, which is there as
//! a whole or not at all; `flushed()` moves once the disk has it. A group whose tables are not
//! merged fast enough is left for a later round, so that it holds up neither commits nor others.

use std::cmp::Reverse;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use cluster::store::StoreError;
use fjall::{AbstractTree, Keyspace, PersistMode};

use super::engine::{Counters, Engine, lock};
use super::group::{Group, Taken, Waiting};
use super::key;
use super::record::{Record, encode_index, keyspace_name, record_key};

/// When the next round should begin, if nobody asks for one.
#[derive(Default)]
struct Next {
    /// A group was left out because of its unmerged tables.
    behind: bool,
    /// A group that waits will be old enough then.
    due: Option<Instant>,
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
    let mut next = Next::default();
    while wait_for_call(engine, &next) {
        match round(engine) {
            Ok(after) => next = after,
            // The engine is poisoned and says so to every commit and flush.
            Err(_) => return,
        }
    }
}

/// Waits until a round is due; false when the node stops.
fn wait_for_call(engine: &Engine, next: &Next) -> bool {
    let settings = &engine.settings;
    let retry = next
        .behind
        .then(|| Instant::now() + settings.retry_interval);
    let mut due = retry.into_iter().chain(next.due).min();
    let mut call = lock(&engine.call);
    // Whoever is behind stays so for a while, however urgent it is.
    while !(call.stop || call.urgent && !next.behind) {
        if call.dirty && due.is_none() {
            due = Some(Instant::now() + settings.flush_interval);
        }
        let left = due.map(|due| due.saturating_duration_since(Instant::now()));
        call = match left {
            None => (engine.called.wait(call)).unwrap_or_else(PoisonError::into_inner),
            Some(left) if left.is_zero() => break,
            Some(left) => {
                let woken = engine.called.wait_timeout(call, left);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
    call.dirty = false;
    call.urgent = false;
    call.bytes = 0;
    !call.stop
}

/// Writes the groups that were asked for or are old enough, and the largest until what is left is
/// soon replayed.
fn round(engine: &Engine) -> Result<Next, StoreError> {
    let groups: Vec<Arc<Group>> = lock(&engine.groups).values().cloned().collect();
    let (mut waiting, behind) = waiting(engine, &groups);
    let now = Instant::now();
    let must = |waits: &Waiting| {
        waits.wanted || now.duration_since(waits.since) >= engine.settings.flush_interval
    };
    waiting.sort_by_key(|(_, waits)| Reverse((must(waits), waits.bytes)));
    let mut left: u64 = waiting.iter().map(|(_, waits)| waits.bytes).sum();
    for (group, waits) in &waiting {
        if must(waits) || left >= engine.settings.flush_bytes {
            left -= waits.bytes;
            write_group(engine, group)?;
        }
    }
    // Asks only whether fjall's own thread still works.
    engine
        .database
        .persist(PersistMode::Buffer)
        .map_err(|error| engine.poison("merge tables", &error))?;
    engine.end_round();
    let mut call = lock(&engine.call);
    let still = groups.iter().filter_map(|group| group.waiting());
    let still: Vec<Waiting> = still.collect();
    call.bytes = still.iter().map(|waits| waits.bytes).sum();
    call.urgent |= call.bytes >= engine.settings.flush_bytes;
    let oldest = still.iter().map(|waits| waits.since).min();
    Ok(Next {
        behind,
        // Those that are behind are tried again soon anyway, and may be old already.
        due: oldest
            .filter(|_| !behind)
            .map(|since| since + engine.settings.flush_interval),
    })
}

/// The groups that have news and can be written, and whether one cannot.
fn waiting<'a>(engine: &Engine, groups: &'a [Arc<Group>]) -> (Vec<(&'a Group, Waiting)>, bool) {
    let mut behind = false;
    let mut waiting = Vec::new();
    for group in groups {
        let Some(waits) = group.waiting() else {
            continue;
        };
        if waits
            .base
            .as_ref()
            .is_some_and(|base| is_behind(engine, base))
        {
            Counters::add(&engine.counters.postponed, 1);
            behind = true;
        } else {
            waiting.push((&**group, waits));
        }
    }
    (waiting, behind)
}

fn write_group(engine: &Engine, group: &Group) -> Result<(), StoreError> {
    let _writing = lock(&group.writing);
    let Some(waits) = group.waiting() else {
        return Ok(());
    };
    let base = match waits.base {
        Some(base) => base,
        None => found(engine, group)?,
    };
    let Some(taken) = group.freeze() else {
        return Ok(());
    };
    write_table(&base, &taken).map_err(|error| engine.poison("write a table", &error))?;
    forget_old_lists(engine, &base);
    if !taken.recorded {
        let generation = taken.generation;
        put_record(engine, group, Record { generation })
            .map_err(|error| engine.poison("record a group", &error))?;
    }
    Counters::add(&engine.counters.writes, 1);
    Counters::add(&engine.counters.changes, taken.changes.len() as u64);
    Counters::add(&engine.counters.bytes, taken.bytes);
    group.finish(&taken);
    Ok(())
}

/// Writes what was taken past fjall's journal and memtable. When it returns, the table, its folder
/// and the list of tables are flushed; before that list is, nobody sees the table.
fn write_table(base: &Keyspace, taken: &Taken) -> fjall::Result<()> {
    let mut table = base.start_ingestion()?;
    table.write(key::INDEX, &encode_index(taken.index)[..])?;
    let mut bytes = Vec::new();
    for (key, change) in taken.changes.iter() {
        key.write(&mut bytes);
        let key = key::stored(&bytes);
        match change {
            Some(value) => table.write(&*key, &value[..])?,
            None => table.write_tombstone(&*key)?,
        }
    }
    table.finish()
}

/// Removes lists of tables that no reader needs, and with them the tables that only they name. fjall
/// does so when it merges or uses its memtables; until then a start would find and remove them.
fn forget_old_lists(engine: &Engine, base: &Keyspace) {
    let tracker = &engine.database.supervisor.snapshot_tracker;
    let needed = tracker.get_seqno_safe_to_gc();
    let mut lists = base.tree.get_version_history_lock();
    if let Err(error) = lists.maintenance(base.path(), needed) {
        tracing::warn!(keyspace = %&**base.name(), %error, "old lists of tables are left behind");
    }
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

/// Says durably which keyspace a group has; its content is durable before.
pub(super) fn put_record(engine: &Engine, group: &Group, record: Record) -> fjall::Result<()> {
    let batch = engine.database.batch();
    let mut batch = batch.durability(Some(PersistMode::SyncAll));
    batch.insert(&engine.records, record_key(group.id), record.encode());
    batch.commit()
}

/// Whether reads of this keyspace would suffer from more tables.
fn is_behind(engine: &Engine, base: &Keyspace) -> bool {
    base.l0_table_count() >= engine.settings.unmerged_tables_max
}

/// Stops the writer after the round that it is in.
pub(super) fn stop(engine: &Engine) {
    lock(&engine.call).stop = true;
    engine.called.notify_all();
    tracing::debug!(
        writes = engine.counters.writes.load(Ordering::Relaxed),
        "state store stops"
    );
}
