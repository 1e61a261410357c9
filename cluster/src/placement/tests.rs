//! Tests of placement.

use super::*;

fn view(healths: [Health; 3]) -> View {
    let nodes = (1..).map(NodeId).zip(healths).collect();
    let shards = initial(&[NodeId(1), NodeId(2), NodeId(3)], 6, 3);
    let shards = shards.into_iter().map(|(shard, replicas)| ShardView {
        shard,
        leader: replicas.first().copied(),
        replicas,
        moving: false,
    });
    View {
        nodes,
        shards: shards.collect(),
        replicas: 3,
    }
}

#[test]
fn a_silent_node_costs_no_replica() {
    let mut view = view([Health::Alive, Health::Alive, Health::Silent]);
    for shard in &mut view.shards {
        if shard.leader == Some(NodeId(3)) {
            shard.leader = Some(NodeId(1 + u64::from(shard.shard.0 % 2)));
        }
    }
    assert_eq!(next_moves(&view, 10), []);
}

#[test]
fn an_even_cluster_comes_to_rest() {
    assert_eq!(next_moves(&view([Health::Alive; 3]), 10), []);
}
