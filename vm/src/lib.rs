//! The language of scripted workers: compiler, values, machine, built-ins, limits.
//!
//! Before: a script, or a program from the log. After: a turn's outcome and effects as plain data.
//! Guarantees: pure and total. The same program, worker and input give the same outcome on every
//! machine; no script can hang, exhaust memory, overflow the stack or panic a node.
//! Leaves to others: envelopes, clocks, entropy, I/O, namespaces.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod build;
pub mod builtins;
pub mod bytecode;
mod bytes_visitor;
pub mod codes;
pub mod compile;
mod control;
pub mod data;
pub mod diagnostic;
mod disassemble;
pub mod error;
pub mod freeze;
pub mod heap;
pub mod host;
pub mod limits;
pub mod local;
mod lower;
pub mod machine;
pub mod number;
pub mod options;
pub mod program;
pub mod reactive;
pub mod regex;
mod run;
pub mod snapshot;
pub mod source;
#[cfg(test)]
mod testing;
pub mod text;
mod tree;
pub mod turn;
pub mod value;
pub mod verify;
pub mod worker;

pub use build::{Compiled, compile};
pub use data::{Address, Data};
pub use diagnostic::Diagnostic;
pub use error::ScriptError;
pub use limits::{BuildLimits, Limits};
pub use program::{Program, ProgramError, ProgramHash, WorkerDefinition};
pub use snapshot::SnapshotError;
pub use source::Source;
pub use turn::{
    CallId, Effect, Input, Intent, Note, Outcome, Target, Turn, TurnContext, Used, turn,
};
pub use worker::{Identity, Worker, WorkerError};
