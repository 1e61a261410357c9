//! Mistakes of people who are new: each is answered with what is wrong and what to do, on the command line and
//! over HTTP.

use serde_json::{Value, json};
use tests::cluster::{Cluster, HttpClient, Options, troupe};

use crate::scripts::{COUNTER, ERRAND};
use crate::turn;

/// Daemons without `key`, some of which live in another shard than their name.
const DAEMONS: (&str, &str) = (
    "daemons.js",
    "const waits = () => whileLoop(() => waitFor(() => true));
export const Ada = act(waits, { daemon: true });
export const Bea = act(waits, { daemon: true });
export const Cleo = act(waits, { daemon: true });
export const Dora = act(waits, { daemon: true });
export const Emma = act(waits, { daemon: true });
",
);

/// A daemon that answers to its second message only, and one that reads the key deep inside.
const SLOW: (&str, &str) = (
    "slow.js",
    "export const Slow = act((self, { outbox, fail }) => sequence(() => [
  waitFor(m => m.type === 'go', m => send(outbox, m)),
  waitFor(m => m.type === 'stop', m => fail('told to stop')),
]));
export const Deep = act(() => whileLoop(() => waitFor(() => true)), { daemon: true, key: m => m.user.name });
",
);

fn start() -> (Cluster, HttpClient) {
    let cluster = Cluster::single(&Options::default());
    cluster.deploy(&[COUNTER, ERRAND, DAEMONS, SLOW]);
    let node = cluster.any().http();
    (cluster, node)
}

fn shell(cluster: &Cluster, arguments: &[&str], code: i32) -> (String, String) {
    let url = cluster.any().url();
    let all: Vec<&str> = arguments.iter().copied().chain(["--url", &url]).collect();
    let ended = troupe(&all).expect_code(code);
    println!(
        "$ troupe {}\n{}{}",
        arguments.join(" "),
        ended.stdout,
        ended.stderr
    );
    (ended.stdout, ended.stderr)
}

fn has(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "no `{word}` in:\n{text}");
    }
}

#[test]
fn a_daemon_that_runs_is_not_started_again_wherever_it_lives() {
    let _turn = turn();
    let (cluster, node) = start();
    for name in ["Ada", "Bea", "Cleo", "Dora", "Emma"] {
        let path = format!("/v1/workers/{name}/instances");
        node.post(&path, &json!({}))
            .expect_problem(409, "E-running");
        node.post(&path, &json!({ "message": 1 }))
            .expect_problem(409, "E-running");
    }
    let (_, errors) = shell(&cluster, &["start", "Cleo"], 1);
    has(
        &errors,
        &["E-running", "Cleo/default", "troupe send", "troupe kill"],
    );
}

#[test]
fn a_start_waits_for_the_turn_of_its_message() {
    let _turn = turn();
    let (_cluster, node) = start();
    let path = "/v1/workers/Slow/instances?wait=turn";
    let message = |kind: &str, key: &str| json!({ "key": key, "message": { "type": kind } });
    let taken = node.post(path, &message("go", "a")).expect(200).body;
    assert_eq!(taken["outcome"]["status"], "waiting", "{taken}");
    let out = node.get("/v1/workers/Slow/instances/a/outbox").body;
    assert_eq!(out["messages"][0]["message"], json!({ "type": "go" }));
    let first = taken["first"].as_str().unwrap();
    let known = node.get(&format!("/v1/messages/{first}")).expect(200).body;
    assert_eq!(known["outcome"]["status"], "waiting", "{known}");
    let dropped = node.post(path, &message("none", "b")).expect(200).body;
    assert_eq!(dropped["outcome"]["status"], "dropped", "{dropped}");
    let stop = json!({ "type": "stop" });
    let stopped = node.post("/v1/workers/Slow/instances/a/messages?wait=turn", &stop);
    assert_eq!(stopped.expect(200).body["outcome"]["status"], "failed");
}

#[test]
fn a_start_takes_its_key_from_its_message() {
    let _turn = turn();
    let (cluster, node) = start();
    let add = r#"{ "type": "add", "name": "k1", "amount": 2 }"#;
    let start = &["start", "Counter", "--message", add];
    let (out, _) = shell(&cluster, &[&start[..], &["--wait", "turn"]].concat(), 0);
    has(&out, &["instance  Counter/k1", "status    waiting"]);
    let (_, errors) = shell(&cluster, start, 1);
    has(&errors, &["E-running", "Counter/k1"]);
    let (_, errors) = shell(&cluster, &["start", "Counter", "--message", "1"], 1);
    has(&errors, &["E-key-failed", "the `key` of Counter"]);
    let (out, errors) = shell(&cluster, &["start", "Counter"], 0);
    has(&out, &["instance  Counter/~"]);
    has(
        &errors,
        &["no message to Counter is routed to it", "--key K"],
    );
    let view = node
        .get("/v1/workers/Counter/instances/k1")
        .expect(200)
        .body;
    assert_eq!(view["state"][0]["sum"], 2);
}

#[test]
fn a_message_without_a_key_is_refused_and_nothing_is_left_behind() {
    let _turn = turn();
    let (cluster, node) = start();
    let (_, errors) = shell(&cluster, &["send", "Deep", r#"{ "type": "a" }"#], 1);
    has(
        &errors,
        &["E-key-failed", "the `key` of Deep", "slow.js:5:", "Deep"],
    );
    let (_, errors) = shell(&cluster, &["send", "Counter", r#"{ "type": "add" }"#], 1);
    has(&errors, &["E-key-failed", "the `key` of Counter"]);
    assert_eq!(node.get("/v1/dead-letters").body["dead_letters"], json!([]));
}

#[test]
fn a_dead_letter_is_told_to_who_sent_it() {
    let _turn = turn();
    let (cluster, node) = start();
    let go = r#"{ "type": "go", "by": "me" }"#;
    let ended = &[
        "start",
        "Errand",
        "--key",
        "e",
        "--message",
        go,
        "--wait",
        "outcome",
    ];
    shell(&cluster, ended, 0);
    let (out, errors) = shell(&cluster, &["send", "Errand/e", go], 1);
    has(
        &out,
        &["status    dead-letter", "troupe dead-letters show "],
    );
    has(&errors, &["E-ended", "Errand/e is completed"]);
    let letters = node.get("/v1/dead-letters").body["dead_letters"].clone();
    assert_eq!(letters.as_array().map(Vec::len), Some(1), "{letters}");
}

#[test]
fn a_repeated_request_is_told_what_came_of_the_first() {
    let _turn = turn();
    let (cluster, node) = start();
    let add = r#"{ "type": "add", "name": "a", "amount": 1 }"#;
    let send = &["send", "Counter", add, "--idempotency-key", "k"];
    let (first, _) = shell(&cluster, send, 0);
    let line = |text: &str, start: &str| {
        let found = text.lines().find(|line| line.starts_with(start));
        found.unwrap_or_default().to_owned()
    };
    node.post(
        "/v1/workers/Counter/instances/a/messages?wait=turn",
        &json!({}),
    );
    let (again, _) = shell(&cluster, send, 0);
    has(
        &again,
        &["repeat    of an earlier request", "status    waiting"],
    );
    for start in ["message", "trace", "instance"] {
        assert_eq!(line(&first, start), line(&again, start));
        assert!(!line(&again, start).is_empty(), "{again}");
    }
}

#[test]
fn names_statuses_and_addresses_are_guessed() {
    let _turn = turn();
    let (cluster, node) = start();
    let add = r#"{ "type": "add", "name": "apples", "amount": 1 }"#;
    shell(&cluster, &["send", "Counter", add, "--wait", "turn"], 0);
    for arguments in [
        &["send", "Conter", "1"][..],
        &["start", "Conter"],
        &["list", "Conter"],
        &["undeploy", "Conter"],
        &["watch", "Conter"],
    ] {
        let (_, errors) = shell(&cluster, arguments, 1);
        has(&errors, &["E-unknown-worker", "did you mean `Counter`?"]);
    }
    for arguments in [
        &["get", "Conter/apples"][..],
        &["history", "Conter/apples"],
        &["kill", "Conter/apples"],
        &["logs", "Conter/apples"],
    ] {
        let (_, errors) = shell(&cluster, arguments, 1);
        has(&errors, &["E-unknown-instance", "did you mean `Counter`?"]);
    }
    let (_, errors) = shell(&cluster, &["get", "Counter"], 1);
    has(
        &errors,
        &["E-unknown-instance", "Counter/KEY", "troupe list Counter"],
    );
    let (_, errors) = shell(&cluster, &["get", "Counter/aples"], 1);
    has(
        &errors,
        &["there is no instance Counter/aples", "troupe list Counter"],
    );
    let (_, errors) = shell(&cluster, &["list", "--status", "waitin"], 2);
    has(&errors, &["'waiting'", "backing-off", "completed"]);
    let refused = node.get("/v1/instances?status=waitin");
    let refused = refused.expect_problem(400, "E-bad-request").text;
    has(&refused, &["did you mean `waiting`?", "backing-off"]);
    // An address without its scheme is meant as it is; another scheme is not.
    let bare = cluster.any().url().replace("http://", "");
    troupe(&["list", "--url", &bare]).expect_code(0);
    let other = troupe(&["list", "--url", "nats://127.0.0.1:4222"]).expect_code(2);
    has(&other.stderr, &["http://127.0.0.1:7070"]);
}

#[test]
fn waiting_for_the_end_of_a_daemon_is_said_at_once() {
    let _turn = turn();
    let (cluster, _node) = start();
    let url = cluster.any().url();
    let script = format!(
        "{} send Counter '{{\"type\":\"add\",\"name\":\"a\",\"amount\":1}}' --wait outcome --url {url}",
        tests::cluster::troupe_binary().display()
    );
    let folder = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &format!("exec {script}")]);
    let process = tests::services::Process::start(&mut command, &folder.path().join("log"));
    tests::wait::until("the note", tests::wait::PATIENCE, || {
        let said = process.last_output();
        (said.contains("Counter is a daemon") && said.contains("--wait turn")).then_some(())
    });
}

#[test]
fn a_node_for_development_prints_what_workers_write_and_how_they_fail() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let script = "export const Says = act((self, { outbox }) => whileLoop(() => waitFor(() => true, m =>
  send(outbox, readState(m, m => { console.log('got', m.item.name); return 1; })))), { daemon: true })";
    std::fs::write(folder.path().join("says.js"), script).unwrap();
    let address = format!("127.0.0.1:{}", tests::services::free_port());
    let mut command = std::process::Command::new(tests::cluster::troupe_binary());
    command.args(["dev", "says.js", "--http", &address]);
    command.current_dir(folder.path());
    let mut dev = tests::services::Process::start(&mut command, &folder.path().join("log"));
    let said = |words: &[&str]| {
        tests::wait::until("a line of dev", tests::wait::PATIENCE, || {
            let said = dev.last_output();
            words.iter().all(|word| said.contains(word)).then_some(())
        });
    };
    said(&["deployed Says"]);
    let send = |message: &str| troupe(&["send", "Says", message, "--url", &address]).expect_code(0);
    send(r#"{ "item": { "name": "pear" } }"#);
    said(&["Says/default: got pear"]);
    send(r#"{ "thing": 1 }"#);
    said(&[
        "Says/default: [E0301] TypeError",
        "at says.js:2:",
        r#"Says/default: undone; a dead letter: {"thing":1}"#,
    ]);
    let ended = dev.terminate(tests::wait::PATIENCE);
    assert!(ended.is_some_and(|status| status.success()));
}

#[test]
fn a_name_that_is_taken_away_comes_back_with_a_deploy() {
    let _turn = turn();
    let (cluster, node) = start();
    let relay = "export const Relay = act(() => whileLoop(() => waitFor(() => true, m => send(Counter, m))), { daemon: true });";
    cluster.deploy(&[("relay.js", relay)]);
    let add = json!({ "type": "add", "name": "apples", "amount": 3 });
    node.post("/v1/workers/Counter/messages?wait=turn", &add)
        .expect(200);
    let (out, _) = shell(&cluster, &["list", "--deployed"], 0);
    has(
        &out,
        &[
            "Counter",
            "daemon, by key",
            "counter.js",
            "Errand",
            "ephemeral",
        ],
    );

    let (out, _) = shell(&cluster, &["undeploy", "Counter"], 0);
    has(
        &out,
        &[
            "Counter of counter.js is undeployed",
            "go on with their program",
        ],
    );
    let (out, _) = shell(&cluster, &["list", "--deployed"], 0);
    assert!(!out.contains("Counter"), "{out}");
    node.post("/v1/workers/Counter/messages", &add)
        .expect_problem(404, "E-unknown-worker");
    node.post("/v1/workers/Counter/instances/pears/messages", &add)
        .expect_problem(404, "E-unknown-worker");
    node.delete("/v1/programs/Counter")
        .expect_problem(404, "E-unknown-worker");
    // What runs goes on; what a worker sends to the name waits, as for a service.
    node.post(
        "/v1/workers/Counter/instances/apples/messages?wait=turn",
        &add,
    )
    .expect(200);
    let sum = |key: &str| {
        let view = node.get(&format!("/v1/workers/Counter/instances/{key}"));
        view.body["state"][0]["sum"].clone()
    };
    assert_eq!(sum("apples"), 6);
    let pears = json!({ "type": "add", "name": "pears", "amount": 5 });
    let relayed = node.post("/v1/workers/Relay/messages?wait=turn", &pears);
    let relayed = relayed.expect(200).text_of("message");
    let waiting = || {
        let story = node.get(&format!("/v1/messages/{relayed}/trace")).body;
        let messages = story["messages"].as_array().cloned().unwrap_or_default();
        let waits = |one: &Value| one["outcome"] == "waiting for a service";
        messages.into_iter().find(waits)
    };
    let since = |one: &Value| one["at_ms"].clone();
    let patience = tests::wait::PATIENCE;
    let first = tests::wait::until("the message to wait", patience, waiting);
    // Each look and each attempt finds the time since when it waits.
    assert_eq!(waiting().as_ref().map(since), Some(since(&first)));

    cluster.deploy(&[COUNTER]);
    tests::wait::until("what waited to arrive", patience, || {
        (sum("pears") == 5).then_some(())
    });
    node.post("/v1/workers/Counter/messages?wait=turn", &add)
        .expect(200);
    assert_eq!(sum("apples"), 9);
}

#[test]
fn results_and_logs_are_printed() {
    let _turn = turn();
    let (cluster, _node) = start();
    let noisy = "export const Noisy = act((self, { complete }) => withState(() => 0, n => sequence(() => [
  waitFor(() => true, m => modifyState(n, computeState([m], m => n => { console.log('got', m.a, '\\nsecond line'); return n + m.a; }))),
  waitFor(() => true, m => complete(computeState([m, n], (m, n) => ({ sum: n + m.a })))),
])));";
    cluster.deploy(&[("noisy.js", noisy)]);
    shell(&cluster, &["start", "Noisy", "--key", "n"], 0);
    let (_, errors) = shell(&cluster, &["result", "Noisy/n"], 1);
    has(&errors, &["Noisy/n has not ended", "--wait"]);
    shell(
        &cluster,
        &["send", "Noisy/n", r#"{"a":1}"#, "--wait", "turn"],
        0,
    );
    let (out, _) = shell(&cluster, &["logs", "Noisy/n"], 0);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 2, "{out}");
    assert!(lines[0].ends_with("Z  got 1 "), "{out}");
    assert_eq!(lines[1].trim(), "second line");
    assert_eq!(lines[0].find("got"), lines[1].find("second"), "{out}");
    let (out, _) = shell(&cluster, &["history", "Noisy/n"], 0);
    let column = out.lines().next().and_then(|line| line.find("MESSAGE"));
    let second = out.lines().find(|line| line.contains("| second line"));
    assert_eq!(second.and_then(|line| line.find('|')), column, "{out}");
    shell(
        &cluster,
        &["send", "Noisy/n", r#"{"a":2}"#, "--wait", "turn"],
        0,
    );
    let (out, _) = shell(&cluster, &["result", "Noisy/n", "--wait"], 0);
    assert_eq!(out, "{\"sum\":3}\n");
}

#[test]
fn what_json_cannot_say_of_a_state_is_said_beside_it() {
    let _turn = turn();
    let (cluster, _node) = start();
    let average = "export const Average = act(() => withState(() => ({ sum: 0, average: 0 / 0 }), s => whileLoop(() => waitFor(() => true))), { daemon: true });
export const Twice = reactive((get, n) => n * 2);";
    let deployed = cluster.deploy(&[("average.js", average)]);
    assert_eq!(
        deployed["programs"][0]["workers"][1]["reactive"], true,
        "{deployed}"
    );
    let (out, _) = shell(&cluster, &["get", "Average"], 0);
    has(
        &out,
        &[
            r#"state     {"sum":0,"average":null}"#,
            "note      state.average is NaN",
        ],
    );
    shell(&cluster, &["watch", "Twice", "[4]", "--once"], 0);
    let (out, _) = shell(&cluster, &["get", "Twice/[4]"], 0);
    has(&out, &["value     8"]);
}

#[test]
fn the_interface_describes_itself() {
    let _turn = turn();
    let (_cluster, node) = start();
    let add = json!({ "type": "add", "name": "a", "amount": 1 });
    let sent = node
        .post("/v1/workers/Counter/messages?wait=turn", &add)
        .expect(200);
    let document = node.get("/openapi.json").expect(200).body;
    let message = sent.text_of("message");
    // What is answered has no field that the document does not name, and all that it requires.
    for (schema, path) in [
        ("InstanceView", "/v1/workers/Counter/instances/a".to_owned()),
        ("InstancePage", "/v1/instances".to_owned()),
        (
            "HistoryPage",
            "/v1/workers/Counter/instances/a/history".to_owned(),
        ),
        (
            "OutboxPage",
            "/v1/workers/Counter/instances/a/outbox".to_owned(),
        ),
        ("MessageView", format!("/v1/messages/{message}")),
        ("StoryView", format!("/v1/messages/{message}/trace")),
        ("ServedPage", "/v1/programs".to_owned()),
        ("ServedView", "/v1/programs/Counter".to_owned()),
        ("DeadLetterPage", "/v1/dead-letters".to_owned()),
        ("ClusterView", "/v1/cluster".to_owned()),
        ("Problem", "/v1/workers/Nobody/instances".to_owned()),
    ] {
        let body = node.get(&path).body;
        fits(
            &document,
            &json!({ "$ref": format!("#/components/schemas/{schema}") }),
            &body,
            &path,
        );
    }
    fits(
        &document,
        &json!({ "$ref": "#/components/schemas/Accepted" }),
        &sent.body,
        "sent",
    );
}

/// Compares an answer with what the document says of it.
fn fits(document: &Value, schema: &Value, body: &Value, place: &str) {
    if let Some(target) = schema["$ref"].as_str() {
        let named = document.pointer(target.trim_start_matches('#')).unwrap();
        return fits(document, named, body, place);
    }
    if let (Some(known), Some(fields)) = (schema["properties"].as_object(), body.as_object()) {
        for (name, value) in fields {
            let described = known.get(name);
            let described =
                described.unwrap_or_else(|| panic!("{place}: `{name}` is not described"));
            fits(document, described, value, &format!("{place} {name}"));
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            assert!(
                fields.contains_key(name.as_str().unwrap()),
                "{place}: no {name}"
            );
        }
    }
    for item in body.as_array().into_iter().flatten() {
        fits(document, &schema["items"], item, place);
    }
}
