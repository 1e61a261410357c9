//! What `demo` and `bench` send traffic with: keep-alive HTTP connections, and clients that go on to the
//! next node when one fails, with the same idempotency key, as a careful program would.

mod client;
mod connection;

pub use client::{Client, Reply};
pub use connection::{Answer, Connection, ConnectionError};
