//! Programs as the log carries them: verified before anything runs them.
//!
//! Before it: `Install`, and a program read back from the store. After it: `vm::Program`.
//! Guarantees: bytes that are no program are refused with what is wrong.
//! Leaves to others: compiling.

use crate::codes;
use crate::engine::script;
use crate::message::ProgramId;
use crate::outcome::Refusal;
use vm::options::Subscription;

/// What the system group keeps of a program besides its bytes.
pub(crate) struct Inspected {
    /// Its hash.
    pub id: ProgramId,
    /// The names of the workers that it exports.
    pub workers: Vec<String>,
    /// What those of them hear on the bus that hear something.
    pub subscriptions: Vec<(String, Subscription)>,
}

/// Verifies the bytes of a program and looks into it.
pub(crate) fn inspect(bytes: &[u8]) -> Result<Inspected, Refusal> {
    let id = ProgramId(*blake3::hash(bytes).as_bytes());
    match script::decode(bytes) {
        Ok(program) => {
            let exported = || program.workers().filter(|worker| worker.exported);
            let subscription = |worker: &vm::WorkerDefinition| {
                let subscription = worker.options.subscribe.clone()?;
                Some((worker.name.clone(), subscription))
            };
            Ok(Inspected {
                id,
                workers: exported().map(|worker| worker.name.clone()).collect(),
                subscriptions: exported().filter_map(subscription).collect(),
            })
        }
        Err(reason) => Err(Refusal::new(
            codes::BAD_PROGRAM,
            format!("these bytes are no program that this version runs: {reason}"),
        )),
    }
}
