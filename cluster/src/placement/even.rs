//! Where replicas and leads would be even by load, not only by number: what a rebalance asks for.
//!
//! Before it: the view of the controller, and what each shard was measured to do. After it: places,
//! in the system group's log. Guarantees: numbers stay as even as the planner makes them; what gains
//! little is left where it is, so that a second rebalance under the same load asks for nothing.
//! Leaves to others: measuring, moving.

use std::collections::BTreeMap;

use transport::{NodeId, ShardId};

use super::{Health, Move, Place, Planner, ShardView, View, Wish};

/// Exchanges looked for, at most: a bound that no real cluster reaches.
const EXCHANGES_MAX: usize = 256;

/// An exchange of replicas copies state, so it has to take off this part of a node's mean load.
const REPLICAS_GAIN: u64 = 4;
/// The same for leads, which cost only a hand-over.
const LEADS_GAIN: u64 = 10;

/// What one shard does, by shard; any unit.
type Loads = BTreeMap<ShardId, u64>;

/// The places of the shards that would have to move for replicas and leads to be even by number and
/// by load. Places that were asked for before have no say.
#[must_use]
pub fn even_by_load(view: &View, loads: &BTreeMap<ShardId, u64>) -> Vec<(ShardId, Place)> {
    let mut goal = view.clone();
    goal.shards.iter_mut().for_each(|shard| shard.place = None);
    exchange_replicas(&mut goal, loads);
    even_leads_by_number(&mut goal);
    exchange_leads(&mut goal, loads);
    let pairs = view.shards.iter().zip(goal.shards);
    let changed = pairs.filter_map(|(now, goal)| {
        let mut replicas = goal.replicas;
        replicas.sort_unstable();
        let mut held = now.replicas.clone();
        held.sort_unstable();
        let place = Place {
            leader: goal.leader.filter(|_| goal.leader != now.leader),
            replicas: if replicas == held {
                Vec::new()
            } else {
                replicas
            },
            wish: Wish::Rebalance,
        };
        let moves = place.leader.is_some() || !place.replicas.is_empty();
        moves.then_some((now.shard, place))
    });
    changed.collect()
}

fn alive(view: &View) -> impl Iterator<Item = NodeId> {
    let alive = view
        .nodes
        .iter()
        .filter(|(_, health)| **health == Health::Alive);
    alive.map(|(node, _)| *node)
}

fn even_leads_by_number(goal: &mut View) {
    let mut planner = Planner::new(goal);
    planner.give_leads_away();
    planner.balance_leads();
    let moves = std::mem::take(&mut planner.moves);
    for (step, _) in moves {
        let mut shards = goal.shards.iter_mut();
        if let Move::TransferLead { shard, to } = step
            && let Some(one) = shards.find(|one| one.shard == shard)
        {
            one.leader = Some(to);
        }
    }
}

fn exchange_replicas(goal: &mut View, loads: &Loads) {
    let nodes: Vec<NodeId> = alive(goal).collect();
    // A shard that is not whole is mended first, by the planner.
    let whole = |shard: &ShardView| {
        shard.fenced.is_empty() && shard.replicas.iter().all(|node| nodes.contains(node))
    };
    let held = goal.shards.iter().enumerate().filter(|(_, one)| whole(one));
    let mut held: Vec<(usize, NodeId)> = held
        .flat_map(|(at, one)| one.replicas.iter().map(move |node| (at, *node)))
        .collect();
    for _ in 0..EXCHANGES_MAX {
        let may = |at: usize, to: NodeId| !held.contains(&(at, to));
        let Some(exchange) = best(goal, &nodes, &held, loads, REPLICAS_GAIN, may) else {
            return;
        };
        for (at, from, to) in exchange {
            held.retain(|one| *one != (at, from));
            held.push((at, to));
            let shard = &mut goal.shards[at];
            shard.replicas.retain(|node| *node != from);
            shard.replicas.push(to);
            if shard.leader == Some(from) {
                shard.leader = Some(to);
            }
        }
    }
}

fn exchange_leads(goal: &mut View, loads: &Loads) {
    let mut nodes: Vec<NodeId> = alive(goal).collect();
    nodes.retain(|node| !goal.wrong_clocks.contains(node));
    for _ in 0..EXCHANGES_MAX {
        let led = goal.shards.iter().enumerate();
        let led: Vec<(usize, NodeId)> = led
            .filter_map(|(at, one)| Some((at, one.leader?)))
            .filter(|(_, node)| nodes.contains(node))
            .collect();
        let may = |at: usize, to: NodeId| {
            let shard = &goal.shards[at];
            shard.replicas.contains(&to) && !shard.fenced.contains(&to)
        };
        let Some(exchange) = best(goal, &nodes, &led, loads, LEADS_GAIN, may) else {
            return;
        };
        for (at, _, to) in exchange {
            goal.shards[at].leader = Some(to);
        }
    }
}

/// What goes from where to where: one shard, or one for another.
type Exchange = Vec<(usize, NodeId, NodeId)>;

/// The exchange that makes the two nodes most equal, from the node with the most load to the one with
/// the least with which it gains enough. `held` says who has what.
fn best(
    view: &View,
    nodes: &[NodeId],
    held: &[(usize, NodeId)],
    loads: &Loads,
    gain: u64,
    may: impl Fn(usize, NodeId) -> bool,
) -> Option<Exchange> {
    let load = |at: usize| loads.get(&view.shards[at].shard).copied().unwrap_or(0);
    let of = |node: NodeId| held.iter().filter(move |(_, holder)| *holder == node);
    let sum = |node: NodeId| of(node).map(|(at, _)| load(*at)).sum::<u64>();
    let mut by_load: Vec<(u64, NodeId)> = nodes.iter().map(|node| (sum(*node), *node)).collect();
    by_load.sort_unstable();
    let (most, hot) = by_load.pop()?;
    let mean = (most + by_load.iter().map(|(load, _)| load).sum::<u64>()) / nodes.len() as u64;
    let enough = (mean / gain).max(1);
    by_load.into_iter().find_map(|(least, cold)| {
        let fewer = of(cold).count() < of(hot).count();
        let nothing = fewer.then_some(None).into_iter();
        let back = of(cold).filter(|(at, _)| may(*at, hot));
        let back: Vec<Option<usize>> = back.map(|(at, _)| Some(*at)).chain(nothing).collect();
        let given = of(hot).filter(|(at, _)| may(*at, cold));
        let pairs = given.flat_map(|(at, _)| back.iter().map(|other| (*at, *other)));
        let after = |(at, other): &(usize, Option<usize>)| {
            let (out, back) = (load(*at), other.map_or(0, load));
            // What is lighter than what comes back for it makes the hot node hotter.
            (most + back - out).max(least + out - back.min(least + out))
        };
        let chosen = pairs.min_by_key(|pair| (after(pair), *pair))?;
        (after(&chosen) + enough <= most).then(|| {
            let given = (chosen.0, hot, cold);
            let back = chosen.1.map(|other| (other, cold, hot));
            std::iter::once(given).chain(back).collect()
        })
    })
}
