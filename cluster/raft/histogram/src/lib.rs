//! Counts of values by powers of two: what openraft keeps of the sizes of its batches. openraft's
//! core comes before it, whoever prints openraft's statistics after it. Guarantees: 65 counters a
//! histogram and nothing shared, where the published crate of this name makes tables of 25 MiB for
//! sixteen resolutions when the first histogram is made. Left to others: anything finer than a
//! power of two.

use std::fmt;
use std::marker::PhantomData;

/// One counter for zero, and one for each number of significant bits.
const COUNTERS: usize = 65;

/// How often values of each number of significant bits were recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histogram<T = ()> {
    counts: [u64; COUNTERS],
    kind: PhantomData<T>,
}

/// Values below which so many parts of all values lie: the largest of their power of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PercentileStats {
    /// Values recorded.
    pub samples: u64,
    /// One of a thousand is not above it.
    pub p0_1: u64,
    /// One of a hundred is not above it.
    pub p1: u64,
    /// Five of a hundred are not above it.
    pub p5: u64,
    /// Ten of a hundred are not above it.
    pub p10: u64,
    /// Half are not above it.
    pub p50: u64,
    /// Ninety of a hundred are not above it.
    pub p90: u64,
    /// Ninety-nine of a hundred are not above it.
    pub p99: u64,
    /// All but one of a thousand are not above it.
    pub p99_9: u64,
}

/// Several histograms with names, to be printed.
#[derive(Debug, Clone, Default)]
pub struct AsciiChart {
    series: Vec<(String, PercentileStats)>,
}

impl<T> Default for Histogram<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Histogram<T> {
    /// Without any values.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            counts: [0; COUNTERS],
            kind: PhantomData,
        }
    }

    /// Counts one value.
    pub fn record(&mut self, value: u64) {
        self.record_n(value, 1);
    }

    /// Counts a value `times` times.
    pub fn record_n(&mut self, value: u64, times: u64) {
        self.counts[significant_bits(value)] += times;
    }

    /// Values recorded, and where they lie.
    #[must_use]
    pub fn percentile_stats(&self) -> PercentileStats {
        PercentileStats {
            samples: self.counts.iter().sum(),
            p0_1: self.below(1),
            p1: self.below(10),
            p5: self.below(50),
            p10: self.below(100),
            p50: self.below(500),
            p90: self.below(900),
            p99: self.below(990),
            p99_9: self.below(999),
        }
    }

    /// The largest value of the power of two in which so many thousandths are reached; 0 for none.
    fn below(&self, thousandths: u64) -> u64 {
        let all: u64 = self.counts.iter().sum();
        let wanted = u128::from(all) * u128::from(thousandths);
        let mut reached = 0;
        for (bits, count) in self.counts.iter().enumerate() {
            reached += u128::from(*count) * 1_000;
            if *count > 0 && reached >= wanted {
                return largest(bits);
            }
        }
        0
    }
}

impl AsciiChart {
    /// Without any histograms.
    #[must_use]
    pub const fn new() -> Self {
        Self { series: Vec::new() }
    }

    /// With one more.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the interface that openraft expects"
    )]
    pub fn add<T>(mut self, name: impl Into<String>, histogram: Histogram<T>) -> Self {
        self.series
            .push((name.into(), histogram.percentile_stats()));
        self
    }

    /// What is printed: a line for each.
    #[must_use]
    pub const fn detailed(&self) -> &impl fmt::Display {
        self
    }
}

impl fmt::Display for AsciiChart {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, stats) in &self.series {
            writeln!(out, "{name}: {stats}")?;
        }
        Ok(())
    }
}

impl fmt::Display for PercentileStats {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            samples,
            p50,
            p90,
            p99,
            p99_9,
            ..
        } = self;
        write!(
            out,
            "{samples} values, half up to {p50}, 90% {p90}, 99% {p99}, 99.9% {p99_9}"
        )
    }
}

const fn significant_bits(value: u64) -> usize {
    (u64::BITS - value.leading_zeros()) as usize
}

const fn largest(bits: usize) -> u64 {
    match bits {
        64 => u64::MAX,
        bits => (1 << bits) - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_count_by_their_significant_bits() {
        let mut histogram = Histogram::<()>::new();
        for value in [0, 1, 3, 3, 3, 3, 3, 3, 3, u64::MAX] {
            histogram.record(value);
        }
        let stats = histogram.percentile_stats();
        assert_eq!(stats.samples, 10);
        assert_eq!((stats.p10, stats.p50, stats.p90), (0, 3, 3));
        assert_eq!(stats.p99, u64::MAX);
        let shown = AsciiChart::new().add("sizes", histogram).to_string();
        assert!(
            shown.starts_with("sizes: 10 values, half up to 3"),
            "{shown}"
        );
    }

    #[test]
    fn nothing_recorded_is_zero() {
        let stats = Histogram::<()>::new().percentile_stats();
        assert_eq!((stats.samples, stats.p50, stats.p99_9), (0, 0, 0));
    }
}
