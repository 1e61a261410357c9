//! The deterministic core of a group: commands in, state and actions out.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod store;
