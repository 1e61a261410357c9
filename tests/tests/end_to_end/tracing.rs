//! Traces of three nodes in a real Jaeger: one request is one trace, across workers, nodes and a failover.

use std::time::Duration;

use serde_json::{Value, json};
use tests::cluster::{Cluster, Options};
use tests::services::{Jaeger, Trace};
use tests::wait::PATIENCE;

use crate::turn;

/// How long spans may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(20);

/// Waits between two sends, long enough for a leader to be killed in between.
const PATIENT: (&str, &str) = (
    "patient.js",
    r#"
export const Patient = act((self, { complete }) =>
  waitFor(m => m.type === "go", go => sequence(() => [
    send(Echo, { type: "before", name: "first" }),
    delay(4000),
    send(Echo, { type: "after", name: "second" }),
    complete("sent"),
  ])));
export const Echo = act(() =>
  withState(() => 0, count => whileLoop(() =>
    waitFor(m => true, m => modifyState(count, n => n + 1)))),
  { daemon: true, key: m => m.name });
"#,
);

fn start() -> Option<(Jaeger, Cluster)> {
    let jaeger = Jaeger::start()?;
    let options = Options {
        otlp: Some(jaeger.otlp_url()),
        ..Options::default()
    };
    Some((jaeger, Cluster::start(3, &options)?))
}

/// The workers whose turns are in the trace, by name.
fn workers(trace: &Trace) -> Vec<String> {
    let name = |worker: &str| worker.split('/').next().unwrap_or("").to_owned();
    let mut found: Vec<String> = trace
        .named("turn")
        .iter()
        .filter_map(|span| span.tag("troupe.worker"))
        .map(name)
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Spans whose parent is not in the trace, but for the first.
fn orphans(trace: &Trace) -> Vec<String> {
    let known: Vec<&str> = trace.spans.iter().map(|span| span.id.as_str()).collect();
    let lost = trace.spans.iter().filter(|span| {
        span.parent
            .as_deref()
            .is_some_and(|parent| !known.contains(&parent))
    });
    lost.map(|span| format!("{} on {}", span.name, span.instance))
        .collect()
}

fn print(trace: &Trace) {
    println!(
        "trace {}: {} spans from {:?}",
        trace.id,
        trace.spans.len(),
        trace.instances()
    );
    for span in &trace.spans {
        let worker = span.tag("troupe.worker").unwrap_or("");
        println!(
            "  {:8} {:8} {:>7} us {worker}",
            span.name, span.instance, span.duration_us
        );
    }
}

#[test]
fn a_transfer_is_one_trace_over_workers_and_nodes() {
    let _turn = turn();
    let Some((jaeger, cluster)) = start() else {
        return;
    };
    cluster.deploy_examples();
    let expected = [
        "DataAggregatorService",
        "FundTransfer",
        "LedgerService",
        "NotificationService",
    ];
    // Where the parts of one transfer are is chance; some transfer spans several nodes.
    let mut spanning = None;
    for number in 0..6 {
        let order = json!({ "type": "INITIATE_TRANSFER", "id": format!("t-{number}"),
            "from": format!("alice-{number}"), "to": format!("bob-{number}"), "amount": 1250 });
        let node = &cluster.nodes[number % 3];
        let sent = node
            .http()
            .post("/v1/workers/FundTransfer/messages?wait=outcome", &order);
        let sent = sent.expect(200).body;
        assert_eq!(
            sent["outcome"]["result"]["outcome"], "TRANSFER_CONFIRMED",
            "{sent}"
        );
        let id = sent["trace"].as_str().unwrap();
        let trace = jaeger.wait_for_trace(id, ARRIVAL, |trace| {
            // Two turns of the ledger: of the payer and of the payee.
            workers(trace) == expected && ledger_turns(trace) >= 2 && orphans(trace).is_empty()
        });
        for hop in ["door", "commit", "turn"] {
            assert!(!trace.named(hop).is_empty(), "no {hop} in {trace:#?}");
        }
        assert_eq!(trace.named("door")[0].parent, None);
        if trace.instances().len() >= 2 {
            spanning = Some(trace);
        }
    }
    let trace = spanning.expect("a transfer over several nodes");
    print(&trace);
    for hop in ["send", "deliver"] {
        assert!(!trace.named(hop).is_empty(), "no {hop} in {trace:#?}");
    }
    let deliver = trace.named("deliver")[0];
    let parent = trace
        .spans
        .iter()
        .find(|span| Some(&span.id) == deliver.parent.as_ref());
    assert_eq!(parent.unwrap().name, "send");
    assert!(trace.spans.iter().all(|span| span.service == "troupe"));
}

fn ledger_turns(trace: &Trace) -> usize {
    let of_ledger = |worker: &str| worker.starts_with("LedgerService/");
    trace
        .named("turn")
        .iter()
        .filter(|span| span.tag("troupe.worker").is_some_and(of_ledger))
        .count()
}

#[test]
fn a_trace_of_a_client_is_continued() {
    let _turn = turn();
    let Some((jaeger, cluster)) = start() else {
        return;
    };
    cluster.deploy(&[PATIENT]);
    let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let header = format!("00-{trace}-{parent}-01");
    let sent = cluster.nodes[0].http().post_with(
        "/v1/workers/Echo/messages?wait=turn",
        &[("traceparent", &header)],
        r#"{"name":"a"}"#,
    );
    assert_eq!(sent.expect(200).body["trace"], trace);
    // The door's node and the leader's node send their spans separately.
    let found = jaeger.wait_for_trace(trace, ARRIVAL, |trace| {
        !trace.named("door").is_empty() && !trace.named("turn").is_empty()
    });
    assert_eq!(found.named("door")[0].parent.as_deref(), Some(parent));
}

#[test]
fn a_trace_goes_on_after_its_leader_was_killed() {
    let _turn = turn();
    let Some((jaeger, mut cluster)) = start() else {
        return;
    };
    cluster.deploy(&[PATIENT]);
    let node = cluster.nodes[0].http();
    let started = node
        .post("/v1/workers/Patient/instances", &json!({ "key": "p" }))
        .expect(202)
        .body;
    assert_eq!(started["instance"], "Patient/p");
    let leader = cluster.leader_of("Patient", "p");
    let other = (leader + 1) % 3;
    let path = "/v1/workers/Patient/instances/p/messages?wait=turn";
    let sent = cluster.nodes[other]
        .http()
        .post(path, &json!({ "type": "go" }))
        .expect(200)
        .body;
    let id = sent["trace"].as_str().unwrap().to_owned();
    // A node that dies takes with it what it has not sent.
    jaeger.wait_for_trace(&id, ARRIVAL, |trace| workers(trace) == ["Echo", "Patient"]);
    let name = cluster.nodes[leader].name.clone();
    cluster.nodes[leader].kill();
    let ended = cluster.nodes[other]
        .http()
        .get("/v1/workers/Patient/instances/p");
    assert_eq!(
        ended.expect(200).body["status"],
        "waiting",
        "the leader was killed too late"
    );

    let trace = jaeger.wait_for_trace(&id, PATIENCE, |trace| {
        let after = trace
            .named("turn")
            .into_iter()
            .filter(|turn| turn.instance != name)
            .count();
        // Spans that are sent again after a slow answer are there twice: what counts is whose they are.
        let turns = trace.named("turn");
        let mut workers = turns.iter().filter_map(|turn| turn.tag("troupe.worker"));
        after >= 2 && workers.any(|worker| worker == "Echo/second")
    });
    print(&trace);
    let turns = trace.named("turn");
    let last: Vec<&str> = turns
        .iter()
        .filter_map(|turn| turn.tag("troupe.worker"))
        .collect();
    assert!(last.contains(&"Echo/second"), "{last:?}");
    let view: Value = cluster.nodes[other]
        .http()
        .get("/v1/workers/Patient/instances/p")
        .expect(200)
        .body;
    assert_eq!(
        (&view["status"], &view["result"]),
        (&json!("completed"), &json!("sent"))
    );
}
