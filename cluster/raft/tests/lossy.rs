//! Messages between workers on three nodes whose network loses and delays: each is applied exactly
//! once, also while a leader is lost.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cluster::engine::model::{Do, ModelRun};
use cluster::{Command, Outcome, query, shard_of};
use cluster_raft::Groups;
use common::workers::{address, deploy, send};
use common::{Machine, PATIENCE, agree, eventually, start_all};
use futures::future::join_all;
use transport::ShardId;
use transport_memory::{LinkFaults, MemoryNetwork};

const SHARDS: u32 = 4;
const KEYS: u64 = 12;
const CLIENTS: u64 = 8;
const MESSAGES: u64 = 15;

/// One message: add one here, and one at a sink that is in another shard more often than not.
fn request(node: &Groups, sequence: u64) -> (ShardId, Command) {
    let to = address("Counter", sequence % KEYS);
    let next = vec![Do::Add(1)];
    let sink = (sequence * 7 % KEYS).to_string();
    let list = [Do::Add(1), Do::Send("Sink".to_owned(), Some(sink), next)];
    let command = send(node, sequence, to.clone(), Do::body(&list));
    (shard_of(&to, SHARDS), command)
}

async fn client(node: Arc<Groups>, client: u64) {
    for number in 0..MESSAGES {
        let (shard, command) = request(&node, client * MESSAGES + number);
        let outcomes = node.submit(shard, vec![command], PATIENCE).await.unwrap();
        assert!(
            matches!(outcomes.first(), Some(Outcome::Accepted(_))),
            "{outcomes:?}"
        );
    }
}

/// What the workers of a name added up to, over all keys.
async fn total(node: &Groups, name: &str) -> i64 {
    let began = Instant::now();
    let mut counts = BTreeMap::new();
    for key in 0..KEYS {
        let address = address(name, key);
        let shard = shard_of(&address, SHARDS);
        let reader = loop {
            // A leader may be missing for a moment.
            match node.read(shard, true).await {
                Ok(reader) => break reader,
                Err(error) => assert!(began.elapsed() < PATIENCE, "{error}"),
            }
        };
        let view = query::instance(&*reader, &address).unwrap();
        let run = view
            .and_then(|view| view.snapshot)
            .and_then(|snapshot| ModelRun::read(&snapshot));
        counts.insert(key, run.map_or(0, |run| run.count));
    }
    counts.values().sum()
}

/// What gives the messages of a node their numbers.
struct Door {
    node: Arc<Groups>,
    sequence: AtomicU64,
    first_key: u64,
}

/// Sends messages to workers of their own for a while, on a network that drops half; gives those that were
/// acknowledged.
async fn send_while(door: Arc<Door>, until: Instant) -> Vec<u64> {
    let mut acknowledged = Vec::new();
    let node = &door.node;
    while Instant::now() < until {
        let sequence = door.sequence.fetch_add(1, Ordering::Relaxed);
        let key = door.first_key + sequence;
        let to = address("Counter", key);
        let next = vec![Do::Add(1)];
        let list = [
            Do::Add(1),
            Do::Send("Sink".to_owned(), Some(key.to_string()), next),
        ];
        let command = send(node, sequence, to.clone(), Do::body(&list));
        let patience = Duration::from_millis(700);
        let sent = node.submit(shard_of(&to, SHARDS), vec![command], patience);
        if let Ok(outcomes) = sent.await {
            assert!(matches!(outcomes[0], Outcome::Accepted(_)), "{outcomes:?}");
            acknowledged.push(key);
        }
    }
    acknowledged
}

/// What a worker of that name and key has added up to.
async fn counted(node: &Groups, name: &str, key: u64) -> i64 {
    let address = address(name, key);
    let reader = node.read(shard_of(&address, SHARDS), true).await.unwrap();
    let view = query::instance(&*reader, &address).unwrap();
    let run = view
        .and_then(|view| view.snapshot)
        .and_then(|snapshot| ModelRun::read(&snapshot));
    run.map_or(0, |run| run.count)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_on_a_bus_that_drops_half_is_there_once() {
    let network = MemoryNetwork::default();
    let machines: Vec<Machine> = (1..=3).map(|label| Machine::new(&network, label)).collect();
    let nodes: Vec<Arc<Groups>> = start_all(&machines, SHARDS)
        .await
        .into_iter()
        .map(Arc::new)
        .collect();
    deploy(&nodes[0], SHARDS).await;
    network.set_faults(Some(LinkFaults {
        seed: 7,
        lost_per_thousand: 500,
        delay_max: Duration::from_millis(3),
    }));
    let until = Instant::now() + Duration::from_secs(4);
    let doors = nodes.iter().zip(0..).map(|(node, at)| Door {
        node: Arc::clone(node),
        sequence: AtomicU64::new(1),
        first_key: at * 1_000_000,
    });
    let doors: Vec<Arc<Door>> = doors.map(Arc::new).collect();
    let clients = (0..CLIENTS).map(|client| {
        let door = Arc::clone(&doors[client as usize % 3]);
        tokio::spawn(send_while(door, until))
    });
    let done = join_all(clients.collect::<Vec<_>>()).await;
    network.set_faults(None);
    let acknowledged: Vec<u64> = done.into_iter().flat_map(Result::unwrap).collect();
    println!("{} acknowledged while half was lost", acknowledged.len());
    agree(&nodes.iter().map(|node| &**node).collect::<Vec<_>>()).await;
    eventually("every shard is led", || async { nodes[0].is_ready() }).await;
    for key in acknowledged {
        assert_eq!(counted(&nodes[0], "Counter", key).await, 1, "{key}");
        eventually("it has reached its sink", || async {
            let at_sink = counted(&nodes[1], "Sink", key).await;
            assert!(at_sink <= 1, "{key} came twice");
            at_sink == 1
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_message_is_applied_once_on_a_lossy_network() {
    let given = std::env::var("TROUPE_TEST_SEED");
    let seed = given.ok().and_then(|seed| seed.parse().ok()).unwrap_or(3);
    println!("seed {seed} (TROUPE_TEST_SEED)");
    let network = MemoryNetwork::default();
    let mut machines: Vec<Machine> = (1..=3).map(|label| Machine::new(&network, label)).collect();
    let mut nodes: Vec<Arc<Groups>> = start_all(&machines, SHARDS)
        .await
        .into_iter()
        .map(Arc::new)
        .collect();
    deploy(&nodes[0], SHARDS).await;
    network.set_faults(Some(LinkFaults {
        seed,
        lost_per_thousand: 20,
        delay_max: Duration::from_millis(3),
    }));
    let lost = nodes
        .iter()
        .position(|node| node.leads(ShardId(0)))
        .unwrap();
    let doors: Vec<Arc<Groups>> = (0..3)
        .filter(|at| *at != lost)
        .map(|at| Arc::clone(&nodes[at]))
        .collect();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let door = Arc::clone(&doors[number as usize % doors.len()]);
            tokio::spawn(client(door, number))
        })
        .collect();
    let gone = nodes.remove(lost);
    eventually("some messages are in", || async {
        total(&gone, "Counter").await > 20
    })
    .await;
    machines[lost].crash(Arc::into_inner(gone).unwrap(), seed);
    for done in join_all(clients).await {
        done.unwrap();
    }
    network.set_faults(None);
    let expected = (CLIENTS * MESSAGES) as i64;
    eventually("all messages arrived at the sinks", || async {
        total(&nodes[0], "Sink").await == expected
    })
    .await;
    assert_eq!(total(&nodes[1], "Counter").await, expected);
    agree(&[&nodes[0], &nodes[1]]).await;
    assert_eq!(total(&nodes[1], "Sink").await, expected);
}
