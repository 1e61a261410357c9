//! Three nodes under load from the client oracle while processes are killed, paused and started again and the
//! bus goes away: every acknowledged add is there once, and the replicas are equal in the end.

use std::time::{Duration, Instant};

use tests::cluster::{Cluster, Options};
use tests::oracle::{FILE, Load, Oracle, WORKER};
use tests::random::seed;

use crate::turn;

/// Adds that show that the cluster works again.
const PROGRESS: u64 = 100;
/// How long they may take on a machine that is busy with other things.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a process stands still: longer than a lease, shorter than a client's patience.
const PAUSE: Duration = Duration::from_secs(2);
/// How long the bus is away: the length of the fault, not a wait for anything.
const OUTAGE: Duration = Duration::from_secs(1);

#[test]
fn every_acknowledged_add_survives_faults_and_is_applied_once() {
    let _turn = turn();
    let Some(mut cluster) = Cluster::start(3, &Options::default()) else {
        return;
    };
    cluster.deploy(&[(FILE, WORKER)]);
    let began = Instant::now();
    let load = Load {
        seed: seed(),
        ..Load::default()
    };
    let mut oracle = Oracle::start(&cluster.urls(), load);
    oracle.await_progress(2 * PROGRESS, PATIENCE);
    for fault in [
        kill_a_leader,
        kill_each,
        lose_the_bus,
        hold_a_leader_still,
        kill_all,
    ] {
        fault(&mut cluster, &mut oracle);
        oracle.await_progress(PROGRESS, PATIENCE);
    }
    oracle.mark("no fault, after all of them");
    oracle.await_progress(PROGRESS, PATIENCE);
    println!(
        "faults and load took {:.1} s",
        began.elapsed().as_secs_f64()
    );
    let verdict = oracle.finish();
    let compared = cluster.await_equal_replicas(PATIENCE);
    let took = began.elapsed().as_secs_f64();
    println!("{compared} replicas compared, all equal; {took:.1} s in all");
    for node in &cluster.nodes {
        let output = node.output();
        assert!(
            !output.contains("panicked"),
            "{}:\n{}",
            node.name,
            panic_of(&output)
        );
    }
    verdict.assert_holds();
}

fn kill_a_leader(cluster: &mut Cluster, oracle: &mut Oracle) {
    let busy = cluster.leader_of("Tally", "c0");
    oracle.mark(&format!(
        "kill -9 of {}, the leader of a busy shard",
        cluster.nodes[busy].name
    ));
    cluster.nodes[busy].kill();
    oracle.await_progress(PROGRESS, PATIENCE);
    oracle.mark("its restart");
    cluster.nodes[busy].restart();
}

fn kill_each(cluster: &mut Cluster, oracle: &mut Oracle) {
    for node in &mut cluster.nodes {
        oracle.mark(&format!("kill -9 of {} and its restart at once", node.name));
        node.kill();
        node.restart();
        oracle.await_progress(PROGRESS, PATIENCE);
    }
}

fn lose_the_bus(cluster: &mut Cluster, oracle: &mut Oracle) {
    oracle.mark(&format!("NATS killed, started again after {OUTAGE:?}"));
    cluster.bus().kill();
    std::thread::sleep(OUTAGE);
    cluster.bus().restart();
}

fn hold_a_leader_still(cluster: &mut Cluster, oracle: &mut Oracle) {
    let paused = cluster.leader_of("Tally", "c1");
    oracle.mark(&format!(
        "{} stands still for {PAUSE:?}",
        cluster.nodes[paused].name
    ));
    cluster.nodes[paused].pause();
    std::thread::sleep(PAUSE);
    cluster.nodes[paused].resume();
}

fn kill_all(cluster: &mut Cluster, oracle: &mut Oracle) {
    oracle.mark("all three killed and started again");
    for node in &mut cluster.nodes {
        node.kill();
    }
    for node in &mut cluster.nodes {
        node.start();
    }
    for node in &mut cluster.nodes {
        node.await_ready();
    }
}

/// The lines around a panic.
fn panic_of(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    let place = lines
        .iter()
        .position(|line| line.contains("panicked"))
        .unwrap_or(0);
    lines[place..lines.len().min(place + 8)].join("\n")
}
