//! What operators do and see: instances that hold still, calls from the shell, a doctor, a node that waits for
//! its quorum, bounds at the door.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tests::cluster::{Cluster, Options, troupe};
use tests::wait::{PATIENCE, until};

use crate::scripts::{COUNTER, ERRAND};
use crate::turn;

const DOUBLE: (&str, &str) = (
    "double.js",
    r#"
export const Double = act((self, { complete, fail }) =>
  waitFor(m => true, m => whenState(
    readState(m, n => n.number >= 0),
    complete(readState(m, n => n.number * 2)),
    fail("no number"),
  )));
"#,
);

#[test]
fn an_instance_holds_still_and_goes_on() {
    let _turn = turn();
    let cluster = Cluster::single(&Options::default());
    cluster.deploy(&[COUNTER, ERRAND]);
    let url = cluster.any().url();
    let add = |amount: u64| {
        let message = json!({ "type": "add", "name": "a", "amount": amount });
        let sent = troupe(&["send", "Counter", &message.to_string(), "--url", &url]);
        sent.expect_code(0);
    };
    let sum = || {
        let read = cluster.any().http().get("/v1/workers/Counter/instances/a");
        read.expect(200).body["state"][0]["sum"].clone()
    };
    add(1);
    let paused = troupe(&["pause", "Counter/a", "--url", &url]).expect_code(0);
    paused.prints(&["paused", "Counter/a", "troupe resume"]);
    add(10);
    add(100);
    assert_eq!(sum(), 1);
    let listed = troupe(&["list", "--status", "paused", "--url", &url]).expect_code(0);
    listed.prints(&["Counter", "paused"]);
    let shown = troupe(&["get", "Counter/a", "--url", &url, "--output", "json"]).expect_code(0);
    assert_eq!(shown.json()["status"], "paused");
    assert_eq!(shown.json()["mailbox"], 2);
    let resumed = troupe(&["resume", "Counter/a", "--url", &url, "--output", "json"]);
    assert_eq!(resumed.expect_code(0).json()["status"], "waiting");
    assert_eq!(sum(), 111);
    let none = troupe(&["pause", "Counter/none", "--url", &url]).expect_code(1);
    assert!(
        none.stderr.contains("E-unknown-instance"),
        "{}",
        none.stderr
    );
}

#[test]
fn a_call_prints_the_result_and_nothing_else() {
    let _turn = turn();
    let cluster = Cluster::single(&Options::default());
    cluster.deploy(&[DOUBLE]);
    let url = cluster.any().url();
    let called = troupe(&["call", "Double", r#"{ "number": 21 }"#, "--url", &url]).expect_code(0);
    assert_eq!(called.json(), 42);
    let failed = troupe(&["call", "Double", r#"{ "number": -1 }"#, "--url", &url]).expect_code(1);
    assert!(failed.stdout.is_empty(), "{}", failed.stdout);
    assert!(failed.stderr.contains("no number"), "{}", failed.stderr);
    troupe(&["call", "Nobody", "1", "--url", &url]).expect_code(1);
}

#[test]
fn a_doctor_says_what_is_wrong_and_what_to_do() {
    let _turn = turn();
    let cluster = Cluster::single(&Options::default());
    let node = cluster.any();
    let (data, http) = (
        node.data().display().to_string(),
        node.url().trim_start_matches("http://").to_owned(),
    );
    let fit = [
        "doctor",
        "--data",
        &data,
        "--http",
        &http,
        "--cluster",
        &cluster.name,
    ];
    let found = troupe(&fit).expect_code(0);
    found.prints(&[
        "disk flush",
        "that of a node that runs",
        "serves the cluster",
        "all 16 are led",
    ]);
    let bus = format!("nats://127.0.0.1:{}", tests::services::free_port());
    let ill = troupe(&["doctor", "--data", &data, "--http", &http, "--bus", &bus]).expect_code(1);
    ill.prints(&["BAD", "start a NATS server", "give another --http"]);
    let told = troupe(&[&fit[..], &["--output", "json"]].concat()).expect_code(0);
    assert!(told.json().as_array().unwrap().len() > 8);
    let far = troupe(&["doctor", "--url", &node.url()]).expect_code(0);
    far.prints(&["serves the cluster", "all 16 are led", "clocks"]);
    assert!(!far.stdout.contains("disk flush"), "{}", far.stdout);
    let nowhere = format!("127.0.0.1:{}", tests::services::free_port());
    let none = troupe(&["doctor", "--url", &nowhere]).expect_code(1);
    none.prints(&["BAD", "--url"]);
}

#[test]
fn a_node_without_its_quorum_says_what_it_waits_for() {
    let _turn = turn();
    let Some(mut cluster) = Cluster::start(3, &Options::default()) else {
        return;
    };
    cluster.deploy(&[COUNTER]);
    for node in &mut cluster.nodes {
        node.kill();
    }
    cluster.nodes[0].start();
    let alone = cluster.nodes[0].http();
    let said = until("it says that it has no quorum", PATIENCE, || {
        let answer = alone.try_get("/readyz").ok()?;
        let reason = answer.body["reason"].as_str()?.to_owned();
        reason.contains("no quorum").then_some(answer)
    });
    assert_eq!(said.status, 503);
    let reason = said.body["reason"].as_str().unwrap();
    assert!(
        reason.contains("node-2") && reason.contains("node-3"),
        "{reason}"
    );
    let url = cluster.nodes[0].url();
    let status = troupe(&["cluster", "status", "--url", &url]).expect_code(0);
    status.prints(&[
        "does not serve yet",
        "no quorum",
        "node-3",
        "silent",
        "none",
    ]);
    let metrics = alone.get("/metrics").expect(200).text;
    assert!(metrics.contains("troupe_serving 0"), "{metrics}");
    assert!(metrics.contains("troupe_log_segments"), "{metrics}");
    alone
        .post("/v1/workers/Counter/messages", &json!({}))
        .expect_problem(503, "E-not-ready");
    cluster.nodes[1].start();
    cluster.nodes[0].await_ready();
    let metrics = alone.get("/metrics").expect(200).text;
    assert!(metrics.contains("troupe_serving 1"), "{metrics}");
}

#[test]
fn a_door_with_one_place_refuses_who_finds_it_taken() {
    let _turn = turn();
    let options = Options {
        settings: "requests_max = 1\nrequests_waiting_max = 0\nunflushed_mib = 1\n".to_owned(),
        ..Options::default()
    };
    let cluster = Cluster::single(&options);
    cluster.deploy(&[COUNTER]);
    let [taken, refused] = [(); 2].map(|()| AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for key in 0..8 {
            let (client, taken, refused) = (cluster.any().http(), &taken, &refused);
            scope.spawn(move || {
                let add = json!({ "type": "add", "name": format!("k{key}"), "amount": 1 });
                for _ in 0..100 {
                    let answer = client.post("/v1/workers/Counter/messages", &add);
                    match answer.status {
                        202 => taken.fetch_add(1, Ordering::Relaxed),
                        _ => {
                            answer.expect_problem(429, "E-busy");
                            refused.fetch_add(1, Ordering::Relaxed)
                        }
                    };
                }
            });
        }
    });
    let (taken, refused) = (taken.into_inner(), refused.into_inner());
    println!("{taken} taken, {refused} refused");
    assert!(taken > 0 && refused > 0);
    let counted = (0..8).map(|key| {
        let path = format!("/v1/workers/Counter/instances/k{key}");
        let read = cluster.any().http().get(&path);
        read.body["state"][0]["sum"].as_u64().unwrap_or(0) as usize
    });
    assert_eq!(
        counted.sum::<usize>(),
        taken,
        "who was refused left nothing"
    );
}
