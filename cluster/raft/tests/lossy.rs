//! Messages between workers on three nodes whose network loses and delays: each is applied exactly
//! once, also while a leader is lost.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::command::{Activate, Command, DoorHeader, DoorSequence, Install, SendRequest};
use cluster::engine::model::{Do, ModelProgram, ModelRun, ModelWorker};
use cluster::{Outcome, ProgramId, query, shard_of};
use cluster_raft::Groups;
use common::{Machine, PATIENCE, agree, eventually, start_all};
use futures::future::join_all;
use transport::{Address, DoorOrigin, HybridTime, MessageId, Namespace, NodeId, ShardId, Stamp};
use transport_memory::{LinkFaults, MemoryNetwork};

const SHARDS: u32 = 4;
const KEYS: u64 = 12;
const CLIENTS: u64 = 8;
const MESSAGES: u64 = 25;

fn address(name: &str, key: u64) -> Address {
    Address::instance(Namespace::default(), name, key.to_string()).unwrap()
}

fn worker(name: &str) -> ModelWorker {
    ModelWorker {
        name: name.to_owned(),
        daemon: true,
        keyed: true,
        restarts: 0,
    }
}

/// Gives the names to the program in every shard.
async fn deploy(node: &Groups) {
    let program = ModelProgram {
        workers: vec![worker("Counter"), worker("Sink")],
    };
    let bytes = program.encode();
    let id = ProgramId(*blake3::hash(&bytes).as_bytes());
    for shard in 0..SHARDS {
        let install = Command::Install(Install {
            program: bytes.clone(),
        });
        let activate = Command::Activate(Activate {
            namespace: Namespace::default(),
            version: 1,
            names: vec![("Counter".to_owned(), id), ("Sink".to_owned(), id)],
            removed: Vec::new(),
        });
        let done = node
            .submit(ShardId(shard), vec![install, activate], PATIENCE)
            .await
            .unwrap();
        assert!(
            done.iter().all(|one| !matches!(one, Outcome::Refused(_))),
            "{done:?}"
        );
    }
}

/// One message: add one here, and one at a sink that is in another shard more often than not.
fn request(node: &Groups, sequence: u64) -> (ShardId, Command) {
    let origin = DoorOrigin {
        cluster: node.cluster().unwrap(),
        node: NodeId(node.local()),
        node_incarnation: node.incarnation(),
        sequence,
    };
    let id = MessageId::root(&origin);
    let to = address("Counter", sequence % KEYS);
    let next = vec![Do::Add(1)];
    let sink = (sequence * 7 % KEYS).to_string();
    let list = [Do::Add(1), Do::Send("Sink".to_owned(), Some(sink), next)];
    let send = SendRequest {
        door: DoorHeader {
            origin: DoorSequence {
                node: NodeId(node.local()),
                incarnation: node.incarnation(),
                sequence,
            },
            stamp: Stamp::root(id, HybridTime::new(1, 0), None),
            idempotency: None,
        },
        to: to.clone(),
        from: None,
        body: Do::body(&list),
    };
    (shard_of(&to, SHARDS), Command::Send(send))
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
    deploy(&nodes[0]).await;
    network.set_faults(Some(LinkFaults {
        seed,
        lost_per_thousand: 50,
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
