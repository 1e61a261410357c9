//! Programs on the bus that are no part of Troupe: an external service that comes late, and a client that
//! sends to workers. Both speak NATS and nothing else.

use std::time::Duration;

use serde_json::{Value, json};
use tests::cluster::{Cluster, HttpClient, Options};
use tests::nats_client::{Message, NatsClient};
use tests::wait::{PATIENCE, until};

use crate::scripts::COUNTER;
use crate::turn;

/// Asks a service for prices and keeps what comes back.
const ASKER: (&str, &str) = (
    "asker.js",
    r#"
export const Asker = act(() =>
  withState(() => [], answers =>
    whileLoop(() =>
      when(m => m.type === "ask",
        ask => send(PriceService, readState(ask, m => ({ type: "price?", item: m.item }))),
        other => modifyState(answers, computeState([other], m => list => [...list, m])),
      ),
    ),
  ), { daemon: true });
"#,
);

const SERVICE_SUBJECT: &str = "troupe.test.default.service.PriceService";

const ASKER_PATH: &str = "/v1/workers/Asker/instances/default";

/// Has the asker ask; returns what the node answered.
fn ask(node: &HttpClient, item: &str) -> Value {
    let body = json!({ "type": "ask", "item": item });
    node.post(&format!("{ASKER_PATH}/messages?wait=turn"), &body)
        .expect(200)
        .body
}

/// Waits until the story of what was asked says that of the message to the service.
fn await_outcome(node: &HttpClient, asked: &Value, outcome: &str) {
    let path = format!("/v1/messages/{}/trace", asked["message"].as_str().unwrap());
    until(outcome, PATIENCE, || {
        let story = node.get(&path).expect(200).body;
        let messages = story["messages"].as_array().unwrap();
        let found = messages
            .iter()
            .any(|m| m["to"] == "PriceService" && m["outcome"] == outcome);
        found.then_some(())
    });
}

fn check_headers(message: &Message, asked: &Value) {
    let cause = message.header("Troupe-Causation-Id");
    assert_eq!(cause, asked["message"].as_str());
    assert_eq!(message.header("Troupe-Correlation-Id"), cause);
    for header in ["Troupe-Message-Id", "Troupe-Timestamp"] {
        assert!(
            message.header(header).is_some(),
            "no {header} in {message:?}"
        );
    }
    let trace = message.header("traceparent").unwrap();
    assert!(trace.contains(asked["trace"].as_str().unwrap()), "{trace}");
}

#[test]
fn a_message_that_nothing_serves_is_kept_until_a_service_comes() {
    let _turn = turn();
    let Some(mut cluster) = Cluster::start(1, &Options::default()) else {
        return;
    };
    let deployed = cluster.deploy(&[ASKER]);
    assert_eq!(deployed["unserved"], json!(["PriceService"]));
    let node = cluster.any().http();
    let asked = ask(&node, "apples");
    await_outcome(&node, &asked, "waiting for a service");
    assert_eq!(node.get(ASKER_PATH).body["state"], json!([[]]));
    // What waits survives a crash like everything else.
    cluster.nodes[0].kill();
    cluster.nodes[0].restart();

    let mut service = NatsClient::connect(cluster.bus().port());
    service.subscribe(SERVICE_SUBJECT, Some("prices"));
    let message = service.next(PATIENCE).expect("the message that was kept");
    let payload: Value = serde_json::from_str(&message.payload).unwrap();
    assert_eq!(payload, json!({ "type": "price?", "item": "apples" }));
    check_headers(&message, &asked);
    let answer = json!({ "type": "price", "item": "apples", "cents": 125 });
    service.publish(message.reply.as_deref().unwrap(), None, &answer.to_string());
    until("the answer in the state of the asker", PATIENCE, || {
        (node.get(ASKER_PATH).body["state"] == json!([[answer]])).then_some(())
    });
    await_outcome(&node, &asked, "taken by a service");
}

#[test]
fn a_silent_service_is_asked_again_until_it_acknowledges() {
    let _turn = turn();
    let Some(mut cluster) = Cluster::start(1, &Options::default()) else {
        return;
    };
    cluster.deploy(&[ASKER]);
    let node = cluster.any().http();
    let mut service = NatsClient::connect(cluster.bus().port());
    service.subscribe(SERVICE_SUBJECT, Some("prices"));
    let asked = ask(&node, "pears");
    let first = service.next(PATIENCE).expect("the message");
    let again = service
        .next(PATIENCE)
        .expect("the message, again after silence");
    assert_eq!(
        first.header("Troupe-Message-Id"),
        again.header("Troupe-Message-Id")
    );
    // An empty reply acknowledges; there is no answer for the worker then.
    service.publish(again.reply.as_deref().unwrap(), None, "");
    await_outcome(&node, &asked, "taken by a service");
    assert!(
        service.next(Duration::from_secs(2)).is_none(),
        "sent after it was acknowledged"
    );
    assert_eq!(node.get(ASKER_PATH).body["state"], json!([[]]));
}

#[test]
fn a_client_of_the_bus_sends_to_workers_and_follows_their_output() {
    let _turn = turn();
    let Some(mut cluster) = Cluster::start(1, &Options::default()) else {
        return;
    };
    cluster.deploy(&[COUNTER]);
    let mut client = NatsClient::connect(cluster.bus().port());
    let add = json!({ "type": "add", "name": "a", "amount": 3 }).to_string();
    let answer = |text: Option<Message>| -> Value {
        serde_json::from_str(&text.expect("an answer").payload).unwrap()
    };
    let by_name = answer(client.request("troupe.test.default.worker.Counter", &add, PATIENCE));
    assert!(by_name["message"].is_string(), "{by_name}");
    let by_key = answer(client.request("troupe.test.default.worker.Counter.a", &add, PATIENCE));
    assert_eq!(
        (&by_key["instance"], &by_key["duplicate"]),
        (&json!("Counter/a"), &json!(false))
    );
    let node = cluster.any().http();
    until("both adds", PATIENCE, || {
        let view = node.get("/v1/workers/Counter/instances/a").body;
        (view["state"][0]["sum"] == 6).then_some(())
    });
    let refused = answer(client.request("troupe.test.default.worker.Counter.a", "{ no", PATIENCE));
    assert_eq!(refused["code"], "E-bad-body");

    client.subscribe("troupe.test.default.outbox.Counter.a", None);
    let said = answer(client.request(
        "troupe.test.default.worker.Counter.a",
        r#"{"type":"say"}"#,
        PATIENCE,
    ));
    let news = if said.get("asked").is_some() {
        said
    } else {
        answer(client.next(PATIENCE))
    };
    assert_eq!(news, json!({ "asked": "say", "sum": 6 }));
}
