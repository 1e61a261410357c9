//! What tests of every crate share: real services to test against, and waiting for a condition. It depends on
//! none of our crates but `namespaces`, which depends on none, so that any of them may use it from its tests.
#![allow(clippy::unwrap_used)]

pub mod cluster;
pub mod machines;
pub mod nats_client;
pub mod oracle;
pub mod random;
pub mod services;
pub mod wait;
