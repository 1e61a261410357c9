//! The arithmetic of shard time: the last stamp plus elapsed monotonic time, slewed towards a target.
//! `ShardTime` comes before it and after it; here is no clock and no lock. Guarantees: time never
//! goes back and never stands still; it never runs ahead of the target by more than it did before.
//! Left to others: what the target is (`clocks`).

/// Nanoseconds since 1970.
pub type Nanos = u64;

/// Time runs by one part in so many faster or slower while it is off its target.
const SLEW: u64 = 8;

/// How far behind its target time may be to catch up by running faster. What is further behind was
/// not slow but away (a restart, a suspended machine), and goes to its target at once.
const STEP: Nanos = 500_000_000;

/// A place in shard time that is known, and the monotonic time of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Base {
    /// Shard time there; 0 where nothing was ever stamped.
    pub time: Nanos,
    /// The node's monotonic clock there.
    pub monotonic: Nanos,
}

impl Base {
    /// A stamp was applied, perhaps of another node. One from before this base says nothing.
    #[must_use]
    pub fn after_stamp(self, stamp: Nanos, monotonic: Nanos) -> Self {
        match stamp > self.time {
            true => Self {
                time: stamp,
                monotonic,
            },
            false => self,
        }
    }

    /// Shard time now, as the next base. `target` is where time should be, where that is known.
    #[must_use]
    pub fn advance(self, monotonic: Nanos, target: Option<Nanos>) -> Self {
        let elapsed = monotonic.saturating_sub(self.monotonic);
        let free = self.time.saturating_add(elapsed);
        let time = match target {
            None => free,
            Some(target) if self.time == 0 || target > free.saturating_add(STEP) => target,
            Some(target) if target >= free => target.min(free.saturating_add(elapsed / SLEW)),
            Some(target) => {
                let slow = self.time.saturating_add(elapsed - elapsed / SLEW);
                slow.max(target)
            }
        };
        debug_assert!(time >= self.time, "shard time never goes back");
        Self {
            time: time.max(self.time),
            // A monotonic clock that went back would count the same time twice.
            monotonic: monotonic.max(self.monotonic),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Nanos = 1_000_000_000;
    const HOUR: Nanos = 3_600 * SECOND;
    const START: Nanos = 1_700_000_000 * SECOND;

    fn base(time: Nanos) -> Base {
        Base {
            time,
            monotonic: 10 * SECOND,
        }
    }

    #[test]
    fn without_a_target_time_is_the_last_stamp_and_what_elapsed() {
        let later = base(START).advance(17 * SECOND, None);
        assert_eq!(later.time, START + 7 * SECOND);
        assert_eq!(later.advance(17 * SECOND, None), later);
        assert_eq!(base(0).advance(10 * SECOND, Some(START)).time, START);
    }

    #[test]
    fn a_little_off_is_slewed_and_a_lot_behind_is_caught_up_at_once() {
        let after = |target: Nanos| base(START).advance(18 * SECOND, Some(target)).time - START;
        assert_eq!(after(START + 8 * SECOND), 8 * SECOND);
        assert_eq!(after(START + 8 * SECOND + STEP), 8 * SECOND + STEP);
        let near = base(START).advance(11 * SECOND, Some(START + SECOND + STEP));
        assert_eq!(near.time, START + SECOND + SECOND / SLEW);
        assert_eq!(after(START + 8 * SECOND - 1), 8 * SECOND - 1);
        assert_eq!(after(START + 7 * SECOND - 1), 7 * SECOND);
        assert_eq!(after(START + HOUR), HOUR);
    }

    #[test]
    fn a_clock_that_steps_back_slows_time_and_never_stops_it() {
        let mut now = base(START);
        let mut reached = None;
        for second in 1..10_000_u64 {
            let target = START - HOUR / 4 + second * SECOND;
            let before = now;
            now = now.advance(10 * SECOND + second * SECOND, Some(target));
            assert!(now.time >= before.time + SECOND - SECOND / SLEW);
            if now.time == target && reached.is_none() {
                reached = Some(second);
            }
        }
        let reached = reached.expect("it comes back to the clock");
        assert!((7_199..=7_201).contains(&reached), "after {reached} s");
    }

    #[test]
    fn however_often_it_is_asked_time_is_the_same() {
        let target = |monotonic: Nanos| START + (monotonic - 10 * SECOND) - SECOND / 4;
        let mut often = base(START);
        for step in 0..1_000_000_u64 {
            let monotonic = 10 * SECOND + step * 1_000;
            often = often.advance(monotonic, Some(target(monotonic)));
        }
        let end = 10 * SECOND + 999_999 * 1_000;
        let once = base(START).advance(end, Some(target(end)));
        assert!(
            often.time.abs_diff(once.time) < 1_000_000,
            "{often:?} {once:?}"
        );
    }

    #[test]
    fn a_stamp_of_another_node_counts_only_forwards() {
        let own = base(START);
        assert_eq!(own.after_stamp(START - 1, 99 * SECOND), own);
        let other = own.after_stamp(START + 5, 99 * SECOND);
        assert_eq!(other.advance(99 * SECOND, None).time, START + 5);
    }

    #[test]
    fn whatever_the_clocks_do_time_goes_forwards() {
        let mut state = 7_u64;
        let mut random = |bound: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) % bound
        };
        let mut now = base(START);
        for _ in 0..100_000 {
            let monotonic = (now.monotonic + random(SECOND)).saturating_sub(random(1_000));
            let target = match random(4) {
                0 => None,
                1 => Some(START + random(HOUR)),
                2 => Some(now.time.saturating_sub(random(SECOND))),
                _ => Some(now.time + random(SECOND)),
            };
            let next = now.advance(monotonic, target);
            assert!(next.time >= now.time && next.monotonic >= now.monotonic);
            let bound = target
                .unwrap_or(0)
                .max(now.time + (next.monotonic - now.monotonic));
            assert!(
                next.time <= bound,
                "never past both the target and what elapsed"
            );
            now = next;
        }
    }
}
