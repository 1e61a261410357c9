//! Leads that are handed over on request and stay there, through an outage of their node too, until the
//! cluster is asked to be even again; clients hardly notice.

use std::time::Duration;

use tests::cluster::{Cluster, MemberView, Options, View, troupe, view};
use tests::oracle::{FILE, Load, Oracle, WORKER};
use tests::wait::{PATIENCE, until};

use crate::turn;

/// Adds that show that the cluster works.
const PROGRESS: u64 = 100;
/// How long moves, and work meanwhile, may take.
const MOVES: Duration = Duration::from_secs(120);
/// Shards whose lead is asked for: more than a node's share of sixteen.
const ASKED: u32 = 9;

#[test]
fn leads_are_handed_over_on_request_and_spread_again() {
    let _turn = turn();
    let Some(mut cluster) = Cluster::start(3, &Options::default()) else {
        return;
    };
    cluster.deploy(&[(FILE, WORKER)]);
    let mut oracle = Oracle::start(&cluster.urls(), Load::seeded());
    oracle.await_progress(PROGRESS, MOVES);
    refuses_what_cannot_be(&cluster);
    let url = cluster.nodes[0].url();

    oracle.mark("leads are handed over one by one");
    for shard in 0..ASKED {
        let shard = shard.to_string();
        let asked = ["cluster", "transfer", "--shard", &shard, "--to", "node-3"];
        let done = troupe(&[&asked[..], &["--url", &url]].concat());
        done.expect_code(0)
            .prints(&[&format!("node-3 leads shard {shard}")]);
    }
    oracle.await_progress(PROGRESS, MOVES);
    await_asked_leads(&cluster);

    oracle.mark("their node is lost and comes back");
    cluster.nodes[2].kill();
    until("others to lead", MOVES, || {
        let view = view(&cluster.nodes[0])?;
        (0..ASKED)
            .all(|shard| view.leader_of(shard).is_some_and(|name| name != "node-3"))
            .then_some(())
    });
    oracle.await_progress(PROGRESS, MOVES);
    cluster.nodes[2].restart();
    await_asked_leads(&cluster);

    oracle.mark("a rebalance spreads them");
    let ask = |more: &[&str]| {
        let done = troupe(&[&["cluster", "rebalance", "--url", &url], more].concat());
        done.expect_code(0)
    };
    ask(&["--dry-run"]).prints(&["SHARD", "node-3 to node-"]);
    await_asked_leads(&cluster);
    let asked = ask(&["--no-wait", "--output", "json"]).json();
    let changes = asked["changes"].as_array().expect("a list of changes");
    assert!(!changes.is_empty(), "{asked}");
    until("leads to be even", MOVES, || {
        let view = view(&cluster.nodes[0])?;
        view.nodes.iter().all(|node| node.leads >= 5).then_some(())
    });
    let load = |view: &View| {
        view.nodes
            .iter()
            .map(|node: &MemberView| node.load)
            .sum::<u64>()
    };
    assert!(load(&now(&cluster)) > 0, "no load is told");
    let status = troupe(&["cluster", "status", "--url", &url]);
    status.expect_code(0).prints(&["LOAD", "MOVES"]);
    oracle.await_progress(PROGRESS, MOVES);
    let verdict = oracle.finish();
    cluster.await_equal_replicas(PATIENCE);
    verdict.assert_holds();
}

/// Waits until every lead is where it was asked to be.
fn await_asked_leads(cluster: &Cluster) {
    until("the leads to be where they were asked to be", MOVES, || {
        let view = view(&cluster.nodes[0])?;
        (0..ASKED)
            .all(|shard| view.leader_of(shard) == Some("node-3"))
            .then_some(())
    });
}

fn now(cluster: &Cluster) -> View {
    until("a node to say how the cluster is", PATIENCE, || {
        view(&cluster.nodes[0])
    })
}

fn refuses_what_cannot_be(cluster: &Cluster) {
    let url = cluster.nodes[0].url();
    let refused = |shard: &str, to: &str| {
        let asked = ["cluster", "transfer", "--shard", shard, "--to", to];
        let done = troupe(&[&asked[..], &["--url", &url]].concat());
        done.expect_code(1).stderr
    };
    assert!(refused("999", "node-1").contains("E-shard-unknown"));
    assert!(refused("0", "nobody").contains("E-member-unknown"));
}
