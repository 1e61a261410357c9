//! A leader that stands still for longer than its lease and goes on (`SIGSTOP`, `SIGCONT`): another leads meanwhile;
//! what clients had asked the one that stood still never shows an older state than was acknowledged, and what they
//! had sent it is applied at most once.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use tests::cluster::{Cluster, HttpClient, Options};
use tests::wait::{PATIENCE, until};

use crate::scripts::COUNTER;
use crate::turn;

/// Longer than a lease, and than an election.
const PAUSE: Duration = Duration::from_secs(2);
const CLIENTS: usize = 10;
const PATH: &str = "/v1/workers/Counter/instances/a";

fn add(client: &HttpClient) -> Option<()> {
    let add = json!({ "type": "add", "name": "a", "amount": 1 });
    let path = "/v1/workers/Counter/messages?wait=turn";
    let answer = client.try_post(path, &[], &add.to_string()).ok()?;
    (answer.status == 200).then_some(())
}

fn sum(client: &HttpClient) -> Option<u64> {
    let answer = client.try_get(PATH).ok().filter(|one| one.status == 200)?;
    answer.body["state"][0]["sum"].as_u64()
}

#[test]
fn a_leader_that_stood_still_does_no_harm() {
    let _turn = turn();
    let Some(mut cluster) = Cluster::start(3, &Options::default()) else {
        return;
    };
    cluster.deploy(&[COUNTER]);
    let acknowledged = AtomicU64::new(0);
    let first = cluster.any().http();
    until("the first add", PATIENCE, || add(&first));
    acknowledged.fetch_add(1, Ordering::SeqCst);
    let paused = cluster.leader_of("Counter", "a");
    let other = cluster.nodes[(paused + 1) % 3].http();
    let patient = || HttpClient::with_deadline(&cluster.nodes[paused].url(), PATIENCE);
    let clients: Vec<(HttpClient, HttpClient)> =
        (0..CLIENTS).map(|_| (patient(), patient())).collect();
    cluster.nodes[paused].pause();
    let began = std::time::Instant::now();
    let unknown = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let mut waiting = Vec::new();
        for (reader, writer) in &clients {
            for _ in 0..5 {
                until("another node leads", PATIENCE, || {
                    add(&other).or_else(|| {
                        unknown.fetch_add(1, Ordering::SeqCst);
                        None
                    })
                });
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            let least = acknowledged.load(Ordering::SeqCst);
            let read = scope.spawn(move || (least, sum(reader)));
            waiting.push((read, scope.spawn(move || add(writer))));
        }
        std::thread::sleep(PAUSE.saturating_sub(began.elapsed()));
        cluster.nodes[paused].resume();
        for (read, written) in waiting {
            let (least, seen) = read.join().unwrap();
            if let Some(seen) = seen {
                assert!(
                    seen >= least,
                    "{seen} was read after {least} were acknowledged"
                );
            }
            let count = match written.join().unwrap() {
                Some(()) => &acknowledged,
                None => &unknown,
            };
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    let known = acknowledged.load(Ordering::SeqCst);
    let unknown = unknown.into_inner();
    let last = until("a read at the end", PATIENCE, || {
        sum(&cluster.nodes[paused].http())
    });
    println!("{known} acknowledged, {unknown} unknown, {last} applied");
    assert!((known..=known + unknown).contains(&last), "{last}");
    cluster.await_equal_replicas(PATIENCE);
}
