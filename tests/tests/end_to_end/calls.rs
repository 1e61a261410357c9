//! Calls between workers of several nodes, and to a program on the bus.

use std::time::Duration;

use serde_json::{Value, json};
use tests::cluster::{Cluster, Options};
use tests::nats_client::NatsClient;
use tests::wait::{PATIENCE, until};

use crate::turn;

/// Shops ask the ledger of an account, and a service, side by side; what fails is undone.
const SHOP: (&str, &str) = (
    "shop.js",
    r#"
export const Ledger = act(() =>
  withState(() => 100, left =>
    whileLoop(() => waitFor(m => m.take, order => sequence([
      modifyState(left, computeState([order], m => n => n - m.take)),
      reply(order, { left }),
    ]))),
  ), { key: m => m.account });

export const Shop = act((self, { complete, outbox }) =>
  waitFor(m => m.account, order => attempt(
    saga(sequence([
      compensate(
        call(worker("Ledger", readState(order, m => m.account)), { take: 30 }, r => send(outbox, r), { timeout: 60_000 }),
        call(worker("Ledger", readState(order, m => m.account)), { take: -30 }, { timeout: 60_000 })),
      call(Courier, readState(order, m => ({ to: m.account })), r => complete(r),
        { timeout: readState(order, m => m.patience) }),
    ])),
    { otherwise: error => complete(readState(error, e => ({ failed: e.code }))) })));
"#,
);

const COURIER: &str = "troupe.test.default.service.Courier";

#[test]
fn a_call_is_answered_by_workers_of_other_shards_and_by_a_service() {
    let _turn = turn();
    let Some(mut cluster) = Cluster::start(3, &Options::default()) else {
        return;
    };
    cluster.deploy(&[SHOP]);
    let node = cluster.any().http();
    let mut courier = NatsClient::connect(cluster.bus().port());
    courier.subscribe(COURIER, Some("couriers"));
    let accounts: Vec<String> = (0..12).map(|at| format!("a{at}")).collect();
    for account in &accounts {
        let order = json!({ "account": account, "patience": 60_000 });
        let path = format!("/v1/workers/Shop/instances/{account}/messages");
        node.post(&path, &order).expect(202);
    }
    for _ in &accounts {
        let asked = courier.next(PATIENCE).expect("a question for the courier");
        let question: Value = serde_json::from_str(&asked.payload).unwrap();
        let answer = json!({ "delivered": question["to"] }).to_string();
        courier.publish(asked.reply.as_deref().unwrap(), None, &answer);
    }
    for account in &accounts {
        let shop = format!("/v1/workers/Shop/instances/{account}");
        let ended = until("the end of a shop", PATIENCE, || {
            let view = node.get(&shop).body;
            (view["status"] == "completed").then_some(view)
        });
        assert_eq!(ended["result"], json!({ "delivered": account }));
        let ledger = node.get(&format!("/v1/workers/Ledger/instances/{account}"));
        assert_eq!(ledger.body["state"], json!([70]));
        let history = node.get(&format!("{shop}/history")).expect(200).body;
        let inputs = history["events"].as_array().unwrap().iter();
        let replies = inputs.filter(|step| step["input"] == "reply").count();
        assert_eq!(replies, 2, "{history}");
    }
}

#[test]
fn what_was_done_is_undone_when_a_service_stays_silent() {
    let _turn = turn();
    let Some(mut cluster) = Cluster::start(1, &Options::default()) else {
        return;
    };
    cluster.deploy(&[SHOP]);
    let node = cluster.any().http();
    let order = json!({ "account": "x", "patience": 300 });
    let shop = "/v1/workers/Shop/instances/x";
    node.post(&format!("{shop}/messages"), &order).expect(202);
    until("the debit", PATIENCE, || {
        let ledger = node.get("/v1/workers/Ledger/instances/x").body;
        (ledger["state"] == json!([70])).then_some(())
    });
    // The call survives a crash; its time goes on.
    cluster.nodes[0].kill();
    std::thread::sleep(Duration::from_millis(50));
    cluster.nodes[0].restart();
    let ended = until("the end of the shop", PATIENCE, || {
        let view = node.get(shop).body;
        (view["status"] == "completed").then_some(view)
    });
    assert_eq!(ended["result"], json!({ "failed": "E0317" }));
    let ledger = node.get("/v1/workers/Ledger/instances/x").body;
    assert_eq!(ledger["state"], json!([100]));
}
