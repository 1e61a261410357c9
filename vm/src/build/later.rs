//! Functions that run later: what they may not use, seen before a worker runs.
//!
//! A command cannot be made inside a predicate or updater, and the shorthand `…Handle` means nothing
//! there; a reactive function has no time and no chance. Only the functions given to commands are looked at, with those inside them; what they reach
//! through captured values is found when it runs.

use super::refusals::kept_hint;
use crate::bytecode::{FunctionIndex, Instruction};
use crate::codes;
use crate::data::Data;
use crate::diagnostic::Diagnostic;
use crate::machine::Machine;
use crate::run::RUN_STAGE_NAMES;
use crate::source::Span;
use crate::value::Value;

/// Built-ins that a reactive function may not use, with what to write instead.
const IMPURE: &[(&str, &str)] = &[
    ("Date.now", "read `get(clock(1000))`"),
    ("now", "read `get(clock(1000))`"),
    ("new Date", "read `new Date(get(clock(1000)))`"),
    (
        "Math.random",
        "keep a random number in the state of a worker and read that",
    ),
    ("uuid", "keep an id in the state of a worker and read that"),
];

/// Refuses a function of the run stage that makes commands or uses the shorthand, and a reactive one that uses time
/// or chance of its own.
pub(super) fn check<'p>(
    machine: &Machine<'p>,
    function: &Value<'p>,
    reactive: bool,
) -> Result<(), Box<Diagnostic>> {
    let index = match function {
        Value::Closure(id) => machine.heap.closure(*id).function(),
        Value::Frozen(Data::Function(function)) => function.function,
        _ => return Ok(()),
    };
    let mut open = vec![index];
    while let Some(index) = open.pop() {
        let function = machine.code.function(index);
        for (at, instruction) in function.instructions.iter().enumerate() {
            let refused = match instruction {
                Instruction::Closure(inner) => {
                    open.push(FunctionIndex(*inner));
                    None
                }
                Instruction::Ambient(name) => command(machine, *name),
                Instruction::Shorthand(key) => Some(shorthand(machine, *key)),
                Instruction::CallNative { arguments, native } if reactive => {
                    impure(machine, *native, *arguments)
                }
                _ => None,
            };
            if let Some(mut diagnostic) = refused {
                diagnostic.span = function.place(at as u32);
                return Err(Box::new(diagnostic));
            }
        }
    }
    Ok(())
}

/// What is said of a name that only the build stage has.
fn command<'p>(machine: &Machine<'p>, name: u32) -> Option<Diagnostic> {
    let name = machine.code.ambients.get(name as usize);
    let name = name.map(ToString::to_string).unwrap_or_default();
    if RUN_STAGE_NAMES.contains(&name.as_str()) {
        return None;
    }
    let message = format!("`{name}` is used by a function that runs later");
    let diagnostic = Diagnostic::error(codes::STAGE, Span::default(), message);
    Some(
        diagnostic
            .with_note(
                "commands and refs are made when the script is deployed, not by a running worker",
            )
            .with_hint("branch with `whenState` or `when`, and make the command there"),
    )
}

fn shorthand<'p>(machine: &Machine<'p>, key: u32) -> Diagnostic {
    let name = machine.code.keys.get(key as usize);
    let name = name.map(ToString::to_string).unwrap_or_default();
    let short = name.strip_suffix("Handle").unwrap_or(&name);
    let message = format!("the handle `{name}` is used by a function that runs later");
    Diagnostic::error(codes::REF_CAPTURED, Span::default(), message)
        .with_note("it stands for a value that exists only in a running worker")
        .with_hint(kept_hint(&name, short))
}

fn impure<'p>(machine: &Machine<'p>, native: u32, arguments: u16) -> Option<Diagnostic> {
    let native = machine.code.natives.get(native as usize)?;
    let (name, hint) = IMPURE.iter().find(|(impure, _)| impure == native)?;
    // A date of a number or text is the same each time.
    if *name == "new Date" && arguments > 0 {
        return None;
    }
    let what = if matches!(*name, "Math.random" | "uuid") {
        "chance"
    } else {
        "time"
    };
    let message =
        format!("`{name}` is used by a reactive function, which has no {what} of its own");
    Some(Diagnostic::error(codes::IMPURE, Span::default(), message).with_hint(*hint))
}
