//! What ends the run of a script early, inside the machine and as others see it.
//!
//! Before: throws, script errors, limits, refusals of the build stage. After: the turn's outcome,
//! dead letters, diagnostics. Guarantees: `ScriptError` is plain data with a stable code and a script
//! stack; a limit can not be caught by a script.

use serde::{Deserialize, Serialize};

use crate::bytecode::FunctionIndex;
use crate::codes::ErrorCode;
use crate::data::Data;
use crate::diagnostic::Diagnostic;
use crate::limits::{Limit, Limits};

/// An error of a script, as it is stored and shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScriptError {
    /// Stable code, for example `E0301`.
    pub code: String,
    /// What happened, and where it helps what to do.
    pub message: String,
    /// Innermost call first.
    pub stack: Vec<StackFrame>,
    /// The thrown value, where there is one that can be kept.
    pub value: Option<Data>,
}

/// One line of a script stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackFrame {
    /// Name of the function, `(anonymous)` where it has none.
    pub function: String,
    /// Name of the source.
    pub file: String,
    /// 1-based.
    pub line: u32,
    /// 1-based.
    pub column: u32,
}

/// Where each open call stood when a trap arose, innermost first.
pub type Places = Vec<(FunctionIndex, u32)>;

/// Why an instruction, a built-in or a call did not end with a value.
#[derive(Debug)]
pub struct Trap(pub Box<TrapData>);

/// The content of a trap.
#[derive(Debug)]
pub struct TrapData {
    /// What happened.
    pub kind: TrapKind,
    /// Filled by the machine where the trap arises.
    pub places: Places,
    /// A code that says more than `E0301`, where a thrown error has one.
    pub code: Option<ErrorCode>,
}

/// The kinds of trap.
#[derive(Debug)]
pub enum TrapKind {
    /// A script can catch it. The machine has what was thrown.
    Throw,
    /// A script can not catch it: a limit, a misuse.
    Fatal {
        /// Stable code.
        code: ErrorCode,
        /// What happened.
        message: String,
    },
    /// A refusal of the build stage, with its place and rewrite.
    Refused(Box<Diagnostic>),
}

impl Trap {
    /// Something was thrown, which the machine has.
    pub(crate) fn thrown() -> Trap {
        Trap::new(TrapKind::Throw)
    }

    /// An error that a script can not catch.
    pub fn fatal(code: ErrorCode, message: impl Into<String>) -> Trap {
        Trap::new(TrapKind::Fatal {
            code,
            message: message.into(),
        })
    }

    /// A limit that was reached.
    pub fn limit(code: ErrorCode, limit: Limit, limits: &Limits) -> Trap {
        Trap::fatal(code, limit.message(limits))
    }

    /// A refusal of the build stage.
    pub fn refused(diagnostic: Diagnostic) -> Trap {
        Trap::new(TrapKind::Refused(Box::new(diagnostic)))
    }

    fn new(kind: TrapKind) -> Trap {
        Trap(Box::new(TrapData {
            kind,
            places: Vec::new(),
            code: None,
        }))
    }
}

impl std::fmt::Display for ScriptError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)?;
        for frame in &self.stack {
            write!(
                formatter,
                "\n    at {} ({}:{}:{})",
                frame.function, frame.file, frame.line, frame.column
            )?;
        }
        Ok(())
    }
}

impl std::error::Error for ScriptError {}
