//! Tests of placement: carried out move by move, every start comes to rest evenly spread.

use super::*;

/// The moves without their reasons.
fn next_moves(view: &View, limit: usize) -> Vec<Move> {
    let moves = super::next_moves(view, limit);
    moves.into_iter().map(|(step, _)| step).collect()
}

fn node(id: u64) -> NodeId {
    NodeId(id)
}

fn nodes(ids: &[u64]) -> BTreeMap<NodeId, Health> {
    ids.iter().map(|id| (node(*id), Health::Alive)).collect()
}

fn view(ids: &[u64], shards: u32, replicas: usize) -> View {
    let all: Vec<NodeId> = ids.iter().map(|id| node(*id)).collect();
    let shards = initial(&all, shards, replicas);
    let shards = shards.into_iter().map(|(shard, replicas)| ShardView {
        shard,
        leader: Some(replicas[0]),
        replicas,
        moving: false,
        fenced: Vec::new(),
        place: None,
    });
    View {
        nodes: nodes(ids),
        shards: shards.collect(),
        replicas,
        wrong_clocks: Vec::new(),
    }
}

fn carry_out(view: &mut View, step: Move) {
    let shard = view
        .shards
        .iter_mut()
        .find(|shard| shard.shard == step.shard());
    let shard = shard.unwrap();
    match step {
        Move::AddReplica { node, .. } => {
            assert!(!shard.replicas.contains(&node));
            shard.replicas.push(node);
        }
        Move::RemoveReplica { node, .. } => {
            assert!(shard.replicas.len() > 1);
            shard.replicas.retain(|replica| *replica != node);
            assert_ne!(shard.leader, Some(node), "the lead is handed over first");
        }
        Move::TransferLead { to, .. } => {
            assert!(shard.replicas.contains(&to));
            shard.leader = Some(to);
        }
    }
}

/// Carries moves out, a few at a time, until none is left.
fn settle(view: &mut View) -> usize {
    let mut moves = 0;
    loop {
        let next = next_moves(view, 2);
        if next.is_empty() {
            return moves;
        }
        for step in next {
            carry_out(view, step);
            moves += 1;
        }
        assert!(moves < 2000, "it comes to rest");
    }
}

fn spread(view: &View, of: impl Fn(&ShardView, NodeId) -> bool) -> (usize, usize) {
    let alive = view
        .nodes
        .iter()
        .filter(|(_, health)| **health == Health::Alive);
    let counts: Vec<usize> = alive
        .map(|(node, _)| view.shards.iter().filter(|shard| of(shard, *node)).count())
        .collect();
    (*counts.iter().min().unwrap(), *counts.iter().max().unwrap())
}

fn assert_even(view: &View, replicas: usize) {
    assert!(
        view.shards
            .iter()
            .all(|shard| shard.replicas.len() == replicas)
    );
    let (least, most) = spread(view, |shard, node| shard.replicas.contains(&node));
    assert!(most - least <= 1, "replicas: {least} to {most}");
    let (least, most) = spread(view, |shard, node| shard.leader == Some(node));
    assert!(most - least <= 1, "leads: {least} to {most}");
}

#[test]
fn the_first_placement_is_even_and_needs_no_move() {
    for count in 1..=7 {
        let ids: Vec<u64> = (1..=count).collect();
        let mut view = view(&ids, 16, 3);
        assert_eq!(settle(&mut view), 0, "{count} nodes");
        assert_even(&view, 3.min(count as usize));
    }
}

#[test]
fn a_node_that_joins_takes_its_share() {
    for count in 1..=6 {
        let ids: Vec<u64> = (1..=count).collect();
        let mut view = view(&ids, 16, 3);
        view.nodes.insert(node(99), Health::Alive);
        settle(&mut view);
        assert_even(&view, 3.min(count as usize + 1));
    }
}

#[test]
fn a_node_that_is_gone_is_replaced_and_a_silent_one_waited_for() {
    let mut view = view(&[1, 2, 3, 4], 16, 3);
    view.nodes.insert(node(2), Health::Silent);
    for shard in &mut view.shards {
        if shard.leader == Some(node(2)) {
            let other = shard.replicas.iter().find(|other| **other != node(2));
            shard.leader = other.copied();
        }
    }
    let moves = next_moves(&view, 100);
    let transfers_only = |step: &Move| matches!(step, Move::TransferLead { .. });
    assert!(moves.iter().all(transfers_only), "{moves:?}");
    view.nodes.insert(node(2), Health::Gone);
    settle(&mut view);
    assert_even(&view, 3);
    let held = |shard: &ShardView| shard.replicas.contains(&node(2));
    assert!(!view.shards.iter().any(held));
}

#[test]
fn a_node_that_drains_ends_with_nothing() {
    let mut view = view(&[1, 2, 3, 4, 5], 16, 3);
    view.nodes.insert(node(3), Health::Draining);
    settle(&mut view);
    assert_even(&view, 3);
    let held = |shard: &ShardView| shard.replicas.contains(&node(3));
    assert!(!view.shards.iter().any(held));
}

#[test]
fn a_drain_without_a_spare_hands_leads_over_and_keeps_replicas() {
    let mut view = view(&[1, 2, 3], 6, 3);
    view.nodes.insert(node(1), Health::Draining);
    settle(&mut view);
    let leads = |shard: &ShardView| shard.leader == Some(node(1));
    assert!(!view.shards.iter().any(leads));
    let live = |shard: &ShardView| {
        let live = shard.replicas.iter().filter(|replica| **replica != node(1));
        live.count() == 2
    };
    assert!(view.shards.iter().all(live));
}

#[test]
fn shards_that_move_are_left_alone() {
    let mut view = view(&[1], 4, 3);
    view.nodes.insert(node(2), Health::Alive);
    for shard in &mut view.shards {
        shard.moving = true;
    }
    assert!(next_moves(&view, 100).is_empty());
}

#[test]
fn any_number_of_nodes_that_come_and_go_ends_evenly() {
    let mut state = 7_u64;
    let mut random = |bound: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % bound
    };
    for round in 0..30 {
        let mut view = view(&[1, 2, 3], 16, 3);
        for id in 4..8 + random(4) {
            view.nodes.insert(node(id), Health::Alive);
            for step in next_moves(&view, random(6) as usize) {
                carry_out(&mut view, step);
            }
        }
        view.nodes.insert(node(1 + random(3)), Health::Gone);
        for shard in &mut view.shards {
            let gone = |leader: NodeId| view.nodes[&leader] == Health::Gone;
            if shard.leader.is_some_and(gone) {
                let alive = shard.replicas.iter().find(|node| !gone(**node));
                shard.leader = alive.copied();
            }
        }
        settle(&mut view);
        assert_even(&view, 3);
        assert!(round < 30);
    }
}

#[test]
fn votes_of_the_system_group_are_1_3_or_5_and_stay_where_they_are() {
    let count = |ids: &[u64], voters: &[u64]| {
        let voters: Vec<NodeId> = voters.iter().map(|id| node(*id)).collect();
        system_voters(&nodes(ids), &voters)
    };
    assert_eq!(count(&[1, 2], &[2]), [node(2)]);
    assert_eq!(count(&[1, 2, 3, 4], &[4]), [node(1), node(2), node(4)]);
    assert_eq!(count(&[1, 2, 3, 4, 5, 6], &[6]).len(), 5);
    let mut with_gone = nodes(&[1, 2, 3, 4]);
    with_gone.insert(node(1), Health::Gone);
    let voters = system_voters(&with_gone, &[node(1), node(2), node(3)]);
    assert_eq!(voters, [node(2), node(3), node(4)]);
}

#[test]
fn a_full_node_keeps_its_replicas_and_gives_its_leads_away() {
    let mut view = view(&[1, 2, 3, 4], 16, 3);
    view.nodes.insert(node(1), Health::Full);
    let held = |view: &View| {
        let of_full = view.shards.iter();
        of_full
            .filter(|shard| shard.replicas.contains(&node(1)))
            .count()
    };
    let before = held(&view);
    settle(&mut view);
    assert_eq!(held(&view), before);
    assert!(
        view.shards
            .iter()
            .all(|shard| shard.leader != Some(node(1)))
    );
    // Nobody can take anything: nothing moves.
    for health in view.nodes.values_mut() {
        *health = Health::Full;
    }
    assert_eq!(next_moves(&view, 8), []);
    assert_eq!(
        system_voters(&view.nodes, &[node(1), node(2), node(3)]).len(),
        3
    );
}

#[test]
fn a_replica_that_differs_goes_and_comes_back_when_it_begins_anew() {
    let mut view = view(&[1, 2, 3], 6, 3);
    let shard = view.shards[0].shard;
    let out = node(2);
    let of_shard = |view: &View| {
        let mut steps = next_moves(view, 100);
        steps.retain(|step| step.shard() == shard);
        steps
    };
    view.shards[0].leader = None;
    view.shards[0].fenced = vec![out];
    assert_eq!(of_shard(&view), [], "nobody could take it out");
    view.shards[0].leader = Some(node(1));
    let step = Move::RemoveReplica { shard, node: out };
    assert_eq!(next_moves(&view, 1), [step]);
    carry_out(&mut view, step);
    assert_eq!(of_shard(&view), [], "its old state is still there");
    view.shards[0].fenced.clear();
    assert_eq!(of_shard(&view), [Move::AddReplica { shard, node: out }]);
    settle(&mut view);
    assert_even(&view, 3);
}

#[test]
fn the_last_replica_is_never_taken_out() {
    let mut view = view(&[1], 1, 3);
    view.shards[0].fenced = vec![node(1)];
    assert!(next_moves(&view, 100).is_empty());
}

#[test]
fn a_node_with_a_wrong_clock_ends_without_leads_but_keeps_its_replicas() {
    let mut view = view(&[1, 2, 3, 4], 16, 3);
    view.wrong_clocks = vec![node(3)];
    settle(&mut view);
    let leads = |shard: &ShardView| shard.leader == Some(node(3));
    assert!(!view.shards.iter().any(leads));
    let held = view
        .shards
        .iter()
        .filter(|one| one.replicas.contains(&node(3)));
    assert_eq!(held.count(), 12);
    view.wrong_clocks.clear();
    settle(&mut view);
    assert_even(&view, 3);
}

#[test]
fn a_lead_that_was_asked_for_stays_though_it_is_uneven_and_goes_where_its_node_drains() {
    let mut view = view(&[1, 2, 3], 6, 3);
    for shard in &mut view.shards {
        shard.place = Some(Place {
            leader: Some(node(2)),
            replicas: Vec::new(),
            wish: Wish::Transfer,
        });
    }
    let reasons = super::next_moves(&view, 100);
    assert!(
        reasons
            .iter()
            .all(|(_, reason)| *reason == Reason::Transfer)
    );
    assert_eq!(settle(&mut view), 4);
    let leads = |view: &View| spread(view, |shard, node| shard.leader == Some(node));
    assert_eq!(leads(&view), (0, 6));
    view.nodes.insert(node(2), Health::Draining);
    settle(&mut view);
    assert_eq!(leads(&view), (3, 3), "of the two that are left");
    view.nodes.insert(node(2), Health::Alive);
    settle(&mut view);
    assert_eq!(leads(&view), (0, 6), "what was asked for is not forgotten");
    view.shards.iter_mut().for_each(|shard| shard.place = None);
    settle(&mut view);
    assert_even(&view, 3);
}

/// What the leads, or the replicas, of each node do.
fn load_of(view: &View, loads: &BTreeMap<ShardId, u64>, leads: bool) -> Vec<u64> {
    let has = |shard: &ShardView, node: NodeId| match leads {
        true => shard.leader == Some(node),
        false => shard.replicas.contains(&node),
    };
    let of = |node: NodeId| {
        let held = view.shards.iter().filter(|shard| has(shard, node));
        held.map(|shard| loads[&shard.shard]).sum()
    };
    view.nodes.keys().map(|node| of(*node)).collect()
}

#[test]
fn a_rebalance_makes_load_even_keeps_numbers_even_and_comes_to_rest() {
    let mut state = 11_u64;
    let mut random = |bound: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % bound
    };
    for count in 2..=6 {
        let ids: Vec<u64> = (1..=count).collect();
        let mut view = view(&ids, 24, 3);
        // One node leads and holds what is busy.
        let busy = |shard: &ShardView| shard.leader == Some(node(1));
        let loads: BTreeMap<ShardId, u64> = view
            .shards
            .iter()
            .map(|one| (one.shard, random(100) + if busy(one) { 900 } else { 0 }))
            .collect();
        let spread_of = |view: &View| {
            let leads = load_of(view, &loads, true);
            leads.iter().max().unwrap() - leads.iter().min().unwrap()
        };
        let before = spread_of(&view);
        for (shard, place) in even_by_load(&view, &loads) {
            let mut shards = view.shards.iter_mut();
            let one = shards.find(|one| one.shard == shard).unwrap();
            one.place = Some(place);
        }
        let moves = settle(&mut view);
        assert!(view.shards.iter().all(|one| {
            let place = one.place.as_ref();
            place.is_none_or(|place| place.is_reached(one))
        }));
        view.shards.iter_mut().for_each(|shard| shard.place = None);
        assert_eq!(settle(&mut view), 0, "numbers stayed even");
        assert_even(&view, 3.min(count as usize));
        let after = spread_of(&view);
        println!("{count} nodes, {moves} moves: spread of leads' load {before} to {after}");
        assert!(after * 2 < before, "{count} nodes: {before} to {after}");
        assert_eq!(even_by_load(&view, &loads), [], "{count} nodes");
    }
}

#[test]
fn a_rebalance_without_load_asks_for_nothing() {
    let view = view(&[1, 2, 3, 4], 16, 3);
    assert_eq!(even_by_load(&view, &BTreeMap::new()), []);
    let mut one_sided = view;
    one_sided.nodes.insert(node(4), Health::Silent);
    assert!(even_by_load(&one_sided, &BTreeMap::new()).len() < 16);
    assert_eq!(even_by_load(&View::default(), &BTreeMap::new()), []);
}

#[test]
fn a_place_that_cannot_be_had_has_no_effect() {
    let mut view = view(&[1, 2, 3, 4], 8, 3);
    let stranger = view.shards[0].clone();
    let out = view.nodes.keys().find(|id| !stranger.replicas.contains(id));
    view.shards[0].place = Some(Place {
        leader: out.copied(),
        replicas: vec![node(1), node(9), node(10)],
        wish: Wish::Rebalance,
    });
    assert_eq!(next_moves(&view, 100), []);
}

#[test]
fn a_shard_with_a_silent_replica_gives_no_live_one_away() {
    let mut view = view(&[1, 2, 3], 6, 3);
    view.nodes.insert(node(3), Health::Silent);
    view.nodes.insert(node(4), Health::Alive);
    view.shards[0].leader = Some(node(1));
    for shard in &mut view.shards {
        if shard.leader == Some(node(3)) {
            shard.leader = Some(node(1));
        }
    }
    let moves = next_moves(&view, 100);
    let replicas = moves
        .iter()
        .filter(|step| !matches!(step, Move::TransferLead { .. }));
    assert_eq!(replicas.count(), 0, "{moves:?}");
}

#[test]
fn a_silent_node_that_was_asked_to_drain_is_replaced_at_once() {
    let silent = Signs {
        is_silent: true,
        ..Signs::default()
    };
    assert_eq!(Health::from(silent), Health::Silent);
    let draining = Signs {
        is_draining: true,
        ..silent
    };
    assert_eq!(Health::from(draining), Health::Gone);
    let mut view = view(&[1, 2, 3], 1, 3);
    view.shards[0].leader = Some(node(1));
    view.nodes.insert(node(3), Health::from(draining));
    view.nodes.insert(node(4), Health::Alive);
    let shard = ShardId(0);
    let node = node(4);
    assert_eq!(next_moves(&view, 1), [Move::AddReplica { shard, node }]);
}
