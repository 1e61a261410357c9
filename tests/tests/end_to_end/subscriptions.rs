//! What workers hear on the bus: subjects, where each message goes to one node, and streams, which are heard
//! once through the death of each node.

use serde_json::{Value, json};
use tests::cluster::{Cluster, HttpClient, Options};
use tests::nats_client::NatsClient;
use tests::wait::{PATIENCE, until};

use crate::turn;

/// Keeps what it heard, by customer.
fn listener(subscribe: &str) -> String {
    format!(
        r#"
export const Orders = act(() =>
  withState(() => [], heard =>
    whileLoop(() => waitFor(() => true, order =>
      modifyState(heard, computeState([order], o => list => [...list, o.number ?? o]))))),
  {{ daemon: true, key: o => o.customer ?? "unknown", subscribe: "{subscribe}" }});
"#
    )
}

fn heard(node: &HttpClient, customer: &str) -> Vec<Value> {
    let answer = node.get(&format!("/v1/workers/Orders/instances/{customer}"));
    let state = answer.body["state"][0].as_array();
    state.cloned().unwrap_or_default()
}

/// Publishes until somebody has heard it: subjects are not kept, and the leader begins to listen soon after
/// the deploy.
fn await_listener(client: &mut NatsClient, node: &HttpClient, subject: &str) {
    until("somebody listens", PATIENCE, || {
        client.publish(subject, None, r#"{"customer":"probe","number":0}"#);
        (!heard(node, "probe").is_empty()).then_some(())
    });
}

#[test]
fn what_is_published_on_a_subject_reaches_the_worker_of_its_key_once() {
    let _turn = turn();
    let Some(mut cluster) = Cluster::start(3, &Options::default()) else {
        return;
    };
    cluster.deploy(&[("orders.js", &listener("orders.>"))]);
    let mut client = NatsClient::connect(cluster.bus().port());
    let node = cluster.nodes[0].http();
    await_listener(&mut client, &node, "orders.new");
    for number in 1..=50 {
        let order = json!({ "customer": "ann", "number": number });
        client.publish("orders.new.eu", None, &order.to_string());
    }
    client.publish("orders", None, r#"{"customer":"ann","number":99}"#);
    client.publish("orders.text", None, "no JSON");
    until("everything is heard", PATIENCE, || {
        let all = heard(&node, "ann").len() >= 50 && !heard(&node, "unknown").is_empty();
        all.then_some(())
    });
    let expected: Vec<Value> = (1..=50).map(Value::from).collect();
    assert_eq!(heard(&node, "ann"), expected);
    assert_eq!(heard(&node, "unknown"), ["no JSON"]);
    // Nobody would be told that `key` has no key for it: it is kept.
    client.publish("orders.none", None, "null");
    let letter = until("the message without a key to be kept", PATIENCE, || {
        let letters = node.get("/v1/dead-letters").body["dead_letters"].clone();
        letters.as_array().and_then(|all| all.first().cloned())
    });
    assert_eq!(letter["cause"]["code"], "E-key-failed", "{letter}");
}

#[test]
fn a_worker_hears_what_another_publishes_on_the_bus_within_one_node() {
    let _turn = turn();
    let cluster = Cluster::single(&Options::default());
    let publisher = r#"
export const Shop = act(() => whileLoop(() => waitFor(() => true, order =>
  send(Bus, readState(order, o => ({ subject: "orders.new", message: o }))))), { daemon: true });
"#;
    let orders = listener("orders.*");
    cluster.deploy(&[("orders.js", &orders), ("shop.js", publisher)]);
    let node = cluster.nodes[0].http();
    until("the order is heard", PATIENCE, || {
        let order = json!({ "customer": "bob", "number": 7 });
        node.post("/v1/workers/Shop/messages?wait=turn", &order)
            .expect(200);
        (!heard(&node, "bob").is_empty()).then_some(())
    });
}

#[test]
fn a_stream_is_heard_once_through_the_death_of_each_node() {
    let _turn = turn();
    let options = Options {
        jetstream: true,
        ..Options::default()
    };
    let Some(mut cluster) = Cluster::start(3, &options) else {
        return;
    };
    let mut client = NatsClient::connect(cluster.bus().port());
    // The worker is there before its stream: it is heard once it is made.
    cluster.deploy(&[("orders.js", &listener("jetstream:ORDERS"))]);
    let stream = json!({ "name": "ORDERS", "subjects": ["orders.>"], "storage": "file" });
    let made = client.request(
        "$JS.API.STREAM.CREATE.ORDERS",
        &stream.to_string(),
        PATIENCE,
    );
    let made: Value = serde_json::from_str(&made.expect("an answer").payload).unwrap();
    assert_eq!(made["error"], Value::Null, "{made}");

    let publish = |client: &mut NatsClient, numbers: std::ops::RangeInclusive<u64>| {
        for number in numbers {
            let order = json!({ "customer": format!("c{}", number % 4), "number": number });
            client.publish("orders.new", None, &order.to_string());
        }
    };
    let all = |node: &HttpClient| -> Vec<u64> {
        let customers = ["c0", "c1", "c2", "c3"];
        let heard = customers.iter().flat_map(|one| heard(node, one));
        let mut numbers: Vec<u64> = heard.filter_map(|number| number.as_u64()).collect();
        numbers.sort_unstable();
        numbers
    };
    // One of the three listens when it is killed, with messages that are not acknowledged.
    for killed in 0..3 {
        let before = killed * 200;
        publish(&mut client, before + 1..=before + 200);
        let other = cluster.nodes[(killed as usize + 1) % 3].http();
        until("the first of them are heard", PATIENCE, || {
            (all(&other).len() as u64 > before).then_some(())
        });
        cluster.nodes[killed as usize].kill();
        cluster.nodes[killed as usize].restart();
        until("all orders so far are heard", 4 * PATIENCE, || {
            (all(&other).len() as u64 >= before + 200).then_some(())
        });
    }
    let numbers = all(&cluster.nodes[0].http());
    assert_eq!(numbers, (1..=600).collect::<Vec<u64>>());
}
