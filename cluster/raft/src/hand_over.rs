//! Hands the leads of this node to others: when it leaves, has no room left on its disk, or a wrong
//! clock. `groups`, `room` and `clock_watch` come before it, raft's own transfer after it. Guarantees:
//! only a voter that is not silent and has room is asked, one with a right clock before others, then the
//! one that is least behind. Left to others: where leads belong (`placement`).

use std::time::Duration;

use futures::future::join_all;

use crate::group::{Group, GroupError};
use crate::router::Router;
use crate::types::NodeId;

/// How long the other node has to take a lead over.
pub(crate) const PATIENCE: Duration = Duration::from_millis(1_000);

/// What is asked of the clock of whoever takes a lead over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clocks {
    /// A right one is preferred.
    Preferred,
    /// Only a right one will do.
    Required,
}

/// Hands over every lead that another node can take. Returns those that were not, with the node that
/// did not take them.
pub(crate) async fn all(router: &Router, clocks: Clocks) -> Vec<(Group, NodeId, GroupError)> {
    let locals = router.locals();
    let groups = locals.iter().map(|local| local.group.clone());
    let mut left: Vec<_> = join_all(groups.map(|group| one(router, group, clocks))).await;
    if let Some(system) = router.system() {
        left.push(one(router, system.group, clocks).await);
    }
    left.into_iter().flatten().collect()
}

async fn one(router: &Router, group: Group, clocks: Clocks) -> Option<(Group, NodeId, GroupError)> {
    if !group.leads() {
        return None;
    }
    let to = successor(router, &group, clocks)?;
    match group.transfer(to, PATIENCE).await {
        Ok(()) => None,
        Err(error) => Some((group, to, error)),
    }
}

/// Who should take the lead of a group over from this node.
fn successor(router: &Router, group: &Group, clocks: Clocks) -> Option<NodeId> {
    let silent = Duration::from_millis(router.limits.silent_ms);
    let wrong = router.board.wrong_clocks();
    let (voters, _) = group.members();
    let others = voters.into_iter().filter(|node| {
        *node != router.network.local
            && router.board.silence(*node) < silent
            && router.board.has_room(*node)
            && !(clocks == Clocks::Required && wrong.contains(node))
    });
    let behind = |node: &NodeId| group.lag(*node).unwrap_or(u64::MAX);
    others.min_by_key(|node| (wrong.contains(node), behind(node)))
}
