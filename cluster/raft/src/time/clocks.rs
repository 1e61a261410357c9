//! What a node knows of the wall clocks of the others, and how far off its own is. Reports of other
//! nodes come before it, `NodeTime` after it. Guarantees: pure; the travel time of a report makes a
//! clock look late by at most the quickest recent report's; a minority of wrong clocks does not move
//! the median. Left to others: reading clocks, and what follows from a wrong one.

use std::collections::{BTreeMap, VecDeque};

use super::slew::Nanos;
use crate::types::NodeId;

/// Reports of a node that are kept. The quickest of them counts.
const SAMPLES: usize = 8;

/// Wall clock minus this node's monotonic clock. Both count nanoseconds, so it does not change
/// while neither clock is set, and the own wall clock has no part in it.
pub type Offset = i128;

#[derive(Debug, Clone, Copy)]
struct Sample {
    offset: Offset,
    heard: Nanos,
}

/// The clocks of other nodes.
#[derive(Debug, Default)]
pub struct PeerClocks {
    samples: BTreeMap<NodeId, VecDeque<Sample>>,
}

/// The offset of a wall clock.
#[must_use]
pub fn offset(wall: Nanos, monotonic: Nanos) -> Offset {
    Offset::from(wall) - Offset::from(monotonic)
}

/// The wall time of an offset.
#[must_use]
pub fn wall(offset: Offset, monotonic: Nanos) -> Nanos {
    Nanos::try_from((offset + Offset::from(monotonic)).max(0)).unwrap_or(Nanos::MAX)
}

impl PeerClocks {
    /// A node said that its clock shows `wall`, and that was heard at `monotonic`.
    pub fn heard(&mut self, node: NodeId, wall: Nanos, monotonic: Nanos) {
        let samples = self.samples.entry(node).or_default();
        samples.push_back(Sample {
            offset: offset(wall, monotonic),
            heard: monotonic,
        });
        if samples.len() > SAMPLES {
            samples.pop_front();
        }
    }

    /// The offsets of the nodes that were heard since then and that `counts` names. A report is
    /// late by its travel time, never early, so the greatest offset is the closest.
    pub fn offsets(&self, since: Nanos, counts: impl Fn(NodeId) -> bool) -> Vec<Offset> {
        let nodes = self.samples.iter().filter(|(node, _)| counts(**node));
        nodes
            .filter_map(|(_, samples)| {
                let recent = samples.iter().filter(|sample| sample.heard >= since);
                recent.map(|sample| sample.offset).max()
            })
            .collect()
    }

    /// Forgets nodes that were not heard since then.
    pub fn forget(&mut self, before: Nanos) {
        self.samples.retain(|_, samples| {
            samples.retain(|sample| sample.heard >= before);
            !samples.is_empty()
        });
    }
}

/// The median of the peers, this node among them; of two middle ones the earlier, so that time is
/// rather late than early. With nobody else it is the own clock.
#[must_use]
pub fn median(own: Offset, mut others: Vec<Offset>) -> Offset {
    others.push(own);
    others.sort_unstable();
    others[(others.len() - 1) / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Nanos = 1_000_000_000;
    const SECONDS: Offset = 1_000_000_000;
    const HOUR: Offset = 3_600 * SECONDS;

    #[test]
    fn a_minority_of_wrong_clocks_does_not_move_the_median() {
        assert_eq!(median(5, vec![]), 5);
        assert_eq!(median(HOUR, vec![0, 1]), 1);
        assert_eq!(median(0, vec![HOUR, 1]), 1);
        assert_eq!(median(0, vec![-HOUR, 1]), 0);
        assert_eq!(median(-HOUR, vec![0, 1]), 0);
        assert_eq!(median(3, vec![HOUR, HOUR, 1, 2]), 3);
    }

    #[test]
    fn of_two_nodes_the_earlier_counts() {
        assert_eq!(median(HOUR, vec![0]), 0);
        assert_eq!(median(0, vec![HOUR]), 0);
        assert_eq!(median(0, vec![0, HOUR, HOUR]), 0);
    }

    #[test]
    fn the_quickest_report_counts_and_old_ones_are_forgotten() {
        let mut clocks = PeerClocks::default();
        let all = |_: NodeId| true;
        // The clock shows the monotonic time and an hour; reports travel 1 to 400 ms.
        let hour = 3_600 * SECOND;
        for (at, travelled) in [(1, 400), (2, 1), (3, 250)] {
            let sent = at * SECOND;
            clocks.heard(4, sent + hour, sent + travelled * 1_000_000);
        }
        let late = |millis: i128| HOUR - millis * SECONDS / 1_000;
        assert_eq!(clocks.offsets(0, all), [late(1)]);
        assert_eq!(clocks.offsets(3 * SECOND, all), [late(250)]);
        assert_eq!(clocks.offsets(9 * SECOND, all), []);
        assert_eq!(clocks.offsets(0, |node| node != 4), []);
        clocks.forget(9 * SECOND);
        assert!(clocks.samples.is_empty());
    }

    #[test]
    fn a_clock_that_was_set_back_is_noticed_after_a_few_reports() {
        let mut clocks = PeerClocks::default();
        clocks.heard(4, 3_600 * SECOND, 0);
        for at in 1..=SAMPLES as u64 {
            clocks.heard(4, at * SECOND, at * SECOND);
        }
        assert_eq!(clocks.offsets(0, |_| true), [0]);
    }

    #[test]
    fn an_offset_gives_the_wall_time_back() {
        assert_eq!(wall(offset(77, 12), 12), 77);
        assert_eq!(wall(offset(12, 77), 80), 15);
        assert_eq!(wall(offset(0, 77), 12), 0);
    }
}
