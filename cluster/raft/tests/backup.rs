//! Backups of a cluster whose shards are on different nodes, while messages go from shard to shard; what is restored
//! has all that was acknowledged before, once, under another id, and takes more.
#![allow(clippy::unwrap_used)]

mod common;

use cluster::engine::model::Do;
use cluster::record::TurnInput;
use cluster::{Body, Command, Outcome, query, shard_of};
use cluster_raft::Groups;
use cluster_raft::backup::format::Reader;
use cluster_raft::backup::{Backup, NewCluster, Record, Restored, restore};
use cluster_raft::bootstrap::Discovery;
use cluster_raft::types::NodeInfo;
use common::work::{SHARDS, Work};
use common::workers::{address, deploy, send};
use common::{Machine, PATIENCE, config, eventually, start_all};
use transport::{Address, ShardId};
use transport_memory::MemoryNetwork;

/// Nodes that hold each shard once: most are read from another node.
async fn spread(machines: &[Machine]) -> Vec<Groups> {
    let starts = machines.iter().map(|machine| {
        let mut config = config(machine.label.0, Discovery::Expect(3), SHARDS);
        config.founding.settings.replicas = 1;
        machine.start(config)
    });
    let started = futures::future::join_all(starts).await;
    let nodes: Vec<Groups> = started.into_iter().map(Result::unwrap).collect();
    for node in &nodes {
        assert!(node.wait_ready(PATIENCE).await);
    }
    nodes
}

async fn read(node: &Groups) -> Vec<u8> {
    rest(&mut node.begin_backup("test").await.unwrap()).await
}

/// What was not read of a backup.
async fn rest(backup: &mut Backup) -> Vec<u8> {
    let mut file = Vec::new();
    while let Some(bytes) = backup.next().await.unwrap() {
        file.extend_from_slice(&bytes);
    }
    file
}

/// Where parts of a file begin: behind its head, and behind each group.
fn beginnings(file: &[u8]) -> Vec<u64> {
    let mut reader = Reader::new(file).unwrap();
    let mut offsets = Vec::new();
    while let Some(record) = reader.read().unwrap() {
        if matches!(record, Record::Head(_) | Record::GroupEnd { .. }) {
            offsets.push(reader.offset());
        }
    }
    // Behind the last group comes the end alone.
    offsets.pop();
    offsets
}

async fn restore_onto(machine: &Machine, file: &[u8]) -> Restored {
    let settings = config(machine.label.0, Discovery::Alone, SHARDS);
    let new = NewCluster {
        name: None,
        info: NodeInfo::default(),
        log_limits: settings.log_limits,
    };
    restore(file, new, machine.restore_ports(), |_| {})
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_broke_off_goes_on_at_every_group_with_the_same_bytes() {
    let network = MemoryNetwork::default();
    let machines: Vec<Machine> = (1..=3).map(|label| Machine::new(&network, label)).collect();
    let nodes = spread(&machines).await;
    deploy(&nodes[0], SHARDS).await;
    let mut work = Work::new();
    work.go_on(&nodes[1], 500).await;
    let mut first = nodes[0].begin_backup("test").await.unwrap();
    let cut = first.head().cut;
    let file = rest(&mut first).await;
    let beginnings = beginnings(&file);
    assert_eq!(beginnings.len(), SHARDS as usize + 1);
    work.go_on(&nodes[1], 500).await;
    for at in beginnings.iter().rev() {
        let mut again = nodes[0].resume_backup(cut, *at).unwrap();
        let half = again.next().await.unwrap().unwrap();
        assert!(file[*at as usize..].starts_with(&half));
        drop(again);
        let mut again = nodes[0].resume_backup(cut, *at).unwrap();
        assert_eq!(rest(&mut again).await, file[*at as usize..], "at {at}");
    }
    let gone = |cut, at| nodes[0].resume_backup(cut, at).is_err();
    assert!(gone(cut, beginnings[1] + 1) && gone(cut + 1, beginnings[1]));
    assert!(nodes[1].resume_backup(cut, beginnings[1]).is_err());
    assert!(!nodes[1].release_backup(cut) && nodes[0].release_backup(cut));
    assert!(gone(cut, beginnings[1]) && !nodes[0].release_backup(cut));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_restored_has_all_that_was_acknowledged_before_once() {
    let network = MemoryNetwork::default();
    let machines: Vec<Machine> = (1..=3).map(|label| Machine::new(&network, label)).collect();
    let nodes = spread(&machines).await;
    assert!((0..SHARDS).any(|shard| !nodes[0].holds(ShardId(shard))));
    deploy(&nodes[0], SHARDS).await;
    let mut work = Work::new();
    work.go_on(&nodes[1], 100).await;
    let before = work.said.clone();
    let (file, ()) = tokio::join!(read(&nodes[0]), work.go_on(&nodes[1], 2_000));

    let machine = Machine::new(&MemoryNetwork::default(), 9);
    let restored = restore_onto(&machine, &file).await;
    assert_ne!(Some(restored.cluster), nodes[0].cluster());
    assert_eq!(restored.from.cluster, nodes[0].cluster().unwrap());
    let started = machine.start(config(9, Discovery::Alone, SHARDS)).await;
    let node = started.unwrap();
    assert!(node.wait_ready(PATIENCE).await);
    assert_eq!(node.cluster(), Some(restored.cluster));
    eventually("all of before to be there", || async {
        let Some((counted, told)) = work.both(&node).await else {
            return false;
        };
        let over = counted.iter().zip(&told).any(|(got, told)| got > told);
        assert!(!over, "more than was sent: {counted:?} of {told:?}");
        counted == told && told.iter().zip(&before).all(|(told, said)| told >= said)
    })
    .await;
    eventually("the node to be known by its name", || async {
        let system = node.system().borrow().clone();
        let mut members = system.members.values();
        members.len() == 1 && members.all(|member| member.name == "node-9")
    })
    .await;

    // A backup of what was restored, restored: its messages are new ones in new lives again.
    let mut more = Work::new();
    let counted = work.counted(&node).await;
    more.go_on(&node, 50).await;
    let file = read(&node).await;
    let again = Machine::new(&MemoryNetwork::default(), 10);
    restore_onto(&again, &file).await;
    let started = again.start(config(10, Discovery::Alone, SHARDS)).await;
    let last = started.unwrap();
    assert!(last.wait_ready(PATIENCE).await);
    let expected: Vec<i64> = counted.iter().zip(&more.said).map(|(a, b)| a + b).collect();
    eventually("all of both to be there", || async {
        let both = more.both(&last).await;
        both == Some((expected.clone(), expected.clone()))
    })
    .await;
}

/// A shard that is told something by another, with the message that has it told.
fn pair() -> (ShardId, ShardId, Address, Body) {
    let mut pairs = (0..).map(|at| (address("Counter", at), address("Sink", at + 1)));
    let apart = |(from, to): &(Address, Address)| shard_of(from, SHARDS) != shard_of(to, SHARDS);
    let (from, to) = pairs.find(apart).unwrap();
    let key = to.key().unwrap().to_owned();
    let tell = Do::Send("Sink".into(), Some(key), vec![Do::Add(1)]);
    let shards = (shard_of(&from, SHARDS), shard_of(&to, SHARDS));
    (shards.0, shards.1, from, Do::body(&[tell]))
}

async fn last_cut(node: &Groups, shard: ShardId) -> u64 {
    let reader = node.read(shard, true).await.unwrap();
    query::last_cut(&*reader).unwrap()
}

/// How many parcels a shard put into its channel to another, and how many are acknowledged.
async fn channel(node: &Groups, from: ShardId, to: ShardId) -> (u64, u64) {
    let reader = node.read(from, true).await.unwrap();
    let heads = query::channels(&*reader).unwrap();
    let head = heads.iter().find(|head| head.target == to);
    head.map_or((0, 0), |head| (head.next - 1, head.acked))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_goes_with_parcels_and_with_acknowledgements() {
    let machine = Machine::new(&MemoryNetwork::default(), 1);
    let started = machine.start(config(1, Discovery::Alone, SHARDS)).await;
    let node = started.unwrap();
    assert!(node.wait_ready(PATIENCE).await);
    deploy(&node, SHARDS).await;
    let (from, to, counter, body) = pair();
    let cut =
        |shard: ShardId, number: u64| node.submit(shard, vec![Command::Cut(number)], PATIENCE);
    let tell = |sequence: u64| {
        let command = send(&node, sequence, counter.clone(), body.clone());
        node.submit(from, vec![command], PATIENCE)
    };
    let acknowledged = |parcels: u64| {
        let node = &node;
        eventually("parcels to be acknowledged", move || async move {
            channel(node, from, to).await == (parcels, parcels)
        })
    };

    tell(1).await.unwrap();
    acknowledged(1).await;
    cut(from, 7).await.unwrap();
    assert_eq!(last_cut(&node, to).await, 0, "nothing was said since");
    tell(2).await.unwrap();
    acknowledged(2).await;
    assert_eq!(last_cut(&node, to).await, 7, "a parcel brought it");

    cut(to, 9).await.unwrap();
    assert_eq!(last_cut(&node, from).await, 7, "nothing was said since");
    tell(3).await.unwrap();
    acknowledged(3).await;
    assert_eq!(
        last_cut(&node, from).await,
        9,
        "an acknowledgement brought it"
    );
    let earlier = cut(to, 8).await.unwrap();
    assert_eq!(earlier, [Outcome::Cut(9)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_has_what_stands_beside_the_log() {
    let machine = Machine::new(&MemoryNetwork::default(), 1);
    let started = machine.start(config(1, Discovery::Alone, SHARDS)).await;
    let node = started.unwrap();
    assert!(node.wait_ready(PATIENCE).await);
    deploy(&node, SHARDS).await;
    let counter = address("Counter", 1);
    let shard = shard_of(&counter, SHARDS);
    let large = Do::body(&[Do::Key("a".repeat(300_000)), Do::Add(1)]);
    let tell = async |sequence| {
        let command = send(&node, sequence, counter.clone(), large.clone());
        let done = node.submit(shard, vec![command], PATIENCE).await.unwrap();
        assert!(matches!(done[..], [Outcome::Accepted(_)]), "{done:?}");
    };
    tell(1).await;
    assert!(node.payload_statistics().count > 0, "nothing stands there");
    // Some of these are in the log's tail that goes along.
    let more = async {
        for sequence in 2..30 {
            tell(sequence).await;
        }
    };
    let (file, ()) = tokio::join!(read(&node), more);

    let other = Machine::new(&MemoryNetwork::default(), 9);
    restore_onto(&other, &file).await;
    let started = other.start(config(9, Discovery::Alone, SHARDS)).await;
    let restored = started.unwrap();
    assert!(restored.wait_ready(PATIENCE).await);
    eventually("the large message is taken", || async {
        let Ok(reader) = restored.read(shard, true).await else {
            return false;
        };
        let steps = query::history(&*reader, &counter, 0, 100).unwrap();
        let is_it =
            |input: &TurnInput| matches!(input, TurnInput::Message { body, .. } if *body == large);
        steps.iter().any(|(_, step)| is_it(&step.input))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_backup_asks_every_member_whether_it_can_read_one() {
    let network = MemoryNetwork::default();
    let mut machines: Vec<Machine> = (1..=3).map(|label| Machine::new(&network, label)).collect();
    let mut nodes = start_all(&machines, SHARDS).await;

    // A program that knows nothing of backups answers as little as one that is away.
    machines[2].crash(nodes.pop().unwrap(), 1);
    let refused = nodes[0].begin_backup("test").await.map(drop).unwrap_err();
    let said = refused.to_string();
    assert!(said.contains("node-3") && said.contains("older"), "{said}");
    for shard in (0..SHARDS).map(ShardId) {
        assert_eq!(last_cut(&nodes[0], shard).await, 0, "nothing was written");
    }

    machines[2].reconnect();
    let settings = config(3, Discovery::Expect(3), SHARDS);
    let third = machines[2].start(settings).await.unwrap();
    assert!(third.wait_ready(PATIENCE).await);
    nodes[0].begin_backup("test").await.unwrap();

    // Now all of them have what it writes.
    machines[2].crash(third, 2);
    nodes[0].begin_backup("test").await.unwrap();
}
