//! Messages that are larger than a message of the bus: they are taken, survive the death of a leader, pass
//! between shards, and where something cannot take them it is said before anything is logged.

use serde_json::{Value, json};
use tests::cluster::{Cluster, HttpClient, Options};
use tests::wait::{PATIENCE, until};

use crate::turn;

/// Keeps the last message for its key; a porter brings messages there, and a clerk gives them to a service
/// on the bus.
const SHELF: (&str, &str) = (
    "shelf.js",
    r#"
export const Shelf = act(() =>
  withState(() => null, kept =>
    whileLoop(() => waitFor(() => true, box =>
      modifyState(kept, computeState([box], b => () => b.text))))),
  { daemon: true, key: box => box.key });

export const Porter = act(() => whileLoop(() => waitFor(() => true, box =>
  send(Shelf, readState(box, b => ({ key: b.to, text: b.text }))))), { daemon: true });

export const Clerk = act(() => whileLoop(() => waitFor(() => true, box => send(Archive, box))), { daemon: true });
"#,
);

/// A text of so many bytes that no part of it is like another.
fn text(seed: u64, bytes: usize) -> String {
    let mut mixed = seed;
    let letters = std::iter::repeat_with(|| {
        mixed = mixed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from(b'a' + ((mixed >> 33) % 26) as u8)
    });
    letters.take(bytes).collect()
}

fn kept(node: &HttpClient, key: &str) -> Option<String> {
    let path = format!("/v1/workers/Shelf/instances/{key}");
    let answer = node.try_get(&path).ok()?;
    answer.body["state"][0].as_str().map(str::to_owned)
}

fn metric(node: &HttpClient, name: &str) -> u64 {
    let text = node.get("/metrics").text;
    let row = text
        .lines()
        .find(|line| line.starts_with(&format!("{name} ")));
    row.and_then(|row| row.split(' ').nth(1)?.parse().ok())
        .unwrap()
}

#[test]
fn a_large_message_survives_its_leader_and_passes_between_shards() {
    let _turn = turn();
    let Some(mut cluster) = Cluster::start(3, &Options::default()) else {
        return;
    };
    cluster.deploy(&[SHELF]);
    let path = "/v1/workers/Shelf/instances/a/messages";
    let small = json!({ "key": "a", "text": "" });
    cluster.any().http().post(path, &small).expect(202);
    let leader = cluster.leader_of("Shelf", "a");
    let large = text(1, 5 << 20);
    let node = cluster.nodes[(leader + 1) % 3].http();
    let before = metric(&node, "troupe_log_bytes_total");
    node.post(path, &json!({ "key": "a", "text": large }))
        .expect(202);
    cluster.nodes[leader].kill();
    until("the message from the new leader", PATIENCE, || {
        (kept(&node, "a")? == large).then_some(())
    });
    let logged = metric(&node, "troupe_log_bytes_total") - before;
    assert!(logged < 1 << 20, "{logged} bytes went through the log");
    assert!(metric(&node, "troupe_payloads_bytes") > 5 << 20);

    // With a node away, and to the home of a name and from there to the shard of a key.
    let brought = text(2, 3 << 19);
    for key in ["b", "c"] {
        let box_of = json!({ "to": key, "text": brought });
        node.post("/v1/workers/Porter/messages", &box_of)
            .expect(202);
    }
    for key in ["b", "c"] {
        until("what was brought", PATIENCE, || {
            (kept(&node, key)? == brought).then_some(())
        });
    }
    cluster.nodes[leader].restart();
    cluster.await_equal_replicas(PATIENCE);
    let back = cluster.nodes[leader].http();
    for (key, expected) in [("a", &large), ("c", &brought)] {
        until("the same from the node that was away", PATIENCE, || {
            (kept(&back, key)? == *expected).then_some(())
        });
    }
}

#[test]
fn what_is_too_large_is_refused_before_it_is_logged() {
    let _turn = turn();
    let cluster = Cluster::single(&Options::default());
    cluster.deploy(&[SHELF]);
    let node = cluster.any().http();
    let path = "/v1/workers/Shelf/messages";
    node.post(path, &json!({ "key": "a", "text": "small" }))
        .expect(202);
    let before = metric(&node, "troupe_log_bytes_total");
    // The second is short as JSON, and larger as it would be logged; the third is beyond any value.
    let numbers = |count| vec![Value::from(0.5); count];
    let large = [
        json!({ "key": "a", "text": text(1, 9 << 20) }),
        json!({ "key": "a", "text": numbers(960_000) }),
        json!({ "key": "a", "text": numbers(1_500_000) }),
    ];
    for message in &large {
        node.post(path, message).expect_problem(413, "E-too-large");
    }
    let start = json!({ "key": "z", "message": large[0] });
    node.post("/v1/workers/Shelf/instances", &start)
        .expect_problem(413, "E-too-large");
    assert!(metric(&node, "troupe_log_bytes_total") < before + (64 << 10));
    assert_eq!(metric(&node, "troupe_payloads"), 0);
    // No bus takes it to the service, today or tomorrow.
    let message = json!({ "text": text(3, 3 << 19) });
    node.post("/v1/workers/Clerk/messages", &message)
        .expect(202);
    let letter = until("the message to be given up", PATIENCE, || {
        let letters = node.get("/v1/dead-letters").body["dead_letters"].clone();
        letters.as_array().and_then(|all| all.first().cloned())
    });
    assert_eq!(letter["cause"]["code"], "E-too-large");
}
