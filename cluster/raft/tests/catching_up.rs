//! A node that was away for so long that no log has what it missed: it catches up by snapshots of every shard, few
//! at a time and at one rate, and the others go on meanwhile.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cluster::engine::model::Do;
use cluster::shard_of;
use cluster_raft::bootstrap::Discovery;
use cluster_raft::{Config, Groups};
use common::workers::{address, count, deploy, send};
use common::{Machine, PATIENCE, agree, config, eventually, write};
use transport_memory::MemoryNetwork;

const SHARDS: u32 = 5;
const WORKERS: u64 = 100;
/// Entries of each shard that it misses.
const ENTRIES: u64 = 330;
const AT_A_TIME: u64 = 1;

fn tiny(label: u64) -> Config {
    let mut config = config(label, Discovery::Expect(3), SHARDS);
    config.timing.snapshot_entries = 20;
    config.timing.keep_entries = 2;
    config.timing.network.chunk_bytes = 2 << 10;
    config.timing.network.snapshots_at_a_time = AT_A_TIME as usize;
    // So slow that each takes longer than the reports in which it is seen are apart.
    config.timing.network.snapshot_bytes_per_second = 16 << 10;
    config.cluster_limits.report_ms = 100;
    config
}

/// Adds one to each worker, through `node`; gives the longest wait.
async fn add_to_all(node: &Groups, round: u64) -> Duration {
    let mut longest = Duration::ZERO;
    for key in 0..WORKERS {
        let to = address("Counter", key);
        let command = send(
            node,
            round * WORKERS + key + 1,
            to.clone(),
            Do::body(&[Do::Add(1)]),
        );
        let began = Instant::now();
        let submitted = node.submit(shard_of(&to, SHARDS), vec![command], PATIENCE);
        submitted.await.unwrap();
        longest = longest.max(began.elapsed());
    }
    longest
}

/// What was seen of the snapshots that nodes send while it was watched.
#[derive(Default)]
struct Seen {
    sending_most: u64,
    shown: bool,
}

async fn watch(nodes: Arc<Vec<Groups>>, is_over: Arc<AtomicBool>) -> Seen {
    let mut seen = Seen::default();
    while !is_over.load(Ordering::Relaxed) {
        for node in nodes.iter() {
            seen.sending_most = seen.sending_most.max(node.snapshots().sending);
        }
        let shards = nodes[0].status().await.shards;
        let mut behind = shards.iter().flat_map(|shard| &shard.behind);
        seen.shown |= behind.any(|one| one.snapshot_bytes.is_some_and(|bytes| bytes > 0));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_away_for_long_gets_few_snapshots_at_a_time() {
    let network = MemoryNetwork::default();
    let machines: Vec<Machine> = (1..=3).map(|label| Machine::new(&network, label)).collect();
    let starts = machines
        .iter()
        .map(|machine| machine.start(tiny(machine.label.0)));
    let started = futures::future::join_all(starts).await;
    let mut nodes: Vec<Groups> = started.into_iter().map(Result::unwrap).collect();
    for node in &nodes {
        assert!(node.wait_ready(PATIENCE).await);
    }
    deploy(&nodes[0], SHARDS).await;
    let away = nodes.pop().unwrap();
    away.shutdown().await;
    drop(away);
    let quiet = add_to_all(&nodes[0], 0).await;
    for number in 0..ENTRIES {
        let writes = (0..SHARDS).map(|shard| write(&nodes[0], shard, number));
        futures::future::join_all(writes).await;
    }
    let (nodes, is_over) = (Arc::new(nodes), Arc::new(AtomicBool::new(false)));
    let watching = tokio::spawn(watch(Arc::clone(&nodes), Arc::clone(&is_over)));
    let began = Instant::now();
    let back = machines[2].start(tiny(3)).await.unwrap();
    let meanwhile = add_to_all(&nodes[0], 1).await;
    eventually("it has caught up", || async {
        let status = nodes[0].status().await;
        let is_whole = |shard: &cluster_raft::status::ShardStatus| {
            let replicas = nodes[0].replicas(shard.shard).into_iter();
            let mut applied = replicas.map(|one| one.applied);
            let first = applied.next().flatten();
            first.is_some() && applied.all(|other| other == first)
        };
        status.shards.iter().all(is_whole)
    })
    .await;
    let took = began.elapsed();
    is_over.store(true, Ordering::Relaxed);
    let seen = watching.await.unwrap();
    let waited: u64 = nodes.iter().map(|node| node.snapshots().waited).sum();
    println!(
        "caught up in {took:?}; longest wait of a client {meanwhile:?}, before {quiet:?}; at most {} snapshots of \
         a node at a time, {waited} waited",
        seen.sending_most
    );
    assert!(
        seen.sending_most <= AT_A_TIME,
        "{} at a time",
        seen.sending_most
    );
    // No lead goes to a node that is behind: its group would take nothing until it is not.
    assert!(
        4 * meanwhile < took,
        "a client waited {meanwhile:?} of the {took:?}"
    );
    assert!(waited > 0, "none waited for its turn");
    assert!(seen.shown, "the status shows what comes");
    assert!(machines[2].spool().counters().written_bytes > 0);
    agree(&[&nodes[0], &nodes[1], &back]).await;
    for key in [0, WORKERS / 2, WORKERS - 1] {
        let of = address("Counter", key);
        let reader = back.read(shard_of(&of, SHARDS), true).await.unwrap();
        assert_eq!(count(&*reader, &of), 2);
    }
}
