//! Members, cluster id and settings.
//!
//! Before it: bootstrap and joining nodes. After it: placement, and every node's list of peers.
//! Guarantees: a cluster is made once; a member that the shard map names is never removed.
//! Leaves to others: membership of raft groups (the controller changes it to match).

use transport::{Incarnation, NodeId};

use super::command::{Initialise, SystemSettings};
use super::shards;
use super::state::{Member, MemberState, ShardAssignment, SystemState};
use crate::codes;
use crate::keys;
use crate::limits::{NODES_MAX, SHARDS_MAX};
use crate::outcome::Refusal;
use crate::placement;
use crate::store::StateStore;

pub(super) fn initialise(
    state: &mut SystemState,
    store: &mut dyn StateStore,
    first: &Initialise,
) -> Result<(), Refusal> {
    if let Some(cluster) = state.cluster {
        return Err(Refusal::new(
            "E-cluster-exists",
            format!("this group is already the cluster {cluster}"),
        ));
    }
    if first.shard_count == 0 || first.shard_count > SHARDS_MAX || first.members.is_empty() {
        return Err(Refusal::new(
            "E-cluster-shape",
            format!("a cluster has 1 to {SHARDS_MAX} shards and at least one member"),
        ));
    }
    check_settings(&first.settings)?;
    state.cluster = Some(first.cluster);
    state.name.clone_from(&first.name);
    state.shard_count = first.shard_count;
    state.settings = first.settings.clone();
    state.semantics = first.semantics;
    for member in first.members.iter().take(NODES_MAX) {
        put_member(state, store, member.clone());
    }
    let nodes: Vec<NodeId> = state.members.keys().copied().collect();
    for (shard, replicas) in
        placement::initial(&nodes, state.shard_count, state.settings.replicas as usize)
    {
        let assignment = ShardAssignment {
            incarnation: Incarnation(1),
            recovered_from: None,
            preferred_leader: replicas[0],
            replicas: shards::ascending(&replicas),
            created: false,
            step: None,
            reason: None,
            place: None,
        };
        shards::put_shard(state, store, shard, assignment);
    }
    Ok(())
}

pub(super) fn join(
    state: &mut SystemState,
    store: &mut dyn StateStore,
    member: &Member,
) -> Result<(), Refusal> {
    require_cluster(state)?;
    if state.members.len() >= NODES_MAX && !state.members.contains_key(&member.id) {
        return Err(Refusal::new(
            "E-cluster-full",
            format!("a cluster has at most {NODES_MAX} members; remove one that is gone"),
        ));
    }
    if !member.semantics.contains(state.semantics) {
        return Err(Refusal::new(
            codes::SEMANTICS,
            format!(
                "scripts mean what version {} says in this cluster, and the program of node {} ({}) runs version {}",
                state.semantics, member.name, member.id, member.semantics
            ),
        ));
    }
    put_member(state, store, member.clone());
    Ok(())
}

/// Raises the version of what scripts mean. It never goes back: what was computed by a newer one stays.
pub(super) fn raise_semantics(state: &mut SystemState, to: u32) -> Result<(), Refusal> {
    require_cluster(state)?;
    if to == state.semantics {
        return Ok(());
    }
    let refused = |message: String| Err(Refusal::new(codes::SEMANTICS, message));
    if to < state.semantics {
        return refused(format!(
            "version {} of what scripts mean is in force, and does not go back to {to}",
            state.semantics
        ));
    }
    let lacks = |member: &&Member| !member.semantics.contains(to);
    let lacking: Vec<String> = state
        .members
        .values()
        .filter(lacks)
        .map(|member| format!("{} runs {}", member.name, member.semantics))
        .collect();
    if !lacking.is_empty() {
        return refused(format!(
            "version {to} of what scripts mean is not supported by every member: {}",
            lacking.join(", ")
        ));
    }
    state.semantics = to;
    Ok(())
}

pub(super) fn set_state(
    state: &mut SystemState,
    store: &mut dyn StateStore,
    node: NodeId,
    member_state: MemberState,
) -> Result<(), Refusal> {
    let mut member = known(state, node)?.clone();
    member.state = member_state;
    put_member(state, store, member);
    Ok(())
}

pub(super) fn remove(
    state: &mut SystemState,
    store: &mut dyn StateStore,
    node: NodeId,
) -> Result<(), Refusal> {
    known(state, node)?;
    let holds = |assignment: &ShardAssignment| assignment.replicas.contains(&node);
    if let Some((shard, _)) = state.shards.iter().find(|(_, shard)| holds(shard)) {
        return Err(Refusal::new(
            codes::MEMBER_IN_USE,
            format!("node {node} still holds a replica of shard {shard}; drain it first"),
        ));
    }
    shards::forget_places(state, store, node);
    state.members.remove(&node);
    store.delete(&keys::system_member(node));
    Ok(())
}

pub(super) fn configure(state: &mut SystemState, settings: &SystemSettings) -> Result<(), Refusal> {
    require_cluster(state)?;
    check_settings(settings)?;
    state.settings = settings.clone();
    Ok(())
}

fn check_settings(settings: &SystemSettings) -> Result<(), Refusal> {
    if settings.replicas == 0 || settings.replicas > 7 {
        return Err(Refusal::new(
            "E-setting",
            format!("`replicas` is {}, it must be 1 to 7", settings.replicas),
        ));
    }
    Ok(())
}

pub(super) fn require_cluster(state: &SystemState) -> Result<(), Refusal> {
    match state.cluster {
        Some(_) => Ok(()),
        None => Err(Refusal::new(
            "E-cluster-missing",
            "the cluster was not initialised yet",
        )),
    }
}

fn known(state: &SystemState, node: NodeId) -> Result<&Member, Refusal> {
    state
        .members
        .get(&node)
        .ok_or_else(|| Refusal::new(codes::MEMBER_UNKNOWN, format!("node {node} is no member")))
}

pub(super) fn put_member(state: &mut SystemState, store: &mut dyn StateStore, member: Member) {
    let id = member.id;
    store.put(
        &keys::system_member(id),
        keys::encode_record(&(id, &member)),
    );
    state.members.insert(id, member);
}
