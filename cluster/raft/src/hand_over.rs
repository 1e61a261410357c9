//! Hands the leads of this node to others: when it leaves, or has no room left on its disk. `groups` and
//! `room` come before it, raft's own transfer after it. Guarantees: only a voter that is not silent and
//! has room is chosen, the one that is least behind. Left to others: where leads belong (`placement`).

use std::time::Duration;

use futures::future::join_all;

use crate::group::{Group, GroupError};
use crate::router::Router;
use crate::types::NodeId;

/// How long the other node has to take a lead over.
pub(crate) const PATIENCE: Duration = Duration::from_millis(1_000);

/// Hands over every lead that another node can take. Returns those that were not, with the node that
/// did not take them.
pub(crate) async fn all(router: &Router) -> Vec<(Group, NodeId, GroupError)> {
    let locals = router.locals();
    let groups = locals.iter().map(|local| local.group.clone());
    let mut left: Vec<_> = join_all(groups.map(|group| one(router, group))).await;
    if let Some(system) = router.system() {
        left.push(one(router, system.group.clone()).await);
    }
    left.into_iter().flatten().collect()
}

async fn one(router: &Router, group: Group) -> Option<(Group, NodeId, GroupError)> {
    if !group.leads() {
        return None;
    }
    let to = successor(router, &group)?;
    match group.transfer(to, PATIENCE).await {
        Ok(()) => None,
        Err(error) => Some((group, to, error)),
    }
}

/// Who should take the lead of a group over from this node.
fn successor(router: &Router, group: &Group) -> Option<NodeId> {
    let silent = Duration::from_millis(router.limits.silent_ms);
    let (voters, _) = group.members();
    let others = voters.into_iter().filter(|node| {
        *node != router.network.local
            && router.board.silence(*node) < silent
            && router.board.has_room(*node)
    });
    others.min_by_key(|node| group.lag(*node).unwrap_or(u64::MAX))
}
