//! When requests of an open loop are due. A request that is late, because those before it were not answered
//! in time, still counts its wait from here: that is what corrects for coordinated omission.

use std::time::{Duration, Instant};

/// A constant rate from a moment on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    start: Instant,
    per_second: u64,
}

impl Schedule {
    /// So many a second, the first at once.
    pub(super) fn new(start: Instant, per_second: u64) -> Schedule {
        Schedule {
            start,
            per_second: per_second.max(1),
        }
    }

    /// When the request of that number is due; the first is 0.
    pub(super) fn due(&self, number: u64) -> Instant {
        let nanos = u128::from(number) * 1_000_000_000 / u128::from(self.per_second);
        self.start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// How many are due by a moment.
    pub(super) fn due_by(&self, now: Instant) -> u64 {
        let Some(elapsed) = now.checked_duration_since(self.start) else {
            return 0;
        };
        self.count_within(elapsed) + 1
    }

    /// How many are due in a period after the first.
    fn count_within(&self, length: Duration) -> u64 {
        let count = length.as_nanos() * u128::from(self.per_second) / 1_000_000_000;
        u64::try_from(count).unwrap_or(u64::MAX - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_due_at_a_constant_rate_without_drift() {
        let start = Instant::now();
        let schedule = Schedule::new(start, 3);
        assert_eq!(schedule.due(0), start);
        assert_eq!(schedule.due(1), start + Duration::from_nanos(333_333_333));
        // Thirds of a nanosecond do not add up to a lost request.
        assert_eq!(
            schedule.due(3_000_000),
            start + Duration::from_secs(1_000_000)
        );
    }

    #[test]
    fn as_many_are_due_as_their_moments_say() {
        let start = Instant::now();
        for per_second in [1, 7, 1_000, 33_333] {
            let schedule = Schedule::new(start, per_second);
            for number in [1, 2, 10, 12_345] {
                let due = schedule.due(number);
                // A nanosecond covers what rounding to whole ones leaves.
                let just = Duration::from_nanos(1);
                assert_eq!(schedule.due_by(due + just), number + 1, "{per_second}");
                assert_eq!(schedule.due_by(due - just), number, "{per_second}");
            }
        }
        assert_eq!(
            Schedule::new(start + Duration::from_secs(1), 5).due_by(start),
            0
        );
    }

    #[test]
    fn a_rate_of_nothing_is_one_a_second() {
        let start = Instant::now();
        assert_eq!(
            Schedule::new(start, 0).due(2),
            start + Duration::from_secs(2)
        );
    }
}
