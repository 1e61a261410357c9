//! What a node may keep: in memory while its disk is slow, and of history on every replica.
#![allow(clippy::unwrap_used)]

mod common;

use cluster::engine::model::Do;
use cluster::query;
use cluster::store::{GroupId, StoreProvider};
use cluster_raft::bootstrap::Discovery;
use cluster_raft::proposer::ProposeError;
use cluster_raft::{Config, Groups};
use common::workers::{address, count, deploy, send};
use common::{Machine, PATIENCE, agree, change, config, eventually};
use transport::ShardId;
use transport_memory::MemoryNetwork;

const UNFLUSHED_MAX: u64 = 64 << 10;
const SHARD: ShardId = ShardId(0);

async fn behind_a_slow_disk(machine: &Machine) -> Groups {
    let mut config = config(1, Discovery::Alone, 1);
    config.memory_limits.unflushed_bytes_max = UNFLUSHED_MAX;
    let node = machine.start(config).await.unwrap();
    assert!(node.wait_ready(PATIENCE).await);
    deploy(&node, 1).await;
    node
}

/// The disk has caught up.
fn catch_up(machine: &Machine) {
    for group in [GroupId(0), GroupId(1)] {
        machine.stores().flush_up_to(group, u64::MAX);
    }
}

async fn add(node: &Groups, sequence: u64) -> Result<(), ProposeError> {
    let to = address("Counter", 1);
    let message = send(node, sequence, to, Do::body(&[Do::Add(1)]));
    node.submit(SHARD, vec![message], PATIENCE).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_wait_for_a_slow_disk_and_what_shards_do_goes_on() {
    let mut machine = Machine::new(&MemoryNetwork::default(), 1);
    machine.never_flush();
    let node = behind_a_slow_disk(&machine).await;
    let mut accepted = 0;
    let refused = loop {
        match add(&node, accepted + 1).await {
            Ok(()) => accepted += 1,
            Err(error) => break error,
        }
    };
    assert!(
        matches!(refused, ProposeError::Behind { bytes, .. } if bytes > UNFLUSHED_MAX),
        "{refused}"
    );
    assert!(accepted > 10, "{accepted} were accepted before");
    let behind = node.memory_statistics().unflushed_bytes;
    assert!(behind < 2 * UNFLUSHED_MAX, "{behind} bytes are held");
    let of_a_shard = node.submit(SHARD, vec![change(7)], PATIENCE);
    of_a_shard.await.unwrap();
    catch_up(&machine);
    add(&node, accepted + 1).await.unwrap();
    let reader = node.read(SHARD, false).await.unwrap();
    let counted = count(&*reader, &address("Counter", 1));
    assert_eq!(
        counted,
        accepted as i64 + 1,
        "what was refused left nothing"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn apply_waits_where_refusing_clients_does_not_help() {
    let mut machine = Machine::new(&MemoryNetwork::default(), 1);
    machine.never_flush();
    let node = behind_a_slow_disk(&machine).await;
    let flood = tokio::spawn({
        let node = node.clone();
        async move {
            for number in 0..1_000 {
                let change = node.submit(SHARD, vec![change(number)], PATIENCE);
                change.await.unwrap();
            }
        }
    });
    let mut waited = 0;
    eventually("all changes are applied", || {
        let behind = machine.stores().unflushed_bytes();
        assert!(behind < 2 * UNFLUSHED_MAX + (16 << 10), "{behind} bytes");
        if behind > 2 * UNFLUSHED_MAX {
            waited += 1;
            catch_up(&machine);
        }
        let is_finished = flood.is_finished();
        async move { is_finished }
    })
    .await;
    flood.await.unwrap();
    assert!(waited > 0, "the disk was never far enough behind");
}

fn bounded(label: u64, nodes: usize, bytes: u64) -> Config {
    let mut config = config(label, Discovery::Expect(nodes), 2);
    config.driver_limits.history_bytes_max = bytes;
    config.driver_limits.history_floor_steps = 5;
    config.driver_limits.history_look_ms = 20;
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn old_history_goes_on_all_replicas_alike() {
    const BYTES_MAX: u64 = 128 << 10;
    let network = MemoryNetwork::default();
    let machines: Vec<Machine> = (1..=3).map(|label| Machine::new(&network, label)).collect();
    let starts = machines
        .iter()
        .map(|machine| machine.start(bounded(machine.label.0, 3, BYTES_MAX)));
    let started = futures::future::join_all(starts).await;
    let nodes: Vec<Groups> = started.into_iter().map(Result::unwrap).collect();
    for node in &nodes {
        assert!(node.wait_ready(PATIENCE).await);
    }
    deploy(&nodes[0], 2).await;
    let counter = address("Counter", 1);
    let shard = cluster::shard_of(&counter, 2);
    for round in 0..30 {
        let adds = (1..=50).map(|number| {
            let body = Do::body(&[Do::Add(1)]);
            send(&nodes[0], round * 50 + number, counter.clone(), body)
        });
        let submitted = nodes[0].submit(shard, adds.collect(), PATIENCE);
        submitted.await.unwrap();
    }
    eventually("each shard keeps its part of history", || async {
        nodes.iter().all(|node| {
            let (history, _) = node.history();
            history.bytes <= BYTES_MAX / 2 && history.pruned_steps > 0
        })
    })
    .await;
    agree(&nodes.iter().collect::<Vec<_>>()).await;
    for node in &nodes {
        let reader = node.read(shard, false).await.unwrap();
        assert_eq!(count(&*reader, &counter), 1_500);
        let view = query::instance(&*reader, &counter).unwrap().unwrap();
        assert!(view.history_first > 1);
        let steps = query::history(&*reader, &counter, 0, 1_000).unwrap();
        assert_eq!(steps.first().unwrap().0, view.history_first);
        assert_eq!(steps.last().unwrap().0, view.step);
    }
}
