//! Nodes whose clocks are wrong: no timer fires early, leads are given up, time never stops.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use cluster::engine::model::Do;
use cluster::shard_of;
use cluster_raft::bootstrap::Discovery;
use cluster_raft::ports::{Clock, SystemClock};
use cluster_raft::{Config, Groups};
use common::workers::{address, count, deploy, send};
use common::{Machine, PATIENCE, config, eventually};
use transport::ShardId;
use transport_memory::MemoryNetwork;

const SHARDS: u32 = 3;
const HOUR_MS: i64 = 3_600_000;

/// The clock of the machine, set to another time.
#[derive(Default)]
struct SetClock {
    ahead_ms: AtomicI64,
}

impl SetClock {
    fn set_ahead(&self, ms: i64) {
        self.ahead_ms.store(ms, Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn unix_nanos(&self) -> u64 {
        let ahead = self.ahead_ms.load(Ordering::SeqCst) * 1_000_000;
        SystemClock.unix_nanos().saturating_add_signed(ahead)
    }

    fn monotonic_nanos(&self) -> u64 {
        SystemClock.monotonic_nanos()
    }
}

fn quick(label: u64, discovery: Discovery) -> Config {
    let mut config = config(label, discovery, SHARDS);
    config.cluster_limits.report_ms = 100;
    config
}

/// A worker of each shard.
fn workers() -> Vec<transport::Address> {
    let of_shard = |shard: u32| {
        let mut all = (0..).map(|key| address("Counter", key));
        all.find(|one| shard_of(one, SHARDS) == ShardId(shard))
            .unwrap()
    };
    (0..SHARDS).map(of_shard).collect()
}

/// A worker on the same shard as `of`, for a timer of its own.
fn beside(of: &transport::Address, number: usize) -> transport::Address {
    let shard = shard_of(of, SHARDS);
    let mut all = (1_000..).map(|key| address("Counter", key));
    all.by_ref()
        .filter(|one| shard_of(one, SHARDS) == shard)
        .nth(number)
        .unwrap()
}

async fn delay(node: &Groups, sequence: u64, to: &transport::Address, ms: u64) {
    let body = Do::body(&[Do::Delay(ms, vec![Do::Add(1)])]);
    let command = send(node, sequence, to.clone(), body);
    let submitted = node.submit(shard_of(to, SHARDS), vec![command], PATIENCE);
    submitted.await.unwrap();
}

async fn fired(node: &Groups, of: &transport::Address) -> bool {
    let reader = node.read(shard_of(of, SHARDS), true).await.unwrap();
    count(&*reader, of) == 1
}

/// Waits for a timer of `ms`, and says that it did not fire early.
async fn fires_in_time(node: &Groups, sequence: u64, to: &transport::Address, ms: u64) {
    let began = Instant::now();
    delay(node, sequence, to, ms).await;
    eventually("a timer fires", || fired(node, to)).await;
    // Slewing may make time run by an eighth faster.
    let least = Duration::from_millis(ms) * 7 / 8;
    assert!(
        began.elapsed() >= least,
        "{ms} ms were over in {:?}",
        began.elapsed()
    );
}

async fn three(ahead_ms: [i64; 3]) -> (Vec<Groups>, Vec<Arc<SetClock>>, Vec<Machine>) {
    let network = MemoryNetwork::default();
    let clocks: Vec<Arc<SetClock>> = (0..3).map(|_| Arc::default()).collect();
    let machine = |at: usize| {
        let mut machine = Machine::new(&network, at as u64 + 1);
        clocks[at].set_ahead(ahead_ms[at]);
        machine.go_by(Arc::clone(&clocks[at]) as Arc<dyn Clock>);
        machine
    };
    let machines: Vec<Machine> = (0..3).map(machine).collect();
    let starts = machines
        .iter()
        .map(|machine| machine.start(quick(machine.label.0, Discovery::Expect(3))));
    let started = futures::future::join_all(starts).await;
    let nodes: Vec<Groups> = started.into_iter().map(Result::unwrap).collect();
    for node in &nodes {
        assert!(node.wait_ready(PATIENCE).await);
    }
    deploy(&nodes[0], SHARDS).await;
    (nodes, clocks, machines)
}

fn leads(node: &Groups) -> usize {
    (0..SHARDS)
        .filter(|shard| node.leads(ShardId(*shard)))
        .count()
}

async fn has_wrong_clock(seen_by: &Groups, node: &Groups) -> bool {
    let status = seen_by.status().await;
    let found = status
        .nodes
        .iter()
        .find(|one| one.member.id.0 == node.local());
    found.is_some_and(|one| one.has_wrong_clock)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_an_hour_ahead_fires_nothing_early_and_leads_nothing() {
    let (nodes, _clocks, _machines) = three([0, HOUR_MS, 0]).await;
    let workers = workers();
    for (at, worker) in workers.iter().enumerate() {
        delay(&nodes[0], 100 + at as u64, worker, 600_000).await;
    }
    eventually("it gives its leads up and says so", || async {
        leads(&nodes[1]) == 0 && has_wrong_clock(&nodes[0], &nodes[1]).await
    })
    .await;
    for (at, worker) in workers.iter().enumerate() {
        let other = beside(worker, at);
        fires_in_time(&nodes[2], 200 + at as u64, &other, 400).await;
    }
    // Where it leads all the same, time goes on as before, and it lets go.
    let shard = shard_of(&workers[0], SHARDS);
    let leader = nodes.iter().find(|node| node.leads(shard)).unwrap();
    // Its success is not certain: it may have been handed on already.
    let _ = leader.transfer(shard, nodes[1].local()).await;
    fires_in_time(&nodes[0], 300, &beside(&workers[0], 9), 400).await;
    eventually("it lets go", || async { leads(&nodes[1]) == 0 }).await;
    for worker in &workers {
        assert!(
            !fired(&nodes[0], worker).await,
            "ten minutes were over early"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_whose_clock_steps_is_believed_again_when_it_is_set_right() {
    let (nodes, clocks, _machines) = three([0, 0, 0]).await;
    let workers = workers();
    let first = shard_of(&workers[0], SHARDS);
    let at = nodes.iter().position(|node| node.leads(first)).unwrap();
    delay(&nodes[0], 100, &workers[0], 600_000).await;
    for step in [HOUR_MS, -HOUR_MS] {
        clocks[at].set_ahead(step);
        eventually("it gives its leads up", || async {
            leads(&nodes[at]) == 0 && has_wrong_clock(&nodes[(at + 1) % 3], &nodes[at]).await
        })
        .await;
        let sequence = (1_000 + step / HOUR_MS) as u64;
        let number = (3 + step / HOUR_MS) as usize;
        fires_in_time(&nodes[0], sequence, &beside(&workers[0], number), 300).await;
        clocks[at].set_ahead(0);
        eventually("it leads again", || async {
            leads(&nodes[at]) > 0 && !has_wrong_clock(&nodes[(at + 1) % 3], &nodes[at]).await
        })
        .await;
    }
    assert!(
        !fired(&nodes[0], &workers[0]).await,
        "ten minutes were over early"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_node_whose_clock_steps_back_goes_on_also_after_a_restart() {
    let network = MemoryNetwork::default();
    let clock = Arc::new(SetClock::default());
    let mut machine = Machine::new(&network, 1);
    machine.go_by(Arc::clone(&clock) as Arc<dyn Clock>);
    let node = machine.start(quick(1, Discovery::Alone)).await.unwrap();
    assert!(node.wait_ready(PATIENCE).await);
    deploy(&node, SHARDS).await;
    let worker = &workers()[0];
    delay(&node, 1, worker, 1_500).await;
    clock.set_ahead(-HOUR_MS);
    fires_in_time(&node, 2, &beside(worker, 1), 400).await;
    node.shutdown().await;
    drop(node);
    let node = machine.start(quick(1, Discovery::Alone)).await.unwrap();
    assert!(node.wait_ready(PATIENCE).await);
    fires_in_time(&node, 3, &beside(worker, 2), 400).await;
    eventually("what was due before the step fires", || {
        fired(&node, worker)
    })
    .await;
    clock.set_ahead(HOUR_MS);
    let last = beside(worker, 3);
    delay(&node, 4, &last, 400).await;
    eventually("a timer fires", || fired(&node, &last)).await;
}
