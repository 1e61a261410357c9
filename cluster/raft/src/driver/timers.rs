//! Fires timers: waits until the next is due in shard time and proposes that it is. The driver
//! comes before it, the shard's proposer after it. Guarantees: nothing is fired before it is due;
//! what is due stays due until it is committed. Left to others: which timers there are (state).

use std::sync::Arc;
use std::time::Duration;

use cluster::Command;
use tokio::sync::watch;

use super::DriverParts;

/// Longest wait without a look at shard time, which may be slewed while this waits.
const STEP_MS: u64 = 1_000;

/// Fires what is armed; each new value replaces the one before. Ends when nobody can arm any more.
pub(super) async fn run(parts: Arc<DriverParts>, mut due: watch::Receiver<Option<u64>>) {
    loop {
        let at_ms = *due.borrow_and_update();
        let left_ms = at_ms.map(|at_ms| at_ms.saturating_sub(parts.time.now_ms()));
        let armed = match left_ms {
            Some(0) => {
                parts.propose(Command::TimerFired).await;
                // What is left is armed anew by the entry that fired these.
                due.changed().await
            }
            Some(left_ms) => {
                let pause = Duration::from_millis(left_ms.min(STEP_MS));
                let waited = tokio::time::timeout(pause, due.changed()).await;
                waited.unwrap_or(Ok(()))
            }
            None => due.changed().await,
        };
        if armed.is_err() {
            return;
        }
    }
}
