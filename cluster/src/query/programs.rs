//! Programs that a shard holds, and the names that they serve there.
//!
//! Before it: handlers that show state or replay history. After it: the store.
//! Guarantees: every program that a live instance uses is there. Leaves to others: decoding.

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

/// The open `withState` blocks of an instance, outermost first; empty where it never waited.
///
/// # Errors
///
/// The store's, or a run that does not fit its program.
pub fn open_states(
    reader: &dyn StateRead,
    instance: &InstanceView,
) -> Result<Vec<vm::Data>, QueryError> {
    let key = keys::program(instance.program);
    match (reader.get(&key)?, &instance.snapshot) {
        (Some(program), Some(snapshot)) => script::open_states(&program, snapshot)
            .map_err(|reason| QueryError::Corrupt { key, reason }),
        _ => Ok(Vec::new()),
    }
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
