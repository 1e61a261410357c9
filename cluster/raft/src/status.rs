//! The cluster as one node knows it: members, shards, moves. The shard map, this node's replicas and
//! the reports of the others come before it; the door, for people, after it. Guarantees: an answer
//! without asking anybody, so that it comes also where others are down. Left to others: showing it.

use std::sync::Arc;
use std::time::Duration;

use cluster::StateHash;
use cluster::placement::{Move, Place, Reason};
use cluster::system::{Member, ShardAssignment};
use transport::{ClusterId, Incarnation, ShardId};

use crate::local::Shared;
use crate::network::wire::Lived;
use crate::router::group_of;
use crate::supervisor::agreed;
use crate::types::NodeId;

/// One replica, as this node knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardStatus {
    /// The shard.
    pub shard: ShardId,
    /// Which life of it.
    pub incarnation: Incarnation,
    /// Who leads it.
    pub leader: Option<NodeId>,
    /// The nodes that hold it.
    pub replicas: Vec<NodeId>,
    /// Units applied: here where a replica is here, else as its leader reported.
    pub applied: u64,
    /// The hash of the state now where a replica is here, else of the leader's last checkpoint.
    pub state_hash: Option<StateHash>,
    /// The unit of the last checkpoint that the replicas gave a verdict on, and what the majority
    /// said there; no hash where there was no majority, and the shard has stopped.
    pub agreed: Option<(u64, Option<StateHash>)>,
    /// Nodes whose replica was found to differ and does not take part until it begins anew.
    pub fenced: Vec<NodeId>,
    /// Messages and other commands that it took in a second, lately.
    pub load: u64,
    /// The move of it that is under way.
    pub moving: Option<Moving>,
    /// Where it was asked to be.
    pub place: Option<Place>,
    /// Replicas that catch up.
    pub behind: Vec<Behind>,
}

/// Units behind its leader from which on a replica is said to catch up: more than what reports of two nodes, half
/// a second apart, differ by under load.
const BEHIND_UNITS: u64 = 2_000;

/// A replica that catches up with its leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    /// The node that holds it.
    pub node: NodeId,
    /// Units that it has not applied yet, of what its leader has.
    pub units: u64,
    /// Bytes that came so far of a snapshot that it is being sent.
    pub snapshot_bytes: Option<u64>,
}

/// A move under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moving {
    /// The move.
    pub step: Move,
    /// Why it is made; none where its decision is not known here yet.
    pub reason: Option<Reason>,
    /// How much of the log a replica that is added has, of 100, as it reported last.
    pub percent: Option<u64>,
}

/// One member, as this node knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStatus {
    /// The member.
    pub member: Member,
    /// How long it has been silent; zero for this node.
    pub silence: Duration,
    /// Whether it counts as silent.
    pub is_silent: bool,
    /// Whether it found that its clock is not that of the others, and leads nothing.
    pub has_wrong_clock: bool,
    /// How far its clock is ahead of the median of the nodes, in milliseconds; none where that was
    /// not heard lately.
    pub clock_ahead_ms: Option<i64>,
    /// Shards that it leads.
    pub leads: u32,
    /// Shards of which it holds a replica.
    pub replicas: u32,
    /// Messages and other commands that the shards took in a second that it leads.
    pub load: u64,
}

/// One replica, as it was heard last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplicaStatus {
    /// The node that holds it.
    pub node: NodeId,
    /// How long that node has been silent; zero for this one.
    pub silence: Duration,
    /// Whether it counts as silent.
    pub is_silent: bool,
    /// Whether it was found to differ and does not take part.
    pub is_fenced: bool,
    /// Units applied, all of them committed; none where it was never heard.
    pub applied: Option<u64>,
    /// Units that its log holds, whether committed or not.
    pub held: Option<u64>,
}

/// The cluster, as this node knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// This node.
    pub local: NodeId,
    /// The cluster.
    pub cluster: Option<ClusterId>,
    /// All members.
    pub nodes: Vec<NodeStatus>,
    /// All shards.
    pub shards: Vec<ShardStatus>,
}

/// All of it.
pub(crate) async fn of(shared: &Shared) -> Status {
    let state = Arc::clone(&shared.router.states.borrow());
    let mut shards = Vec::with_capacity(state.shards.len());
    for (shard, assignment) in &state.shards {
        shards.push(shard_status(shared, *shard, assignment).await);
    }
    let nodes = state.members.values();
    let nodes = nodes.map(|member| node_status(shared, member, &shards));
    Status {
        local: shared.router.network.local,
        cluster: state.cluster,
        nodes: nodes.collect(),
        shards,
    }
}

async fn shard_status(
    shared: &Shared,
    shard: ShardId,
    assignment: &ShardAssignment,
) -> ShardStatus {
    let router = &shared.router;
    let leader = router.leader_of(shard);
    let known = match router.local(shard) {
        Some(local) => local.state_hash().await.ok(),
        None => None,
    };
    let reported = || {
        let reports = router.board.reports();
        let of_leader = reports.iter().find(|report| Some(report.node) == leader)?;
        let one = of_leader.shards.iter().find(|one| one.shard == shard)?;
        Some((one.applied, one.checkpoint.map(|(_, hash)| hash)))
    };
    let (applied, state_hash) = match known {
        Some((applied, hash)) => (applied, Some(hash)),
        None => reported().unwrap_or((0, None)),
    };
    let own = router
        .local(shard)
        .map(|local| agreed(&local.standing.agreement()));
    let reports = router.board.reports();
    let verdicts = reports.iter().flat_map(|report| &report.shards);
    let verdicts = verdicts.filter(|one| one.shard == shard);
    let last = |one: &(u64, Option<StateHash>)| (one.0, one.1.is_some());
    let agreed = verdicts
        .map(|one| one.agreed)
        .chain(own)
        .flatten()
        .max_by_key(last);
    ShardStatus {
        shard,
        incarnation: assignment.incarnation,
        leader,
        replicas: assignment.replicas.iter().map(|node| node.0).collect(),
        applied,
        state_hash,
        agreed,
        fenced: shared.fenced(shard),
        load: load(shared, shard),
        moving: assignment.step.map(|step| Moving {
            step,
            reason: assignment.reason,
            percent: percent(shared, step),
        }),
        place: assignment.place.clone(),
        behind: behind(shared, shard, assignment),
    }
}

/// The replicas that catch up, by what nodes reported last.
fn behind(shared: &Shared, shard: ShardId, assignment: &ShardAssignment) -> Vec<Behind> {
    let router = &shared.router;
    let Some(most) = router
        .leader_of(shard)
        .and_then(|leader| applied(shared, leader, shard))
    else {
        return Vec::new();
    };
    let of = |node: &transport::NodeId| {
        let node = node.0;
        if !router.is_heard(node) {
            return None;
        }
        let units = most.saturating_sub(applied(shared, node, shard).unwrap_or(0));
        let snapshot_bytes = match (node == router.network.local, router.local(shard)) {
            (true, Some(local)) => {
                let group = Lived::new(group_of(shard), local.life);
                router.network.receiving(group)
            }
            _ => router.board.receiving(node, shard),
        };
        let is_behind = units > BEHIND_UNITS || snapshot_bytes.is_some();
        is_behind.then_some(Behind {
            node,
            units,
            snapshot_bytes,
        })
    };
    assignment.replicas.iter().filter_map(of).collect()
}

/// Units of a shard that a node has applied, where that is known.
fn applied(shared: &Shared, node: NodeId, shard: ShardId) -> Option<u64> {
    let router = &shared.router;
    match node == router.network.local {
        true => router.local(shard).map(|local| local.group.applied()),
        false => router.board.extent(node, shard).map(|(applied, _)| applied),
    }
}

fn node_status(shared: &Shared, member: &Member, shards: &[ShardStatus]) -> NodeStatus {
    let node = member.id.0;
    let local = shared.router.network.local;
    let silence = match node == local {
        true => Duration::ZERO,
        false => shared.router.board.silence(node),
    };
    let limit = Duration::from_millis(shared.router.limits.silent_ms);
    let led = || shards.iter().filter(|shard| shard.leader == Some(node));
    let replicas = shards.iter().filter(|shard| shard.replicas.contains(&node));
    let (ahead, has_wrong_clock) = match node == local {
        true => (
            shared.time.ahead().map(|(ahead, _)| ahead),
            shared.clock_state.is_wrong(),
        ),
        false => (
            shared.time.ahead_of(node),
            shared.router.board.wrong_clocks().contains(&node),
        ),
    };
    NodeStatus {
        member: member.clone(),
        silence,
        is_silent: silence > limit,
        has_wrong_clock,
        clock_ahead_ms: ahead.map(|ahead| (ahead / 1_000_000) as i64),
        leads: led().count() as u32,
        replicas: replicas.count() as u32,
        load: led().map(|shard| shard.load).sum(),
    }
}

/// The replicas of a shard.
pub(crate) fn replicas(shared: &Shared, shard: ShardId) -> Vec<ReplicaStatus> {
    let router = &shared.router;
    let state = router.states.borrow();
    let fenced = shared.fenced(shard);
    let local = router.network.local;
    let of = |node: &transport::NodeId| {
        let node = node.0;
        let known = match node == local {
            true => router
                .local(shard)
                .map(|local| (local.group.applied(), local.group.held())),
            false => router.board.extent(node, shard),
        };
        ReplicaStatus {
            node,
            silence: match node == local {
                true => Duration::ZERO,
                false => router.board.silence(node),
            },
            is_silent: !router.is_heard(node),
            is_fenced: fenced.contains(&node),
            applied: known.map(|(applied, _)| applied),
            held: known.map(|(_, held)| held),
        }
    };
    let assignment = state.shards.get(&shard);
    assignment.map_or_else(Vec::new, |one| one.replicas.iter().map(of).collect())
}

/// What a shard took in a second, by its leader's measure.
pub(crate) fn load(shared: &Shared, shard: ShardId) -> u64 {
    let router = &shared.router;
    match router.local(shard).filter(|local| local.group.leads()) {
        Some(local) => local.load.per_second(),
        None => router.board.load_of(shard),
    }
}

/// How far a replica is that is added: what it reported as applied, of what its leader did.
fn percent(shared: &Shared, step: Move) -> Option<u64> {
    let Move::AddReplica { shard, node } = step else {
        return None;
    };
    let leader = shared.router.leader_of(shard)?;
    let (own, leaders) = (
        applied(shared, node.0, shard)?,
        applied(shared, leader, shard)?,
    );
    Some((own * 100).checked_div(leaders)?.min(100))
}
