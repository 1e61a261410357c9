//! A bus on which nodes ask each other directly, over TCP, and everything else goes the way it did: requests
//! to a node's own subjects take a connection to that node where there is one, and the bus below otherwise.
//! Before it on a message's way: raft's network, a door, a pump. After it: the same crate on the other node,
//! or the bus below.
//! Guarantees: what `transport::conformance` checks; a node that cannot be connected to is reached by the bus
//! below, and nodes that know each other's addresses reach each other while that is down; only nodes that
//! hear the same bus are let in, and with certificates only those of one authority.
//! Leaves to others: delivery (the `cluster` channels), and the bus below.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod accept;
mod announce;
mod book;
mod bus;
mod connection;
mod dial;
mod frame;
mod handshake;
mod lane;
mod limits;
mod node;
mod routes;
mod socket;
#[cfg(test)]
mod tests;
mod tls;

pub use bus::DirectBus;
pub use lane::LaneKind;
pub use node::{Direct, DirectOptions, StartError};
pub use tls::TlsFiles;
