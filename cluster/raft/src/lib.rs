//! Raft for the groups of one node, on openraft: the log that all groups share, the disk below
//! it, and the types that every group is built with. A command arrives here as opaque entry bytes
//! and leaves, once a quorum has flushed it, for the shard's `apply`. Guarantees: nothing is
//! acknowledged before it is flushed. What a command means is left to `cluster`.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod disk;
pub mod limits;
pub mod log;
pub mod types;
