//! Clusters that lost a quorum for good go on from the one node that is left: the system group, then the
//! shards; what that node had is kept, messages between shards are neither lost nor doubled, new nodes
//! take replicas, and the lost nodes may come back with what they held.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use cluster::outcome::Refusal;
use cluster::{SystemCommand, SystemOutcome};
use cluster_raft::Groups;
use cluster_raft::bootstrap::Discovery;
use common::work::{SHARDS, Work};
use common::workers::deploy;
use common::{Machine, PATIENCE, agree, config, eventually, start_all};
use transport::{Incarnation, NodeId, ShardId};
use transport_memory::MemoryNetwork;

async fn propose(node: &Groups, command: SystemCommand) -> Result<(), Refusal> {
    let done = node.propose_system(vec![command], PATIENCE).await.unwrap();
    match done.into_iter().next() {
        Some(SystemOutcome::Done { .. }) => Ok(()),
        Some(SystemOutcome::Refused(refusal)) => Err(refusal),
        None => panic!("no outcome"),
    }
}

/// All shards go on from that node.
async fn recover_shards(node: &Groups) {
    let system = node.system().borrow().clone();
    for (shard, assignment) in &system.shards {
        let recover = |from: u64| SystemCommand::Recover {
            shard: *shard,
            incarnation: assignment.incarnation,
            from: NodeId(from),
        };
        let stranger = propose(node, recover(77)).await.unwrap_err();
        assert_eq!(stranger.code, "E-move-impossible");
        propose(node, recover(node.local())).await.unwrap();
        let twice = propose(node, recover(node.local())).await.unwrap_err();
        assert_eq!(twice.code, "E-wrong-incarnation");
    }
    eventually("every shard is led again", || async {
        let status = node.status().await;
        status
            .shards
            .iter()
            .all(|one| one.leader == Some(node.local()))
    })
    .await;
}

/// A cluster of three at work, of which only the first node is left; its groups, and the two others' machines.
async fn two_of_three_lost(network: &MemoryNetwork, work: &mut Work) -> (Groups, Vec<Machine>) {
    let mut machines: Vec<Machine> = (1..=3).map(|label| Machine::new(network, label)).collect();
    let mut nodes = start_all(&machines, SHARDS).await;
    deploy(&nodes[0], SHARDS).await;
    work.go_on(&nodes[0], 60).await;
    work.await_all(&nodes[0]).await;
    agree(&nodes.iter().collect::<Vec<_>>()).await;
    for at in [2, 1] {
        let lost = nodes.remove(at);
        machines[at].crash(lost, at as u64);
    }
    let left = nodes.remove(0);
    machines.remove(0);
    eventually("the loss is noticed", || async {
        left.system_has_no_quorum()
    })
    .await;
    (left, machines)
}

async fn all_whole(node: &Groups) {
    eventually("every shard has three replicas again", || async {
        let status = node.status().await;
        let whole = |one: &cluster_raft::status::ShardStatus| {
            one.replicas.len() == 3 && one.moving.is_none() && one.leader.is_some()
        };
        status.shards.iter().all(whole)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_goes_on_from_one_node_and_new_nodes_join() {
    let network = MemoryNetwork::default();
    let mut work = Work::new();
    let (left, _lost) = two_of_three_lost(&network, &mut work).await;
    left.recover_system().await.unwrap();
    recover_shards(&left).await;
    work.await_all(&left).await;
    work.go_on(&left, 60).await;
    work.await_all(&left).await;
    let members = left.system().borrow().members.clone();
    for member in members.into_keys() {
        if member.0 != left.local() {
            propose(&left, SystemCommand::Remove { node: member })
                .await
                .unwrap();
        }
    }
    let mut joined = Vec::new();
    for label in [4, 5] {
        let machine = Machine::new(&network, label);
        let started = machine.start(config(label, Discovery::Expect(3), SHARDS));
        joined.push(started.await.unwrap());
    }
    all_whole(&left).await;
    work.go_on(&joined[0], 0).await;
    work.go_on(&left, 60).await;
    work.await_all(&left).await;
    agree(&[&left, &joined[0], &joined[1]]).await;
    let status = joined[1].status().await;
    let lives = status.shards.iter().map(|one| one.incarnation);
    assert!(lives.into_iter().all(|life| life == Incarnation(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_nodes_that_come_back_begin_anew() {
    let network = MemoryNetwork::default();
    let mut work = Work::new();
    let (left, lost) = two_of_three_lost(&network, &mut work).await;
    left.recover_system().await.unwrap();
    recover_shards(&left).await;
    work.go_on(&left, 60).await;
    let starts = lost.iter().map(|machine| {
        machine.reconnect();
        machine.start(config(machine.label.0, Discovery::Expect(3), SHARDS))
    });
    let back = futures::future::join_all(starts).await;
    let back: Vec<Groups> = back.into_iter().map(Result::unwrap).collect();
    all_whole(&left).await;
    work.go_on(&left, 60).await;
    work.await_all(&left).await;
    agree(&[&left, &back[0], &back[1]]).await;
    assert!(!left.system_has_no_quorum());
    // One of them leads what it gets, as any node does.
    eventually("leads are spread", || async {
        let status = left.status().await;
        status.nodes.iter().all(|node| node.leads > 0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_started_again_goes_on_alone_where_it_is_told_to() {
    let network = MemoryNetwork::default();
    let mut work = Work::new();
    let machines: Vec<Machine> = (1..=3).map(|label| Machine::new(&network, label)).collect();
    let nodes = start_all(&machines, SHARDS).await;
    deploy(&nodes[0], SHARDS).await;
    work.go_on(&nodes[0], 30).await;
    work.await_all(&nodes[0]).await;
    agree(&nodes.iter().collect::<Vec<_>>()).await;
    for node in &nodes {
        node.shutdown().await;
    }
    drop(nodes);
    let mut config = config(1, Discovery::Expect(3), SHARDS);
    config.recover_system = true;
    let started = tokio::time::timeout(PATIENCE, machines[0].start(config)).await;
    let left = started.expect("it does not wait for the others").unwrap();
    recover_shards(&left).await;
    work.sequence += 1000;
    work.go_on(&left, 30).await;
    work.await_all(&left).await;
}

/// One shard loses two of its replicas, the system group has a quorum: five nodes, of which two are lost.
#[tokio::test(flavor = "multi_thread")]
async fn shards_go_on_while_the_system_group_has_its_quorum() {
    let network = MemoryNetwork::default();
    let mut machines: Vec<Machine> = (1..=5).map(|label| Machine::new(&network, label)).collect();
    let mut nodes = start_all(&machines, 10).await;
    eventually("the five vote in the system group", || async {
        nodes[0].system().borrow().members.len() == 5
    })
    .await;
    agree(&nodes.iter().collect::<Vec<_>>()).await;
    for at in [4, 3] {
        let lost = nodes.remove(at);
        machines[at].crash(lost, at as u64);
    }
    let gone: Vec<u64> = {
        let here: Vec<u64> = nodes.iter().map(Groups::local).collect();
        let members = nodes[0].system().borrow().members.clone();
        let ids = members.keys().map(|node| node.0);
        ids.filter(|id| !here.contains(id)).collect()
    };
    let mut recovered = Vec::new();
    let system = nodes[0].system().borrow().clone();
    for (shard, assignment) in &system.shards {
        let left = assignment
            .replicas
            .iter()
            .filter(|node| !gone.contains(&node.0));
        let left: Vec<&NodeId> = left.collect();
        if left.len() == 1 {
            let recover = SystemCommand::Recover {
                shard: *shard,
                incarnation: assignment.incarnation,
                from: *left[0],
            };
            propose(&nodes[0], recover).await.unwrap();
            recovered.push(*shard);
        }
    }
    println!("recovered {recovered:?}");
    assert!(!recovered.is_empty(), "no shard had two replicas on them");
    for shard in (0..10).map(ShardId) {
        common::write(&nodes[0], shard.0, 7).await;
    }
    all_whole(&nodes[0]).await;
    tokio::time::timeout(PATIENCE, agree(&nodes.iter().collect::<Vec<_>>()))
        .await
        .unwrap();
    assert!(nodes[0].wait_ready(Duration::from_secs(10)).await);
}
