//! Traps of the build stage as diagnostics.
//!
//! A refusal keeps its place and rewrite; a thrown error points at the line that threw, with the calls
//! that led there.

use crate::codes::{self, ErrorCode};
use crate::diagnostic::Diagnostic;
use crate::error::{Trap, TrapKind};
use crate::machine::Machine;
use crate::source::Span;

/// How many callers of a failing line are shown.
const CALLERS_MAX: usize = 3;

/// The machine names the limits of a turn; the build stage has the same under a setting of its own.
fn for_build_stage(message: &str) -> String {
    message
        .replace("setting `limits.", "setting `build.run.")
        .replace(" in one turn (", " while the script is deployed (")
}

/// What to write where the build stage came to a limit.
fn hint_of_limit(code: ErrorCode) -> Option<&'static str> {
    if code == codes::LIMIT_INSTRUCTIONS {
        Some(
            "end the loop; what a running worker computes stands in its functions: `withState(() => …, …)`, `computeState([], () => …)`",
        )
    } else if code == codes::LIMIT_MEMORY {
        Some(
            "make less of it here: a table is made by a running worker with `withState(() => …, …)`, or sent to it",
        )
    } else if code == codes::LIMIT_CALL_DEPTH {
        Some("end the recursion, or write it as a loop: `for (const item of items) …`")
    } else {
        None
    }
}

/// What a trap of the build stage means to whoever wrote the script.
pub(super) fn diagnostic(machine: &mut Machine<'_>, trap: Trap) -> Diagnostic {
    let data = *trap.0;
    let places = data
        .places
        .iter()
        .map(|(function, instruction)| machine.code.function(*function).place(*instruction));
    let places: Vec<Span> = places.collect();
    let span = places.first().copied().unwrap_or_default();
    let diagnostic = match data.kind {
        TrapKind::Refused(diagnostic) => return *diagnostic,
        TrapKind::Fatal { code, message } => {
            let mut limit = Diagnostic::error(code, span, for_build_stage(&message));
            limit.hint = hint_of_limit(code).map(str::to_owned);
            limit
        }
        TrapKind::Throw => {
            let message = machine.script_error(Trap::thrown()).message;
            Diagnostic::error(codes::BUILD_THREW, span, message)
                .with_note("this code runs once, when the script is deployed")
        }
    };
    let callers = places
        .into_iter()
        .skip(1)
        .take(CALLERS_MAX)
        .filter(|caller| *caller != span);
    callers.fold(diagnostic, |diagnostic, caller| {
        diagnostic.with_related(caller, "called from here")
    })
}
