//! The shard map: where shards live, and the moves that change it.
//!
//! Before it: the placement controller. After it: doors, which look up replicas; group openers.
//! Guarantees: one move at a time for a shard; a shard is never left without a replica.
//! Leaves to others: choosing moves (`placement`), carrying them out (the controller).

use transport::{Incarnation, NodeId, ShardId};

use super::members::require_cluster;
use super::state::{ShardAssignment, SystemState};
use crate::codes;
use crate::keys;
use crate::outcome::Refusal;
use crate::placement::{Move, Place, Reason, Wish};
use crate::store::StateStore;

pub(super) fn assign(
    state: &mut SystemState,
    store: &mut dyn StateStore,
    shard: ShardId,
    replicas: &[NodeId],
) -> Result<(), Refusal> {
    require_cluster(state)?;
    let mut assignment = known(state, shard)?.clone();
    if assignment.created {
        return Err(Refusal::new(
            "E-shard-created",
            format!("shard {shard} exists already; only moves change its replicas"),
        ));
    }
    let Some(first) = replicas.first() else {
        return Err(Refusal::new(
            "E-shard-replicas",
            format!("shard {shard} needs at least one replica"),
        ));
    };
    if let Some(stranger) = replicas
        .iter()
        .find(|node| !state.members.contains_key(node))
    {
        return Err(Refusal::new(
            codes::MEMBER_UNKNOWN,
            format!("node {stranger} is no member"),
        ));
    }
    assignment.preferred_leader = *first;
    assignment.replicas = ascending(replicas);
    put_shard(state, store, shard, assignment);
    Ok(())
}

pub(super) fn created(
    state: &mut SystemState,
    store: &mut dyn StateStore,
    shard: ShardId,
) -> Result<(), Refusal> {
    let mut assignment = known(state, shard)?.clone();
    assignment.created = true;
    put_shard(state, store, shard, assignment);
    Ok(())
}

pub(super) fn begin_move(
    state: &mut SystemState,
    store: &mut dyn StateStore,
    step: Move,
    reason: Reason,
) -> Result<(), Refusal> {
    let shard = step.shard();
    let mut assignment = known(state, shard)?.clone();
    if let Some(under_way) = assignment.step.filter(|under_way| *under_way != step) {
        return Err(Refusal::new(
            "E-move-under-way",
            format!("shard {shard} is being moved already: {under_way}"),
        ));
    }
    check_move(state, &assignment, step)?;
    assignment.step = Some(step);
    assignment.reason = Some(reason);
    put_shard(state, store, shard, assignment);
    Ok(())
}

pub(super) fn end_move(
    state: &mut SystemState,
    store: &mut dyn StateStore,
    step: Move,
    done: bool,
) -> Result<(), Refusal> {
    let shard = step.shard();
    let mut assignment = known(state, shard)?.clone();
    if assignment.step.take() != Some(step) {
        return Err(Refusal::new(
            "E-move-unknown",
            format!("this move is not under way: {step}"),
        ));
    }
    assignment.reason = None;
    if done {
        carry_out(&mut assignment, step);
    }
    put_shard(state, store, shard, assignment);
    Ok(())
}

/// Lets a shard go on from one replica.
pub(super) fn recover(
    state: &mut SystemState,
    store: &mut dyn StateStore,
    (shard, incarnation): (ShardId, Incarnation),
    from: NodeId,
) -> Result<(), Refusal> {
    let assignment = known(state, shard)?.clone();
    if assignment.incarnation != incarnation {
        return Err(Refusal::new(
            codes::WRONG_INCARNATION,
            format!(
                "shard {shard} is in incarnation {}, not {incarnation}: it was recovered meanwhile",
                assignment.incarnation
            ),
        ));
    }
    if !assignment.replicas.contains(&from) {
        return Err(Refusal::new(
            codes::MOVE_IMPOSSIBLE,
            format!("node {from} holds no replica of shard {shard}, so it cannot go on from it"),
        ));
    }
    let recovered = ShardAssignment {
        incarnation: Incarnation(incarnation.0 + 1),
        recovered_from: Some(from),
        replicas: vec![from],
        preferred_leader: from,
        created: true,
        step: None,
        reason: None,
        place: None,
    };
    put_shard(state, store, shard, recovered);
    Ok(())
}

/// Takes what was asked of shards: all of it or nothing.
pub(super) fn place(
    state: &mut SystemState,
    store: &mut dyn StateStore,
    places: &[(ShardId, Option<Place>)],
) -> Result<(), Refusal> {
    require_cluster(state)?;
    for (shard, place) in places {
        let assignment = known(state, *shard)?;
        if let Some(place) = place {
            check_place(state, *shard, assignment, place)?;
        }
    }
    for (shard, place) in places {
        let mut assignment = known(state, *shard)?.clone();
        assignment.place.clone_from(place);
        put_shard(state, store, *shard, assignment);
    }
    Ok(())
}

fn check_place(
    state: &SystemState,
    shard: ShardId,
    assignment: &ShardAssignment,
    place: &Place,
) -> Result<(), Refusal> {
    let mut named = place.replicas.iter().chain(&place.leader);
    if let Some(stranger) = named.find(|node| !state.members.contains_key(node)) {
        return Err(Refusal::new(
            codes::MEMBER_UNKNOWN,
            format!("node {stranger} is no member"),
        ));
    }
    let held = match place.replicas.is_empty() {
        true => &assignment.replicas,
        false => &place.replicas,
    };
    match place.leader {
        Some(leader) if !held.contains(&leader) => Err(Refusal::new(
            codes::MOVE_IMPOSSIBLE,
            format!("node {leader} holds no replica of shard {shard}, so it cannot lead it"),
        )),
        _ => Ok(()),
    }
}

/// A node that is no member any more is nowhere to be.
pub(super) fn forget_places(state: &mut SystemState, store: &mut dyn StateStore, node: NodeId) {
    let names = |place: &Place| place.leader == Some(node) || place.replicas.contains(&node);
    let of_node = state.shards.iter();
    let of_node: Vec<ShardId> = of_node
        .filter(|(_, one)| one.place.as_ref().is_some_and(names))
        .map(|(shard, _)| *shard)
        .collect();
    for shard in of_node {
        if let Some(mut assignment) = state.shards.get(&shard).cloned() {
            assignment.place = None;
            put_shard(state, store, shard, assignment);
        }
    }
}

fn check_move(
    state: &SystemState,
    assignment: &ShardAssignment,
    step: Move,
) -> Result<(), Refusal> {
    let fine = match step {
        Move::AddReplica { node, .. } => {
            state.members.contains_key(&node) && !assignment.replicas.contains(&node)
        }
        Move::RemoveReplica { node, .. } => {
            assignment.replicas.len() > 1 && assignment.replicas.contains(&node)
        }
        Move::TransferLead { to, .. } => assignment.replicas.contains(&to),
    };
    if fine {
        Ok(())
    } else {
        Err(Refusal::new(
            codes::MOVE_IMPOSSIBLE,
            format!("the shard map does not allow: {step}"),
        ))
    }
}

fn carry_out(assignment: &mut ShardAssignment, step: Move) {
    match step {
        Move::AddReplica { node, .. } => {
            assignment.replicas.push(node);
            assignment.replicas = ascending(&assignment.replicas);
        }
        Move::RemoveReplica { node, .. } => {
            assignment.replicas.retain(|replica| *replica != node);
            // A lead that was asked for ends with the replica.
            let led = |place: &Place| place.wish == Wish::Transfer && place.leader == Some(node);
            if assignment.place.as_ref().is_some_and(led) {
                assignment.place = None;
            }
            if assignment.preferred_leader == node {
                assignment.preferred_leader = assignment.replicas[0];
            }
        }
        Move::TransferLead { to, .. } => assignment.preferred_leader = to,
    }
}

pub(super) fn ascending(replicas: &[NodeId]) -> Vec<NodeId> {
    let mut sorted = replicas.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted
}

fn known(state: &SystemState, shard: ShardId) -> Result<&ShardAssignment, Refusal> {
    state.shards.get(&shard).ok_or_else(|| {
        Refusal::new(
            codes::SHARD_UNKNOWN,
            format!(
                "there is no shard {shard}; this cluster has {}",
                state.shard_count
            ),
        )
    })
}

pub(super) fn put_shard(
    state: &mut SystemState,
    store: &mut dyn StateStore,
    shard: ShardId,
    assignment: ShardAssignment,
) {
    store.put(
        &keys::system_shard(shard),
        keys::encode_record(&(shard, &assignment)),
    );
    state.shards.insert(shard, assignment);
}
