//! A cluster that goes on from a backup of another: its id, its only member, new lives of all shards.
//!
//! Before it: a restore, which has the old cluster's state. After it: a start on that state, as of any node.
//! Guarantees: programs, names and settings stay; nothing of the old cluster's nodes does; every shard is in a
//! life that the old cluster has not had. Leaves to others: the shards' own states.

use transport::{ClusterId, Incarnation, NodeId};

use super::members::put_member;
use super::shards::put_shard;
use super::state::{Member, ShardAssignment, SystemState};
use crate::keys;
use crate::store::StateStore;

/// What is new in a restored cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Its id.
    pub cluster: ClusterId,
    /// Its name.
    pub name: String,
    /// Its only member.
    pub member: Member,
}

pub(super) fn apply(state: &mut SystemState, store: &mut dyn StateStore, restored: &Restored) {
    let node = restored.member.id;
    state.cluster = Some(restored.cluster);
    state.name.clone_from(&restored.name);
    state.version += 1;
    let old: Vec<NodeId> = state.members.keys().copied().collect();
    for member in old {
        state.members.remove(&member);
        store.delete(&keys::system_member(member));
    }
    put_member(state, store, restored.member.clone());
    for (shard, old) in state.shards.clone() {
        let assignment = ShardAssignment {
            incarnation: Incarnation(old.incarnation.0 + 1),
            recovered_from: Some(node),
            replicas: vec![node],
            preferred_leader: node,
            created: true,
            step: None,
            reason: None,
            place: None,
        };
        put_shard(state, store, shard, assignment);
    }
}
