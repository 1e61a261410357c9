//! Adapters of the state store port: fjall on disk, and (from `cluster`) the model in memory.
//!
//! Before it: `Shard::apply`, which writes through the port. After it: the file system. Guarantees:
//! what the port promises, shown by the port's conformance suite. Never sees raft.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod disk;
pub mod limits;

pub use cluster::store::memory;
pub use disk::{DiskStats, DiskStores};
pub use limits::DiskSettings;
