//! Troupe from outside, as its users meet it: processes of `troupe node` on a real NATS server, traces in a
//! real Jaeger, HTTP, the command line and the bus. Comes after the tests of every part; nothing here knows
//! the inside of a node. Each test starts, harms and ends its own processes only; they take turns, since each
//! needs the whole machine.
#![allow(clippy::unwrap_used)]

mod backup;
mod bench;
mod bus;
mod calls;
mod check;
mod command_line;
mod corruption;
mod direct;
mod disk;
mod faults;
mod guidance;
mod journey;
mod membership;
mod modules;
mod operating;
mod partitions;
mod payloads;
mod reactive;
mod readme;
mod rebalance;
mod recovery;
mod refusals;
mod scripts;
mod services;
mod slow_readers;
mod standing_still;
mod subscriptions;
mod testing;
mod tracing;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Waits for its turn; a test holds what it gets until its end.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    // A test that failed while it held the turn has ended all the same.
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
