//! How many requests of clients a node has under way at a time. Beyond that they wait at the door, in their order,
//! where they cost nothing but memory; one that has waited long enough is refused with a time to come back, and so is
//! one that finds too many waiting. To refuse is nearly as dear as to do, so that a door that refused at once would
//! do little else under an overload. Messages between workers do not pass here.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cluster::outcome::Refusal;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::DoorError;

/// What a door lets in. A node sets all of it (`requests_max`, `requests_waiting_max`, `message_kib_max`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoorLimits {
    /// Requests under way at a time.
    pub requests_max: usize,
    /// Requests that wait for a place at a time.
    pub waiting_max: usize,
    /// Bytes of a message, where that is less than its shard takes.
    pub message_bytes_max: usize,
}

/// How long a request waits for a place.
const PATIENCE: Duration = Duration::from_secs(1);
/// When a refused client should come back: the finest that `Retry-After` can say.
const RETRY_AFTER_MS: u64 = 1_000;

/// Places for requests under way.
pub(super) struct Places {
    free: Semaphore,
    waiting: AtomicUsize,
    limits: DoorLimits,
    patience: Duration,
}

impl Places {
    pub(super) fn new(limits: DoorLimits) -> Places {
        Places {
            free: Semaphore::new(limits.requests_max.min(Semaphore::MAX_PERMITS)),
            waiting: AtomicUsize::new(0),
            limits,
            patience: PATIENCE,
        }
    }

    /// Requests under way now, and those that wait.
    pub(super) fn counts(&self) -> (u64, u64) {
        let free = self.free.available_permits();
        let waiting = self.waiting.load(Ordering::Relaxed);
        let under_way = self.limits.requests_max.saturating_sub(free);
        (under_way as u64, waiting as u64)
    }

    /// A place, until it is dropped.
    ///
    /// # Errors
    /// `E-busy`: none was free in time.
    pub(super) async fn take(&self) -> Result<SemaphorePermit<'_>, DoorError> {
        if let Ok(place) = self.free.try_acquire() {
            return Ok(place);
        }
        let Some(_waiting) = Waiting::begin(&self.waiting, self.limits.waiting_max) else {
            return Err(busy());
        };
        match tokio::time::timeout(self.patience, self.free.acquire()).await {
            Ok(place) => Ok(place.expect("the places of a door are never closed")),
            Err(_) => Err(busy()),
        }
    }
}

/// One that waits, until it is dropped: also where its client went away.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicUsize, most: usize) -> Option<Waiting<'a>> {
        let waiting = Waiting(count);
        (count.fetch_add(1, Ordering::Relaxed) < most).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn busy() -> DoorError {
    DoorError::Refused(Refusal {
        code: cluster::codes::BUSY.to_owned(),
        message: "this node has as many requests under way as it can do soon".to_owned(),
        retry_after_ms: Some(RETRY_AFTER_MS),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn places(requests_max: usize, waiting_max: usize, patience: Duration) -> Places {
        let limits = DoorLimits {
            requests_max,
            waiting_max,
            message_bytes_max: usize::MAX,
        };
        Places {
            patience,
            ..Places::new(limits)
        }
    }

    #[tokio::test]
    async fn who_waited_long_enough_is_told_when_to_come_back() {
        let places = places(1, 9, Duration::from_millis(1));
        let first = places.take().await.unwrap();
        let refused = places.take().await.err().unwrap();
        assert_eq!(refused.code(), cluster::codes::BUSY);
        assert_eq!(refused.problem().status, 429);
        assert_eq!(refused.retry_after_ms(), Some(1_000));
        assert_eq!(places.waiting.load(Ordering::Relaxed), 0);
        drop(first);
        assert!(places.take().await.is_ok());
    }

    #[tokio::test]
    async fn who_waits_gets_the_next_place() {
        let places = Arc::new(places(1, 9, Duration::from_secs(60)));
        let first = places.take().await.unwrap();
        let others = Arc::clone(&places);
        let second = tokio::spawn(async move { others.take().await.is_ok() });
        while places.waiting.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        drop(first);
        assert!(second.await.unwrap());
        assert_eq!(places.waiting.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn no_more_than_so_many_wait() {
        let places = places(0, 2, Duration::from_secs(3_600));
        places.waiting.store(2, Ordering::Relaxed);
        assert!(places.take().await.is_err());
        assert_eq!(places.counts(), (0, 2));
    }
}
