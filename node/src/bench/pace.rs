//! When clients send: as soon as they have an answer (a closed loop), or when requests are due (an open
//! one). Comes before `drive`, which sends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::schedule::Schedule;

/// The shortest sleep between two releases: below it a thread only burns what the nodes need.
const RELEASE_EVERY: Duration = Duration::from_micros(200);

/// How long and how densely to send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Clients, each with one request at a time.
    pub clients: u32,
    /// Requests a second of all clients together; none: as fast as they are answered.
    pub rate: Option<u64>,
    /// For how long.
    pub length: Duration,
    /// At most how many requests.
    pub count: Option<u64>,
    /// Clients go on to the next node, with the same idempotency key, when one has not answered for so long;
    /// none: a failure is a failure.
    pub careful: Option<Duration>,
}

impl Load {
    /// Clients that send as fast as they are answered, for so long.
    pub(super) fn closed(clients: u32, length: Duration) -> Load {
        Load {
            clients,
            rate: None,
            length,
            count: None,
            careful: None,
        }
    }
}

/// What clients ask before each request.
pub(super) struct Pace {
    until: Instant,
    taken: AtomicU64,
    total: u64,
    stopped: AtomicBool,
    open: Option<(Schedule, Semaphore)>,
}

impl Pace {
    /// Begins now.
    pub(super) fn start(load: &Load) -> Arc<Pace> {
        let start = Instant::now();
        let open = load
            .rate
            .map(|rate| (Schedule::new(start, rate), Semaphore::new(0)));
        let pace = Arc::new(Pace {
            until: start + load.length,
            taken: AtomicU64::new(0),
            total: load.count.unwrap_or(u64::MAX),
            stopped: AtomicBool::new(false),
            open,
        });
        if pace.open.is_some() {
            let pace = Arc::clone(&pace);
            // A thread of its own: the runtime's timers are a millisecond coarse.
            std::thread::spawn(move || pace.release());
        }
        pace
    }

    /// When the next request is due, once it is; none at the end.
    pub(super) async fn next(&self) -> Option<Instant> {
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        if number >= self.total || self.is_stopped() {
            return None;
        }
        let now = Instant::now();
        let Some((schedule, released)) = &self.open else {
            return (now < self.until).then_some(now);
        };
        let due = schedule.due(number);
        if due >= self.until {
            return None;
        }
        // Closed at the end, when whoever still waits has nothing to send any more.
        released.acquire().await.ok()?.forget();
        Some(due)
    }

    /// Ends before its time.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Whether requests are due whether or not those before are answered.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Requests that were due and that no client was free for; none where this was stopped.
    pub(super) fn unsent(&self) -> u64 {
        if self.is_stopped() {
            return 0;
        }
        self.open
            .as_ref()
            .map_or(0, |(_, released)| released.available_permits() as u64)
    }

    fn release(&self) {
        let Some((schedule, released)) = &self.open else {
            return;
        };
        let mut count = 0;
        let last = self.until - Duration::from_nanos(1);
        loop {
            let now = Instant::now().min(last);
            let due = schedule.due_by(now).min(self.total);
            if due > count {
                released.add_permits(usize::try_from(due - count).unwrap_or(0));
                count = due;
            }
            if now >= last || count >= self.total || self.is_stopped() {
                break;
            }
            let next = schedule.due(count).max(now + RELEASE_EVERY);
            std::thread::sleep(next - now);
        }
        self.end_when_taken();
    }

    /// What was due in time may be sent for as long again; then whatever is left stays unsent.
    fn end_when_taken(&self) {
        let Some((_, released)) = &self.open else {
            return;
        };
        let patience = Instant::now() + Duration::from_secs(1);
        while released.available_permits() > 0 && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(1));
        }
        released.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(rate: u64, length: Duration) -> Load {
        Load {
            rate: Some(rate),
            ..Load::closed(1, length)
        }
    }

    #[tokio::test]
    async fn an_open_loop_hands_out_every_request_that_is_due_and_ends() {
        let pace = Pace::start(&open(1_000, Duration::from_millis(50)));
        let mut due = Vec::new();
        while let Some(at) = pace.next().await {
            due.push(at);
        }
        assert_eq!(due.len(), 50);
        assert!(
            due.windows(2)
                .all(|pair| pair[1] - pair[0] == Duration::from_millis(1))
        );
        assert_eq!(pace.unsent(), 0);
    }

    #[tokio::test]
    async fn a_request_that_had_to_wait_for_a_client_is_due_when_it_was() {
        let pace = Pace::start(&open(100, Duration::from_millis(100)));
        let first = pace.next().await.unwrap();
        // The only client is held up; what it sends next was due meanwhile.
        tokio::time::sleep(Duration::from_millis(60)).await;
        let second = pace.next().await.unwrap();
        assert_eq!(second - first, Duration::from_millis(10));
        assert!(second.elapsed() >= Duration::from_millis(50));
    }

    #[tokio::test]
    async fn a_closed_loop_ends_after_a_count() {
        let load = Load {
            count: Some(3),
            ..Load::closed(1, Duration::from_secs(60))
        };
        let pace = Pace::start(&load);
        for _ in 0..3 {
            assert!(pace.next().await.is_some());
        }
        assert!(pace.next().await.is_none());
    }
}
