//! Watches the room on the disk of the log. The log comes before it; the node's log, its report to the
//! others and the hand-over of its leads after it. Guarantees: a disk that gets full is said once, and so
//! is room that comes back; a node without room keeps no lead that a node with room can take. Left to
//! others: refusing proposals (`proposer`), not giving leads back (`placement`).

use std::sync::Arc;
use std::time::Duration;

use crate::hand_over::{self, Clocks};
use crate::log::{Log, LogError};
use crate::supervisor::Supervisor;

/// How often the disk is looked at.
const EVERY: Duration = Duration::from_millis(500);

/// Why the log takes no entries for want of room, where that is so.
pub(crate) fn shortage(log: &Log) -> Option<String> {
    match log.check_accepting() {
        Err(error @ LogError::DiskFull { .. }) => Some(error.to_string()),
        _ => None,
    }
}

/// Watches for as long as this node runs.
pub(crate) async fn watch(supervisor: Arc<Supervisor>) {
    let log = supervisor.shared.opener.log().clone();
    let mut is_full = false;
    loop {
        log.measure_space();
        match shortage(&log) {
            Some(reason) => {
                if !is_full {
                    tracing::error!(
                        "{reason}; this node takes no new work and hands its leads to nodes that have room"
                    );
                    supervisor.news.notify_one();
                }
                is_full = true;
                for (group, to, error) in
                    hand_over::all(&supervisor.shared.router, Clocks::Preferred).await
                {
                    tracing::debug!(group = %group.id(), to, %error, "a lead is handed over later");
                }
            }
            None if is_full => {
                tracing::info!("the disk of the log has room again; this node takes work");
                supervisor.news.notify_one();
                is_full = false;
            }
            None => {}
        }
        tokio::time::sleep(EVERY).await;
    }
}
