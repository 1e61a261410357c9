//! Hands leads over to another node that can take them. A stop, and a clock that is wrong, come
//! before it; the group's raft after it. Guarantees: only a voter that is not silent is asked, one
//! with a right clock before others. Left to others: when (`groups`, `clock_watch`).

use std::time::Duration;

use crate::group::Group;
use crate::router::Router;
use crate::types::NodeId;

/// How long a node that takes a lead over has for it.
pub(crate) const HAND_OVER_PATIENCE: Duration = Duration::from_millis(1_000);

/// The other voter that is best fit to lead: with a right clock, and the least behind.
fn successor(group: &Group, router: &Router, with_right_clock: bool) -> Option<NodeId> {
    let silent = Duration::from_millis(router.limits.silent_ms);
    let wrong = router.board.wrong_clocks();
    let (voters, _) = group.members();
    let fit = |node: &NodeId| {
        *node != router.network.local
            && router.board.silence(*node) < silent
            && !(with_right_clock && wrong.contains(node))
    };
    let behind = |node: &NodeId| group.lag(*node).unwrap_or(u64::MAX);
    let others = voters.into_iter().filter(fit);
    others.min_by_key(|node| (wrong.contains(node), behind(node)))
}

/// Hands the lead of a group over, where this node has it and another can take it. With
/// `with_right_clock` only to a node whose clock is right.
pub(crate) async fn hand_over(group: &Group, router: &Router, with_right_clock: bool) {
    if !group.leads() {
        return;
    }
    let Some(to) = successor(group, router, with_right_clock) else {
        return;
    };
    if let Err(error) = group.transfer(to, HAND_OVER_PATIENCE).await {
        tracing::warn!(group = %group.id(), to, %error, "a lead was not handed over");
    }
}
