//! Three nodes in one process: they find each other, replicate, survive the loss of a leader, hand
//! leads over, and take a replica back that missed more than the log still has.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use cluster_raft::bootstrap::Discovery;
use cluster_raft::disk::{Disk, Fill};
use cluster_raft::{Groups, StartError};
use common::{Machine, PATIENCE, agree, config, eventually, start_all, start_with, write};
use transport::ShardId;
use transport_memory::MemoryNetwork;

const SHARDS: u32 = 4;

fn machines(network: &MemoryNetwork, count: u64) -> Vec<Machine> {
    (1..=count)
        .map(|label| Machine::new(network, label))
        .collect()
}

fn leader<'a>(nodes: &[&'a Groups], shard: ShardId) -> Option<&'a Groups> {
    nodes.iter().find(|node| node.leads(shard)).copied()
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_start_at_different_times_find_each_other() {
    let network = MemoryNetwork::default();
    let machines = machines(&network, 3);
    let first = machines[0].start(config(1, Discovery::Expect(3), SHARDS));
    let second = machines[1].start(config(2, Discovery::Expect(3), SHARDS));
    let mut early = std::pin::pin!(async { tokio::join!(first, second) });
    let waited = tokio::time::timeout(Duration::from_millis(800), &mut early).await;
    assert!(waited.is_err(), "two of three do not begin a cluster");
    let third = machines[2].start(config(3, Discovery::Expect(3), SHARDS));
    let ((first, second), third) = tokio::join!(early, third);
    let nodes = [first.unwrap(), second.unwrap(), third.unwrap()];
    for node in &nodes {
        assert!(node.wait_ready(PATIENCE).await);
        assert_eq!(node.cluster(), nodes[0].cluster());
        assert!(node.cluster().is_some());
    }
    for shard in 0..SHARDS {
        write(&nodes[shard as usize % 3], shard, 1).await;
    }
    agree(&[&nodes[0], &nodes[1], &nodes[2]]).await;
    let status = nodes[1].status().await;
    assert!(status.shards.iter().all(|shard| shard.replicas.len() == 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_leader_is_replaced_and_comes_back_with_the_same_state() {
    let network = MemoryNetwork::default();
    let mut machines = machines(&network, 3);
    let mut nodes = start_all(&machines, SHARDS).await;
    for number in 0..100 {
        write(&nodes[0], number as u32 % SHARDS, number).await;
    }
    let shard = ShardId(2);
    let lost = nodes.iter().position(|node| node.leads(shard)).unwrap();
    let gone = nodes.remove(lost);
    machines[lost].crash(gone, 11);
    let waits = [
        write(&nodes[0], 2, 500).await,
        write(&nodes[1], 2, 501).await,
    ];
    println!("the first writes after the loss took {waits:?}");
    for number in 0..100 {
        write(
            &nodes[number as usize % 2],
            number as u32 % SHARDS,
            600 + number,
        )
        .await;
    }
    machines[lost].reconnect();
    let label = machines[lost].label.0;
    let back = machines[lost]
        .start(config(label, Discovery::Expect(3), SHARDS))
        .await
        .unwrap();
    assert!(back.wait_ready(PATIENCE).await);
    for number in 0..20 {
        write(&back, number as u32 % SHARDS, 900 + number).await;
    }
    agree(&[&nodes[0], &nodes[1], &back]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_hears_nobody_is_replaced_although_the_others_hear_it() {
    let network = MemoryNetwork::default();
    let machines = machines(&network, 3);
    let nodes = start_all(&machines, SHARDS).await;
    write(&nodes[0], 2, 1).await;
    let leads = || nodes.iter().position(|node| node.leads(ShardId(2)));
    eventually("a node leads", || async { leads().is_some() }).await;
    let deaf = leads().unwrap_or(0);
    let others = [1, 2].map(|next| (deaf + next) % 3);
    let ways = others.map(|other| (machines[other].label, machines[deaf].label));
    network.block(&ways);
    let others = others.map(|other| &nodes[other]);
    for shard in 0..SHARDS {
        eventually("one of the others leads", || async {
            leader(&others, ShardId(shard)).is_some()
        })
        .await;
        let wait = write(others[0], shard, 2).await;
        println!("a write beside a deaf node took {wait:?}");
    }
    network.block(&[]);
    write(&nodes[deaf], 2, 3).await;
    agree(&[&nodes[0], &nodes[1], &nodes[2]]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_leaves_a_leader_that_was_replaced() {
    let network = MemoryNetwork::default();
    let machines = machines(&network, 3);
    let patient = |label| {
        let mut config = config(label, Discovery::Expect(3), SHARDS);
        // Who waits for the leader that is lost waits longer than this test.
        config.cluster_limits.first_try_ms = 600_000;
        config.cluster_limits.request_ms = 600_000;
        config
    };
    let nodes = start_with(&machines, patient).await;
    let leads = || nodes.iter().position(|node| node.leads(ShardId(2)));
    eventually("a node leads", || async { leads().is_some() }).await;
    let mute = leads().unwrap_or(0);
    let others = [1, 2].map(|next| (mute + next) % 3);
    network.block(&others.map(|other| (machines[mute].label, machines[other].label)));
    for other in others {
        let wait = write(&nodes[other], 2, other as u64).await;
        println!("a write beside a mute leader took {wait:?}");
    }
    network.block(&[]);
    agree(&[&nodes[0], &nodes[1], &nodes[2]]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_is_handed_over_on_request_and_on_stop() {
    let network = MemoryNetwork::default();
    let machines = machines(&network, 3);
    let nodes = start_all(&machines, SHARDS).await;
    let all: Vec<&Groups> = nodes.iter().collect();
    let shard = ShardId(1);
    // Placement may be moving the lead itself just then.
    eventually("the lead moved on request", || async {
        let Some(from) = leader(&all, shard) else {
            return false;
        };
        let to = all.iter().find(|node| !node.leads(shard)).unwrap();
        from.transfer(shard, to.local()).await.is_ok() && to.leads(shard)
    })
    .await;
    write(all[0], 1, 5).await;

    let stopped = &nodes[0];
    stopped.shutdown().await;
    let rest = [&nodes[1], &nodes[2]];
    let wait = write(rest[0], 1, 6).await;
    println!("the first write after a stop took {wait:?}");
    for shard in 0..SHARDS {
        write(rest[1], shard, 7).await;
    }
    agree(&rest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_missed_what_was_purged_gets_a_snapshot() {
    let network = MemoryNetwork::default();
    let machines = machines(&network, 3);
    let small = |label: u64| {
        let mut config = config(label, Discovery::Expect(3), 1);
        config.timing.snapshot_entries = 40;
        config.timing.keep_entries = 4;
        config
    };
    let starts = machines
        .iter()
        .map(|machine| machine.start(small(machine.label.0)));
    let started = futures::future::join_all(starts).await;
    let mut nodes: Vec<Groups> = started.into_iter().map(Result::unwrap).collect();
    for node in &nodes {
        assert!(node.wait_ready(PATIENCE).await);
    }
    let late = nodes
        .iter()
        .position(|node| !node.leads(ShardId(0)))
        .unwrap();
    let absent = nodes.remove(late);
    absent.shutdown().await;
    drop(absent);
    for number in 0..900 {
        write(&nodes[0], 0, number).await;
    }
    let back = machines[late]
        .start(small(machines[late].label.0))
        .await
        .unwrap();
    write(&back, 0, 1_000).await;
    agree(&[&nodes[0], &nodes[1], &back]).await;
    let received = machines[late].spool();
    assert!(
        received.counters().written_bytes > 0,
        "it came in a snapshot"
    );
    assert_eq!(received.list().unwrap(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_of_a_snapshot_goes_with_the_next_start() {
    let network = MemoryNetwork::default();
    let machine = Machine::new(&network, 1);
    let left = machine.spool();
    left.create("received-7-0", 4_096, Fill::Reserve).unwrap();
    let node = machine.start(config(1, Discovery::Alone, 1)).await.unwrap();
    assert!(node.wait_ready(PATIENCE).await);
    assert_eq!(machine.spool().list().unwrap(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_another_cluster_refuses() {
    let network = MemoryNetwork::default();
    let elsewhere = MemoryNetwork::default();
    let home = Machine::new(&network, 1);
    let node = home
        .start(config(1, Discovery::Expect(1), 1))
        .await
        .unwrap();
    assert!(node.wait_ready(PATIENCE).await);
    let mut stranger = Machine::new(&elsewhere, 2);
    let other = stranger.start(config(2, Discovery::Expect(3), 1));
    let third = Machine::new(&elsewhere, 3);
    let fourth = Machine::new(&elsewhere, 4);
    let (other, third, fourth) = tokio::join!(
        other,
        third.start(config(3, Discovery::Expect(3), 1)),
        fourth.start(config(4, Discovery::Expect(3), 1)),
    );
    let nodes = [other.unwrap(), third.unwrap(), fourth.unwrap()];
    assert_ne!(node.cluster(), nodes[0].cluster());
    for node in &nodes {
        node.shutdown().await;
    }
    drop(nodes);
    // The same machine, now on the network of the first cluster, without its own.
    stranger.move_to(&network);
    let refused = stranger.start(config(2, Discovery::Expect(3), 1)).await;
    assert!(
        matches!(&refused, Err(StartError::Bootstrap(error)) if error.to_string().starts_with("E-other-cluster")),
        "refused: {:?}",
        refused.err().map(|error| error.to_string())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fourth_node_joins_by_itself_and_takes_shards() {
    let network = MemoryNetwork::default();
    let machines = machines(&network, 4);
    let nodes = start_all(&machines[..3], 8).await;
    for number in 0..80 {
        write(&nodes[0], number as u32 % 8, number).await;
    }
    let fourth = machines[3]
        .start(config(4, Discovery::Expect(3), 8))
        .await
        .unwrap();
    assert!(fourth.wait_ready(PATIENCE).await);
    eventually("the fourth node holds and leads shards", || async {
        let status = nodes[0].status().await;
        let own = status
            .nodes
            .iter()
            .find(|node| node.member.id.0 == fourth.local());
        own.is_some_and(|own| own.replicas >= 5 && own.leads >= 1)
            && status.shards.iter().all(|shard| shard.replicas.len() == 3)
    })
    .await;
    for number in 0..80 {
        write(&fourth, number as u32 % 8, 200 + number).await;
    }
    agree(&[&nodes[0], &nodes[1], &nodes[2], &fourth]).await;
}
