//! Publishes what root instances emit, for programs that follow it on the bus. The driver comes
//! before it, subscribers after it. Guarantees: the values of one shard are published in order, by
//! its leader. Left to others: what was missed (the instance's output is kept and can be read).

use std::sync::Arc;

use cluster::action::OutputNews;
use tokio::sync::mpsc;
use transport::{BusError, Headers};

use super::DriverParts;
use super::effects::to_json;

/// Publishes what comes, for as long as this node leads.
pub(super) async fn run(parts: Arc<DriverParts>, mut emitted: mpsc::UnboundedReceiver<OutputNews>) {
    let network = &parts.router.network;
    while let Some(output) = emitted.recv().await {
        let payload = match to_json(&output.body) {
            Ok(payload) => payload,
            Err(reason) => {
                tracing::warn!(instance = %output.instance, reason, "an output was not published");
                continue;
            }
        };
        let subject = network.subjects.outbox(&output.instance);
        let headers = Headers::of_stamp(&output.stamp);
        let bus = &network.buses.traffic;
        match bus.publish(subject, headers, payload).await {
            Ok(()) => {}
            Err(error @ BusError::TooLarge { .. }) => tracing::warn!(
                instance = %output.instance, %error,
                "an output is too large for the bus; it can be read over HTTP"
            ),
            Err(error) => {
                tracing::debug!(instance = %output.instance, %error, "an output was not published");
            }
        }
    }
}
