//! Two of three nodes are lost for good, with their data: the third goes on alone, new nodes take the place of
//! the lost, and what was acknowledged while the third had it is all there.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tests::cluster::{Cluster, Ended, Options, troupe, view};
use tests::oracle::{FILE, Load, Oracle, WORKER};
use tests::wait::{PATIENCE, until};

use crate::turn;

/// How long a recovery, and moving shards, may take.
const MOVES: Duration = Duration::from_secs(180);
/// Shards of the cluster.
const SHARDS: usize = 4;
/// Adds before the loss.
const ADDS: u64 = 120;
/// Counters that they go to.
const COUNTERS: u64 = 40;

/// Sends each add on to a second counter, in another shard as often as not.
const RELAY: &str = r#"
export const Relay = act(() =>
  whileLoop(() => waitFor(m => m.type === "add", m =>
    send(Ledger, readState(m, m => ({ type: "add", counter: m.counter })))))
  , { daemon: true, key: m => m.counter });
export const Ledger = act(() =>
  withState(() => ({ total: 0 }), ledger =>
    whileLoop(() => waitFor(m => m.type === "add", m =>
      modifyState(ledger, computeState([m], m => l => ({ total: l.total + 1 })))))
  , { as: "ledger" }), { daemon: true, key: m => "l" + m.counter });
"#;

#[test]
fn a_cluster_that_lost_two_of_three_nodes_goes_on_from_the_third() {
    let _turn = turn();
    // Few shards: each gets two new replicas at the end.
    let options = Options {
        settings: format!("shards = {SHARDS}"),
        ..Options::default()
    };
    let Some(mut cluster) = Cluster::start(3, &options) else {
        return;
    };
    cluster.deploy(&[(FILE, WORKER), ("relay.js", RELAY)]);
    let mut said = BTreeMap::new();
    add(&cluster, &mut said, 0);
    await_ledger(&cluster, &said);
    cluster.await_equal_replicas(PATIENCE);
    let url = cluster.nodes[0].url();
    refuses_while_there_is_a_quorum(&url);

    for node in &mut cluster.nodes[1..] {
        node.kill();
        node.lose_data();
    }
    until("the loss to be noticed", MOVES, || {
        let view = view(&cluster.nodes[0])?;
        let silent = view.nodes.iter().filter(|node| node.state == "silent");
        (silent.count() == 2).then_some(())
    });
    recover(&url);
    await_ledger(&cluster, &said);

    // New nodes come while clients work; the lost are forgotten.
    let lost = cluster.nodes.split_off(1);
    for name in ["node-2", "node-3"] {
        troupe(&["cluster", "remove", name, "--url", &url]).expect_code(0);
    }
    let mut oracle = Oracle::start(
        &cluster.urls(),
        Load {
            clients: 4,
            ..Load::seeded()
        },
    );
    oracle.await_progress(20, MOVES);
    oracle.mark("new nodes join");
    cluster.grow_named(&["node-4", "node-5"]);
    until("every shard to have three replicas", MOVES, || {
        let view = view(&cluster.nodes[0])?;
        let is_whole = |shard: &tests::cluster::ShardView| shard.replicas.len() == 3;
        view.shards.iter().all(is_whole).then_some(())
    });
    oracle.await_progress(20, MOVES);
    add(&cluster, &mut said, ADDS);
    let verdict = oracle.finish();
    await_ledger(&cluster, &said);
    cluster.await_equal_replicas(MOVES);
    verdict.assert_holds();
    drop(lost);
}

/// Adds to many counters, each acknowledged.
fn add(cluster: &Cluster, said: &mut BTreeMap<u64, u64>, from: u64) {
    let client = cluster.nodes[0].http();
    for at in from..from + ADDS {
        let counter = at % COUNTERS;
        let body = json!({ "type": "add", "counter": format!("k{counter}") }).to_string();
        let key = format!("add-{at}");
        let path = format!("/v1/workers/Relay/instances/k{counter}/messages");
        until("an add to be acknowledged", MOVES, || {
            let sent = client.try_post(&path, &[("Idempotency-Key", &key)], &body);
            sent.ok().filter(|answer| answer.status < 300)
        });
        *said.entry(counter).or_insert(0) += 1;
    }
}

/// Waits until every ledger has what was said, and no more.
fn await_ledger(cluster: &Cluster, said: &BTreeMap<u64, u64>) {
    let client = cluster.nodes[0].http();
    for (counter, expected) in said {
        let path = format!("/v1/workers/Ledger/instances/lk{counter}");
        until("a ledger to have what was said", MOVES, || {
            let answer = client.try_get(&path).ok()?;
            let total = answer.body["state"][0]["total"].as_u64()?;
            assert!(total <= *expected, "k{counter}: {total} of {expected}");
            (total == *expected).then_some(())
        });
    }
}

fn ask(url: &str, arguments: &[&str]) -> Ended {
    troupe(&[&["cluster", "recover"], arguments, &["--url", url]].concat())
}

fn refuses_while_there_is_a_quorum(url: &str) {
    let refused = |arguments: &[&str]| ask(url, arguments).expect_code(1).stderr;
    let shard = refused(&["--shard", "0", "--from", "node-1", "--yes"]);
    assert!(shard.contains("E-has-quorum"), "{shard}");
    let system = refused(&["--system", "--from", "node-1", "--yes"]);
    assert!(system.contains("E-has-quorum"), "{system}");
    let other = refused(&["--system", "--from", "node-2", "--yes"]);
    assert!(other.contains("E-recover-source"), "{other}");
    let none = ask(url, &["--all", "--from", "node-1"]);
    none.expect_code(0).prints(&["nothing is to be recovered"]);
    ask(url, &["--from", "node-1"]).expect_code(2);
}

fn recover(url: &str) {
    let unconfirmed = ask(url, &["--system", "--from", "node-1"]).expect_code(1);
    assert!(
        unconfirmed.stderr.contains("--yes"),
        "{}",
        unconfirmed.stderr
    );
    let system = ask(url, &["--system", "--from", "node-1", "--yes"]);
    system
        .expect_code(0)
        .prints(&["node-1 leads the system group"]);
    let from_lost = ask(url, &["--shard", "0", "--from", "node-2", "--yes"]);
    assert!(from_lost.expect_code(1).stderr.contains("E-recover-source"));
    let shown = ask(url, &["--all", "--from", "node-1"]).expect_code(1);
    shown.prints(&["SHARD", "node-2:", "when last heard"]);
    let done = ask(url, &["--all", "--from", "node-1", "--yes"]);
    done.expect_code(0)
        .prints(&[&format!("{SHARDS} shards go on from node-1")]);
}
