//! Programs that a shard holds, and the names that they serve there.
//!
//! Before it: handlers that show state or replay history. After it: the store.
//! Guarantees: every program that a live instance uses is there. Leaves to others: keeping what was decoded.

use bytes::Bytes;
use transport::Namespace;

use super::instances::InstanceView;
use super::{QueryError, decode};
use crate::engine::script;
use crate::keys;
use crate::message::ProgramId;
use crate::record::NameRecord;
use crate::store::StateRead;

/// The encoding of a program.
///
/// # Errors
///
/// The store's.
pub fn installed_program(
    reader: &dyn StateRead,
    program: ProgramId,
) -> Result<Option<Bytes>, QueryError> {
    Ok(reader.get(&keys::program(program))?)
}

/// A program that this shard holds, decoded, with the bytes of its encoding. Decoding takes time: keep
/// it for the next instance.
///
/// # Errors
///
/// The store's, or a corrupt program.
pub fn decoded_program(
    reader: &dyn StateRead,
    program: ProgramId,
) -> Result<Option<(vm::Program, usize)>, QueryError> {
    let key = keys::program(program);
    let Some(bytes) = reader.get(&key)? else {
        return Ok(None);
    };
    match script::decode(&bytes) {
        Ok(program) => Ok(Some((program, bytes.len()))),
        Err(reason) => Err(QueryError::Corrupt { key, reason }),
    }
}

/// The open `withState` blocks of an instance that runs `program`, outermost first; empty where it
/// never waited.
///
/// # Errors
///
/// A run that does not fit its program.
pub fn open_states(
    program: &vm::Program,
    instance: &InstanceView,
) -> Result<Vec<vm::Data>, QueryError> {
    let Some(snapshot) = &instance.snapshot else {
        return Ok(Vec::new());
    };
    script::open_states(program, snapshot).map_err(|reason| QueryError::Corrupt {
        key: keys::instance(&instance.address),
        reason,
    })
}

/// The result of an instance of a reactive function that runs `program`, as people see it; none of
/// another instance, and before its first turn.
///
/// # Errors
///
/// A run that does not fit its program.
pub fn shown_result(
    program: &vm::Program,
    instance: &InstanceView,
) -> Result<Option<vm::Data>, QueryError> {
    let Some(snapshot) = &instance.snapshot else {
        return Ok(None);
    };
    script::shown_result(program, snapshot).map_err(|reason| QueryError::Corrupt {
        key: keys::instance(&instance.address),
        reason,
    })
}

/// The program that serves a name in this shard.
///
/// # Errors
///
/// The store's, or a corrupt record.
pub fn active_program(
    reader: &dyn StateRead,
    namespace: &Namespace,
    name: &str,
) -> Result<Option<ProgramId>, QueryError> {
    let key = keys::name(namespace, name);
    match reader.get(&key)? {
        Some(bytes) => {
            let (_, _, record): (Namespace, String, NameRecord) = decode(&key, &bytes)?;
            Ok(record.program)
        }
        None => Ok(None),
    }
}
