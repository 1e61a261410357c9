//! How much one shard does: what its entries bring, counted where they are applied. The shard's
//! machine comes before it, the report to all nodes and the rebalance after it. Guarantees: counting
//! costs one addition; nothing that is decided inside a log depends on it. Left to others: what to
//! do about it (`cluster::placement::even_by_load`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cluster::{Command, Entry};
use tokio::time::Instant;

/// Time over which it is measured: long enough to hide one burst, short enough to show a new state.
const WINDOW: Duration = Duration::from_secs(10);

/// The counter of one replica.
pub struct Load {
    count: AtomicU64,
    measured: Mutex<Measured>,
}

struct Measured {
    /// When the two last windows began, and the count then.
    before: (Instant, u64),
    now: (Instant, u64),
}

impl Load {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Arc<Self> {
        let start = (Instant::now(), 0);
        Arc::new(Self {
            count: AtomicU64::new(0),
            measured: Mutex::new(Measured {
                before: start,
                now: start,
            }),
        })
    }

    /// Counts an entry: a message or another command each.
    pub(crate) fn count(&self, entry: &Entry) {
        let of = |command: &Command| match command {
            Command::Deliver(deliver) => deliver.parcels.len() as u64,
            _ => 1,
        };
        let sum = entry.commands.iter().map(of).sum();
        self.count.fetch_add(sum, Ordering::Relaxed);
    }

    /// Commands in a second, over the last ten to twenty seconds.
    #[must_use]
    pub fn per_second(&self) -> u64 {
        let now = Instant::now();
        let count = self.count.load(Ordering::Relaxed);
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(measured.now.0) >= WINDOW {
            measured.before = measured.now;
            measured.now = (now, count);
        }
        let (since, base) = measured.before;
        let millis = now.duration_since(since).as_millis().max(1) as u64;
        (count - base) * 1000 / millis
    }
}

#[cfg(test)]
mod tests {
    use cluster::EntryStamp;

    use super::*;

    fn entry(commands: usize) -> Entry {
        Entry {
            stamp: EntryStamp {
                time_ms: 1,
                entropy: [0; 16],
            },
            commands: vec![Command::Continue; commands],
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_load_is_told_by_the_second_and_forgotten_when_it_ends() {
        let load = Load::new();
        assert_eq!(load.per_second(), 0);
        for _ in 0..20 {
            load.count(&entry(50));
            tokio::time::advance(Duration::from_secs(1)).await;
            let told = load.per_second();
            assert!((45..=50).contains(&told), "{told}");
        }
        for _ in 0..3 {
            tokio::time::advance(WINDOW).await;
            let _ = load.per_second();
        }
        assert_eq!(load.per_second(), 0);
    }
}
