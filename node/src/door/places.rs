//! How many requests of clients a node has under way at a time. Beyond that the door refuses at once, with a time to
//! come back: a request that is let in waits for those before it, and clients that come faster than they are
//! served would otherwise all wait, ever longer. Messages between workers do not pass here.

use cluster::outcome::Refusal;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::DoorError;

/// Requests under way at a time. A node that commits 20,000 a second is done with so many in a fifth of a second.
const PLACES: usize = 4_096;
/// When a refused client should come back: the finest that `Retry-After` can say.
const RETRY_AFTER_MS: u64 = 1_000;

/// Places for requests under way.
pub(super) struct Places(Semaphore);

impl Default for Places {
    fn default() -> Places {
        Places::new(PLACES)
    }
}

impl Places {
    fn new(count: usize) -> Places {
        Places(Semaphore::new(count))
    }

    /// A place, until it is dropped.
    ///
    /// # Errors
    /// `E-busy`: there is none.
    pub(super) fn take(&self) -> Result<SemaphorePermit<'_>, DoorError> {
        self.0.try_acquire().map_err(|_| {
            DoorError::Refused(Refusal {
                code: cluster::codes::BUSY.to_owned(),
                message: "this node has as many requests under way as it takes; try again later"
                    .to_owned(),
                retry_after_ms: Some(RETRY_AFTER_MS),
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_finds_no_place_is_told_when_to_come_back() {
        let places = Places::new(2);
        let (first, _second) = (places.take().unwrap(), places.take().unwrap());
        let refused = places.take().unwrap_err();
        assert_eq!(refused.code(), cluster::codes::BUSY);
        assert_eq!(refused.problem().status, 429);
        assert_eq!(refused.retry_after_ms(), Some(1_000));
        drop(first);
        assert!(places.take().is_ok());
    }
}
