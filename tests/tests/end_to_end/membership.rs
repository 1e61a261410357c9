//! Nodes that come and go on purpose: a fourth joins and takes shards, one leaves on a signal and hands its
//! leads over, one is drained, stopped and removed, and clients hardly notice.

use std::time::Duration;

use tests::cluster::{Cluster, Options, View, troupe, view};
use tests::oracle::{FILE, Load, Oracle, WORKER};
use tests::wait::{PATIENCE, until};

use crate::turn;

/// Adds that show that the cluster works.
const PROGRESS: u64 = 100;
/// How long moving shards, and work meanwhile, may take.
const MOVES: Duration = Duration::from_secs(60);

#[test]
fn a_node_joins_and_takes_shards_and_a_node_leaves_and_hands_over() {
    let _turn = turn();
    let Some(mut cluster) = Cluster::start(3, &Options::default()) else {
        return;
    };
    cluster.deploy(&[(FILE, WORKER)]);
    let mut oracle = Oracle::start(&cluster.urls(), Load::seeded());
    oracle.await_progress(PROGRESS, MOVES);
    await_spread_leads(&cluster);

    oracle.mark("a fourth node joins and takes shards");
    cluster.grow(1);
    let taken = until(
        "the fourth node to hold shards and lead some",
        MOVES,
        || {
            let view = view(&cluster.nodes[3])?;
            let member = view.member("node-4")?.clone();
            (member.replicas >= 8 && member.leads >= 2).then_some(member)
        },
    );
    println!(
        "the fourth node holds {} replicas and leads {}",
        taken.replicas, taken.leads
    );
    oracle.await_progress(PROGRESS, MOVES);
    let first = cluster.nodes[3].http();
    let read = first.get("/v1/workers/Tally/instances/c0").expect(200);
    assert_eq!(read.body["status"], "waiting");

    oracle.mark("a node leaves on a signal");
    let leads = view(&cluster.nodes[1])
        .and_then(|view| Some(view.member("node-2")?.leads))
        .unwrap_or(0);
    assert!(leads > 0, "node-2 leads nothing that it could hand over");
    let status = cluster.nodes[1].stop();
    println!("node-2 handed {leads} leads over");
    assert_eq!(status.code(), Some(0));
    oracle.await_progress(PROGRESS, MOVES);
    oracle.mark("it comes back");
    cluster.nodes[1].restart();
    oracle.await_progress(PROGRESS, MOVES);
    let verdict = oracle.finish();
    cluster.await_equal_replicas(PATIENCE);
    verdict.assert_holds();
}

#[test]
fn a_node_is_drained_stopped_and_removed_under_load() {
    let _turn = turn();
    let Some(mut cluster) = Cluster::start(3, &Options::default()) else {
        return;
    };
    cluster.grow(1);
    cluster.deploy(&[(FILE, WORKER)]);
    let mut oracle = Oracle::start(&cluster.urls()[..3], Load::seeded());
    until("the fourth node to hold shards", MOVES, || {
        let view = view(&cluster.nodes[0])?;
        (view.member("node-4")?.replicas >= 4).then_some(())
    });
    let url = cluster.nodes[0].url();
    let in_use = troupe(&["cluster", "remove", "node-4", "--url", &url]);
    let said = in_use.expect_code(1).stderr;
    assert!(
        said.contains("E-member-in-use") && said.contains("drain it"),
        "{said}"
    );

    oracle.mark("a node is drained");
    let drained = troupe(&["cluster", "drain", "node-4", "--url", &url]);
    drained.expect_code(0).prints(&["node-4 holds nothing"]);
    let view_now = view(&cluster.nodes[0]).unwrap();
    let node = view_now.member("node-4").unwrap();
    assert_eq!((node.leads, node.replicas), (0, 0));
    oracle.await_progress(PROGRESS, MOVES);
    assert_eq!(cluster.nodes[3].stop().code(), Some(0));
    until("the node is removed", MOVES, || {
        let removed = troupe(&["cluster", "remove", "node-4", "--url", &url]);
        (removed.code == 0).then_some(())
    });
    let view_now = view(&cluster.nodes[0]).unwrap();
    assert!(view_now.member("node-4").is_none());
    let unknown = troupe(&["cluster", "drain", "node-4", "--url", &url]);
    let said = unknown.expect_code(1).stderr;
    assert!(said.contains("E-member-unknown"), "{said}");

    // Three nodes for three replicas: where one drains, two copies are left, and it is told.
    let kept = troupe(&["cluster", "drain", "node-3", "--url", &url]);
    kept.expect_code(0).prints(&["2 of 3 replicas"]);
    let again = troupe(&["cluster", "undrain", "node-3", "--url", &url]);
    again.expect_code(0);
    oracle.await_progress(PROGRESS, MOVES);
    let verdict = oracle.finish();
    cluster.nodes.pop();
    cluster.await_equal_replicas(PATIENCE);
    verdict.assert_holds();
}

/// Waits until every node leads its share, so that each has something to hand over.
fn await_spread_leads(cluster: &Cluster) {
    until("leads to be spread", MOVES, || {
        let view: View = view(&cluster.nodes[0])?;
        view.nodes.iter().all(|node| node.leads >= 3).then_some(())
    });
}
