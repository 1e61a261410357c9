//! Wrong input over HTTP: each is answered with a problem that has a code, and none of it is logged.

use std::io::{Read, Write};

use serde_json::json;
use tests::cluster::{Cluster, HttpClient, Options};

use crate::scripts::{COUNTER, ERRAND};
use crate::turn;

/// Requests with a body: method, path, body, status, code.
#[rustfmt::skip]
const WRONG: &[(&str, &str, &str, u16, &str)] = &[
    ("POST", "/v1/workers/Counter/messages", "{\"type\":", 400, "E-bad-body"),
    ("POST", "/v1/workers/Counter/messages", "", 400, "E-bad-body"),
    ("POST", "/v1/workers/Counter/messages", "{} {}", 400, "E-bad-body"),
    ("POST", "/v1/workers/Counter/messages", "{\"$x\": 1}", 400, "E-bad-body"),
    ("POST", "/v1/workers/Counter/instances/a/messages", "nonsense", 400, "E-bad-body"),
    ("POST", "/v1/workers/Counter/messages?wait=forever", "{}", 400, "E-bad-request"),
    ("POST", "/v1/workers/Counter/messages?wiat=turn", "{}", 400, "E-bad-request"),
    ("POST", "/v1/workers/Nobody/instances", "{}", 404, "E-unknown-worker"),
    ("POST", "/v1/workers/a%0Ab/messages", "{}", 400, "E-bad-address"),
    ("POST", "/v1/workers/Counter/instances/%7E1/messages", "{}", 404, "E-unknown-instance"),
    ("POST", "/v1/workers/Counter/instances", "{\"kye\": \"a\"}", 400, "E-bad-body"),
    ("POST", "/v1/workers/Counter/instances", "{\"key\": \"~1\"}", 400, "E-reserved-key"),
    ("POST", "/v1/ns/a%0Ab/workers/Counter/messages", "{}", 400, "E-bad-address"),
    ("POST", "/v1/programs", "{\"files\": 3}", 400, "E-bad-body"),
    ("POST", "/v1/nothing", "{}", 404, "E-no-path"),
    ("GET", "/v1/workers/Counter/instances/none", "", 404, "E-unknown-instance"),
    ("GET", "/v1/workers/Counter/instances/none/history", "", 404, "E-unknown-instance"),
    ("GET", "/v1/workers/Counter/instances/none/outbox", "", 404, "E-unknown-instance"),
    ("GET", "/v1/workers/Counter/instances?limit=many", "", 400, "E-bad-request"),
    ("GET", "/v1/workers/Counter/instances?cursor=x", "", 400, "E-bad-request"),
    ("GET", "/v1/workers/Counter/instances/a?consistency=none", "", 400, "E-bad-request"),
    ("GET", "/v1/messages/xyz", "", 400, "E-bad-request"),
    ("GET", "/v1/workers/Counter/messages", "", 405, "E-method"),
    ("GET", "/no/such/path", "", 404, "E-no-path"),
    ("DELETE", "/v1/workers/Counter/instances/none", "", 404, "E-unknown-instance"),
    ("DELETE", "/v1/dead-letters/0/77", "", 404, "E-unknown-dead-letter"),
    ("DELETE", "/v1/dead-letters/x/y", "", 400, "E-bad-request"),
];

fn start() -> (Cluster, HttpClient) {
    let cluster = Cluster::single(&Options::default());
    cluster.deploy(&[COUNTER, ERRAND]);
    let node = cluster.any().http();
    let add = json!({ "type": "add", "name": "a", "amount": 3 });
    node.post("/v1/workers/Counter/messages?wait=turn", &add)
        .expect(200);
    (cluster, node)
}

/// The instance that must not change.
fn seen(node: &HttpClient) -> serde_json::Value {
    node.get("/v1/workers/Counter/instances/a").expect(200).body
}

#[test]
fn wrong_requests_have_a_code_and_change_nothing() {
    let _turn = turn();
    let (cluster, node) = start();
    let before = seen(&node);
    let mut wrong = Vec::new();
    for (method, path, body, status, code) in WRONG {
        let answer = match *method {
            "POST" => node.post_with(path, &[], body),
            "DELETE" => node.delete(path),
            _ => node.get(path),
        };
        let is_problem = answer.media_type == "application/problem+json"
            && ["type", "title", "detail"]
                .iter()
                .all(|field| answer.body[field].is_string());
        if (answer.status, answer.body["code"].as_str(), is_problem) != (*status, Some(*code), true)
        {
            wrong.push(format!(
                "{method} {path} {body}: {} {}",
                answer.status, answer.text
            ));
        }
    }
    assert!(wrong.is_empty(), "not as documented:\n{}", wrong.join("\n"));
    assert_eq!(seen(&node), before);
    assert_eq!(node.get("/v1/dead-letters").body["dead_letters"], json!([]));
    assert!(
        !cluster.nodes[0].output().contains("panicked"),
        "{}",
        cluster.nodes[0].last_output()
    );
}

#[test]
fn a_body_that_is_too_large_is_refused() {
    let _turn = turn();
    let (_cluster, node) = start();
    let before = seen(&node);
    for mebibytes in [9, 20, 30] {
        let body =
            json!({ "type": "add", "name": "a", "text": "x".repeat(mebibytes << 20) }).to_string();
        node.post_with("/v1/workers/Counter/messages", &[], &body)
            .expect_problem(413, "E-too-large");
    }
    assert_eq!(seen(&node), before);
}

#[test]
fn a_node_may_take_smaller_messages_than_its_cluster() {
    let _turn = turn();
    let cluster = Cluster::single(&Options {
        settings: "message_kib_max = 64\n".to_owned(),
        ..Options::default()
    });
    cluster.deploy(&[COUNTER]);
    let node = cluster.any().http();
    let sent = |bytes: usize| {
        let text = "x".repeat(bytes);
        let add = json!({ "type": "add", "name": "a", "amount": 1, "text": text });
        node.post("/v1/workers/Counter/messages", &add)
    };
    let refused = sent(66 << 10).expect_problem(413, "E-too-large");
    assert!(refused.text.contains("65536"), "{}", refused.text);
    sent(60 << 10).expect(202);
}

#[test]
fn a_deep_body_is_refused() {
    let _turn = turn();
    let (_cluster, node) = start();
    let before = seen(&node);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    node.post_with("/v1/workers/Counter/messages", &[], &deep)
        .expect_problem(400, "E-bad-body");
    node.post_with("/v1/workers/Counter/instances", &[], &deep)
        .expect_problem(400, "E-bad-body");
    assert_eq!(seen(&node), before);
}

#[test]
fn an_idempotency_key_has_a_limit() {
    let _turn = turn();
    let (_cluster, node) = start();
    let key = "k".repeat(1000);
    let add = json!({ "type": "add", "name": "a", "amount": 3 }).to_string();
    for key in [key.as_str(), ""] {
        node.post_with(
            "/v1/workers/Counter/messages",
            &[("Idempotency-Key", key)],
            &add,
        )
        .expect_problem(400, "E-bad-request");
    }
    assert_eq!(seen(&node)["state"][0]["sum"], 3);
}

#[test]
fn what_is_no_http_does_no_harm() {
    let _turn = turn();
    let (cluster, node) = start();
    let address = cluster.any().url().trim_start_matches("http://").to_owned();
    for bytes in [
        &b"\x00\xff\xfe garbage\r\n\r\n"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1",
        b"",
    ] {
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        stream
            .set_read_timeout(Some(tests::wait::PATIENCE))
            .unwrap();
        stream.write_all(bytes).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        // The node may answer or just close.
        let _ = stream.read_to_end(&mut answer);
    }
    assert_eq!(seen(&node)["state"][0]["sum"], 3);
    assert!(
        !cluster.nodes[0].output().contains("panicked"),
        "{}",
        cluster.nodes[0].last_output()
    );
}

#[test]
fn a_script_with_an_error_deploys_nothing() {
    let _turn = turn();
    let (_cluster, node) = start();
    let good = "export const Good = act(() => noop());";
    let files = json!({ "files": [
        { "name": "good.js", "source": good },
        { "name": "bad.js", "source": "export const Bad = act(() =>\n  send(outbox, 1));" } ] });
    let refused = node
        .post("/v1/programs", &files)
        .expect_problem(422, "E-script");
    let diagnostic = refused.body["diagnostics"][0].as_str().unwrap();
    assert!(
        diagnostic.contains("bad.js:2:8") && diagnostic.contains("outbox"),
        "{diagnostic}"
    );
    node.post("/v1/workers/Good/instances", &json!({}))
        .expect_problem(404, "E-unknown-worker");
    let twice = json!({ "files": [
        { "name": "one.js", "source": good }, { "name": "two.js", "source": good } ] });
    node.post("/v1/programs", &twice)
        .expect_problem(400, "E-bad-request");
}
