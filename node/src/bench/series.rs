//! Waits over time: for a picture, by the moment at which each request was due, and for the longest wait of
//! a period, by the moment at which it was answered.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// Length of one step of time.
pub(super) const STEP: Duration = Duration::from_millis(50);

/// Requests of one step.
#[derive(Clone, Debug)]
struct Step {
    /// Waits of those that were due in it, microseconds.
    due_us: Histogram<u64>,
    /// The longest wait of those that were answered in it, microseconds.
    longest_us: u64,
    /// How many were answered in it.
    answered: u64,
}

/// Waits over time.
#[derive(Clone, Debug)]
pub(super) struct Series {
    start: Instant,
    steps: Vec<Step>,
}

/// What a step looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    /// Seconds since the beginning.
    pub at_s: f64,
    /// The median wait, milliseconds.
    pub median_ms: f64,
    /// The longest wait, milliseconds.
    pub longest_ms: f64,
}

impl Series {
    /// Begins at a moment.
    pub(super) fn new(start: Instant) -> Series {
        Series {
            start,
            steps: Vec::new(),
        }
    }

    /// A request was due then and answered now.
    pub(super) fn add(&mut self, due: Instant, answered: Instant) {
        let wait_us = u64::try_from((answered - due).as_micros()).unwrap_or(u64::MAX);
        let _ = self.step(due).due_us.record(wait_us);
        let step = self.step(answered);
        step.longest_us = step.longest_us.max(wait_us);
        step.answered += 1;
    }

    fn step(&mut self, at: Instant) -> &mut Step {
        let place = self.place(at);
        while self.steps.len() <= place {
            self.steps.push(Step {
                due_us: Histogram::new(2).expect("two digits are allowed"),
                longest_us: 0,
                answered: 0,
            });
        }
        &mut self.steps[place]
    }

    fn place(&self, at: Instant) -> usize {
        let since = at.saturating_duration_since(self.start);
        usize::try_from(since.as_millis() / STEP.as_millis()).unwrap_or(usize::MAX)
    }

    /// Seconds since the beginning.
    pub(super) fn seconds(&self, at: Instant) -> f64 {
        at.saturating_duration_since(self.start).as_secs_f64()
    }

    /// The longest wait that ended between two moments, milliseconds.
    pub(super) fn longest_ms(&self, from: Instant, to: Instant) -> f64 {
        let longest = self.between(from, to).iter().map(|step| step.longest_us);
        longest.max().unwrap_or(0) as f64 / 1000.0
    }

    /// The fewest answers that any half a second between two moments had, as a rate a second.
    pub(super) fn lowest_rate(&self, from: Instant, to: Instant) -> f64 {
        const WINDOW: usize = 10;
        let steps = self.between(from, to);
        let sums = steps
            .windows(WINDOW)
            .map(|window| window.iter().map(|step| step.answered).sum::<u64>());
        sums.min().map_or(0.0, |fewest| {
            fewest as f64 / (STEP.as_secs_f64() * WINDOW as f64)
        })
    }

    fn between(&self, from: Instant, to: Instant) -> &[Step] {
        let end = (self.place(to) + 1).min(self.steps.len());
        let start = self.place(from).min(end);
        &self.steps[start..end]
    }

    /// Each step in which requests were due.
    pub(super) fn points(&self) -> Vec<Point> {
        let steps = self.steps.iter().enumerate();
        let some = steps.filter(|(_, step)| !step.due_us.is_empty());
        some.map(|(number, step)| Point {
            at_s: STEP.as_secs_f64() * number as f64,
            median_ms: step.due_us.value_at_quantile(0.5) as f64 / 1000.0,
            longest_ms: step.due_us.max() as f64 / 1000.0,
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn the_longest_wait_of_a_period_is_that_of_a_request_which_ended_in_it() {
        let start = Instant::now();
        let mut series = Series::new(start);
        series.add(start + MS(10), start + MS(15));
        series.add(start + MS(20), start + MS(720));
        series.add(start + MS(1000), start + MS(1002));
        assert_eq!(series.longest_ms(start, start + MS(300)), 5.0);
        assert_eq!(series.longest_ms(start + MS(300), start + MS(800)), 700.0);
        assert_eq!(series.longest_ms(start + MS(900), start + MS(5000)), 2.0);
        assert_eq!(series.longest_ms(start + MS(3000), start + MS(5000)), 0.0);
    }

    #[test]
    fn a_point_shows_the_requests_that_were_due_then() {
        let start = Instant::now();
        let mut series = Series::new(start);
        series.add(start + MS(60), start + MS(64));
        series.add(start + MS(70), start + MS(470));
        let points = series.points();
        assert_eq!(points.len(), 1);
        assert_eq!(points[0].at_s, 0.05);
        assert!((points[0].median_ms - 4.0).abs() < 0.1, "{points:?}");
        assert!((points[0].longest_ms - 400.0).abs() < 4.0, "{points:?}");
    }

    #[test]
    fn a_dip_is_half_a_second_with_few_answers() {
        let start = Instant::now();
        let mut series = Series::new(start);
        for at in (0..2000).step_by(10).filter(|at| !(800..1400).contains(at)) {
            series.add(start + MS(at), start + MS(at));
        }
        assert_eq!(series.lowest_rate(start, start + MS(700)), 100.0);
        assert_eq!(series.lowest_rate(start, start + MS(1950)), 0.0);
    }
}
