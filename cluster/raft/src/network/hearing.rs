//! Whom this node hears: when each other node answered it last. Raft's calls come before it, `client` after it.
//! Guarantees: an answer counts when it comes, however long it took, so a slow network silences nobody. Left to
//! others: what a leader does that hears no quorum (`client`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::types::NodeId;

/// Between two questions to a silent node whether it is there. All groups that this node leads share them.
const KNOCK_EVERY: Duration = Duration::from_millis(25);

/// Questions that a lost node leaves without an answer, over at least so long. A process that was held up itself, as by
/// other work on its machine, has the answers in its queue and has asked once.
const LOST_KNOCKS: u32 = 4;
/// See [`LOST_KNOCKS`].
const LOST_AFTER: Duration = Duration::from_millis(200);

/// What is known of the other nodes.
pub(super) struct Hearing {
    /// A node that answered nothing for so long is silent.
    silence: Duration,
    others: Mutex<BTreeMap<NodeId, Other>>,
}

#[derive(Default)]
struct Other {
    answered: Option<Instant>,
    knocked: Option<Instant>,
    /// Questions since its last answer, and the first of them.
    knocks: u32,
    first_knock: Option<Instant>,
}

impl Other {
    fn is_heard(&self, within: Duration) -> bool {
        self.answered.is_some_and(|at| at.elapsed() < within)
    }

    fn forget_knocks(&mut self) {
        self.knocks = 0;
        self.first_knock = None;
    }
}

impl Hearing {
    pub(super) fn new(silence: Duration) -> Self {
        Self {
            silence,
            others: Mutex::default(),
        }
    }

    /// A node has answered. True where it was not heard before.
    pub(super) fn answered(&self, node: NodeId) -> bool {
        let mut others = self.others();
        let other = others.entry(node).or_default();
        let was_heard = other.is_heard(self.silence);
        other.answered = Some(Instant::now());
        other.forget_knocks();
        !was_heard
    }

    /// Whether a majority of each of these sets of voters was heard within that time, or lately where none is said;
    /// `local` hears itself.
    pub(super) fn hears_quorum(
        &self,
        local: NodeId,
        sets: &[BTreeSet<NodeId>],
        within: Option<Duration>,
    ) -> bool {
        let within = within.unwrap_or(self.silence);
        let others = self.others();
        let is_heard = |node: &NodeId| {
            let other = others.get(node);
            *node == local || other.is_some_and(|other| other.is_heard(within))
        };
        let has_majority = |set: &BTreeSet<NodeId>| {
            let heard = set.iter().filter(|node| is_heard(node)).count();
            heard > set.len() / 2
        };
        sets.iter().all(has_majority)
    }

    /// Whether it is time to ask a node again whether it is there; the caller does. Questions that cannot leave this node
    /// say nothing of the other one.
    pub(super) fn may_knock(&self, node: NodeId, can_leave: bool) -> bool {
        let mut others = self.others();
        let other = others.entry(node).or_default();
        let is_time = other.knocked.is_none_or(|at| at.elapsed() >= KNOCK_EVERY);
        if is_time {
            let now = Instant::now();
            other.knocked = Some(now);
            other.knocks += 1;
            other.first_knock.get_or_insert(now);
        }
        if !can_leave {
            other.forget_knocks();
        }
        is_time
    }

    /// Whether a node left so many questions without an answer that it is not this process which was held up.
    pub(super) fn is_lost(&self, node: NodeId) -> bool {
        let others = self.others();
        let other = others.get(&node);
        other.is_some_and(|other| {
            let is_long_ago = |at: Instant| at.elapsed() >= LOST_AFTER;
            other.knocks >= LOST_KNOCKS && other.first_knock.is_some_and(is_long_ago)
        })
    }

    fn others(&self) -> MutexGuard<'_, BTreeMap<NodeId, Other>> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENCE: Duration = Duration::from_millis(150);

    async fn later(ms: u64) {
        tokio::time::advance(Duration::from_millis(ms)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn one_of_two_others_is_a_quorum_until_it_is_silent() {
        let hearing = Hearing::new(SILENCE);
        let voters = [BTreeSet::from([1, 2, 3])];
        assert!(!hearing.hears_quorum(1, &voters, None));
        assert!(hearing.answered(2), "it was not heard before");
        assert!(hearing.hears_quorum(1, &voters, None));
        later(100).await;
        assert!(!hearing.answered(2));
        later(149).await;
        assert!(hearing.hears_quorum(1, &voters, None));
        later(1).await;
        assert!(!hearing.hears_quorum(1, &voters, None));
        let lately = Some(Duration::from_millis(151));
        assert!(hearing.hears_quorum(1, &voters, lately));
        assert!(hearing.answered(3) && hearing.hears_quorum(1, &voters, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_of_voters_needs_both_majorities() {
        let hearing = Hearing::new(SILENCE);
        assert!(hearing.hears_quorum(1, &[BTreeSet::from([1])], None));
        let both = [BTreeSet::from([1]), BTreeSet::from([1, 2, 3])];
        assert!(!hearing.hears_quorum(1, &both, None));
        hearing.answered(3);
        assert!(hearing.hears_quorum(1, &both, None));
        // A leader that is leaving does not count itself.
        let leaving = [BTreeSet::from([1, 2, 3]), BTreeSet::from([2, 3])];
        assert!(!hearing.hears_quorum(1, &leaving, None));
        hearing.answered(2);
        assert!(hearing.hears_quorum(1, &leaving, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_node_is_asked_now_and_then() {
        let hearing = Hearing::new(SILENCE);
        assert!(hearing.may_knock(2, true) && hearing.may_knock(3, false));
        assert!(!hearing.may_knock(2, true));
        for _ in 1..LOST_KNOCKS {
            assert!(!hearing.is_lost(2));
            later(70).await;
            assert!(hearing.may_knock(2, true) && hearing.may_knock(3, false));
        }
        assert!(hearing.is_lost(2) && !hearing.is_lost(3));
        hearing.answered(2);
        assert!(!hearing.is_lost(2));
    }
}
