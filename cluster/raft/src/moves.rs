//! Carries out the moves of the shards that this node leads: a replica more, a replica less, the
//! lead to another node. The system state comes before it, the groups' members after it.
//! Guarantees: a new replica votes only after it has caught up; no group gets other members by what this
//! node knew of the map long ago; the end of a move is recorded after it is committed in the shard's own
//! group. Left to others: which moves (`placement`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use cluster::placement::Move;
use cluster::system::ShardAssignment;
use cluster::{SystemCommand, SystemState};
use tokio::time::Instant;
use transport::ShardId;

use crate::group::{Group, GroupError};
use crate::local::{LocalShard, Shared};
use crate::types::{NodeId, NodeInfo};

/// Carries out moves whenever the system state shows one of a shard that is led here.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut states = shared.router.states.clone();
    let mut told = Told::default();
    loop {
        let state = Arc::clone(&states.borrow_and_update());
        for (shard, assignment) in &state.shards {
            let Some(local) = shared.router.local(*shard) else {
                continue;
            };
            match assignment.step {
                Some(step) if local.group.leads() => {
                    let known = (*shard, assignment);
                    carry_out(&shared, &state, &local, (known, step), &mut told).await;
                }
                None if assignment.created && local.group.leads() => {
                    clean_up(&shared, &local.group, (*shard, assignment)).await;
                }
                _ => {}
            }
        }
        let moving = state.shards.values().any(|one| one.step.is_some());
        let pause = if moving { SOON } else { LATER };
        if let Ok(Err(_)) = tokio::time::timeout(pause, states.changed()).await {
            return;
        }
    }
}

const SOON: Duration = Duration::from_millis(20);
const LATER: Duration = Duration::from_secs(2);

/// How long a node that takes a lead over has for it, before it is asked again.
const TRANSFER_PATIENCE: Duration = Duration::from_millis(1_500);

/// Why leads were not handed over, by shard: the controller asks again until another leads or the node is given up,
/// and one line is enough for that.
#[derive(Default)]
struct Told(BTreeMap<ShardId, (Move, String)>);

impl Told {
    /// Whether this was not said yet.
    fn is_news(&mut self, step: Move, error: &str) -> bool {
        let now = (step, error.to_owned());
        self.0.insert(step.shard(), now.clone()) != Some(now)
    }

    /// What is said next of that shard is news.
    fn forget(&mut self, step: Move) {
        self.0.remove(&step.shard());
    }
}

/// What this node knows of a shard.
type Known<'a> = (ShardId, &'a ShardAssignment);

/// Whether the system group wants for a shard what this node knows. A leader may be far behind there: what it takes for
/// the next step was perhaps done long ago, and would undo what came after it.
async fn is_wanted(shared: &Shared, (shard, known): Known<'_>) -> bool {
    let deadline = Duration::from_millis(shared.router.limits.request_ms);
    let version = match shared.router.system_version(deadline).await {
        Ok(version) => version,
        Err(error) => {
            tracing::debug!(%shard, %error, "a shard is moved later");
            return false;
        }
    };
    let mut states = shared.router.states.clone();
    let current = states.wait_for(|state| state.version >= version);
    let Ok(Ok(state)) = tokio::time::timeout(deadline, current).await else {
        return false;
    };
    let now = state.shards.get(&shard);
    now.is_some_and(|now| now.step == known.step && now.replicas == known.replicas)
}

async fn carry_out(
    shared: &Shared,
    state: &SystemState,
    local: &LocalShard,
    (known, step): (Known<'_>, Move),
    told: &mut Told,
) {
    let group = &local.group;
    let done = match step {
        Move::AddReplica { node, .. } => {
            let info = info_of(state, node.0);
            add(shared, group, known, (node.0, info)).await
        }
        Move::RemoveReplica { node, .. } => remove(shared, group, known, node.0).await,
        Move::TransferLead { to, .. } => transfer(shared, group, to.0).await,
    };
    match done {
        Ok(true) => {
            tracing::info!(move_ = %step, "moved");
            told.forget(step);
            record(shared, step, true).await;
        }
        Ok(false) => {}
        Err(error) if matches!(step, Move::TransferLead { .. }) => {
            // The controller looks again at who is there.
            match told.is_news(step, &error.to_string()) {
                true => tracing::info!(move_ = %step, %error, "a lead is not handed over"),
                false => tracing::debug!(move_ = %step, %error, "a lead is still not handed over"),
            }
            record(shared, step, false).await;
        }
        Err(error) => tracing::debug!(move_ = %step, %error, "a move goes on later"),
    }
}

/// Lets `node` learn, and makes it a voter when it has caught up. True when it is one.
async fn add(
    shared: &Shared,
    group: &Group,
    known: Known<'_>,
    (node, info): (NodeId, NodeInfo),
) -> Result<bool, GroupError> {
    let (voters, nodes) = group.members();
    if voters.contains(&node) {
        return Ok(true);
    }
    if !is_wanted(shared, known).await {
        return Ok(false);
    }
    if !nodes.contains(&node) {
        group.add_learner(node, info).await?;
    }
    let patience = Duration::from_millis(shared.router.limits.request_ms);
    let end = Instant::now() + patience;
    let behind_max = shared.router.limits.caught_up_entries;
    while group.lag(node).is_none_or(|behind| behind > behind_max) {
        if Instant::now() > end || !group.leads() {
            return Ok(false);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut next: BTreeSet<NodeId> = voters;
    next.insert(node);
    group.change_voters(next, true).await?;
    Ok(true)
}

/// Takes out what a move that was given up has left behind.
async fn clean_up(shared: &Shared, group: &Group, known: Known<'_>) {
    let replicas: BTreeSet<NodeId> = known.1.replicas.iter().map(|node| node.0).collect();
    let (voters, nodes) = group.members();
    if nodes.is_subset(&replicas) || voters.intersection(&replicas).next().is_none() {
        return;
    }
    if !is_wanted(shared, known).await {
        return;
    }
    let kept = voters.intersection(&replicas).copied().collect();
    if let Err(error) = group.change_voters(kept, false).await {
        tracing::debug!(group = %group.id(), %error, "a group is cleaned up later");
    }
}

async fn remove(
    shared: &Shared,
    group: &Group,
    known: Known<'_>,
    node: NodeId,
) -> Result<bool, GroupError> {
    let (mut voters, nodes) = group.members();
    if nodes.contains(&node) && !is_wanted(shared, known).await {
        return Ok(false);
    }
    if voters.remove(&node) {
        // Without keeping others: the node is out of the group with the same change.
        group.change_voters(voters, false).await?;
    } else if nodes.contains(&node) {
        group.remove_learners(BTreeSet::from([node])).await?;
    }
    Ok(true)
}

async fn transfer(shared: &Shared, group: &Group, to: NodeId) -> Result<bool, GroupError> {
    if to == shared.router.network.local {
        return Ok(true);
    }
    group.transfer(to, TRANSFER_PATIENCE).await?;
    Ok(group.leader() == Some(to))
}

async fn record(shared: &Shared, step: Move, done: bool) {
    let deadline = Duration::from_millis(shared.router.limits.request_ms);
    let command = SystemCommand::EndMove { step, done };
    if let Err(error) = shared.router.submit_system(vec![command], deadline).await {
        tracing::debug!(move_ = %step, %error, "the end of a move is recorded later");
    }
}

/// What a group's membership knows of a node.
pub(crate) fn info_of(state: &SystemState, node: NodeId) -> NodeInfo {
    let member = state.members.get(&transport::NodeId(node));
    member.map_or_else(NodeInfo::default, |member| NodeInfo {
        name: member.name.clone(),
        http: member.http.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_news_once_for_each_shard_and_node() {
        let step = |shard, to| Move::TransferLead {
            shard: ShardId(shard),
            to: transport::NodeId(to),
        };
        let mut told = Told::default();
        assert!(told.is_news(step(1, 2), "it is silent"));
        assert!(!told.is_news(step(1, 2), "it is silent"));
        assert!(told.is_news(step(2, 2), "it is silent"));
        assert!(!told.is_news(step(1, 2), "it is silent"));
        assert!(told.is_news(step(1, 3), "it is silent"));
        assert!(told.is_news(step(1, 3), "it is far behind"));
        told.forget(step(1, 3));
        assert!(told.is_news(step(1, 3), "it is far behind"));
    }
}
