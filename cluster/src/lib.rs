//! The deterministic core of a group: commands in, state and actions out.
//!
//! Before it on a message's way: a raft group, which gives committed entries. After it: the leader's
//! driver, which carries out actions. Guarantees: no clock, entropy, threads, files or network; the
//! same entries give the same state, outcomes and actions everywhere.
//! Leaves to others: consensus and durability (`cluster-raft`, `cluster-store`), doors (`node`).

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod action;
mod address;
pub mod agreement;
pub mod builtin;
pub mod codes;
pub mod command;
mod commands;
pub mod cut;
pub mod engine;
pub mod entry;
mod hash;
pub mod keys;
mod large;
pub mod limits;
pub mod message;
pub mod outcome;
pub mod placement;
mod program;
pub mod query;
pub mod record;
pub mod replay;
pub mod shard;
pub mod store;
pub mod system;

pub use action::{Action, Applied};
pub use address::shard_of;
pub use builtin::BuiltIn;
pub use command::Command;
pub use entry::{Entry, EntryStamp};
pub use message::{Body, Message, Parcel, ProgramId};
pub use outcome::{Outcome, Progress, Receipt, Refusal, StateHash};
pub use shard::{Shard, ShardError, ShardIdentity};
pub use system::{System, SystemCommand, SystemEntry, SystemOutcome, SystemState};
