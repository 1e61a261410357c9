//! Three nodes in one process with values that are larger than a message of the bus: they are
//! replicated, kept and given to a replica that was away.
#![allow(clippy::unwrap_used)]

mod common;

use cluster::Outcome;
use cluster::engine::model::Do;
use cluster_raft::bootstrap::Discovery;
use cluster_raft::{Config, Groups};
use common::workers::{address, deploy, send};
use common::{Machine, PATIENCE, agree, config, start_with, write};
use transport::ShardId;
use transport_memory::MemoryNetwork;

const SHARD: ShardId = ShardId(0);

fn machines(network: &MemoryNetwork) -> Vec<Machine> {
    let labels = 1..=3;
    labels.map(|label| Machine::new(network, label)).collect()
}

/// Has the log cut soon, so that who was away gets a snapshot.
fn forgetful(label: u64) -> Config {
    let mut config = config(label, Discovery::Expect(3), 1);
    config.log_limits.segment_bytes = 8 << 20;
    config.log_limits.write_bytes_max = 2 << 20;
    config.timing.snapshot_entries = 40;
    config.timing.keep_entries = 4;
    config
}

/// A message of about that many bytes to a counter, which adds one.
async fn send_bytes(node: &Groups, sequence: u64, bytes: usize) {
    let key = Do::Key(sequence.to_string().repeat(bytes));
    let body = Do::body(&[key, Do::Add(1)]);
    let command = send(node, sequence, address("Counter", 1), body);
    let done = node.submit(SHARD, vec![command], PATIENCE).await.unwrap();
    assert!(matches!(done[..], [Outcome::Accepted(_)]), "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_with_values_larger_than_a_message_arrives() {
    let network = MemoryNetwork::default();
    let machines = machines(&network);
    let mut nodes = start_with(&machines, forgetful).await;
    deploy(&nodes[0], 1).await;
    let late = nodes.iter().position(|node| !node.leads(SHARD)).unwrap();
    let absent = nodes.remove(late);
    absent.shutdown().await;
    drop(absent);
    for sequence in 1..4 {
        send_bytes(&nodes[0], sequence, 850 << 10).await;
    }
    for number in 0..900 {
        write(&nodes[0], 0, number).await;
    }
    let label = machines[late].label.0;
    let back = machines[late].start(forgetful(label)).await.unwrap();
    write(&back, 0, 1_000).await;
    agree(&[&nodes[0], &nodes[1], &back]).await;
    let received = machines[late].spool().counters().written_bytes;
    assert!(
        received > 3 * (850 << 10),
        "{received} bytes came in a snapshot"
    );
}
