//! The conformance suite of the bus, each promise against a real NATS server of its own.

use crate::support::OnNats;

transport::bus_conformance!(match OnNats::start() {
    Some(harness) => harness,
    None => return,
});
