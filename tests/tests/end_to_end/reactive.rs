//! Reactive functions over several nodes: read over HTTP and as a stream, waited for by a worker, fed by a
//! program on the bus, through the loss of a leader; and followed with `troupe watch`.

use serde_json::{Value, json};
use tests::cluster::{Cluster, HttpClient, Options, troupe};
use tests::nats_client::NatsClient;
use tests::wait::{PATIENCE, until};

use crate::turn;

const EXPOSURE: (&str, &str) = (
    "exposure.js",
    include_str!("../../../examples/exposure/exposure.js"),
);

const RATES: &str = "troupe.test.default.service.Rates";

/// `?args=["ann"]`
const ANN: &str = "/v1/reactive/Exposure?args=%5B%22ann%22%5D";

fn open(node: &HttpClient, customer: &str, account: &str) {
    let order = json!({ "type": "OPEN", "customer": customer, "account": account });
    let sent = node.post("/v1/workers/Customer/messages?wait=turn", &order);
    assert!(sent.status < 300, "{}", sent.text);
}

fn book(node: &HttpClient, account: &str, amount: i64) -> String {
    let order = json!({ "type": "BOOK", "account": account, "amount": amount });
    let sent = node.post("/v1/workers/Account/messages?wait=turn", &order);
    assert!(sent.status < 300, "{}", sent.text);
    sent.body["message"].as_str().unwrap().to_owned()
}

fn exposure_of(node: &HttpClient, path: &str, value: &Value) -> Value {
    until("the exposure", PATIENCE, || {
        let view = node.get(path).body;
        (view["value"] == *value).then_some(view)
    })
}

#[test]
fn a_function_is_kept_up_to_date_on_one_node() {
    let _turn = turn();
    let mut cluster = Cluster::single(&Options::default());
    cluster.deploy(&[EXPOSURE]);
    let node = cluster.any().http();
    assert_eq!(node.get(ANN).expect(200).body["value"], json!(0));
    open(&node, "ann", "a1");
    book(&node, "a1", 120);
    let view = exposure_of(&node, ANN, &json!(120));
    assert_eq!(view["key"], json!("[\"ann\"]"));
    let sources = view["sources"].as_array().unwrap();
    assert_eq!(sources[0]["source"], json!("Customer/ann accounts"));
    assert_eq!(sources[1]["source"], json!("Worth/[\"a1\"]"));
    assert!(sources[0]["version"].is_u64(), "{view}");
    // What was not asked for with an array, what is no function, and what nobody deployed.
    node.get("/v1/reactive/Exposure?args=5")
        .expect_problem(400, "E-bad-request");
    node.get("/v1/reactive/Account?args=%5B%22a1%22%5D")
        .expect_problem(400, "E-reactive");
    node.get("/v1/reactive/Nothing")
        .expect_problem(404, "E-unknown-worker");
    // It goes on after a crash of the only node.
    cluster.nodes[0].kill();
    cluster.nodes[0].restart();
    let node = cluster.any().http();
    book(&node, "a1", 30);
    exposure_of(&node, ANN, &json!(150));
    let url = cluster.any().url();
    let watched = troupe(&["watch", "Exposure", "[\"ann\"]", "--once", "--url", &url]);
    watched.expect_code(0).prints(&["150", "Worth/[\"a1\"]"]);
}

#[test]
fn a_stream_a_worker_and_a_program_on_the_bus_see_each_value_through_the_loss_of_a_leader() {
    let _turn = turn();
    let Some(mut cluster) = Cluster::start(3, &Options::default()) else {
        return;
    };
    cluster.deploy(&[EXPOSURE]);
    let node = cluster.any().http();
    let mut rates = NatsClient::connect(cluster.bus().port());
    rates.subscribe(RATES, Some("rates"));
    let watch = json!({ "type": "WATCH", "customer": "ann", "limit": 1000 });
    node.post("/v1/workers/Desk/messages", &watch).expect(202);
    for account in ["a1", "a2", "a3"] {
        open(&node, "ann", account);
    }
    let booked = json!({ "type": "BOOK", "account": "a3", "amount": 10, "currency": "USD" });
    node.post("/v1/workers/Account/messages", &booked)
        .expect(202);
    let asked = rates.next(PATIENCE).expect("a question for the rates");
    let question: Value = serde_json::from_str(&asked.payload).unwrap();
    assert_eq!(question, json!({ "from": "USD", "to": "EUR" }));
    rates.publish(asked.reply.as_deref().unwrap(), None, r#"{ "rate": 2 }"#);
    exposure_of(&node, ANN, &json!(20));

    let first = node.follow(ANN, None, 1).remove(0);
    assert_eq!(first.data["value"], json!(20));

    lose_leaders(&mut cluster);
    let node = cluster.any().http();
    exposure_of(&node, ANN, &json!(1220));
    let last = book(&node, "a1", -400);
    exposure_of(&node, ANN, &json!(820));

    // The stream resumes where it was; every change is one event, in order.
    let resumed = node.follow(ANN, Some(&first.id), 5);
    let values: Vec<i64> = resumed
        .iter()
        .map(|event| event.data["value"].as_i64().unwrap())
        .collect();
    assert_eq!(values, [320, 620, 920, 1220, 820]);

    check_the_desk(&node, &last);
    cluster.await_equal_replicas(PATIENCE);
}

/// Books through the loss of the leader of the function's shard, then of that of an account's.
fn lose_leaders(cluster: &mut Cluster) {
    for (name, key) in [("Exposure", "[\"ann\"]"), ("Account", "a1")] {
        let leader = cluster.leader_of(name, key);
        cluster.nodes[leader].kill();
        let node = cluster.any().http();
        book(&node, "a1", 300);
        book(&node, "a2", 300);
        cluster.nodes[leader].restart();
    }
}

/// The desk was told twice, and the trace of the last booking leads through both functions to it.
fn check_the_desk(node: &HttpClient, last: &str) {
    let desk = until("what the desk said", PATIENCE, || {
        let page = node.get("/v1/workers/Desk/instances/ann/outbox").body;
        (page["messages"].as_array()?.len() == 2).then_some(page)
    });
    let said: Vec<&Value> = desk["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|said| &said["message"])
        .collect();
    assert_eq!(said[0], &json!({ "type": "ABOVE", "exposure": 1220 }));
    assert_eq!(said[1], &json!({ "type": "BELOW", "exposure": 820 }));

    let trace = until("the trace", PATIENCE, || {
        let trace = node.get(&format!("/v1/messages/{last}/trace")).body;
        let text = trace.to_string();
        [
            "Account/a1",
            "Worth/[\\\"a1\\\"]",
            "Exposure/[\\\"ann\\\"]",
            "Desk/ann",
        ]
        .iter()
        .all(|place| text.contains(place))
        .then_some(trace)
    });
    assert!(trace.to_string().contains("\"value\""), "{trace}");
}
