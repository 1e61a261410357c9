//! How many requests of clients a node has under way at a time. Beyond that the door refuses at once, with a time to
//! come back: a request that is let in waits for those before it, and clients that come faster than they are
//! served would otherwise all wait, ever longer. Messages between workers do not pass here.
//!
//! The number follows what the node gets done: where for some time not one request was done within the target,
//! only as many are let in as can be; as soon as one is, it doubles. That one was is enough, because an election
//! makes the requests of its shard wait and says nothing of the others.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use cluster::outcome::Refusal;

use super::DoorError;

/// Most requests under way at a time. A node that commits 20,000 a second is done with so many in a fifth of a second.
const MOST: usize = 4_096;
/// So many are let in however slow the node is: fewer would not fill its entries.
const FEWEST: usize = 256;
/// What a request should wait at most while there is more to do than can be done.
const TARGET: Duration = Duration::from_millis(500);
/// How often the number is set.
const PERIOD: Duration = Duration::from_millis(100);
/// When a refused client should come back: the finest that `Retry-After` can say.
const RETRY_AFTER_MS: u64 = 1_000;

/// Places for requests under way.
pub(super) struct Places {
    taken: AtomicUsize,
    count: AtomicUsize,
    period: Mutex<Period>,
}

/// What was done since the number was set.
struct Period {
    since: Instant,
    done: u32,
    shortest: Duration,
}

impl Period {
    fn new(since: Instant) -> Period {
        Period {
            since,
            done: 0,
            shortest: Duration::MAX,
        }
    }

    /// A request is done that took so long. Says how many places there should be from now on, where it is time
    /// to.
    fn done(&mut self, now: Instant, took: Duration, count: usize) -> Option<usize> {
        self.done += 1;
        self.shortest = self.shortest.min(took);
        let length = now.saturating_duration_since(self.since);
        if length < PERIOD {
            return None;
        }
        let within = f64::from(self.done) * TARGET.as_secs_f64() / length.as_secs_f64();
        let next = if self.shortest > TARGET {
            (within as usize).min(count)
        } else {
            count * 2
        };
        *self = Period::new(now);
        Some(next.clamp(FEWEST, MOST))
    }
}

/// A place that is taken until this is dropped.
pub(super) struct Place<'a> {
    places: &'a Places,
    since: Instant,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.places.leave(self.since);
    }
}

impl Default for Places {
    fn default() -> Places {
        Places {
            taken: AtomicUsize::new(0),
            count: AtomicUsize::new(MOST),
            period: Mutex::new(Period::new(Instant::now())),
        }
    }
}

impl Places {
    /// A place, until it is dropped.
    ///
    /// # Errors
    /// `E-busy`: there is none.
    pub(super) fn take(&self) -> Result<Place<'_>, DoorError> {
        let count = self.count.load(Ordering::Relaxed);
        if self.taken.fetch_add(1, Ordering::Relaxed) < count {
            return Ok(Place {
                places: self,
                since: Instant::now(),
            });
        }
        self.taken.fetch_sub(1, Ordering::Relaxed);
        Err(DoorError::Refused(Refusal {
            code: cluster::codes::BUSY.to_owned(),
            message: format!("this node has {count} requests under way, as many as it can do soon"),
            retry_after_ms: Some(RETRY_AFTER_MS),
        }))
    }

    fn leave(&self, since: Instant) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
        let now = Instant::now();
        let mut period = self.period.lock().unwrap_or_else(PoisonError::into_inner);
        let count = self.count.load(Ordering::Relaxed);
        let took = now.saturating_duration_since(since);
        if let Some(next) = period.done(now, took, count) {
            self.count.store(next, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_finds_no_place_is_told_when_to_come_back() {
        let places = Places::default();
        places.count.store(2, Ordering::Relaxed);
        let (first, _second) = (places.take().unwrap(), places.take().unwrap());
        let refused = places.take().err().unwrap();
        assert_eq!(refused.code(), cluster::codes::BUSY);
        assert_eq!(refused.problem().status, 429);
        assert_eq!(refused.retry_after_ms(), Some(1_000));
        drop(first);
        assert!(places.take().is_ok());
        assert_eq!(places.taken.load(Ordering::Relaxed), 1);
    }

    /// A period in which so many requests took so long each; how many places there are then.
    fn after(count: usize, done: u32, took: Duration) -> usize {
        let start = Instant::now();
        let mut period = Period::new(start);
        for _ in 1..done {
            assert_eq!(period.done(start, took, count), None);
        }
        let next = period.done(start + PERIOD, took, count).unwrap();
        assert_eq!(period.done, 0);
        next
    }

    #[test]
    fn there_are_as_many_places_as_can_be_done_within_the_target() {
        let late = TARGET * 2;
        // 200 in a tenth of a second are 1,000 in half a second.
        assert_eq!(after(MOST, 200, late), 1_000);
        assert_eq!(after(MOST, 3, late), FEWEST);
        assert_eq!(after(MOST, 100_000, late), MOST);
        // Late or not, what is full already gets no more while all are late.
        assert_eq!(after(500, 200, late), 500);
        assert_eq!(after(500, 200, TARGET), 1_000);
        assert_eq!(after(MOST, 200, TARGET), MOST);
    }

    #[test]
    fn one_that_is_done_soon_is_enough() {
        let start = Instant::now();
        let mut period = Period::new(start);
        period.done(start, Duration::from_millis(1), MOST);
        for _ in 0..50 {
            period.done(start, TARGET * 3, MOST);
        }
        assert_eq!(period.done(start + PERIOD, TARGET * 3, MOST), Some(MOST));
    }
}
