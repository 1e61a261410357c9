//! The built-in services against a real HTTP server, a real subscriber of the bus and the log of a real node.

use serde_json::{Value, json};
use tests::cluster::{Cluster, HttpClient, Options};
use tests::nats_client::NatsClient;
use tests::services::{HttpAsked, HttpServer};
use tests::wait::{PATIENCE, until};

use crate::turn;

/// Passes on what it is told to the service that the message names, and keeps what comes back.
const GATE: (&str, &str) = (
    "gate.js",
    r#"
export const Gate = act(() =>
  withState(() => [], answers =>
    whileLoop(() =>
      when(m => m.to === "Http",
        m => send(Http, readState(m, m => m.request)),
        m => whenState(readState(m, m => m.to === "Bus"),
          send(Bus, readState(m, m => m.request)),
          whenState(readState(m, m => m.to === "Log"),
            send(Log, readState(m, m => m.request)),
            modifyState(answers, computeState([m], m => list => [...list, m]))))))),
  { daemon: true, key: m => m.key });
"#,
);

fn ask(node: &HttpClient, to: &str, request: &Value) -> Value {
    let body = json!({ "to": to, "request": request });
    let path = "/v1/workers/Gate/instances/a/messages?wait=turn";
    node.post(path, &body).expect(200).body
}

/// The answers so far, once there are `count`.
fn answers(node: &HttpClient, count: usize) -> Vec<Value> {
    until("an answer of a service", PATIENCE, || {
        let view = node.get("/v1/workers/Gate/instances/a").expect(200).body;
        let list = view["state"][0].as_array().unwrap().clone();
        (list.len() >= count).then_some(list)
    })
}

fn respond(asked: &HttpAsked) -> Option<String> {
    let said = json!({ "method": asked.method, "body": asked.body }).to_string();
    match asked.path.as_str() {
        "/break" => None,
        "/away" => Some("HTTP/1.1 302 Found\r\nlocation: http://other.example/\r\n\r\n".to_owned()),
        _ => Some(format!(
            "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{said}",
            said.len()
        )),
    }
}

#[test]
fn http_answers_with_a_response_or_an_error_that_survives_the_node() {
    let _turn = turn();
    let server = HttpServer::start(respond);
    let options = Options {
        settings: format!("http_allow = [\"{}\"]\n", server.host()),
        ..Options::default()
    };
    let mut cluster = Cluster::single(&options);
    assert_eq!(cluster.deploy(&[GATE])["unserved"], json!([]));
    let node = cluster.any().http();
    let url = |path: &str| format!("http://{}{path}", server.host());
    let order = json!({ "method": "POST", "url": url("/orders"), "body": { "n": 1 }, "tag": [7] });
    let asked = ask(&node, "Http", &order);
    let response = answers(&node, 1).remove(0);
    assert_eq!(response["type"], "response");
    assert_eq!(
        (&response["status"], &response["tag"]),
        (&json!(201), &json!([7]))
    );
    assert_eq!(
        response["body"],
        json!({ "method": "POST", "body": "{\"n\":1}" })
    );
    let seen = server.asked().remove(0);
    let key = seen.header("idempotency-key").unwrap().to_owned();
    assert_eq!(key.len(), 32, "{key}");
    let trace = asked["trace"].as_str().unwrap();
    assert!(
        seen.header("traceparent").unwrap().contains(trace),
        "{seen:?}"
    );

    let errors = [
        (json!({ "url": url("/break") }), "E-http-connection"),
        (json!({ "url": url("/away") }), "E-http-not-allowed"),
        (
            json!({ "url": "http://other.example/" }),
            "E-http-not-allowed",
        ),
        (json!({ "ulr": 1 }), "E-service-request"),
    ];
    for (number, (request, code)) in errors.iter().enumerate() {
        ask(&node, "Http", request);
        let error = answers(&node, number + 2).pop().unwrap();
        assert_eq!(
            (&error["type"], &error["code"]),
            (&json!("error"), &json!(code)),
            "{error}"
        );
    }
    let before = (answers(&node, 5), server.asked().len());
    cluster.nodes[0].kill();
    cluster.nodes[0].restart();
    assert_eq!(
        (answers(&node, 5), server.asked().len()),
        before,
        "asked again after a restart"
    );
}

#[test]
fn no_host_is_allowed_unless_the_settings_say_so() {
    let _turn = turn();
    let server = HttpServer::start(respond);
    let cluster = Cluster::single(&Options::default());
    cluster.deploy(&[GATE]);
    let node = cluster.any().http();
    ask(
        &node,
        "Http",
        &json!({ "url": format!("http://{}/", server.host()) }),
    );
    let error = answers(&node, 1).remove(0);
    assert_eq!(error["code"], "E-http-not-allowed");
    let hint = format!("--http-allow {}", server.host());
    assert!(
        error["message"].as_str().unwrap().contains(&hint),
        "{error}"
    );
    assert!(server.asked().is_empty());
}

#[test]
fn bus_publishes_to_real_subscribers() {
    let _turn = turn();
    let Some(mut cluster) = Cluster::start(1, &Options::default()) else {
        return;
    };
    cluster.deploy(&[GATE]);
    let node = cluster.any().http();
    let mut subscriber = NatsClient::connect(cluster.bus().port());
    subscriber.subscribe("prices.>", None);
    for cents in 0..20 {
        let message = json!({ "subject": "prices.apples", "message": { "cents": cents }, "headers": { "unit": "kg" } });
        ask(&node, "Bus", &message);
    }
    for cents in 0..20 {
        let message = subscriber.next(PATIENCE).expect("what was published");
        let payload: Value = serde_json::from_str(&message.payload).unwrap();
        assert_eq!(payload, json!({ "cents": cents }));
        assert_eq!(message.header("unit"), Some("kg"));
        for header in ["Troupe-Message-Id", "Troupe-Causation-Id", "traceparent"] {
            assert!(
                message.header(header).is_some(),
                "no {header} in {message:?}"
            );
        }
    }
    ask(
        &node,
        "Bus",
        &json!({ "subject": "troupe.test.node.1.raft.vote" }),
    );
    let error = answers(&node, 1).remove(0);
    assert_eq!(
        (&error["service"], &error["code"]),
        (&json!("Bus"), &json!("E-service-request"))
    );
}

#[test]
fn log_writes_a_record_that_names_its_turn() {
    let _turn = turn();
    let options = Options {
        settings: "log_format = \"json\"\n".to_owned(),
        ..Options::default()
    };
    let cluster = Cluster::single(&options);
    cluster.deploy(&[GATE]);
    let node = cluster.any().http();
    let record = json!({ "level": "warn", "message": "stock is low", "item": "apples", "left": 3 });
    let asked = ask(&node, "Log", &record);
    let line = until("the record in the node's log", PATIENCE, || {
        let output = cluster.nodes[0].output();
        let line = output.lines().find(|line| line.contains("stock is low"))?;
        serde_json::from_str::<Value>(line).ok()
    });
    assert_eq!(
        (&line["level"], &line["message"]),
        (&json!("WARN"), &json!("stock is low"))
    );
    assert_eq!(
        (&line["worker"], &line["trace"]),
        (&json!("Gate/a"), &asked["trace"])
    );
    let history = node
        .get("/v1/workers/Gate/instances/a/history")
        .expect(200)
        .body;
    let events = history["events"].as_array().unwrap();
    let turn = events
        .iter()
        .find(|event| event["id"] == asked["message"])
        .unwrap();
    assert_eq!((&line["run"], &line["step"]), (&turn["run"], &turn["step"]));
    let fields: Value = serde_json::from_str(line["record"].as_str().unwrap()).unwrap();
    assert_eq!(fields, json!({ "item": "apples", "left": 3 }));
}

/// Calls two services, one after the other, and ends with what they said.
const CALLER: (&str, &str) = (
    "caller.js",
    r#"
export const Caller = act((self, { complete }) => waitFor(m => m.url, m =>
  call(Http, computeState([m], m => ({ url: m.url })), response =>
    call(Bus, { subject: "called", message: 1 }, done =>
      complete(computeState([response, done], (r, done) => [r.status, done]))))));
"#,
);

#[test]
fn a_call_of_a_service_gets_its_answer_as_reply() {
    let _turn = turn();
    let server = HttpServer::start(respond);
    let options = Options {
        settings: format!("http_allow = [\"{}\"]\n", server.host()),
        ..Options::default()
    };
    let cluster = Cluster::single(&options);
    cluster.deploy(&[CALLER]);
    let url = json!({ "url": format!("http://{}/", server.host()) });
    let path = "/v1/workers/Caller/messages?wait=outcome";
    let ended = cluster.any().http().post(path, &url).expect(200).body;
    assert_eq!(ended["outcome"]["result"], json!([201, null]), "{ended}");
}
