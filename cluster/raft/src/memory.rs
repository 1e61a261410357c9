//! What the shards of a node may take of its memory: workers that stay decoded, and changes that the disk
//! does not have yet. Shards ask it before each entry, proposers before clients' work. Guarantees: what
//! is decoded shares one bound, evenly among the shards that are open; a disk that is behind is told to
//! clients first, and makes apply wait where that does not help. Nothing that a command results in depends
//! on it. Left to others: measuring (the shard, the store).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cluster::store::StoreProvider;

use crate::limits::MemoryLimits;

/// How soon a disk that was behind is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The memory of a node's shards.
pub struct Memory {
    limits: MemoryLimits,
    stores: Arc<dyn StoreProvider>,
    shards: AtomicUsize,
    worker_bytes: AtomicUsize,
}

/// What the node's metrics say of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryStatistics {
    /// Bytes of workers that are decoded, about.
    pub worker_bytes: u64,
    /// Bytes that they may take.
    pub worker_bytes_max: u64,
    /// Bytes of changes that are not on disk yet.
    pub unflushed_bytes: u64,
    /// Bytes of them beyond which clients are pushed back.
    pub unflushed_bytes_max: u64,
}

impl Memory {
    /// For the shards over these stores.
    #[must_use]
    pub fn new(limits: MemoryLimits, stores: Arc<dyn StoreProvider>) -> Arc<Self> {
        Arc::new(Self {
            limits,
            stores,
            shards: AtomicUsize::new(0),
            worker_bytes: AtomicUsize::new(0),
        })
    }

    /// A shard that is opened now has a share until what this returns is dropped.
    #[must_use]
    pub fn share(self: &Arc<Self>) -> Share {
        self.shards.fetch_add(1, Ordering::Relaxed);
        Share {
            memory: Arc::clone(self),
            worker_bytes: 0,
        }
    }

    /// How many bytes the disk is behind, where that is so far that clients have to wait.
    #[must_use]
    pub fn behind(&self) -> Option<u64> {
        let bytes = self.stores.unflushed_bytes();
        (bytes > self.limits.unflushed_bytes_max).then_some(bytes)
    }

    /// Waits while the disk is so far behind that another entry would take memory beyond its bound. It
    /// gets there only by work that no client's refusal holds back.
    pub async fn wait_for_disk(&self) {
        while self.stores.unflushed_bytes() > 2 * self.limits.unflushed_bytes_max {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// How much is taken.
    #[must_use]
    pub fn statistics(&self) -> MemoryStatistics {
        MemoryStatistics {
            worker_bytes: self.worker_bytes.load(Ordering::Relaxed) as u64,
            worker_bytes_max: self.limits.worker_bytes_max as u64,
            unflushed_bytes: self.stores.unflushed_bytes(),
            unflushed_bytes_max: self.limits.unflushed_bytes_max,
        }
    }
}

/// One shard's share.
pub struct Share {
    memory: Arc<Memory>,
    worker_bytes: usize,
}

impl Share {
    /// Bytes that the workers of this shard may take now.
    #[must_use]
    pub fn worker_bytes_max(&self) -> usize {
        let shards = self.memory.shards.load(Ordering::Relaxed);
        self.memory.limits.worker_bytes_max / shards.max(1)
    }

    /// Tells how many bytes they take.
    pub fn tell(&mut self, worker_bytes: usize) {
        let total = &self.memory.worker_bytes;
        // The total is right again after both, whatever others do between them.
        total.fetch_add(worker_bytes, Ordering::Relaxed);
        total.fetch_sub(self.worker_bytes, Ordering::Relaxed);
        self.worker_bytes = worker_bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.tell(0);
        self.memory.shards.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use cluster::store::GroupId;
    use cluster::store::memory::{FlushMode, MemoryStores};

    use super::*;

    fn memory(stores: &MemoryStores) -> Arc<Memory> {
        let limits = MemoryLimits {
            worker_bytes_max: 1000,
            unflushed_bytes_max: 10,
        };
        Memory::new(limits, Arc::new(stores.clone()))
    }

    #[test]
    fn shards_that_are_open_share_evenly() {
        let memory = memory(&MemoryStores::new(FlushMode::OnDemand));
        let (mut one, two) = (memory.share(), memory.share());
        assert_eq!(one.worker_bytes_max(), 500);
        one.tell(300);
        one.tell(200);
        assert_eq!(memory.statistics().worker_bytes, 200);
        drop(one);
        assert_eq!(two.worker_bytes_max(), 1000);
        assert_eq!(memory.statistics().worker_bytes, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_disk_that_is_behind_holds_up_clients_and_then_apply() {
        let stores = MemoryStores::new(FlushMode::OnDemand);
        let memory = memory(&stores);
        let mut store = stores.open(GroupId(1)).unwrap();
        let mut commit = |index: u64| {
            store.put(&index.to_be_bytes(), bytes::Bytes::from_static(b"1234"));
            store.commit(index).unwrap();
        };
        memory.wait_for_disk().await;
        assert_eq!(memory.behind(), None);
        commit(1);
        assert_eq!(memory.behind(), Some(12));
        memory.wait_for_disk().await;
        commit(2);
        let waits = tokio::time::timeout(Duration::from_secs(60), memory.wait_for_disk());
        assert!(waits.await.is_err(), "apply waits for the disk");
        let waiting = tokio::spawn({
            let memory = Arc::clone(&memory);
            async move { memory.wait_for_disk().await }
        });
        tokio::task::yield_now().await;
        stores.flush_up_to(GroupId(1), 1);
        waiting.await.unwrap();
        assert_eq!(memory.behind(), Some(12), "clients wait longer");
        stores.flush_up_to(GroupId(1), 2);
        assert_eq!(memory.behind(), None);
    }
}
