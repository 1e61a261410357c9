//! Nodes that connect to each other directly: they go on while the bus is down, and a node that is killed then
//! is replaced as ever.

use serde_json::json;
use tests::cluster::{Cluster, Options};
use tests::wait::{PATIENCE, until};

use crate::scripts::COUNTER;
use crate::turn;

/// Keys that are spread over all shards, so that every node leads some of them.
const KEYS: usize = 48;

fn add_to_all(cluster: &Cluster, nodes: &[usize]) {
    for key in 0..KEYS {
        let node = cluster.nodes[nodes[key % nodes.len()]].http();
        let add = json!({ "type": "add", "name": format!("k{key}"), "amount": 1 });
        let path = format!("/v1/workers/Counter/instances/k{key}/messages?wait=turn");
        // It is told when the turn is done, so it was committed on a quorum.
        node.post(&path, &add).expect(200);
    }
}

fn sums(cluster: &Cluster, node: usize) -> Vec<u64> {
    let node = cluster.nodes[node].http();
    let sum = |key: usize| {
        let view = node.get(&format!("/v1/workers/Counter/instances/k{key}"));
        view.expect(200).body["state"][0]["sum"].as_u64().unwrap()
    };
    (0..KEYS).map(sum).collect()
}

#[test]
fn commits_go_on_while_the_bus_is_down() {
    let _turn = turn();
    let options = Options {
        settings: "direct = \"127.0.0.1:0\"\n".to_owned(),
        ..Options::default()
    };
    let Some(mut cluster) = Cluster::start(3, &options) else {
        return;
    };
    cluster.deploy(&[COUNTER]);
    add_to_all(&cluster, &[0, 1, 2]);
    until("all nodes are connected directly", PATIENCE, || {
        let connections = |place: usize| {
            let output = cluster.nodes[place].output();
            output.matches("connected directly").count()
        };
        // Two others, three kinds of traffic.
        (0..3).all(|place| connections(place) >= 6).then_some(())
    });

    cluster.bus().kill();
    add_to_all(&cluster, &[0, 1, 2]);
    assert_eq!(sums(&cluster, 1), [2; KEYS]);
    // Its shards elect others while the bus is down.
    cluster.nodes[2].kill();
    add_to_all(&cluster, &[0, 1]);
    assert_eq!(sums(&cluster, 0), [3; KEYS]);

    cluster.bus().restart();
    cluster.nodes[2].restart();
    add_to_all(&cluster, &[0, 1, 2]);
    cluster.await_equal_replicas(PATIENCE);
    assert_eq!(sums(&cluster, 2), [4; KEYS]);
}
