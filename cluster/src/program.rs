//! Programs as the log carries them: verified before anything runs them.
//!
//! Before it: `Install`, and a program read back from the store. After it: `vm::Program`.
//! Guarantees: bytes that are no program are refused with what is wrong.
//! Leaves to others: compiling.

use crate::codes;
use crate::engine::Engine;
use crate::engine::script::ScriptEngine;
use crate::message::ProgramId;
use crate::outcome::Refusal;

/// The hash of a program, and the names of the workers that it exports.
pub(crate) fn inspect(bytes: &[u8]) -> Result<(ProgramId, Vec<String>), Refusal> {
    let id = ProgramId(*blake3::hash(bytes).as_bytes());
    match ScriptEngine.load(bytes) {
        Ok(program) => Ok((id, program.exported())),
        Err(reason) => Err(Refusal::new(
            codes::BAD_PROGRAM,
            format!("these bytes are no program that this version runs: {reason}"),
        )),
    }
}
