//! The bus over NATS: what nodes of a cluster and external services share.
//! Before it on a message's way: a `publish` or `request`. After it: a NATS server, then the
//! subscription of another process.
//! Guarantees: every call ends in time; a lost connection is noticed, told and restored; drops
//! are counted; a new subscription is known to the server before it is handed out.
//! Leaves to others: delivery. Core NATS is at most once; see `docs/decisions/0002-nats-bus.md`.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod bus;
mod convert;
mod inbox;
pub mod limits;
mod options;
mod reach;
mod state;
mod subscriber;

pub use bus::NatsBus;
pub use options::{NatsAuth, NatsOptions};
