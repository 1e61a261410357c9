//! The language of scripted workers: compiler, values, machine, built-ins, limits.
//!
//! Before: a script, or a program from the log. After: a turn's outcome and effects as plain data.
//! Guarantees: pure and total. The same program, worker and input give the same outcome on every
//! machine; no script can hang, exhaust memory, overflow the stack or panic a node.
//! Leaves to others: envelopes, clocks, entropy, I/O, namespaces.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod build;
pub mod builder;
pub mod builtins;
pub mod bytecode;
mod bytes_visitor;
pub mod codes;
pub mod compile;
mod control;
pub mod data;
pub mod diagnostic;
mod disassemble;
pub mod erase;
pub mod error;
mod fixes;
pub mod freeze;
#[cfg(test)]
mod fuzz;
pub mod heap;
pub mod host;
pub mod limits;
mod lints;
pub mod local;
mod lower;
pub mod machine;
pub mod memory;
pub mod modules;
pub mod number;
pub mod options;
mod parsed;
pub mod program;
pub mod reactive;
pub mod regex;
mod run;
pub mod schedule;
pub mod semantics;
pub mod snapshot;
pub mod source;
mod steps;
#[cfg(test)]
mod test_support;
pub mod testing;
pub mod text;
mod tree;
pub mod turn;
mod unicode;
pub mod value;
pub mod verify;
pub mod worker;

/// The types of the language for TypeScript and editors: the text of `troupe.d.ts`.
pub const TYPES: &str = include_str!("../types/troupe.d.ts");
/// The types of tests, beside those of the language: the text of `troupe-testing.d.ts`.
pub const TESTING_TYPES: &str = include_str!("../types/troupe-testing.d.ts");

pub use build::{Compiled, compile, compile_files};
pub use compile::closest;
pub use data::{Address, Data};
pub use diagnostic::{Diagnostic, Fix, Severity};
pub use error::ScriptError;
pub use fixes::{Applied, Changed, apply_fixes};
pub use limits::{BuildLimits, Limits};
pub use modules::{FileError, Files, Rejected};
pub use program::{Program, ProgramError, ProgramHash, WorkerDefinition};
pub use snapshot::SnapshotError;
pub use source::{Source, Sources};
pub use turn::{
    CallId, Effect, Input, Intent, Note, Notes, Outcome, Target, Turn, TurnContext, Used, turn,
};
pub use worker::{Identity, Worker, WorkerError};
