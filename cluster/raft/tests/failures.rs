//! What ends a node, or keeps it from starting: a failed flush, a copy of it, another cluster's name, another
//! version. The others go on, and nothing that was acknowledged is lost.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use bytes::Bytes;
use cluster::system::Semantics;
use cluster::{SystemCommand, SystemOutcome};
use cluster_raft::bootstrap::Discovery;
use cluster_raft::{Config, Groups, StartError};
use common::{Machine, PATIENCE, agree, config, eventually, start_all, write};
use tokio::time::timeout;
use transport::{Bus, ClusterName, Headers, NodeId, Subjects};
use transport_memory::MemoryNetwork;

const SHARDS: u32 = 3;

fn machines(network: &MemoryNetwork, count: u64) -> Vec<Machine> {
    (1..=count)
        .map(|label| Machine::new(network, label))
        .collect()
}

async fn why(node: &Groups) -> String {
    timeout(PATIENCE, node.failed()).await.unwrap()
}

fn refused(started: Result<Groups, StartError>, code: &str) {
    let error = started.err().expect("it is refused").to_string();
    assert!(error.starts_with(code), "{error}");
    println!("{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_flush_ends_the_node_and_loses_nothing() {
    let network = MemoryNetwork::default();
    let mut machines = machines(&network, 3);
    let mut nodes = start_all(&machines, SHARDS).await;
    for number in 0..30 {
        write(&nodes[0], number as u32 % SHARDS, number).await;
    }
    machines[1].fail_log_flush_after(2);
    // Through a node that goes on, so that each of them is acknowledged.
    for number in 0..60 {
        write(&nodes[0], number as u32 % SHARDS, 100 + number).await;
    }
    let reason = why(&nodes[1]).await;
    assert!(reason.starts_with("E-log-poisoned"), "{reason}");
    machines[1].crash(nodes.remove(1), 5);
    for number in 0..30 {
        write(&nodes[1], number as u32 % SHARDS, 200 + number).await;
    }
    machines[1].reconnect();
    let back = machines[1].start(config(2, Discovery::Expect(3), SHARDS));
    let back = back.await.unwrap();
    write(&back, 1, 300).await;
    agree(&[&nodes[0], &nodes[1], &back]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_write_of_the_state_ends_the_node_and_loses_nothing() {
    let network = MemoryNetwork::default();
    let mut machines = machines(&network, 3);
    let mut nodes = start_all(&machines, SHARDS).await;
    for number in 0..30 {
        write(&nodes[0], number as u32 % SHARDS, number).await;
    }
    machines[2].stores().poison("this write was made to fail");
    for number in 0..60 {
        write(&nodes[0], number as u32 % SHARDS, 100 + number).await;
    }
    let reason = why(&nodes[2]).await;
    assert!(reason.starts_with("E-store-stopped"), "{reason}");
    machines[2].crash(nodes.remove(2), 6);
    machines[2].reconnect();
    let back = machines[2].start(config(3, Discovery::Expect(3), SHARDS));
    let back = back.await.unwrap();
    write(&back, 1, 300).await;
    agree(&[&nodes[0], &nodes[1], &back]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_node_that_runs_does_not_start() {
    let network = MemoryNetwork::default();
    let machines = machines(&network, 3);
    let nodes = start_all(&machines, SHARDS).await;
    let copy = machines[1].copy(9);
    refused(
        copy.start(config(2, Discovery::Expect(3), SHARDS)).await,
        "E-node-twice",
    );
    let alone = machines[1].copy(10);
    refused(
        alone.start(config(2, Discovery::Alone, SHARDS)).await,
        "E-node-twice",
    );
    write(&nodes[1], 0, 1).await;
    let goes_on = timeout(Duration::from_millis(600), nodes[1].failed());
    assert!(goes_on.await.is_err(), "the node itself is not disturbed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_copy_began_while_it_was_cut_off_ends() {
    let network = MemoryNetwork::default();
    let machines = machines(&network, 3);
    let nodes = start_all(&machines, SHARDS).await;
    write(&nodes[0], 0, 1).await;
    let copy = machines[1].copy(9);
    network.cut(NodeId(2));
    let second = copy.start(config(2, Discovery::Expect(3), SHARDS));
    let second = second.await.unwrap();
    write(&second, 0, 2).await;
    network.heal(NodeId(2));
    let reason = why(&nodes[1]).await;
    assert!(reason.starts_with("E-node-twice"), "{reason}");
    assert!(reason.contains("node-2"), "{reason}");
    nodes[1].abort();
    let goes_on = timeout(Duration::from_millis(600), second.failed());
    assert!(goes_on.await.is_err(), "one of the two goes on");
    for number in 3..20 {
        write(&second, number as u32 % SHARDS, number).await;
    }
    agree(&[&nodes[0], &nodes[2], &second]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_of_another_clusters_name_is_refused() {
    let network = MemoryNetwork::default();
    let machine = Machine::new(&network, 1);
    let node = machine.start(config(1, Discovery::Expect(1), 1)).await;
    let node = node.unwrap();
    assert!(node.wait_ready(PATIENCE).await);
    write(&node, 0, 1).await;
    node.shutdown().await;
    drop(node);
    let mut other = config(1, Discovery::Expect(1), 1);
    other.cluster = ClusterName::new("elsewhere").unwrap();
    refused(machine.start(other).await, "E-cluster-name");
    let back = machine.start(config(1, Discovery::Expect(1), 1)).await;
    assert!(back.unwrap().wait_ready(PATIENCE).await);
}

/// Settings of a node whose program runs these versions of what scripts mean.
fn meaning(label: u64, oldest: u32, latest: u32) -> Config {
    let mut config = config(label, Discovery::Expect(3), SHARDS);
    config.founding.semantics = Semantics { oldest, latest };
    config
}

async fn raise(node: &Groups, to: u32) -> SystemOutcome {
    let raised = node.propose_system(vec![SystemCommand::RaiseSemantics { to }], PATIENCE);
    raised.await.unwrap().remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_scripts_mean_changes_once_all_programs_were_upgraded() {
    let network = MemoryNetwork::default();
    let machines = machines(&network, 4);
    let starts = (0..3).map(|at| machines[at].start(meaning(at as u64 + 1, 1, 1)));
    let started = futures::future::join_all(starts).await;
    let mut nodes: Vec<Groups> = started.into_iter().map(Result::unwrap).collect();
    refused(machines[3].start(meaning(4, 2, 2)).await, "E-semantics");
    for at in 0..3 {
        assert!(nodes[at].wait_ready(PATIENCE).await);
        let refused = raise(&nodes[at], 2).await;
        assert!(matches!(refused, SystemOutcome::Refused(_)), "{refused:?}");
        nodes[at].shutdown().await;
        nodes[at] = machines[at]
            .start(meaning(at as u64 + 1, 1, 2))
            .await
            .unwrap();
        write(&nodes[at], 0, at as u64).await;
    }
    eventually("all are recorded as they are", || async {
        let state = nodes[0].system().borrow().clone();
        state.members.values().all(|one| one.semantics.latest == 2)
    })
    .await;
    let done = raise(&nodes[1], 2).await;
    assert!(matches!(done, SystemOutcome::Done { .. }), "{done:?}");
    nodes[2].shutdown().await;
    drop(nodes.pop());
    refused(machines[2].start(meaning(3, 1, 1)).await, "E-semantics");
    let back = machines[2].start(meaning(3, 1, 2)).await.unwrap();
    write(&back, 1, 9).await;
    agree(&[&nodes[0], &nodes[1], &back]).await;
}

/// Says hello in words of a version that nobody knows.
fn speak_strangely(network: &MemoryNetwork) -> tokio::task::JoinHandle<()> {
    let bus = network.bus(NodeId(99));
    let subject = Subjects::new(&ClusterName::new("test").unwrap()).hello();
    tokio::spawn(async move {
        loop {
            let said = Bytes::from_static(&[201, 1, 2, 3]);
            let sent = bus.publish(subject.clone(), Headers::default(), said);
            sent.await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_beside_nodes_of_another_version_does_not_start() {
    let network = MemoryNetwork::default();
    let machines = machines(&network, 2);
    let node = machines[0].start(config(1, Discovery::Expect(1), 1)).await;
    let node = node.unwrap();
    assert!(node.wait_ready(PATIENCE).await);
    let stranger = speak_strangely(&network);
    refused(
        machines[1].start(config(2, Discovery::Expect(1), 1)).await,
        "E-other-version",
    );
    // Who serves already goes on.
    for number in 0..10 {
        write(&node, 0, number).await;
    }
    stranger.abort();
    let second = machines[1].start(config(2, Discovery::Expect(1), 1)).await;
    let second = second.unwrap();
    eventually("the other joins once they are gone", || async {
        second.is_ready()
    })
    .await;
}
