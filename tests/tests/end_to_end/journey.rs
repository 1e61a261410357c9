//! One node: everything that a client does with workers over HTTP, and all of it again after `kill -9`.

use serde_json::{Value, json};
use tests::cluster::{Cluster, HttpClient, Options};
use tests::wait::{PATIENCE, until};

use crate::scripts::{COUNTER, ERRAND};
use crate::turn;

fn start() -> Cluster {
    let cluster = Cluster::single(&Options::default());
    cluster.deploy(&[COUNTER, ERRAND]);
    cluster
}

fn add(node: &HttpClient, name: &str, amount: i64) -> Value {
    let body = json!({ "type": "add", "name": name, "amount": amount });
    node.post("/v1/workers/Counter/messages?wait=turn", &body)
        .expect(200)
        .body
}

#[test]
fn what_a_deploy_made_is_told() {
    let _turn = turn();
    let cluster = Cluster::single(&Options::default());
    let deployed = cluster.deploy(&[
        COUNTER,
        ("asks.js", "export const Asks = act(() => send(Nobody, 1));"),
    ]);
    let programs = deployed["programs"].as_array().unwrap();
    assert_eq!(
        programs[0]["workers"],
        json!([{ "name": "Counter", "daemon": true, "keyed": true, "reactive": false }])
    );
    assert_eq!(
        programs[1]["workers"],
        json!([{ "name": "Asks", "daemon": false, "keyed": false, "reactive": false }])
    );
    assert_eq!(programs[0]["hash"].as_str().unwrap().len(), 64);
    assert_eq!(deployed["unserved"], json!(["Nobody"]));
}

#[test]
fn messages_reach_instances_by_name_and_by_key() {
    let _turn = turn();
    let cluster = start();
    let node = cluster.any().http();

    let accepted = add(&node, "apples", 3);
    assert_eq!(accepted["outcome"]["status"], "waiting");
    assert_eq!(accepted["duplicate"], false);
    assert_eq!(accepted["trace"].as_str().unwrap().len(), 32);
    let direct = json!({ "type": "add", "name": "ignored", "amount": 4 });
    let path = "/v1/workers/Counter/instances/apples";
    node.post(&format!("{path}/messages?wait=turn"), &direct)
        .expect(200);
    add(&node, "pears/ü 1", 5);

    let apples = node.get(path).expect(200).body;
    assert_eq!(apples["state"], json!([{ "sum": 7, "seen": [3, 4] }]));
    assert_eq!(apples["status"], "waiting");
    let local = node
        .get(&format!("{path}?consistency=local"))
        .expect(200)
        .body;
    assert_eq!(local["state"], apples["state"]);
    let pears = node
        .get("/v1/workers/Counter/instances/pears%2F%C3%BC%201")
        .expect(200)
        .body;
    assert_eq!(
        (&pears["key"], &pears["state"][0]["sum"]),
        (&json!("pears/ü 1"), &json!(5))
    );

    let list = node.get("/v1/workers/Counter/instances").expect(200).body;
    let mut keys: Vec<&str> = list["instances"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["key"].as_str().unwrap())
        .collect();
    keys.sort_unstable();
    assert_eq!(keys, ["apples", "pears/ü 1"]);

    let message = accepted["message"].as_str().unwrap();
    let fate = node
        .get(&format!("/v1/messages/{message}"))
        .expect(200)
        .body;
    assert_eq!(fate["status"], "applied");
    assert_eq!(fate["applied"]["to"], "Counter/apples");
}

#[test]
fn lists_come_in_pages() {
    let _turn = turn();
    let cluster = start();
    let node = cluster.any().http();
    for number in 0..25 {
        add(&node, &format!("k{number}"), 1);
    }
    let (mut keys, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let path = format!("/v1/workers/Counter/instances?limit=7{cursor}");
        let page = node.get(&path).expect(200).body;
        let instances = page["instances"].as_array().unwrap();
        assert!(instances.len() <= 7);
        keys.extend(
            instances
                .iter()
                .map(|one| one["key"].as_str().unwrap().to_owned()),
        );
        pages += 1;
        let Some(next) = page["next"].as_str() else {
            break;
        };
        cursor = format!("&cursor={}", next.replace('/', "%2F"));
    }
    keys.sort();
    keys.dedup();
    assert_eq!((keys.len(), pages), (25, 4));
}

#[test]
fn runs_start_end_and_are_waited_for() {
    let _turn = turn();
    let cluster = start();
    let node = cluster.any().http();
    let instances = "/v1/workers/Errand/instances";

    let start = json!({ "key": "a", "config": { "list": [1, 2] } });
    let started = node.post(instances, &start).expect(202).body;
    assert_eq!(started["instance"], "Errand/a");
    node.post(instances, &start)
        .expect_problem(409, "E-running");
    let go = json!({ "type": "go", "by": "me" });
    let ended = node
        .post(&format!("{instances}/a/messages?wait=outcome"), &go)
        .expect(200)
        .body;
    assert_eq!(
        ended["outcome"],
        json!({ "status": "completed", "result": { "done": "me" } })
    );
    let view = node.get(&format!("{instances}/a")).expect(200).body;
    assert_eq!(
        (&view["status"], &view["result"]),
        (&json!("completed"), &json!({ "done": "me" }))
    );
    let outbox = node.get(&format!("{instances}/a/outbox")).expect(200).body;
    assert_eq!(
        outbox["messages"][0]["message"],
        json!({ "type": "went", "with": { "list": [1, 2] } })
    );

    // A message to the bare name is the first message of a run of its own.
    let broken = json!({ "type": "break", "by": "him" });
    let ended = node
        .post("/v1/workers/Errand/messages?wait=outcome", &broken)
        .expect(200)
        .body;
    assert_eq!(ended["outcome"]["status"], "failed", "{ended}");
    assert_eq!(
        ended["outcome"]["error"]["message"], "broken by him",
        "{ended}"
    );

    node.post(instances, &json!({ "key": "b" })).expect(202);
    assert_eq!(
        node.get(&format!("{instances}/b")).expect(200).body["status"],
        "waiting"
    );
    node.delete(&format!("{instances}/b?wait=turn")).expect(200);
    assert_eq!(
        node.get(&format!("{instances}/b")).expect(200).body["status"],
        "killed"
    );
    let killed = node
        .get(&format!("{instances}?status=killed"))
        .expect(200)
        .body;
    assert_eq!(killed["instances"].as_array().unwrap().len(), 1);
}

#[test]
fn a_message_to_an_ended_run_is_a_dead_letter_with_its_cause() {
    let _turn = turn();
    let cluster = start();
    let node = cluster.any().http();
    let instances = "/v1/workers/Errand/instances";
    let start = json!({ "key": "done", "message": { "type": "go", "by": "me" } });
    node.post(&format!("{instances}?wait=outcome"), &start)
        .expect(200);

    let late = json!({ "type": "go", "by": "late" });
    let sent = node
        .post(&format!("{instances}/done/messages?wait=turn"), &late)
        .expect(200)
        .body;
    assert_eq!(sent["outcome"]["status"], "dead-letter");
    let letters = node.get("/v1/dead-letters").expect(200).body;
    let letters = letters["dead_letters"].as_array().unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0]["id"], sent["message"]);
    assert_eq!(
        (&letters[0]["to"], &letters[0]["message"]),
        (&json!("Errand/done"), &late)
    );
    assert_eq!(letters[0]["cause"]["code"], "E-ended", "{letters:?}");
    assert!(!letters[0]["cause"]["message"].as_str().unwrap().is_empty());
    let fate = node
        .get(&format!(
            "/v1/messages/{}",
            sent["message"].as_str().unwrap()
        ))
        .expect(200)
        .body;
    assert_eq!(fate["status"], "dead-letter");
}

#[test]
fn a_failed_turn_is_undone_and_can_be_sent_again() {
    let _turn = turn();
    let cluster = start();
    let node = cluster.any().http();
    add(&node, "a", 1);
    let failed = add(&node, "a", -1);
    assert_eq!(failed["outcome"]["status"], "failed", "{failed}");
    let error = &failed["outcome"]["error"];
    assert!(
        error["message"].as_str().unwrap().contains("cannot add -1"),
        "{error}"
    );
    assert_eq!(error["stack"][0]["file"], "counter.js", "{error}");

    let state = until("the counter to be back after its failure", PATIENCE, || {
        let view = node.get("/v1/workers/Counter/instances/a").expect(200).body;
        (view["status"] == "waiting").then(|| view["state"][0].clone())
    });
    assert_eq!(state, json!({ "sum": 1, "seen": [1] }));
    add(&node, "a", 2);
    let letters = node.get("/v1/dead-letters").expect(200).body["dead_letters"].clone();
    assert_eq!(letters[0]["message"]["amount"], -1, "{letters}");
    let place = format!("{}/{}", letters[0]["shard"], letters[0]["number"]);
    node.delete(&format!("/v1/dead-letters/{place}"))
        .expect(200);
    let letters = node.get("/v1/dead-letters").expect(200).body["dead_letters"].clone();
    assert_eq!(letters, json!([]));
    assert_eq!(
        node.get("/v1/workers/Counter/instances/a").body["state"][0]["sum"],
        3
    );
}

#[test]
fn an_idempotency_key_applies_once_and_binds_its_body() {
    let _turn = turn();
    let mut cluster = start();
    let node = cluster.any().http();
    let path = "/v1/workers/Counter/messages?wait=turn";
    let body = json!({ "type": "add", "name": "a", "amount": 3 }).to_string();
    let key = [("Idempotency-Key", "order-17")];
    let first = node.post_with(path, &key, &body).expect(200).body;
    let again = node.post_with(path, &key, &body).expect(200).body;
    assert_eq!(
        (&first["duplicate"], &again["duplicate"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(first["message"], again["message"]);
    let other = json!({ "type": "add", "name": "a", "amount": 4 }).to_string();
    node.post_with(path, &key, &other)
        .expect_problem(422, "E-idempotency-reused");

    cluster.nodes[0].kill();
    cluster.nodes[0].restart();
    let again = node.post_with(path, &key, &body).expect(200).body;
    assert_eq!(again["duplicate"], true);
    assert_eq!(
        node.get("/v1/workers/Counter/instances/a").body["state"][0]["sum"],
        3
    );
}

#[test]
fn output_is_read_in_pages_and_as_a_stream_that_resumes() {
    let _turn = turn();
    let cluster = start();
    let node = cluster.any().http();
    add(&node, "a", 1);
    let say = |what: &str| {
        let body = json!({ "type": what });
        node.post("/v1/workers/Counter/instances/a/messages?wait=turn", &body)
            .expect(200);
    };
    for number in 0..5 {
        say(&format!("q{number}"));
    }
    let path = "/v1/workers/Counter/instances/a/outbox";
    let page = node.get(&format!("{path}?limit=2")).expect(200).body;
    assert_eq!(
        page["messages"][1]["message"],
        json!({ "asked": "q1", "sum": 1 })
    );
    let next = page["next"].as_str().unwrap();
    let page = node
        .get(&format!("{path}?limit=10&after={next}"))
        .expect(200)
        .body;
    assert_eq!(page["messages"].as_array().unwrap().len(), 3);

    let asked = |event: &tests::cluster::Event| event.data["message"]["asked"].clone();
    let events = node.follow(path, None, 5);
    assert_eq!(
        events.iter().map(asked).collect::<Vec<_>>(),
        ["q0", "q1", "q2", "q3", "q4"]
    );
    let resumed = node.follow(path, Some(&events[2].id), 2);
    assert_eq!(resumed, events[3..]);
    // What comes while the stream is open arrives on it.
    let following = std::thread::spawn({
        let (node, last) = (node.clone(), events[4].id.clone());
        move || node.follow(path, Some(&last), 1)
    });
    say("live");
    assert_eq!(asked(&following.join().unwrap()[0]), "live");
    let far = format!("{path}?after=bad");
    node.get(&far).expect_problem(400, "E-bad-request");
}

#[test]
fn nothing_is_lost_by_kill_9() {
    let _turn = turn();
    let mut cluster = start();
    let node = cluster.any().http();
    for amount in 1..=20 {
        add(&node, &format!("k{}", amount % 4), amount);
    }
    node.post(
        "/v1/workers/Errand/instances",
        &json!({ "key": "w", "config": 5 }),
    )
    .expect(202);
    node.post(
        "/v1/workers/Counter/instances/k1/messages?wait=turn",
        &json!({ "type": "say" }),
    )
    .expect(200);
    let paths: Vec<String> = ["k0", "k1", "k2", "k3"]
        .iter()
        .flat_map(|key| {
            ["", "/history", "/outbox"]
                .map(|part| format!("/v1/workers/Counter/instances/{key}{part}"))
        })
        .chain([
            "/v1/workers/Errand/instances/w".to_owned(),
            "/v1/instances".to_owned(),
        ])
        .collect();
    let read = |node: &HttpClient| -> Vec<Value> {
        paths
            .iter()
            .map(|path| node.get(path).expect(200).body)
            .collect()
    };
    let before = read(&node);
    let history = &before[4]["events"];
    assert!(history.as_array().unwrap().len() >= 6, "{history}");
    assert_eq!(history[1]["message"]["type"], "add", "{history}");

    let began = std::time::Instant::now();
    cluster.nodes[0].kill();
    cluster.nodes[0].restart();
    println!("from kill -9 to ready: {} ms", began.elapsed().as_millis());
    assert_eq!(read(&cluster.any().http()), before);
    assert_eq!(add(&node, "k0", 1)["outcome"]["status"], "waiting");
    let done = json!({ "type": "go", "by": "after" });
    let ended = node
        .post(
            "/v1/workers/Errand/instances/w/messages?wait=outcome",
            &done,
        )
        .expect(200)
        .body;
    assert_eq!(ended["outcome"]["status"], "completed");

    cluster.nodes[0].stop();
    cluster.nodes[0].restart();
    assert_eq!(
        node.get("/v1/workers/Counter/instances/k1").body["state"],
        before[3]["state"]
    );
}

#[test]
fn an_instance_that_was_named_is_found_at_once() {
    let _turn = turn();
    let Some(cluster) = Cluster::start(3, &Options::default()) else {
        return;
    };
    let once = "export const Once = act(() => whileLoop(() => waitFor(m => true)));";
    cluster.deploy(&[COUNTER, ("once.js", once)]);
    let (first, second) = (cluster.nodes[0].http(), cluster.nodes[1].http());
    let path_of = |accepted: &Value| {
        let instance = accepted["instance"].as_str().unwrap();
        let (name, key) = instance.split_once('/').unwrap();
        format!("/v1/workers/{name}/instances/{key}")
    };
    for number in 0..40 {
        let add = json!({ "type": "add", "name": format!("n-{number}"), "amount": 1 });
        let named = first
            .post("/v1/workers/Counter/messages", &add)
            .expect(202)
            .body;
        second.get(&path_of(&named)).expect(200);
        let made = first
            .post("/v1/workers/Once/messages", &add)
            .expect(202)
            .body;
        let path = path_of(&made);
        match number % 4 {
            0 => second.get(&path).expect(200),
            1 => second.get(&format!("{path}/history")).expect(200),
            2 => second.get(&format!("{path}/outbox")).expect(200),
            _ => second.post(&format!("{path}/messages"), &add).expect(202),
        };
    }
    second.get("/v1/workers/Once/instances/nobody").expect(404);
}

#[test]
fn history_is_followed_as_a_stream_that_resumes() {
    let _turn = turn();
    let cluster = start();
    let node = cluster.any().http();
    add(&node, "a", 1);
    let path = "/v1/workers/Counter/instances/a/history";
    let follower = node.clone();
    let live = std::thread::spawn(move || follower.follow(path, None, 5));
    for amount in 2..5 {
        add(&node, "a", amount);
    }
    let events = live.join().unwrap();
    let steps: Vec<u64> = events
        .iter()
        .map(|event| event.data["step"].as_u64().unwrap())
        .collect();
    assert_eq!(steps, [1, 2, 3, 4, 5]);
    assert_eq!(events[0].data["input"], "start");
    assert_eq!(events[4].data["message"]["amount"], 4);
    let resumed = node.follow(path, Some(&events[2].id), 2);
    assert_eq!(resumed, events[3..]);
}
