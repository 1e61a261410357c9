//! A disk that gets full while its node leads: the leads go to nodes with room, and come back.
#![allow(clippy::unwrap_used)]

mod common;

use cluster_raft::Groups;
use common::{Machine, eventually, start_all, write};
use transport::ShardId;
use transport_memory::MemoryNetwork;

const SHARDS: u32 = 6;

fn leads(node: &Groups) -> usize {
    let led = (0..SHARDS).filter(|shard| node.leads(ShardId(*shard)));
    led.count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_whose_disk_gets_full_hands_its_leads_over() {
    let network = MemoryNetwork::default();
    let machines: Vec<Machine> = (1..=3).map(|label| Machine::new(&network, label)).collect();
    let nodes = start_all(&machines, SHARDS).await;
    eventually("every node leads", || async {
        nodes.iter().all(|node| leads(node) > 0)
    })
    .await;
    assert_eq!(nodes[0].shortage(), None);
    // Less is free than the reserve of 64 MiB.
    machines[0].resize_log_disk(40 << 20);
    eventually("the full node leads nothing", || async {
        nodes[0].shortage().is_some() && leads(&nodes[0]) == 0
    })
    .await;
    for number in 0..30 {
        write(&nodes[number as usize % 3], number as u32 % SHARDS, number).await;
    }
    assert_eq!(leads(&nodes[0]), 0);
    machines[0].resize_log_disk(1 << 30);
    eventually("leads come back", || async {
        nodes[0].shortage().is_none() && leads(&nodes[0]) > 0
    })
    .await;
}
