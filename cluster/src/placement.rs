//! Where replicas and leads belong: a pure function from what is there to the next moves.
//!
//! Before it: the shard map, and who is alive. After it: the controller, one bounded move at a time.
//! Guarantees: no move lowers the number of live replicas below what is wanted and possible; with
//! nothing to improve there is no move, so it comes to rest. Leaves to others: carrying moves out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use transport::{NodeId, ShardId};

mod even;
mod place;
#[cfg(test)]
mod tests;

pub use even::even_by_load;
pub use place::{Place, Reason, Wish};

/// One change of where a shard lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Move {
    /// Learn, catch up, become a voter.
    AddReplica {
        /// The shard.
        shard: ShardId,
        /// The node that takes it.
        node: NodeId,
    },
    /// Leave the group.
    RemoveReplica {
        /// The shard.
        shard: ShardId,
        /// The node that gives it up.
        node: NodeId,
    },
    /// Hand the lead over.
    TransferLead {
        /// The shard.
        shard: ShardId,
        /// The node that should lead.
        to: NodeId,
    },
}

impl Move {
    /// The shard that it changes.
    #[must_use]
    pub const fn shard(self) -> ShardId {
        match self {
            Move::AddReplica { shard, .. }
            | Move::RemoveReplica { shard, .. }
            | Move::TransferLead { shard, .. } => shard,
        }
    }
}

impl std::fmt::Display for Move {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Move::AddReplica { shard, node } => write!(out, "add shard {shard} on node {node}"),
            Move::RemoveReplica { shard, node } => {
                write!(out, "remove shard {shard} from node {node}")
            }
            Move::TransferLead { shard, to } => {
                write!(out, "hand the lead of shard {shard} to node {to}")
            }
        }
    }
}

/// Whether a node can take work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It can.
    Alive,
    /// Its disk is full: it keeps its replicas, gets no more, and hands its leads over.
    Full,
    /// It hands its work over.
    Draining,
    /// Silent, but not for long enough to be replaced: nothing moves to it, nothing from it.
    Silent,
    /// Silent for so long that its replicas are made elsewhere; at once where it was asked to drain.
    Gone,
}

/// What is heard of a node, and what was asked of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signs {
    /// It was not heard for a while.
    pub is_silent: bool,
    /// It was not heard for so long that it is replaced.
    pub is_given_up: bool,
    /// It was asked to drain.
    pub is_draining: bool,
    /// Its disk is full.
    pub is_full: bool,
}

impl From<Signs> for Health {
    fn from(signs: Signs) -> Health {
        match signs {
            Signs {
                is_given_up: true, ..
            }
            | Signs {
                is_silent: true,
                is_draining: true,
                ..
            } => Health::Gone,
            Signs {
                is_silent: true, ..
            } => Health::Silent,
            Signs {
                is_draining: true, ..
            } => Health::Draining,
            Signs { is_full: true, .. } => Health::Full,
            _ => Health::Alive,
        }
    }
}

impl Health {
    /// Whether what the node holds counts, now and later.
    const fn stays(self) -> bool {
        matches!(self, Health::Alive | Health::Full | Health::Silent)
    }
}

/// One shard as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardView {
    /// The shard.
    pub shard: ShardId,
    /// The nodes that hold it.
    pub replicas: Vec<NodeId>,
    /// Who leads it, where somebody does.
    pub leader: Option<NodeId>,
    /// Whether a move of it is under way.
    pub moving: bool,
    /// Nodes whose replica was found to differ from the majority's and has stopped.
    pub fenced: Vec<NodeId>,
    /// Where it was asked to be.
    pub place: Option<Place>,
}

impl ShardView {
    fn is_asked(&self, node: NodeId) -> bool {
        let place = self.place.as_ref();
        place.is_some_and(|place| place.replicas.contains(&node))
    }
}

/// What the controller knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// All members.
    pub nodes: BTreeMap<NodeId, Health>,
    /// All shards.
    pub shards: Vec<ShardView>,
    /// Replicas that a shard has where there are enough nodes.
    pub replicas: usize,
    /// Nodes that should lead nothing, because their clock is wrong.
    pub wrong_clocks: Vec<NodeId>,
}

/// Where shards are made first: leads and replicas in turn over `nodes`. The first node of each is
/// to lead it. Empty without nodes.
#[must_use]
pub fn initial(nodes: &[NodeId], shard_count: u32, replicas: usize) -> Vec<(ShardId, Vec<NodeId>)> {
    if nodes.is_empty() {
        return Vec::new();
    }
    let wanted = replicas.clamp(1, nodes.len());
    // What each will lead counts from the start, so that followers even it out.
    let mut held = vec![0_usize; nodes.len()];
    (0..shard_count as usize).for_each(|shard| held[shard % nodes.len()] += 1);
    (0..shard_count)
        .map(|shard| {
            let turn = shard as usize % nodes.len();
            // Followers are the nodes that hold least; among equals those after the leader, so that
            // the leads of a lost node spread.
            let mut others: Vec<usize> = (0..nodes.len()).filter(|at| *at != turn).collect();
            others.sort_by_key(|at| (held[*at], (at + nodes.len() - turn) % nodes.len()));
            let mut chosen = vec![nodes[turn]];
            for at in others.into_iter().take(wanted - 1) {
                held[at] += 1;
                chosen.push(nodes[at]);
            }
            (ShardId(shard), chosen)
        })
        .collect()
}

/// Which members vote in the system group: 1, 3 or 5 of those alive, the lowest ids that vote
/// already first, so that votes move as little as possible.
#[must_use]
pub fn system_voters(nodes: &BTreeMap<NodeId, Health>, voters: &[NodeId]) -> Vec<NodeId> {
    let usable = |node: &NodeId| nodes.get(node).is_some_and(|health| health.stays());
    let mut chosen: Vec<NodeId> = voters.iter().copied().filter(usable).collect();
    chosen.sort_unstable();
    chosen.dedup();
    let alive = nodes.iter().filter(|(_, health)| **health == Health::Alive);
    for (node, _) in alive {
        if !chosen.contains(node) {
            chosen.push(*node);
        }
    }
    let size = match chosen.len() {
        0..=2 => 1,
        3..=4 => 3,
        _ => 5,
    };
    chosen.truncate(size);
    chosen.sort_unstable();
    chosen
}

/// The next moves with the reason of each, at most `limit`, one for a shard, most urgent first:
/// replicas that differ from the majority's go (and come back by the next step), missing replicas,
/// replicas on nodes that leave, too many replicas, replicas that were asked for, uneven replicas,
/// leads that must go, leads that were asked for, uneven leads.
#[must_use]
pub fn next_moves(view: &View, limit: usize) -> Vec<(Move, Reason)> {
    let mut planner = Planner::new(view);
    planner.take_out_fenced();
    planner.repair();
    planner.trim();
    planner.place_replicas();
    planner.balance_replicas();
    planner.give_leads_away();
    planner.place_leads();
    planner.balance_leads();
    planner.moves.truncate(limit);
    planner.moves
}

struct Planner<'v> {
    view: &'v View,
    /// Replicas and leads by node that can take work, as they will be after the chosen moves.
    replicas: BTreeMap<NodeId, usize>,
    leads: BTreeMap<NodeId, usize>,
    moves: Vec<(Move, Reason)>,
}

impl<'v> Planner<'v> {
    fn new(view: &'v View) -> Planner<'v> {
        let alive = |health: &Health| *health == Health::Alive;
        let nodes = view.nodes.iter().filter(|(_, health)| alive(health));
        let replicas: BTreeMap<NodeId, usize> = nodes.map(|(node, _)| (*node, 0)).collect();
        let mut leads = replicas.clone();
        leads.retain(|node, _| !view.wrong_clocks.contains(node));
        let mut planner = Planner {
            view,
            leads,
            replicas,
            moves: Vec::new(),
        };
        for shard in &view.shards {
            for node in &shard.replicas {
                if let Some(count) = planner.replicas.get_mut(node) {
                    *count += 1;
                }
            }
            if let Some(count) = shard.leader.and_then(|node| planner.leads.get_mut(&node)) {
                *count += 1;
            }
        }
        planner
    }

    /// Replicas that a shard is to have. A silent node counts: what it holds is neither missing nor
    /// too much, or a short absence would cost a live replica.
    fn wanted(&self) -> usize {
        let nodes = self.view.nodes.values().filter(|health| health.stays());
        let nodes = nodes.count();
        self.view.replicas.clamp(1, nodes.max(1))
    }

    fn health(&self, node: NodeId) -> Health {
        self.view.nodes.get(&node).copied().unwrap_or(Health::Gone)
    }

    /// Shards that nothing was decided for yet.
    fn free(&self) -> impl Iterator<Item = &'v ShardView> + use<'v> {
        let taken: Vec<ShardId> = self.moves.iter().map(|(step, _)| step.shard()).collect();
        let view: &'v View = self.view;
        view.shards
            .iter()
            .filter(move |shard| !shard.moving && !taken.contains(&shard.shard))
    }

    /// Replicas that count: on nodes that stay.
    fn staying(&self, shard: &ShardView) -> usize {
        let stays = |node: &&NodeId| self.health(**node).stays();
        shard.replicas.iter().filter(stays).count()
    }

    /// The node that should take `shard`, of those that do not hold it: one that was asked for, else
    /// the one with the fewest replicas.
    fn spare(&self, shard: &ShardView) -> Option<NodeId> {
        let candidates = self
            .replicas
            .iter()
            .filter(|(node, _)| !shard.replicas.contains(node) && !shard.fenced.contains(node));
        candidates
            .min_by_key(|(node, count)| (!shard.is_asked(**node), **count, **node))
            .map(|(node, _)| *node)
    }

    /// The nodes that are to hold `shard`, where that was asked for and all of them can.
    fn asked_replicas(&self, shard: &'v ShardView) -> Option<&'v [NodeId]> {
        let asked = &shard.place.as_ref()?.replicas;
        let can = |node: &NodeId| self.replicas.contains_key(node) && !shard.fenced.contains(node);
        (!asked.is_empty() && asked.len() <= self.wanted() && asked.iter().all(can))
            .then_some(asked.as_slice())
    }

    /// The node that is to lead `shard`, where that was asked for and it can.
    fn asked_leader(&self, shard: &ShardView) -> Option<NodeId> {
        let node = shard.place.as_ref()?.leader?;
        let can = self.leads.contains_key(&node)
            && shard.replicas.contains(&node)
            && !shard.fenced.contains(&node);
        can.then_some(node)
    }

    fn add(&mut self, shard: &ShardView, node: NodeId, reason: Reason) {
        *self.replicas.entry(node).or_default() += 1;
        let shard = shard.shard;
        self.moves.push((Move::AddReplica { shard, node }, reason));
    }

    fn take_out(&mut self, shard: &ShardView, node: NodeId, reason: Reason) {
        if let Some(count) = self.replicas.get_mut(&node) {
            *count = count.saturating_sub(1);
        }
        let shard = shard.shard;
        self.moves
            .push((Move::RemoveReplica { shard, node }, reason));
    }

    /// A replica that has stopped counts for nothing, and only one that left its group may begin
    /// anew.
    fn take_out_fenced(&mut self) {
        for shard in self.free().collect::<Vec<_>>() {
            let is_out = |node: &&NodeId| shard.fenced.contains(*node);
            let Some(node) = shard.replicas.iter().find(is_out).copied() else {
                continue;
            };
            let is_led = shard.leader.is_some_and(|leader| leader != node);
            if is_led && shard.replicas.len() > 1 {
                self.take_out(shard, node, Reason::Differs);
            }
        }
    }

    fn repair(&mut self) {
        for shard in self.free().collect::<Vec<_>>() {
            if self.staying(shard) >= self.wanted() {
                continue;
            }
            if let Some(node) = self.spare(shard) {
                self.add(shard, node, Reason::Missing);
            }
        }
    }

    /// Takes replicas away where there are enough without them: from nodes that are gone, from
    /// nodes that drain, then from the fullest.
    fn trim(&mut self) {
        for shard in self.free().collect::<Vec<_>>() {
            let staying = self.staying(shard);
            let leaving =
                |node: &&NodeId| matches!(self.health(**node), Health::Draining | Health::Gone);
            let (out, reason) = match shard.replicas.iter().find(leaving) {
                Some(node) if staying >= self.wanted() => (Some(*node), Reason::Leaves),
                Some(_) => continue,
                None if staying > self.wanted() => (self.fullest(shard), Reason::Surplus),
                None => continue,
            };
            let Some(node) = out else { continue };
            match self.successor(shard, node) {
                Some(to) if shard.leader == Some(node) => self.transfer(shard, to, reason),
                _ => self.take_out(shard, node, reason),
            }
        }
    }

    /// The replica that is best given up: none that was asked for, on the node with the most, the
    /// leader last.
    fn fullest(&self, shard: &ShardView) -> Option<NodeId> {
        let count = |node: &NodeId| self.replicas.get(node).copied().unwrap_or(usize::MAX);
        let alive = shard
            .replicas
            .iter()
            .filter(|node| self.health(**node) == Health::Alive);
        alive
            .max_by_key(|node| {
                let is_free = !shard.is_asked(**node);
                (is_free, count(node), shard.leader != Some(**node), **node)
            })
            .copied()
    }

    /// The live replica other than `from` that was asked to lead, else the one with the fewest leads.
    fn successor(&self, shard: &ShardView, from: NodeId) -> Option<NodeId> {
        let others = shard
            .replicas
            .iter()
            .filter(|node| **node != from && !shard.fenced.contains(node));
        let asked = self.asked_leader(shard);
        others
            .filter_map(|node| Some((asked != Some(*node), *self.leads.get(node)?, *node)))
            .min()
            .map(|(_, _, node)| node)
    }

    fn transfer(&mut self, shard: &ShardView, to: NodeId, reason: Reason) {
        if let Some(count) = shard.leader.and_then(|from| self.leads.get_mut(&from)) {
            *count = count.saturating_sub(1);
        }
        *self.leads.entry(to).or_default() += 1;
        let shard = shard.shard;
        self.moves.push((Move::TransferLead { shard, to }, reason));
    }

    /// Adds a replica where one was asked for; the one that it replaces is trimmed by a later round.
    fn place_replicas(&mut self) {
        for shard in self.free().collect::<Vec<_>>() {
            let Some(asked) = self.asked_replicas(shard) else {
                continue;
            };
            let missing = asked.iter().find(|node| !shard.replicas.contains(node));
            if let Some(node) = missing.filter(|_| shard.replicas.len() <= self.wanted()) {
                self.add(shard, *node, Reason::Rebalance);
            }
        }
    }

    /// Adds a replica on the emptiest node where the fullest has at least two more; the surplus is
    /// trimmed by a later round.
    fn balance_replicas(&mut self) {
        for shard in self.free().collect::<Vec<_>>() {
            // A shard with a silent replica has none to spare.
            let silent = |node: &NodeId| self.health(*node) == Health::Silent;
            if self.asked_replicas(shard).is_some() || shard.replicas.iter().any(silent) {
                continue;
            }
            let Some(node) = self.spare(shard) else {
                continue;
            };
            let Some(full) = self.fullest(shard) else {
                continue;
            };
            let count = |node: NodeId| self.replicas.get(&node).copied().unwrap_or(0);
            if shard.replicas.len() <= self.wanted() && count(full) >= count(node) + 2 {
                if let Some(surplus) = self.replicas.get_mut(&full) {
                    *surplus -= 1;
                }
                self.add(shard, node, Reason::Uneven);
            }
        }
    }

    /// Leads of nodes that can hold them no longer.
    fn give_leads_away(&mut self) {
        for shard in self.free().collect::<Vec<_>>() {
            let Some(leader) = shard.leader else { continue };
            let reason = match self.health(leader) {
                Health::Draining => Reason::Leaves,
                Health::Full => Reason::Full,
                _ if self.view.wrong_clocks.contains(&leader) => Reason::WrongClock,
                _ => continue,
            };
            if let Some(to) = self.successor(shard, leader) {
                self.transfer(shard, to, reason);
            }
        }
    }

    /// Leads that were asked for.
    fn place_leads(&mut self) {
        for shard in self.free().collect::<Vec<_>>() {
            let asked = self.asked_leader(shard);
            let Some((to, leader)) = asked.zip(shard.leader) else {
                continue;
            };
            if to != leader {
                let wish = shard.place.as_ref().map(|place| place.wish);
                self.transfer(shard, to, wish.map_or(Reason::Uneven, Reason::from));
            }
        }
    }

    fn balance_leads(&mut self) {
        while let Some(path) = self.uneven_path() {
            for (shard, to) in path {
                self.transfer(shard, to, Reason::Uneven);
            }
        }
    }

    /// Hand-overs after which a node with too many leads has one less, one with at least two fewer
    /// has one more, and those in between keep their number.
    fn uneven_path(&self) -> Option<Vec<(&'v ShardView, NodeId)>> {
        let mut nodes: Vec<(NodeId, usize)> = self
            .leads
            .iter()
            .map(|(node, count)| (*node, *count))
            .collect();
        nodes.sort_by_key(|(node, count)| (std::cmp::Reverse(*count), *node));
        // Leads that were asked for stay, so that the fullest may have none to give.
        let free = self
            .free()
            .filter(|shard| self.asked_leader(shard).is_none());
        let free: Vec<&'v ShardView> = free.collect();
        nodes
            .into_iter()
            .find_map(|(full, most)| self.path_from(full, most, &free))
    }

    /// Breadth first from a node with `most` leads.
    fn path_from(
        &self,
        full: NodeId,
        most: usize,
        free: &[&'v ShardView],
    ) -> Option<Vec<(&'v ShardView, NodeId)>> {
        let mut reached: BTreeMap<NodeId, (NodeId, &'v ShardView)> = BTreeMap::new();
        let mut front = std::collections::VecDeque::from([full]);
        while let Some(from) = front.pop_front() {
            let led = free.iter().filter(|shard| shard.leader == Some(from));
            for shard in led {
                for to in &shard.replicas {
                    let alive = self.leads.contains_key(to) && !shard.fenced.contains(to);
                    if !alive || *to == full || reached.contains_key(to) {
                        continue;
                    }
                    reached.insert(*to, (from, shard));
                    if self.leads[to] + 2 <= most {
                        return Some(path_to(*to, full, &reached));
                    }
                    front.push_back(*to);
                }
            }
        }
        None
    }
}

/// The hand-overs along which `end` was reached, the last first: so nobody has more in between.
fn path_to<'v>(
    end: NodeId,
    start: NodeId,
    reached: &BTreeMap<NodeId, (NodeId, &'v ShardView)>,
) -> Vec<(&'v ShardView, NodeId)> {
    let mut path = Vec::new();
    let mut to = end;
    while to != start {
        let (from, shard) = reached[&to];
        path.push((shard, to));
        to = from;
    }
    path
}
