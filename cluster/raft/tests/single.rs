//! One node: it starts at once, keeps what it acknowledged through a stop and through a crash, and
//! refuses to go on without its log.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Instant;

use cluster_raft::bootstrap::Discovery;
use cluster_raft::{Groups, StartError};
use common::{Machine, PATIENCE, config, hashes, write};
use transport_memory::MemoryNetwork;

async fn started(machine: &Machine) -> Groups {
    let began = Instant::now();
    let node = machine
        .start(config(1, Discovery::Alone, 16))
        .await
        .unwrap();
    assert!(node.wait_ready(PATIENCE).await);
    println!("ready after {:?}", began.elapsed());
    node
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_keeps_its_state_through_a_stop() {
    let machine = Machine::new(&MemoryNetwork::default(), 1);
    let node = started(&machine).await;
    for number in 0..64 {
        write(&node, number as u32 % 16, number).await;
    }
    let before = hashes(&node).await;
    let (id, life) = (node.local(), node.incarnation());
    node.shutdown().await;
    drop(node);
    let node = started(&machine).await;
    assert_eq!(node.local(), id);
    assert!(node.incarnation() > life);
    write(&node, 0, 1_000).await;
    let after = hashes(&node).await;
    for (old, new) in before.iter().zip(&after).skip(1) {
        assert_eq!(old.2, new.2, "shard {} has the state of before", old.0);
    }
    assert_ne!(before[0].2, after[0].2, "a write changes the state");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_keeps_what_it_acknowledged_through_crashes() {
    let network = MemoryNetwork::default();
    let mut machine = Machine::new(&network, 1);
    let seed = seed();
    println!("seed {seed} (TROUPE_TEST_SEED)");
    let mut expected = None;
    for round in 0..4 {
        let node = started(&machine).await;
        if let Some(expected) = expected {
            let states = hashes(&node).await;
            let found: Vec<_> = states.into_iter().map(|one| one.2).collect();
            assert_eq!(found, expected, "after crash {round}");
        }
        for number in 0..100 {
            write(&node, number as u32 % 16, round * 1_000 + number).await;
        }
        let states = hashes(&node).await;
        expected = Some(states.into_iter().map(|one| one.2).collect::<Vec<_>>());
        machine.crash(node, seed + round);
        machine.reconnect();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_node_without_its_log_refuses() {
    let mut machine = Machine::new(&MemoryNetwork::default(), 1);
    let node = started(&machine).await;
    write(&node, 3, 1).await;
    node.shutdown().await;
    drop(node);
    machine.lose_log();
    let refused = machine.start(config(1, Discovery::Alone, 16)).await;
    assert!(matches!(refused, Err(StartError::LogLost { .. })));
}

fn seed() -> u64 {
    let given = std::env::var("TROUPE_TEST_SEED");
    given.ok().and_then(|seed| seed.parse().ok()).unwrap_or(7)
}
