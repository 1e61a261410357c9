//! Installing a snapshot: a new keyspace is filled beside the old one, then one record switches.
//!
//! Before it: raft, which has a snapshot's pairs. After it: the group, on its new keyspace.
//! Guarantees: a crash leaves the old content or the new; a keyspace that no record names is
//! removed at the next start. Leaves to others: where the pairs come from.

use bytes::Bytes;
use cluster::store::{Pair, StoreError, check_pair};
use fjall::Keyspace;

use super::engine::{Engine, io_error, lock};
use super::group::Group;
use super::key;
use super::record::{Record, encode_index, keyspace_name};
use super::writer::put_record;

/// Replaces the content of `group` by `pairs` as of `index`.
pub(super) fn replace(
    engine: &Engine,
    group: &Group,
    index: u64,
    pairs: &mut dyn Iterator<Item = Result<Pair, StoreError>>,
) -> Result<(), StoreError> {
    drop(group.read()?);
    engine.check()?;
    let generation = group.take_generation();
    let base = engine
        .keyspace(&keyspace_name(group.id, generation))
        .map_err(|error| io_error("create files for a snapshot", &error))?;
    let filled = fill(&base, index, pairs);
    let writing = lock(&group.writing);
    if let Err(error) = filled.and_then(|()| group.read().map(drop)) {
        discard(engine, base);
        return Err(error);
    }
    put_record(engine, group, Record { generation })
        .map_err(|error| engine.poison("switch to a snapshot", &error))?;
    let old = group.switch(base, generation, index);
    drop(writing);
    if let Some(old) = old {
        discard(engine, old);
    }
    Ok(())
}

/// Writes ascending pairs straight to tables, which are durable when this returns.
fn fill(
    base: &Keyspace,
    index: u64,
    pairs: &mut dyn Iterator<Item = Result<Pair, StoreError>>,
) -> Result<(), StoreError> {
    let failed = |error| io_error("write a snapshot", &error);
    let mut tables = base.start_ingestion().map_err(failed)?;
    tables
        .write(key::INDEX, &encode_index(index)[..])
        .map_err(failed)?;
    let mut last: Option<Bytes> = None;
    for (count, pair) in pairs.enumerate() {
        let (key, value) = pair?;
        check_pair(&key, Some(&value))?;
        if last.as_ref().is_some_and(|last| *last >= key) {
            return Err(StoreError::Order {
                pairs: count as u64,
            });
        }
        tables
            .write(&*key::stored(&key), &value[..])
            .map_err(failed)?;
        last = Some(key);
    }
    tables.finish().map_err(failed)
}

/// Removes a keyspace that no record names. Its files go with the last view of it; where that
/// fails, the next start tries again.
pub(super) fn discard(engine: &Engine, keyspace: Keyspace) {
    let name = keyspace.name().clone();
    if let Err(error) = engine.database.delete_keyspace(keyspace) {
        tracing::warn!(keyspace = %&*name, %error, "files of a replaced group are left behind");
    }
}
