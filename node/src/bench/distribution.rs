//! A histogram for people: how many waits were how long, one line for each range.

use hdrhistogram::Histogram;

use super::print::grouped;

/// Upper ends of the ranges, milliseconds.
const RANGES_MS: [u64; 13] = [1, 2, 5, 10, 20, 50, 100, 200, 300, 500, 1_000, 2_000, 5_000];
/// Length of the longest bar.
const WIDTH: f64 = 40.0;

/// Lines of range, count and a bar whose length is the logarithm of the count, so that the few long waits
/// are seen beside the many short ones.
pub(super) fn distribution(waits_us: &Histogram<u64>) -> String {
    let mut lines = vec!["     wait    requests".to_owned()];
    let most = ranges(waits_us).iter().map(|(_, count)| *count).max();
    let most = (most.unwrap_or(0) as f64 + 1.0).log10();
    for (name, count) in ranges(waits_us) {
        if count == 0 {
            continue;
        }
        let length = (count as f64 + 1.0).log10() / most * WIDTH;
        let bar = "#".repeat(length.ceil() as usize);
        lines.push(format!("{name:>9}  {:>10}  {bar}", grouped(count as f64)));
    }
    lines.join("\n")
}

fn ranges(waits_us: &Histogram<u64>) -> Vec<(String, u64)> {
    let mut below = 0;
    let mut ranges = Vec::new();
    for end in RANGES_MS {
        let count = waits_us.count_between(below * 1000, end * 1000 - 1);
        ranges.push((format!("< {end} ms"), count));
        below = end;
    }
    let count = waits_us.count_between(below * 1000, u64::MAX);
    ranges.push((format!("≥ {below} ms"), count));
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wait_is_in_one_range() {
        let mut waits = Histogram::new(3).unwrap();
        for us in [10, 700, 1_500, 650_000, 9_000_000] {
            waits.record(us).unwrap();
        }
        let counts: u64 = ranges(&waits).iter().map(|(_, count)| count).sum();
        assert_eq!(counts, 5);
        let shown = distribution(&waits);
        assert_eq!(shown.lines().count(), 5, "{shown}");
        assert!(shown.contains("< 1 ms           2"), "{shown}");
        assert!(shown.contains("≥ 5000 ms"), "{shown}");
    }
}
