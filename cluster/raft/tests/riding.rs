//! What is committed is told to the followers of a busy shard later, and at once where somebody waits for it on one of
//! them. Here "later" is never: no heartbeat comes, and entries are always close to each other.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use cluster_raft::Groups;
use cluster_raft::bootstrap::Discovery;
use common::{Machine, config, eventually, hashes, start_with, write};
use transport::ShardId;
use transport_memory::MemoryNetwork;

const HOUR_MS: u64 = 3_600_000;
const SHARD: ShardId = ShardId(0);

async fn start() -> Vec<Groups> {
    let network = MemoryNetwork::default();
    let machines: Vec<Machine> = (1..=3).map(|label| Machine::new(&network, label)).collect();
    start_with(&machines, |label| {
        let mut config = config(label, Discovery::Expect(3), 1);
        config.timing.heartbeat_ms = HOUR_MS;
        config.timing.election_timeout_min_ms = 10 * HOUR_MS;
        config.timing.election_timeout_max_ms = 12 * HOUR_MS;
        config.timing.network.release_after = Duration::from_millis(13 * HOUR_MS);
        config.timing.network.commit_linger = Duration::from_millis(HOUR_MS);
        config
    })
    .await
}

/// The leader of the shard, and another replica.
fn ends(nodes: &[Groups]) -> (&Groups, &Groups) {
    let leader = nodes.iter().find(|node| node.leads(SHARD)).unwrap();
    let follower = nodes.iter().find(|node| !node.leads(SHARD)).unwrap();
    (leader, follower)
}

async fn applied(node: &Groups) -> u64 {
    let (_, units, _) = hashes(node).await[0];
    units
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_on_a_follower_sees_what_it_was_not_told_yet() {
    let nodes = start().await;
    let (leader, follower) = ends(&nodes);
    for number in 0..20 {
        write(leader, 0, number).await;
    }
    let units = applied(leader).await;
    assert!(applied(follower).await < units, "it is told later");
    assert!(follower.read(SHARD, true).await.is_ok());
    assert!(applied(follower).await >= units);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_listens_on_a_follower_hears_at_once() {
    let nodes = start().await;
    let (leader, follower) = ends(&nodes);
    for number in 0..20 {
        write(leader, 0, number).await;
    }
    assert!(applied(follower).await < applied(leader).await);
    let listening = follower.subscribe(SHARD);
    write(leader, 0, 20).await;
    let units = applied(leader).await;
    eventually("the follower is told", || async {
        applied(follower).await >= units
    })
    .await;
    drop(listening);
}
