//! Raft for the groups of one node, on openraft: the log that all groups share, the disk below
//! it, and the types that every group is built with. A command arrives here as opaque entry bytes
//! and leaves, once a quorum has flushed it, for the shard's `apply`. Guarantees: nothing is
//! acknowledged before it is flushed. What a command means is left to `cluster`.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod agreement;
mod announce;
mod answers;
pub mod apply;
pub mod backup;
pub mod beginning;
mod blocking;
pub mod bootstrap;
pub mod clock_watch;
pub mod disk;
pub mod driver;
mod error;
pub mod failure;
pub mod fences;
mod fencing;
pub mod group;
pub mod groups;
mod hand_over;
pub mod hello;
pub mod http;
pub mod identity;
pub mod limits;
pub mod lives;
pub mod load;
pub mod local;
pub mod log;
pub mod machine;
pub mod memory;
mod moves;
pub mod network;
pub mod opener;
pub mod payloads;
pub mod pieces;
pub mod placement;
pub mod ports;
pub mod proposer;
pub mod remote;
mod room;
pub mod router;
pub mod settings;
pub mod shard_machine;
pub mod spans;
pub mod spool;
mod start;
pub mod state_machine;
pub mod status;
mod supervisor;
mod system_life;
pub mod system_machine;
pub mod time;
pub mod types;

pub use groups::{Config, Groups, StartError};
pub use status::Status;
