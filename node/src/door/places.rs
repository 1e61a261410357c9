//! How many requests of clients a node has under way at a time. Beyond that they wait at the door, in their order,
//! where they cost nothing but memory; one that has waited long enough is refused with a time to come back, and so is
//! one that finds too many waiting. To refuse is nearly as dear as to do, so that a door that refused at once would
//! do little else under an overload. Messages between workers do not pass here.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cluster::outcome::Refusal;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::DoorError;

/// Requests under way at a time. A node that commits 20,000 a second is done with so many in a fifth of a second.
const PLACES: usize = 4_096;
/// Requests that wait for a place at a time.
const WAITING_MAX: usize = 16_384;
/// How long a request waits for a place.
const PATIENCE: Duration = Duration::from_secs(1);
/// When a refused client should come back: the finest that `Retry-After` can say.
const RETRY_AFTER_MS: u64 = 1_000;

/// Places for requests under way.
pub(super) struct Places {
    free: Semaphore,
    waiting: AtomicUsize,
    patience: Duration,
}

impl Default for Places {
    fn default() -> Places {
        Places::of(PLACES, PATIENCE)
    }
}

impl Places {
    fn of(count: usize, patience: Duration) -> Places {
        Places {
            free: Semaphore::new(count),
            waiting: AtomicUsize::new(0),
            patience,
        }
    }

    /// A place, until it is dropped.
    ///
    /// # Errors
    /// `E-busy`: none was free in time.
    pub(super) async fn take(&self) -> Result<SemaphorePermit<'_>, DoorError> {
        if let Ok(place) = self.free.try_acquire() {
            return Ok(place);
        }
        let Some(_waiting) = Waiting::begin(&self.waiting) else {
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
    fn begin(count: &'a AtomicUsize) -> Option<Waiting<'a>> {
        let waiting = Waiting(count);
        (count.fetch_add(1, Ordering::Relaxed) < WAITING_MAX).then_some(waiting)
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

    #[tokio::test]
    async fn who_waited_long_enough_is_told_when_to_come_back() {
        let places = Places::of(1, Duration::from_millis(1));
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
        let places = Arc::new(Places::of(1, Duration::from_secs(60)));
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
        let places = Places::of(0, Duration::from_secs(3_600));
        places.waiting.store(WAITING_MAX, Ordering::Relaxed);
        assert!(places.take().await.is_err());
        assert_eq!(places.waiting.load(Ordering::Relaxed), WAITING_MAX);
    }
}
