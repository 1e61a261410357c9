//! Functions that run later: what they may not use, seen before a worker runs.
//!
//! A command cannot be made inside a predicate or updater, and the shorthand `…Handle` means nothing
//! there. Only the functions given to commands are looked at, with those inside them; what they reach
//! through captured values is found when it runs.

use super::refusals::kept_hint;
use crate::bytecode::{FunctionIndex, Instruction};
use crate::codes;
use crate::data::Data;
use crate::diagnostic::Diagnostic;
use crate::machine::Machine;
use crate::run::RUN_STAGE_NAMES;
use crate::value::Value;

/// Refuses a function of the run stage that makes commands or uses the shorthand.
pub(super) fn check(machine: &Machine<'_>, function: &Value) -> Result<(), Box<Diagnostic>> {
    let index = match function {
        Value::Closure(id) => machine.heap.closure(*id).function,
        Value::Frozen(Data::Function(function)) => function.function,
        _ => return Ok(()),
    };
    let mut open = vec![index];
    while let Some(index) = open.pop() {
        let function = machine.code.function(index);
        for (at, instruction) in function.instructions.iter().enumerate() {
            let span = function.place(at as u32);
            match instruction {
                Instruction::Closure(inner) => open.push(FunctionIndex(*inner)),
                Instruction::Ambient(name) => {
                    let name = machine
                        .code
                        .ambients
                        .get(*name as usize)
                        .map(ToString::to_string)
                        .unwrap_or_default();
                    if !RUN_STAGE_NAMES.contains(&name.as_str()) {
                        let message = format!("`{name}` is used by a function that runs later");
                        let diagnostic = Diagnostic::error(codes::STAGE, span, message)
                            .with_note("commands and refs are made when the script is deployed, not by a running worker")
                            .with_hint("branch with `whenState` or `when`, and make the command there");
                        return Err(Box::new(diagnostic));
                    }
                }
                Instruction::Shorthand(key) => {
                    let name = machine
                        .code
                        .keys
                        .get(*key as usize)
                        .map(ToString::to_string)
                        .unwrap_or_default();
                    let short = name.strip_suffix("Handle").unwrap_or(&name);
                    let message =
                        format!("the handle `{name}` is used by a function that runs later");
                    let diagnostic = Diagnostic::error(codes::REF_CAPTURED, span, message)
                        .with_note("it stands for a value that exists only in a running worker")
                        .with_hint(kept_hint(&name, short));
                    return Err(Box::new(diagnostic));
                }
                _ => {}
            }
        }
    }
    Ok(())
}
