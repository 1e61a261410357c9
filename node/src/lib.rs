//! The node: composition of all parts, the door, HTTP, telemetry and the command line. The only crate
//! that names adapters together, and the only one that reads arguments, environment and files.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod api;
pub mod arguments;
pub mod bench;
pub mod calendar;
pub mod client;
pub mod commands;
pub mod composition;
pub mod config;
pub mod demo;
pub mod door;
pub mod http;
pub mod load;
pub mod outgoing;
pub mod output;
pub mod restoring;
mod script_errors;
pub mod subscriptions;
pub mod telemetry;
pub mod testing;
