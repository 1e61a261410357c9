//! Programs by content hash, and the names that they serve.
//!
//! Before it: a deploy. After it: `Install` in every shard, then `Activate` in every shard.
//! Guarantees: a name is only given to a program that is held and exports it.
//! Leaves to others: compiling, and bringing programs and names to the shards.

use bytes::Bytes;

use super::command::ActivateNames;
use super::members::require_cluster;
use super::state::{ActiveName, ProgramInfo, SystemError, SystemState};
use crate::codes;
use crate::keys;
use crate::message::ProgramId;
use crate::outcome::Refusal;
use crate::program;
use crate::store::{StateRead, StateStore};

pub(super) fn install(
    state: &mut SystemState,
    store: &mut dyn StateStore,
    bytes: &Bytes,
) -> Result<(), Refusal> {
    require_cluster(state)?;
    let program::Inspected {
        id,
        workers,
        subscriptions,
    } = program::inspect(bytes)?;
    if state.programs.contains_key(&id) {
        return Ok(());
    }
    let info = ProgramInfo {
        bytes: bytes.len() as u64,
        workers,
        subscriptions,
        installed_ms: state.time_ms,
    };
    store.put(&keys::system_program(id), keys::encode_record(&(id, &info)));
    store.put(&keys::program(id), bytes.clone());
    state.programs.insert(id, info);
    Ok(())
}

pub(super) fn activate(
    state: &mut SystemState,
    store: &mut dyn StateStore,
    change: &ActivateNames,
) -> Result<(), Refusal> {
    require_cluster(state)?;
    for (name, id) in &change.names {
        let Some(info) = state.programs.get(id) else {
            return Err(Refusal::new(
                codes::UNKNOWN_PROGRAM,
                format!("the program {id} for {name} is not installed; install it first"),
            ));
        };
        if !info.workers.contains(name) {
            return Err(Refusal::new(
                codes::UNKNOWN_WORKER,
                format!("the program {id} exports no worker {name}"),
            ));
        }
    }
    let version = state.version + 1;
    for (name, program) in &change.names {
        let active = ActiveName {
            program: *program,
            version,
        };
        let id = (change.namespace.clone(), name.clone());
        store.put(
            &keys::system_name(&change.namespace, name),
            keys::encode_record(&(&id, &active)),
        );
        state.names.insert(id, active);
    }
    for name in &change.removed {
        state
            .names
            .remove(&(change.namespace.clone(), name.clone()));
        store.delete(&keys::system_name(&change.namespace, name));
    }
    Ok(())
}

pub(super) fn read(store: &dyn StateRead, id: ProgramId) -> Result<Option<Bytes>, SystemError> {
    Ok(store.get(&keys::program(id))?)
}
