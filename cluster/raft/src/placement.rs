//! The placement controller, on the leader of the system group: decides the next moves and keeps
//! the system group's own members. The members' reports come before it, the shard map and then
//! `moves` after it. Guarantees: a bounded number of moves at a time; a move that does not end is
//! given up; the cluster is made once. Left to others: which move is best (`cluster::placement`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use cluster::placement::{self, Health, Move, Place, ShardView, Signs, View, Wish};
use cluster::system::{Initialise, Member, MemberState, Semantics, SystemSettings};
use cluster::{SystemCommand, SystemState};
use tokio::time::Instant;
use transport::{NodeId, ShardId};

use crate::bootstrap::Keeper;
use crate::group::{Group, GroupError};
use crate::local::Shared;
use crate::moves::info_of;
use crate::room;
use crate::status;

/// How a cluster is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Founding {
    /// Its name on the bus.
    pub name: String,
    /// Shards.
    pub shard_count: u32,
    /// Settings to begin with.
    pub settings: SystemSettings,
    /// Which versions of what scripts mean this program runs.
    pub semantics: Semantics,
}

/// Places, for as long as this node runs; it acts only while it leads the system group.
pub async fn run(shared: Arc<Shared>, keeper: Arc<Keeper>, founding: Founding) {
    let mut states = shared.router.states.clone();
    let every = Duration::from_millis(shared.router.limits.placement_ms);
    let mut began: BTreeMap<ShardId, (Move, Instant)> = BTreeMap::new();
    loop {
        let state = Arc::clone(&states.borrow_and_update());
        match shared.router.system() {
            Some(system) if system.group.leads() => {
                step(&shared, &keeper, &founding, &state, &mut began).await;
            }
            _ => began.clear(),
        }
        tokio::time::sleep(every).await;
    }
}

async fn step(
    shared: &Shared,
    keeper: &Keeper,
    founding: &Founding,
    state: &SystemState,
    began: &mut BTreeMap<ShardId, (Move, Instant)>,
) {
    let Some(system) = shared.router.system() else {
        return;
    };
    if state.cluster.is_none() {
        found(shared, keeper, founding).await;
        return;
    }
    let health = health(shared, state);
    if let Err(error) = keep_members(&system.group, state, &health).await {
        tracing::debug!(%error, "the system group's members are changed later");
    }
    let mut commands = given_up(shared, state, &health, began);
    let view = view(shared, state, health);
    commands.extend(reached(&view));
    commands.extend(next_moves(shared, state, &view));
    if commands.is_empty() {
        return;
    }
    if let Err(error) = shared.router.propose_system(commands).await {
        tracing::debug!(%error, "moves are decided later");
    }
}

/// Makes the cluster from the proposal that its first members promised themselves to.
pub(crate) async fn found(shared: &Shared, keeper: &Keeper, founding: &Founding) {
    let Some(proposal) = keeper.get().promise else {
        return;
    };
    let members = proposal.members.iter().map(|(id, info)| Member {
        id: NodeId(*id),
        name: info.name.clone(),
        http: info.http.clone(),
        state: MemberState::Active,
        semantics: founding.semantics,
    });
    let first = Initialise {
        cluster: proposal.cluster,
        name: founding.name.clone(),
        shard_count: founding.shard_count,
        members: members.collect(),
        settings: founding.settings.clone(),
        semantics: founding.semantics.latest,
    };
    let command = SystemCommand::Initialise(first);
    if let Err(error) = shared.router.propose_system(vec![command]).await {
        tracing::debug!(%error, "the cluster is made later");
    }
}

fn health(shared: &Shared, state: &SystemState) -> BTreeMap<NodeId, Health> {
    let limits = &shared.router.limits;
    let gone_after = Duration::from_millis(state.settings.replace_after_ms);
    let silent_after = Duration::from_millis(limits.silent_ms);
    let of = |member: &Member| {
        let board = &shared.router.board;
        let (silence, is_full) = match member.id.0 == shared.router.network.local {
            true => (
                Duration::ZERO,
                room::shortage(shared.opener.log()).is_some(),
            ),
            false => (board.silence(member.id.0), !board.has_room(member.id.0)),
        };
        Health::from(Signs {
            is_silent: silence >= silent_after,
            is_given_up: silence >= gone_after,
            is_draining: member.state == MemberState::Draining,
            is_full,
        })
    };
    state
        .members
        .values()
        .map(|member| (member.id, of(member)))
        .collect()
}

/// Lets every member learn the system group, and 1, 3 or 5 of them vote.
async fn keep_members(
    group: &Group,
    state: &SystemState,
    health: &BTreeMap<NodeId, Health>,
) -> Result<(), GroupError> {
    let (voters, nodes) = group.members();
    for member in state.members.keys() {
        if !nodes.contains(&member.0) {
            return group.add_learner(member.0, info_of(state, member.0)).await;
        }
    }
    let current: Vec<NodeId> = voters.iter().map(|id| NodeId(*id)).collect();
    let wanted: BTreeSet<u64> = placement::system_voters(health, &current)
        .into_iter()
        .map(|node| node.0)
        .collect();
    let caught_up =
        |node: &u64| voters.contains(node) || group.lag(*node).is_some_and(|lag| lag < 64);
    if wanted != voters && wanted.iter().all(caught_up) {
        return group.change_voters(wanted, true).await;
    }
    let strangers: BTreeSet<u64> = nodes
        .into_iter()
        .filter(|id| !voters.contains(id) && !state.members.contains_key(&NodeId(*id)))
        .collect();
    if strangers.is_empty() {
        return Ok(());
    }
    group.remove_learners(strangers).await
}

/// Ends moves that have been under way for too long, or whose target has fallen silent.
fn given_up(
    shared: &Shared,
    state: &SystemState,
    health: &BTreeMap<NodeId, Health>,
    began: &mut BTreeMap<ShardId, (Move, Instant)>,
) -> Vec<SystemCommand> {
    let deadline = Duration::from_millis(shared.router.limits.move_deadline_ms);
    let now = Instant::now();
    began.retain(|shard, (step, _)| {
        let under_way = state.shards.get(shard).and_then(|one| one.step);
        under_way == Some(*step)
    });
    let mut commands = Vec::new();
    for (shard, assignment) in &state.shards {
        let Some(step) = assignment.step else {
            continue;
        };
        let (_, since) = began.entry(*shard).or_insert((step, now));
        let to = match step {
            Move::AddReplica { node, .. } | Move::TransferLead { to: node, .. } => Some(node),
            Move::RemoveReplica { .. } => None,
        };
        let is_there = |node: NodeId| {
            let health = health.get(&node);
            health.is_some_and(|health| !matches!(health, Health::Silent | Health::Gone))
        };
        let is_silent = to.is_some_and(|node| !is_there(node));
        if is_silent || now.duration_since(*since) > deadline {
            tracing::warn!(move_ = %step, "a move is given up");
            commands.push(SystemCommand::EndMove { step, done: false });
        }
    }
    commands
}

/// The nodes that should lead nothing.
fn wrong_clocks(shared: &Shared) -> Vec<NodeId> {
    let local = shared.router.network.local;
    let own = shared.clock_state.is_wrong().then_some(local);
    let others = shared.router.board.wrong_clocks();
    others.into_iter().chain(own).map(NodeId).collect()
}

/// What is there, as this node knows it.
fn view(shared: &Shared, state: &SystemState, nodes: BTreeMap<NodeId, Health>) -> View {
    let shards = state.shards.iter().map(|(shard, assignment)| ShardView {
        shard: *shard,
        replicas: assignment.replicas.clone(),
        leader: shared.router.leader_of(*shard).map(NodeId),
        moving: assignment.step.is_some(),
        fenced: shared.fenced(*shard).into_iter().map(NodeId).collect(),
        place: assignment.place.clone(),
    });
    View {
        nodes,
        shards: shards.collect(),
        replicas: state.settings.replicas as usize,
        wrong_clocks: wrong_clocks(shared),
    }
}

/// The places that would make replicas and leads even by number and by load.
pub(crate) fn even_by_load(shared: &Shared) -> Vec<(ShardId, Place)> {
    let state = Arc::clone(&shared.router.states.borrow());
    let view = view(shared, &state, health(shared, &state));
    let loads = state.shards.keys();
    let loads = loads.map(|shard| (*shard, status::load(shared, *shard)));
    placement::even_by_load(&view, &loads.collect())
}

/// Forgets what a rebalance asked for and has now.
fn reached(view: &View) -> Option<SystemCommand> {
    let is_reached = |shard: &&ShardView| {
        let place = shard.place.as_ref();
        place.is_some_and(|place| place.wish == Wish::Rebalance && place.is_reached(shard))
    };
    let reached = view.shards.iter().filter(is_reached);
    let forgotten: Vec<_> = reached.map(|shard| (shard.shard, None)).collect();
    (!forgotten.is_empty()).then_some(SystemCommand::Place(forgotten))
}

fn next_moves(shared: &Shared, state: &SystemState, view: &View) -> Vec<SystemCommand> {
    let under_way = state.shards.values().filter(|one| one.step.is_some());
    let free = shared
        .router
        .limits
        .moves_max
        .saturating_sub(under_way.count());
    let all_created = state.shards.values().all(|one| one.created);
    if free == 0 || !all_created {
        return Vec::new();
    }
    placement::next_moves(view, free)
        .into_iter()
        .map(|(step, reason)| SystemCommand::BeginMove { step, reason })
        .collect()
}
