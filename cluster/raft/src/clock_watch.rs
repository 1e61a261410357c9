//! Watches whether this node's clock is right, and gives its leads up while it is not. `NodeTime`
//! comes before it; other leaders, and placement, which gives a node with a wrong clock no leads,
//! after it. Guarantees: one late report changes nothing; it is said when the clock is found wrong
//! and when it is right again. Left to others: setting the clock (people), the bound of shard time,
//! which holds also where nobody else can lead (`time`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::hand_over::{self, Clocks};
use crate::supervisor::Supervisor;
use crate::time::clocks::Offset;

/// The code under which a node says that its clock is wrong.
pub const CLOCK_WRONG: &str = "E-clock-wrong";

/// Looks in a row that must agree, before the clock counts as wrong or as right again.
const LOOKS: u32 = 3;

/// Whether the clock of this node is believed.
#[derive(Debug, Default)]
pub struct ClockState(AtomicBool);

impl ClockState {
    /// Whether it is wrong.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Judges by several looks in a row.
#[derive(Debug, Default)]
struct Judge {
    is_wrong: bool,
    differing: u32,
}

impl Judge {
    /// A look: how far the clock is ahead, and how far it may be. True where the judgement changes.
    fn look(&mut self, ahead: Offset, most: Offset) -> bool {
        // A clock at the very bound would else be wrong and right in turn.
        let bound = if self.is_wrong { most / 2 } else { most };
        if (ahead.abs() > bound) == self.is_wrong {
            self.differing = 0;
            return false;
        }
        self.differing += 1;
        if self.differing < LOOKS {
            return false;
        }
        *self = Self {
            is_wrong: !self.is_wrong,
            differing: 0,
        };
        true
    }
}

/// Watches for as long as this node runs.
pub(crate) async fn run(supervisor: Arc<Supervisor>) {
    let shared = &supervisor.shared;
    let router = &shared.router;
    let every = Duration::from_millis(router.limits.report_ms);
    let mut judge = Judge::default();
    loop {
        tokio::time::sleep(every).await;
        if let Some((ahead, most)) = shared.time.ahead()
            && judge.look(ahead, most)
        {
            say(judge.is_wrong, ahead);
            shared
                .clock_state
                .0
                .store(judge.is_wrong, Ordering::Relaxed);
            supervisor.news.notify_one();
        }
        if !judge.is_wrong {
            continue;
        }
        for (group, to, error) in hand_over::all(router, Clocks::Required).await {
            tracing::debug!(group = %group.id(), to, %error, "a lead is handed over later");
        }
    }
}

fn say(is_wrong: bool, ahead: Offset) {
    let ahead_ms = (ahead / 1_000_000) as i64;
    match is_wrong {
        true => tracing::error!(
            code = CLOCK_WRONG,
            ahead_ms,
            "this node's clock is not that of the others; it leads nothing until it is set right"
        ),
        false => tracing::info!(ahead_ms, "this node's clock is right again"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_late_report_changes_nothing() {
        let mut judge = Judge::default();
        for ahead in [0, 600, 0, 600, -600, 0, 600, 500] {
            assert!(!judge.look(ahead, 500));
        }
        let looks = [600, -600, 600];
        assert_eq!(
            looks.map(|ahead| judge.look(ahead, 500)),
            [false, false, true]
        );
        assert!(judge.is_wrong);
        let looks = [300, -300, 260, 260, 249, -250, 251, 0, 0, 0];
        let changes = looks.map(|ahead| judge.look(ahead, 500));
        assert_eq!(changes.iter().position(|change| *change), Some(9));
        assert!(!judge.is_wrong);
    }
}
