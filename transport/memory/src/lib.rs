//! The bus inside one process: what a single node uses, and nodes that share a process.
//! Before it on a message's way: a `publish` or `request`. After it: the subscription of another
//! node of the same `MemoryNetwork`, or of the same node.
//! Guarantees: nothing is encoded or copied, payloads are shared; one publisher's messages reach
//! one subscription in order; drops are counted; nodes can be cut off, partitioned and healed,
//! and links can lose and delay by a seed.
//! Leaves to others: everything across processes (`transport-nats`).

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod bus;
mod faults;
mod links;
mod network;
mod pending;
mod routes;
mod subscriber;

pub use bus::MemoryBus;
pub use faults::LinkFaults;
pub use network::{MemoryNetwork, MemoryOptions};

#[cfg(test)]
mod tests;
