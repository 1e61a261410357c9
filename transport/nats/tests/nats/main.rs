//! Tests of the bus against real NATS servers: each test starts its own on a free port.

#![allow(clippy::unwrap_used)]

mod conformance;
mod outage;
mod secured;
mod server;
mod support;
