//! Replicas whose state is really corrupted: found, fenced and healed while clients go on, and a
//! shard without a majority that stops and says so.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cluster::engine::Run;
use cluster::engine::model::{Do, ModelRun};
use cluster::store::StoreProvider;
use cluster::{query, shard_of};
use cluster_raft::bootstrap::Discovery;
use cluster_raft::proposer::ProposeError;
use cluster_raft::router::group_of;
use cluster_raft::{Config, Groups};
use common::faults::Fault;
use common::workers::{address, count, deploy, send};
use common::{Machine, PATIENCE, agree, change, config, eventually};
use transport::{Address, ShardId};
use transport_memory::MemoryNetwork;

const SHARDS: u32 = 2;

/// Checkpoints many times a second.
fn eager(label: u64) -> Config {
    let mut config = config(label, Discovery::Expect(3), SHARDS);
    config.driver_limits.checkpoint_ms = 200;
    config.driver_limits.agreement_look_ms = 20;
    config.cluster_limits.report_ms = 100;
    config
}

struct Cluster {
    machines: Vec<Machine>,
    faults: Vec<Fault>,
    nodes: Vec<Groups>,
}

impl Cluster {
    async fn start() -> Self {
        Self::start_with(eager).await
    }

    async fn start_with(config: impl Fn(u64) -> Config) -> Self {
        let network = MemoryNetwork::default();
        let faults: Vec<Fault> = (0..3).map(|_| Fault::default()).collect();
        let machine = |label: usize| {
            let mut machine = Machine::new(&network, label as u64 + 1);
            machine.run_with(faults[label].engine());
            machine
        };
        let machines: Vec<Machine> = (0..3).map(machine).collect();
        let starts = machines
            .iter()
            .map(|machine| machine.start(config(machine.label.0)));
        let started = futures::future::join_all(starts).await;
        let nodes: Vec<Groups> = started.into_iter().map(Result::unwrap).collect();
        for node in &nodes {
            assert!(node.wait_ready(PATIENCE).await);
        }
        deploy(&nodes[0], SHARDS).await;
        Self {
            machines,
            faults,
            nodes,
        }
    }

    fn all(&self) -> Vec<&Groups> {
        self.nodes.iter().collect()
    }

    /// Which node leads, once the replicas have agreed on a checkpoint.
    async fn leader(&self, shard: ShardId) -> usize {
        eventually("a first verdict", || async {
            let status = self.nodes[0].status().await;
            let one = status.shards.iter().find(|one| one.shard == shard);
            one.is_some_and(|one| matches!(one.agreed, Some((_, Some(_)))))
        })
        .await;
        let leads = || self.nodes.iter().position(|node| node.leads(shard));
        eventually("a leader", || async { leads().is_some() }).await;
        leads().unwrap()
    }

    fn evidence(&self, at: usize) -> usize {
        let files = self.machines[at].identity_files();
        files
            .iter()
            .filter(|name| name.starts_with("evidence-"))
            .count()
    }
}

/// Keeps sending to counters until it is told to stop.
struct Clients {
    stop: Arc<AtomicBool>,
    sent: Vec<Arc<AtomicU64>>,
    tasks: Vec<tokio::task::JoinHandle<Duration>>,
}

impl Clients {
    fn start(nodes: &[Groups]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut sent = Vec::new();
        let mut tasks = Vec::new();
        for (key, node) in nodes.iter().enumerate() {
            let count = Arc::new(AtomicU64::new(0));
            sent.push(Arc::clone(&count));
            let (stop, node) = (Arc::clone(&stop), node.clone());
            tasks.push(tokio::spawn(async move {
                let to = address("Counter", key as u64);
                let mut longest = Duration::ZERO;
                while !stop.load(Ordering::Relaxed) {
                    let sequence = count.fetch_add(1, Ordering::Relaxed) + 1;
                    let began = Instant::now();
                    let command = send(&node, sequence, to.clone(), Do::body(&[Do::Add(1)]));
                    let shard = shard_of(&to, SHARDS);
                    node.submit(shard, vec![command], PATIENCE).await.unwrap();
                    longest = longest.max(began.elapsed());
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                longest
            }));
        }
        Self { stop, sent, tasks }
    }

    /// Stops them; gives what each counter must be.
    async fn stop(self) -> Vec<u64> {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            println!("the longest wait of a client was {:?}", task.await.unwrap());
        }
        self.sent
            .iter()
            .map(|sent| sent.load(Ordering::Relaxed))
            .collect()
    }
}

/// Corrupts one replica while clients work: it is found, fenced, and heals.
async fn heals(choose: impl Fn(usize) -> usize) {
    let cluster = Cluster::start().await;
    let clients = Clients::start(&cluster.nodes);
    let shard = shard_of(&address("Counter", 0), SHARDS);
    let struck = choose(cluster.leader(shard).await);
    cluster.faults[struck].strike(1_000_000);
    eventually("the replica is found", || async {
        cluster.faults[struck].has_struck() && cluster.evidence(struck) == 1
    })
    .await;
    whole(&cluster.nodes[(struck + 1) % 3], &cluster.nodes[struck]).await;
    let expected = clients.stop().await;
    agree(&cluster.all()).await;
    for (key, expected) in expected.into_iter().enumerate() {
        let of = address("Counter", key as u64);
        for node in &cluster.nodes {
            let reader = node.read(shard_of(&of, SHARDS), true).await.unwrap();
            assert_eq!(count(&*reader, &of), expected as i64);
        }
    }
    for at in 0..3 {
        assert_eq!(cluster.evidence(at), usize::from(at == struck));
    }
    wrong_state_is_kept(&cluster.machines[struck], expected_group(&cluster, struck));
}

/// Waits until no replica is missing or fenced.
async fn whole(seen_by: &Groups, node: &Groups) {
    eventually("the replica is back", || async {
        let status = seen_by.status().await;
        let is_whole = |one: &cluster_raft::status::ShardStatus| {
            one.fenced.is_empty() && one.replicas.len() == 3
        };
        status.shards.iter().all(is_whole) && (0..SHARDS).all(|shard| node.holds(ShardId(shard)))
    })
    .await;
}

/// The shard whose state was set aside on a node.
fn expected_group(cluster: &Cluster, at: usize) -> cluster::store::GroupId {
    let stores = cluster.machines[at].stores();
    let groups = stores.groups().unwrap();
    let aside: Vec<_> = groups
        .into_iter()
        .filter(|group| group.is_aside())
        .collect();
    assert_eq!(aside.len(), 1, "one state is kept");
    aside[0]
}

fn wrong_state_is_kept(machine: &Machine, group: cluster::store::GroupId) {
    let kept = machine.stores().open(group).unwrap();
    let counts = (0..3).map(|key| address("Counter", key));
    let in_group = counts.filter(|of| group_of(shard_of(of, SHARDS)) == group.home());
    let wrong = in_group.filter(|of| count(&*kept, of) >= 1_000_000);
    assert_eq!(wrong.count(), 1, "the evidence holds what was wrong");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupted_follower_is_fenced_and_heals_while_clients_go_on() {
    heals(|leader| (leader + 1) % 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupted_leader_is_fenced_and_heals_while_clients_go_on() {
    heals(|leader| leader).await;
}

/// Changes a worker's count in the store of a node that is stopped, as a failing disk does.
fn corrupt_store(machine: &Machine, of: &Address) {
    let group = group_of(shard_of(of, SHARDS));
    let mut store = machine.stores().open(group).unwrap();
    let view = query::instance(&*store, of).unwrap().unwrap();
    let right = view.snapshot.unwrap();
    let mut run = ModelRun::read(&right).unwrap();
    run.count += 1;
    let wrong = Run::snapshot(&run);
    assert_eq!(wrong.len(), right.len());
    let mut pairs = store.scan(&[], None, usize::MAX).unwrap();
    let mut changed = 0;
    for (_, value) in &mut pairs {
        let found = value.windows(right.len()).position(|part| part == right);
        if let Some(at) = found {
            let mut bytes = value.to_vec();
            bytes[at..at + wrong.len()].copy_from_slice(&wrong);
            *value = bytes.into();
            changed += 1;
        }
    }
    assert_eq!(changed, 1);
    let unit = store.committed();
    store.replace(unit, &mut pairs.into_iter().map(Ok)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_whose_disk_returned_something_wrong_is_found_and_heals() {
    let mut cluster = Cluster::start().await;
    let to = address("Counter", 0);
    let shard = shard_of(&to, SHARDS);
    let leader = cluster.leader(shard).await;
    let struck = (leader + 1) % 3;
    let node = cluster.nodes[leader].clone();
    let say = |sequence| send(&node, sequence, to.clone(), Do::body(&[Do::Add(1)]));
    node.submit(shard, vec![say(1)], PATIENCE).await.unwrap();
    agree(&cluster.all()).await;
    let stopped = cluster.nodes.remove(struck);
    stopped.shutdown().await;
    drop(stopped);
    let group = group_of(shard);
    eventually("the store is closed", || async {
        cluster.machines[struck].stores().open(group).is_ok()
    })
    .await;
    corrupt_store(&cluster.machines[struck], &to);
    let label = cluster.machines[struck].label.0;
    let back = cluster.machines[struck].start(eager(label)).await.unwrap();
    assert!(back.wait_ready(PATIENCE).await);
    node.submit(shard, vec![say(2)], PATIENCE).await.unwrap();
    eventually("the replica is found", || async {
        cluster.evidence(struck) == 1
    })
    .await;
    whole(&node, &back).await;
    agree(&[&cluster.nodes[0], &cluster.nodes[1], &back]).await;
    let reader = back.read(shard, true).await.unwrap();
    assert_eq!(count(&*reader, &to), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_different_states_stop_the_shard_and_nothing_else() {
    let mut cluster = Cluster::start().await;
    let to = address("Counter", 0);
    let shard = shard_of(&to, SHARDS);
    let leader = cluster.leader(shard).await;
    cluster.faults[(leader + 1) % 3].strike(1_000);
    cluster.faults[(leader + 2) % 3].strike(2_000);
    let say = |sequence: u64| {
        send(
            &cluster.nodes[0],
            sequence,
            to.clone(),
            Do::body(&[Do::Add(1)]),
        )
    };
    let node = &cluster.nodes[0];
    node.submit(shard, vec![say(1)], PATIENCE).await.unwrap();
    eventually("all nodes say that it has stopped", || async {
        let mut all = true;
        for node in &cluster.nodes {
            let status = node.status().await;
            let one = status.shards.iter().find(|one| one.shard == shard);
            all &= one.is_some_and(|one| matches!(one.agreed, Some((_, None))));
        }
        all
    })
    .await;
    let began = Instant::now();
    let refused = node
        .submit(shard, vec![say(2)], PATIENCE)
        .await
        .unwrap_err();
    assert!(matches!(refused, ProposeError::Halted { .. }), "{refused}");
    assert!(refused.to_string().starts_with("E-disagreement"));
    assert!(began.elapsed() < PATIENCE / 2, "the client is told at once");
    for node in &cluster.nodes {
        let read = node.read(shard, false).await;
        assert!(matches!(read, Err(ProposeError::Halted { .. })));
        let other = ShardId((shard.0 + 1) % SHARDS);
        node.submit(other, vec![change(7)], PATIENCE).await.unwrap();
    }
    assert_eq!((0..3).map(|at| cluster.evidence(at)).sum::<usize>(), 0);

    // A restart changes nothing.
    for node in cluster.nodes.drain(..) {
        node.shutdown().await;
    }
    let starts = cluster
        .machines
        .iter()
        .map(|machine| machine.start(eager(machine.label.0)));
    let started = futures::future::join_all(starts).await;
    let nodes: Vec<Groups> = started.into_iter().map(Result::unwrap).collect();
    for node in &nodes {
        assert!(node.wait_ready(PATIENCE).await);
    }
    let refused = nodes[0].submit(shard, vec![change(8)], PATIENCE).await;
    assert!(
        matches!(refused, Err(ProposeError::Halted { .. })),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fence_holds_over_a_crash_and_the_replica_heals_after_it() {
    for seed in 0..3 {
        let mut cluster = Cluster::start().await;
        let to = address("Counter", 0);
        let shard = shard_of(&to, SHARDS);
        let struck = (cluster.leader(shard).await + 1) % 3;
        cluster.faults[struck].strike(1_000_000);
        let command = send(&cluster.nodes[0], 1, to.clone(), Do::body(&[Do::Add(1)]));
        let node = &cluster.nodes[0];
        node.submit(shard, vec![command], PATIENCE).await.unwrap();
        eventually("the replica is found", || async {
            cluster.evidence(struck) == 1
        })
        .await;
        tokio::time::sleep(Duration::from_millis(seed * 60)).await;
        let node = cluster.nodes.remove(struck);
        cluster.machines[struck].crash(node, seed);
        cluster.machines[struck].reconnect();
        let label = cluster.machines[struck].label.0;
        let back = cluster.machines[struck].start(eager(label)).await.unwrap();
        assert!(back.wait_ready(PATIENCE).await);
        whole(&cluster.nodes[0], &back).await;
        agree(&[&cluster.nodes[0], &cluster.nodes[1], &back]).await;
        let reader = back.read(shard, true).await.unwrap();
        assert_eq!(count(&*reader, &to), 1);
        assert_eq!(cluster.evidence(struck), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_word_of_a_replica_that_was_away_settles_a_shard_that_stopped() {
    let hasty = |label: u64| {
        let mut config = eager(label);
        config.driver_limits.agreement_ms = 1_000;
        config
    };
    let mut cluster = Cluster::start_with(hasty).await;
    let to = address("Counter", 0);
    let shard = shard_of(&to, SHARDS);
    let leader = cluster.leader(shard).await;
    let (struck, away) = ((leader + 1) % 3, (leader + 2) % 3);
    let absent = cluster.nodes[away].clone();
    absent.shutdown().await;
    cluster.faults[struck].strike(1_000);
    let say =
        |node: &Groups, sequence: u64| send(node, sequence, to.clone(), Do::body(&[Do::Add(1)]));
    let node = cluster.nodes[leader].clone();
    node.submit(shard, vec![say(&node, 1)], PATIENCE)
        .await
        .unwrap();
    eventually("the shard stops", || async {
        let tried = node.submit(shard, vec![change(1)], PATIENCE).await;
        matches!(tried, Err(ProposeError::Halted { .. }))
    })
    .await;
    drop(absent);
    drop(cluster.nodes.remove(away));
    let label = cluster.machines[away].label.0;
    let back = cluster.machines[away].start(hasty(label)).await.unwrap();
    cluster.nodes.insert(away, back);
    eventually("the shard goes on", || async {
        node.submit(shard, vec![say(&node, 2)], PATIENCE)
            .await
            .is_ok()
    })
    .await;
    whole(&node, &cluster.nodes[struck]).await;
    agree(&cluster.all()).await;
    for node in &cluster.nodes {
        let reader = node.read(shard, true).await.unwrap();
        assert_eq!(count(&*reader, &to), 2);
    }
    assert_eq!(cluster.evidence(struck), 1);
}

/// Three replicas, three states: an operator says which is right, and the shard goes on from it.
#[tokio::test(flavor = "multi_thread")]
async fn a_shard_without_a_majority_goes_on_from_the_replica_that_is_chosen() {
    let cluster = Cluster::start().await;
    let to = address("Counter", 0);
    let shard = shard_of(&to, SHARDS);
    let leader = cluster.leader(shard).await;
    cluster.faults[(leader + 1) % 3].strike(1_000);
    cluster.faults[(leader + 2) % 3].strike(2_000);
    let node = &cluster.nodes[0];
    let say = |sequence: u64| send(node, sequence, to.clone(), Do::body(&[Do::Add(1)]));
    node.submit(shard, vec![say(1)], PATIENCE).await.unwrap();
    eventually("the shard stops", || async {
        let tried = node.submit(shard, vec![change(1)], PATIENCE).await;
        matches!(tried, Err(ProposeError::Halted { .. }))
    })
    .await;
    let incarnation = node.system().borrow().shards[&shard].incarnation;
    let recover = cluster::SystemCommand::Recover {
        shard,
        incarnation,
        from: transport::NodeId(cluster.nodes[leader].local()),
    };
    node.propose_system(vec![recover], PATIENCE).await.unwrap();
    eventually("the shard goes on", || async {
        let said = node.submit(shard, vec![say(2)], PATIENCE).await;
        said.is_ok()
    })
    .await;
    whole(node, &cluster.nodes[(leader + 1) % 3]).await;
    whole(node, &cluster.nodes[(leader + 2) % 3]).await;
    agree(&cluster.all()).await;
    for node in &cluster.nodes {
        let reader = node.read(shard, true).await.unwrap();
        assert_eq!(count(&*reader, &to), 2, "the state that was chosen");
    }
}
