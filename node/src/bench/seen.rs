//! What clients saw: waits in histograms, refusals, failures, and where asked for how waits were over time.
//! Filled by `drive` from many tasks; read while it fills by the progress bar, and whole at the end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::series::Series;

/// Parts that clients are spread over, so that they seldom wait for each other here.
const LANES: usize = 16;
/// Significant digits of waits.
const DIGITS: u8 = 3;

/// One request, done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    /// The client that sent it.
    pub client: usize,
    /// When it was due.
    pub due: Instant,
    /// When it was sent.
    pub sent: Instant,
    /// What of its time was meant: a timer's delay. Not part of its wait.
    pub meant: Duration,
}

/// Waits of done requests, microseconds.
#[derive(Clone, Debug)]
pub(super) struct Waits {
    /// From the moment at which each was due.
    pub from_due_us: Histogram<u64>,
    /// From the moment at which each was sent.
    pub from_sent_us: Histogram<u64>,
    /// Those of requests that were refused, from the moment at which each was sent.
    pub refused_us: Histogram<u64>,
}

impl Waits {
    fn new() -> Waits {
        let empty = || Histogram::new(DIGITS).expect("three digits are allowed");
        Waits {
            from_due_us: empty(),
            from_sent_us: empty(),
            refused_us: empty(),
        }
    }

    fn add(&mut self, other: &Waits) {
        let sum = "histograms that grow take each other";
        self.from_due_us.add(&other.from_due_us).expect(sum);
        self.from_sent_us.add(&other.from_sent_us).expect(sum);
        self.refused_us.add(&other.refused_us).expect(sum);
    }
}

/// What all clients of a measurement saw.
pub(super) struct Seen {
    lanes: [Mutex<Waits>; LANES],
    done: AtomicU64,
    refused: AtomicU64,
    refused_without_time: AtomicU64,
    failed: AtomicU64,
    unsent: AtomicU64,
    first_failure: OnceLock<String>,
    series: Option<Mutex<Series>>,
}

impl Seen {
    /// Nothing yet.
    pub(super) fn new() -> Seen {
        Seen {
            lanes: std::array::from_fn(|_| Mutex::new(Waits::new())),
            done: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            refused_without_time: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            unsent: AtomicU64::new(0),
            first_failure: OnceLock::new(),
            series: None,
        }
    }

    /// Nothing yet; waits will be kept over time as well.
    pub(super) fn over_time() -> Seen {
        Seen {
            series: Some(Mutex::new(Series::new(Instant::now()))),
            ..Seen::new()
        }
    }

    /// A request was done now.
    pub(super) fn done(&self, request: &Request) {
        let now = Instant::now();
        let of = |since: Instant| microseconds((now - since).saturating_sub(request.meant));
        let mut lane = locked(&self.lanes[request.client % LANES]);
        // Histograms grow as they must: no wait is too long for them.
        let _ = lane.from_due_us.record(of(request.due));
        let _ = lane.from_sent_us.record(of(request.sent));
        drop(lane);
        self.done.fetch_add(1, Ordering::Relaxed);
        if let Some(series) = &self.series {
            locked(series).add(request.due, now);
        }
    }

    /// A request was refused: too much is waiting. `has_time`: it was told when to try again.
    pub(super) fn refused(&self, request: &Request, has_time: bool) {
        let mut lane = locked(&self.lanes[request.client % LANES]);
        let _ = lane.refused_us.record(microseconds(request.sent.elapsed()));
        drop(lane);
        self.refused.fetch_add(1, Ordering::Relaxed);
        if !has_time {
            self.refused_without_time.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A request failed, or was answered with what it should not have been.
    pub(super) fn failed(&self, why: impl FnOnce() -> String) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        self.first_failure.get_or_init(why);
    }

    /// So many requests were due and never sent.
    pub(super) fn add_unsent(&self, count: u64) {
        self.unsent.fetch_add(count, Ordering::Relaxed);
    }

    /// Requests done so far.
    pub(super) fn count(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Requests refused so far, and how many of them without a time to try again.
    pub(super) fn refusals(&self) -> (u64, u64) {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (of(&self.refused), of(&self.refused_without_time))
    }

    /// Requests that failed so far.
    pub(super) fn failures(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Requests that were due and not sent.
    pub(super) fn unsent(&self) -> u64 {
        self.unsent.load(Ordering::Relaxed)
    }

    /// Why the first failed.
    pub(super) fn first_failure(&self) -> Option<&str> {
        self.first_failure.get().map(String::as_str)
    }

    /// All waits so far.
    pub(super) fn waits(&self) -> Waits {
        let mut all = Waits::new();
        for lane in &self.lanes {
            all.add(&locked(lane));
        }
        all
    }

    /// Waits over time, where they are kept.
    pub(super) fn series(&self) -> Option<Series> {
        self.series.as_ref().map(|series| locked(series).clone())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A task that panicked while it held the lock ends the benchmark elsewhere.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn microseconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(due: Duration, sent: Duration, meant: Duration) -> Request {
        let now = Instant::now();
        Request {
            client: 0,
            due: now - due,
            sent: now - sent,
            meant,
        }
    }

    #[test]
    fn waits_count_from_when_a_request_was_due_without_what_was_meant() {
        let seen = Seen::new();
        let ms = Duration::from_millis;
        seen.done(&request(ms(900), ms(600), ms(500)));
        let waits = seen.waits();
        let (due, sent) = (waits.from_due_us.max(), waits.from_sent_us.max());
        assert!(due >= 400_000 && sent >= 100_000, "{due} {sent}");
        // Both end at the same moment, whenever that was; three digits are kept.
        let apart = (due - sent) as f64;
        assert!(
            (apart - 300_000.0).abs() <= 0.002 * due as f64,
            "{due} {sent}"
        );
    }

    #[test]
    fn refusals_and_failures_are_no_waits() {
        let seen = Seen::new();
        let done = request(Duration::ZERO, Duration::ZERO, Duration::ZERO);
        seen.refused(&done, true);
        seen.refused(&done, false);
        seen.failed(|| "first".to_owned());
        seen.failed(|| "second".to_owned());
        assert_eq!(seen.refusals(), (2, 1));
        assert_eq!((seen.failures(), seen.first_failure()), (2, Some("first")));
        assert_eq!((seen.count(), seen.waits().from_due_us.len()), (0, 0));
        assert_eq!(seen.waits().refused_us.len(), 2);
    }
}
