//! Three nodes in one process with values that are larger than a message of the bus: they are
//! replicated, kept and given to a replica that was away.
#![allow(clippy::unwrap_used)]

mod common;

use cluster::engine::model::Do;
use cluster::record::TurnInput;
use cluster::{Body, Outcome, query};
use cluster_raft::bootstrap::Discovery;
use cluster_raft::disk::Disk;
use cluster_raft::{Config, Groups};
use common::workers::{address, deploy, send};
use common::{Machine, PATIENCE, agree, config, eventually, start_with, write};
use transport::{Address, ShardId};
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

fn usual(label: u64) -> Config {
    config(label, Discovery::Expect(3), 1)
}

/// A message of about that many bytes, which adds one.
fn large(sequence: u64, bytes: usize) -> Body {
    let digit = char::from(b'a' + (sequence % 26) as u8);
    Do::body(&[Do::Key(digit.to_string().repeat(bytes)), Do::Add(1)])
}

async fn send_bytes(node: &Groups, sequence: u64, bytes: usize) {
    let command = send(
        node,
        sequence,
        address("Counter", 1),
        large(sequence, bytes),
    );
    let done = node.submit(SHARD, vec![command], PATIENCE).await.unwrap();
    assert!(matches!(done[..], [Outcome::Accepted(_)]), "{done:?}");
}

/// The bodies of the messages that an instance took, from this node's own replica.
async fn taken(node: &Groups, shard: ShardId, of: &Address) -> Vec<Body> {
    let reader = node.read(shard, true).await.unwrap();
    let steps = query::history(&*reader, of, 0, 100).unwrap();
    let bodies = steps.into_iter().filter_map(|(_, step)| match step.input {
        TurnInput::Message { body, .. } => Some(body),
        _ => None,
    });
    bodies.collect()
}

fn files(machine: &Machine) -> usize {
    machine.payloads().list().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_message_is_on_a_quorum_before_its_entry_and_outlives_its_leader() {
    let network = MemoryNetwork::default();
    let mut machines = machines(&network);
    let mut nodes = start_with(&machines, usual).await;
    deploy(&nodes[0], 1).await;
    let logged = nodes[0].log_statistics().bytes;
    let leader = nodes.iter().position(|node| node.leads(SHARD)).unwrap();
    let other = (leader + 1) % 3;
    send_bytes(&nodes[other], 1, 5 << 20).await;
    let kept = machines
        .iter()
        .filter(|machine| files(machine) == 1)
        .count();
    assert!(kept >= 2, "{kept} nodes keep the payload");
    let gone = nodes.remove(leader);
    machines[leader].crash(gone, 3);
    for node in &nodes {
        let bodies = taken(node, SHARD, &address("Counter", 1)).await;
        assert_eq!(bodies, [large(1, 5 << 20)]);
    }
    agree(&[&nodes[0], &nodes[1]]).await;
    let logged = nodes[0].log_statistics().bytes.saturating_sub(logged);
    assert!(logged < 256 << 10, "{logged} bytes went through the log");
    machines[leader].reconnect();
    let label = machines[leader].label.0;
    let back = machines[leader].start(usual(label)).await.unwrap();
    send_bytes(&back, 2, 6 << 20).await;
    agree(&[&nodes[0], &nodes[1], &back]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_away_gets_the_payload_with_its_entry_and_who_lost_it_fetches_it() {
    let network = MemoryNetwork::default();
    let mut machines = machines(&network);
    let mut nodes = start_with(&machines, usual).await;
    deploy(&nodes[0], 1).await;
    let late = nodes.iter().position(|node| !node.leads(SHARD)).unwrap();
    let label = machines[late].label.0;
    let absent = nodes.remove(late);
    machines[late].crash(absent, 5);
    send_bytes(&nodes[0], 1, 3 << 20).await;
    machines[late].reconnect();
    let back = machines[late].start(usual(label)).await.unwrap();
    agree(&[&nodes[0], &nodes[1], &back]).await;
    assert_eq!(files(&machines[late]), 1);
    assert_eq!(back.payload_statistics().fetched, 0);
    // Entries behind it, so that its own is flushed here as well.
    for number in 0..5 {
        write(&nodes[0], 0, number).await;
    }
    agree(&[&nodes[0], &nodes[1], &back]).await;
    // What was applied was not durable yet, and the file is gone: the entry is applied again.
    machines[late].crash(back, 6);
    for name in machines[late].payloads().list().unwrap() {
        machines[late].payloads().remove(&name).unwrap();
    }
    machines[late].reconnect();
    let back = machines[late].start(usual(label)).await.unwrap();
    agree(&[&nodes[0], &nodes[1], &back]).await;
    assert_eq!(back.payload_statistics().fetched, 1);
    let bodies = taken(&back, SHARD, &address("Counter", 1)).await;
    assert_eq!(bodies, [large(1, 3 << 20)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_messages_pass_between_shards() {
    let network = MemoryNetwork::default();
    let machines = machines(&network);
    let nodes = start_with(&machines, |label| config(label, Discovery::Expect(3), 4)).await;
    deploy(&nodes[0], 4).await;
    let shard_of = |key: u64| cluster::shard_of(&address("Counter", key), 4);
    let from = (1..).find(|key| shard_of(*key) == ShardId(0)).unwrap();
    let to = (1..).find(|key| shard_of(*key) == ShardId(3)).unwrap();
    let said = vec![Do::Key("z".repeat(3 << 20)), Do::Add(1)];
    let sends = |_| Do::Send("Counter".to_owned(), Some(to.to_string()), said.clone());
    // Two in one turn: together they are larger than a batch of a channel.
    let body = Do::body(&(0..2).map(sends).collect::<Vec<Do>>());
    let command = send(&nodes[0], 1, address("Counter", from), body);
    let sent = nodes[0].submit(ShardId(0), vec![command], PATIENCE);
    let sent = sent.await.unwrap();
    assert!(matches!(sent[..], [Outcome::Accepted(_)]), "{sent:?}");
    let target = address("Counter", to);
    eventually("both arrive", || async {
        taken(&nodes[1], ShardId(3), &target).await.len() == 2
    })
    .await;
    let bodies = taken(&nodes[1], ShardId(3), &target).await;
    assert_eq!(bodies, [Do::body(&said), Do::body(&said)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_leader_sends_all_that_its_channels_owe() {
    let network = MemoryNetwork::default();
    let mut machine = Machine::new(&network, 1);
    let node = machine.start(config(1, Discovery::Alone, 2)).await.unwrap();
    assert!(node.wait_ready(PATIENCE).await);
    deploy(&node, 2).await;
    let shard_of = |key: u64| cluster::shard_of(&address("Counter", key), 2);
    let from = (1..).find(|key| shard_of(*key) == ShardId(0)).unwrap();
    let to = (1..).find(|key| shard_of(*key) == ShardId(1)).unwrap();
    let said = vec![Do::Key("z".repeat(400 << 10)), Do::Add(1)];
    let sends = |_| Do::Send("Counter".to_owned(), Some(to.to_string()), said.clone());
    let body = Do::body(&(0..12).map(sends).collect::<Vec<Do>>());
    let command = send(&node, 1, address("Counter", from), body);
    let sent = node.submit(ShardId(0), vec![command], PATIENCE);
    assert!(matches!(sent.await.unwrap()[..], [Outcome::Accepted(_)]));
    // Several batches are owed now, and nothing is ever sent besides.
    machine.crash(node, 1);
    machine.reconnect();
    let node = machine.start(config(1, Discovery::Alone, 2)).await.unwrap();
    assert!(node.wait_ready(PATIENCE).await);
    let target = address("Counter", to);
    eventually("all arrive", || async {
        taken(&node, ShardId(1), &target).await.len() == 12
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_log_names_no_more_is_removed() {
    let network = MemoryNetwork::default();
    let machines = machines(&network);
    let settings = |label: u64| {
        let mut config = forgetful(label);
        config.payload_limits.grace_ms = 300;
        config.payload_limits.look_ms = 20;
        config
    };
    let nodes = start_with(&machines, settings).await;
    deploy(&nodes[0], 1).await;
    for sequence in 1..4 {
        send_bytes(&nodes[0], sequence, 1 << 20).await;
    }
    assert!(machines.iter().all(|machine| files(machine) >= 1));
    eventually("no file is left", || async {
        write(&nodes[0], 0, 7).await;
        machines.iter().all(|machine| files(machine) == 0)
    })
    .await;
    agree(&[&nodes[0], &nodes[1], &nodes[2]]).await;
    assert_eq!(nodes[0].payload_statistics().bytes, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_room_for_a_payload_nothing_is_logged() {
    let network = MemoryNetwork::default();
    let machine = Machine::new(&network, 1);
    let alone = config(1, Discovery::Alone, 1);
    let node = machine.start(alone).await.unwrap();
    assert!(node.wait_ready(PATIENCE).await);
    deploy(&node, 1).await;
    machine.payloads().set_capacity_bytes(130 << 20);
    let held = node.log_statistics().bytes;
    let command = send(&node, 1, address("Counter", 1), large(1, 5 << 20));
    let refused = node
        .submit(SHARD, vec![command], PATIENCE)
        .await
        .unwrap_err();
    assert!(refused.to_string().starts_with("E-disk-full"), "{refused}");
    assert_eq!(files(&machine), 0);
    assert!(taken(&node, SHARD, &address("Counter", 1)).await.is_empty());
    assert!(node.log_statistics().bytes < held + (64 << 10));
    machine.payloads().set_capacity_bytes(1 << 30);
    send_bytes(&node, 1, 5 << 20).await;
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
