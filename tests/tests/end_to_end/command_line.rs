//! The command line as people use it: what it prints for them and for programs, and how it fails.

use serde_json::json;
use tests::cluster::{Cluster, Ended, Options, troupe};
use tests::services::free_port;
use tests::wait::{PATIENCE, until};

use crate::scripts::{COUNTER, ERRAND};
use crate::turn;

/// A folder with scripts as files.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn path(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).display().to_string()
}

/// `troupe` against a node.
struct Shell(String);

impl Shell {
    fn run(&self, arguments: &[&str]) -> Ended {
        let mut all = arguments.to_vec();
        all.extend(["--url", &self.0]);
        troupe(&all)
    }
}

/// A node with the scripts of the journey.
fn journey() -> (Cluster, Shell) {
    let cluster = Cluster::single(&Options::default());
    cluster.deploy(&[COUNTER, ERRAND]);
    let shell = Shell(cluster.any().url());
    (cluster, shell)
}

const ADD: &str = r#"{ "type": "add", "name": "apples", "amount": 3 }"#;

#[test]
fn deploy_says_what_is_there_and_what_nothing_serves() {
    let _turn = turn();
    let cluster = Cluster::single(&Options::default());
    let asks = (
        "asks.js",
        "export const Asks = act(() => sequence(() => [send(Nobody, 1), send(Conter, 1)]));",
    );
    let scripts = folder(&[COUNTER, ERRAND, asks]);
    let shell = Shell(cluster.any().url());
    let files = ["counter.js", "errand.js", "asks.js"].map(|name| path(&scripts, name));
    let deployed = shell
        .run(&["deploy", &files[0], &files[1], &files[2]])
        .expect_code(0);
    deployed.prints(&[
        "WORKER",
        "Counter",
        "daemon, by key",
        "Errand",
        "ephemeral",
        "counter.js",
    ]);
    assert!(
        deployed
            .stderr
            .contains("nothing serves yet: Conter (did you mean Counter?), Nobody"),
        "{}",
        deployed.stderr
    );
    let again = shell
        .run(&["deploy", &files[0], "--output", "json"])
        .expect_code(0)
        .json();
    assert_eq!(
        again["programs"][0]["workers"][0]["name"], "Counter",
        "{again}"
    );
}

#[test]
fn runs_are_started_sent_to_and_killed() {
    let _turn = turn();
    let (_cluster, shell) = journey();
    let started = shell
        .run(&["start", "Errand", "--key", "e1", "--config", "[1]"])
        .expect_code(0);
    started.prints(&["instance  Errand/e1", "message   ", "trace     "]);
    let go = r#"{ "type": "go", "by": "cli" }"#;
    let sent = shell
        .run(&["send", "Errand/e1", go, "--wait", "outcome"])
        .expect_code(0);
    sent.prints(&["status    completed", r#"result    {"done":"cli"}"#]);
    let broken = r#"{ "type": "break", "by": "cli" }"#;
    let failed = shell
        .run(&["send", "Errand", broken, "--wait", "outcome"])
        .expect_code(1);
    assert!(failed.stderr.contains("broken by cli"), "{}", failed.stderr);

    let mut arguments = vec!["send", "Counter", ADD, "--wait", "turn"];
    arguments.extend(["--idempotency-key", "k1", "--output", "json"]);
    let first = shell.run(&arguments).expect_code(0).json();
    assert_eq!(first["duplicate"], false);
    assert_eq!(first["outcome"]["status"], "waiting");
    assert_eq!(
        shell.run(&arguments).expect_code(0).json()["duplicate"],
        true
    );

    shell
        .run(&["kill", "Counter/apples"])
        .expect_code(0)
        .prints(&["message "]);
    let list = shell
        .run(&["list", "--status", "killed", "--output", "json"])
        .expect_code(0)
        .json();
    assert_eq!(list["instances"][0]["key"], "apples", "{list}");
}

#[test]
fn an_instance_is_looked_at_from_all_sides() {
    let _turn = turn();
    let (_cluster, shell) = journey();
    let sent = shell.run(&["send", "Counter", ADD, "--wait", "turn", "--output", "json"]);
    let message = sent.expect_code(0).json()["message"]
        .as_str()
        .unwrap()
        .to_owned();
    let say = r#"{"type":"say"}"#;
    shell
        .run(&["send", "Counter/apples", say, "--wait", "turn"])
        .expect_code(0);
    let table = |arguments: &[&str], words: &[&str]| {
        shell.run(arguments).expect_code(0).prints(words);
    };
    table(
        &["list", "Counter"],
        &["INSTANCE", "Counter/apples", "waiting"],
    );
    let state = r#"state     {"sum":3,"seen":[3]}"#;
    table(
        &["get", "Counter/apples"],
        &["instance  Counter/apples", "status    waiting", state],
    );
    table(
        &["history", "Counter/apples"],
        &["STEP", r#"{"type":"add""#],
    );
    table(
        &["outbox", "Counter/apples"],
        &[r#"{"asked":"say","sum":3}"#],
    );
    table(&["trace", &message], &["trace ", "add → Counter/apples"]);
    table(&["cluster", "status"], &["node-1", "LEADER"]);

    let json = |arguments: &[&str]| {
        let mut all = arguments.to_vec();
        all.extend(["--output", "json"]);
        shell.run(&all).expect_code(0).json()
    };
    assert_eq!(json(&["list"])["instances"].as_array().unwrap().len(), 1);
    let get = json(&["get", "Counter/apples", "--local"]);
    assert_eq!(get["state"], json!([{ "sum": 3, "seen": [3] }]));
    let history = json(&["history", "Counter/apples"]);
    assert_eq!(
        history["events"].as_array().unwrap().last().unwrap()["message"]["type"],
        "say"
    );
    assert_eq!(
        json(&["outbox", "Counter/apples"])["message"],
        json!({ "asked": "say", "sum": 3 })
    );
    assert_eq!(
        json(&["trace", &message])["messages"][0]["id"],
        message.as_str()
    );
    assert_eq!(
        json(&["cluster", "status"])["shards"]
            .as_array()
            .unwrap()
            .len(),
        16
    );
}

#[test]
fn failures_say_what_and_what_to_do() {
    let _turn = turn();
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let failed = troupe(&["list", "--url", &nowhere]).expect_code(1);
    assert!(
        failed.stderr.contains(&nowhere) && failed.stderr.contains("troupe dev"),
        "{}",
        failed.stderr
    );
    assert_eq!(failed.stdout, "");

    for wrong in [
        &["frobnicate"][..],
        &["send"],
        &["list", "--limit", "x"],
        &["check"],
    ] {
        let failed = troupe(wrong).expect_code(2);
        assert!(
            failed.stderr.contains("Usage") || failed.stderr.contains("--help"),
            "{}",
            failed.stderr
        );
    }
    let failed = troupe(&["node", "--bus", "127.0.0.1:4222"]).expect_code(1);
    assert!(
        failed.stderr.contains("nats://HOST:PORT"),
        "{}",
        failed.stderr
    );

    let cluster = Cluster::single(&Options::default());
    let shell = Shell(cluster.any().url());
    let failed = shell.run(&["get", "Nobody/a"]).expect_code(1);
    assert!(
        failed.stderr.contains("E-unknown-instance") && failed.stderr.contains("Nobody/a"),
        "{}",
        failed.stderr
    );
    let failed = shell.run(&["start", "Nobody"]).expect_code(1);
    assert!(
        failed.stderr.contains("E-unknown-worker") && failed.stderr.contains("hint"),
        "{}",
        failed.stderr
    );
    let failed = shell.run(&["send", "Counter", "{ no json"]).expect_code(1);
    assert!(failed.stderr.contains("the message"), "{}", failed.stderr);
}

#[test]
fn dead_letters_are_listed_shown_sent_again_and_discarded() {
    let _turn = turn();
    let (_cluster, shell) = journey();
    let wrong = r#"{ "type": "add", "name": "apples", "amount": -3 }"#;
    shell
        .run(&["send", "Counter/apples", wrong, "--wait", "turn"])
        .expect_code(1);
    let listed = shell.run(&["dead-letters", "list"]).expect_code(0);
    let row = listed.stdout.lines().nth(1).unwrap_or_default().to_owned();
    assert!(
        row.contains("Counter/apples") && row.contains("-3"),
        "{row}"
    );
    let letter = row.split_whitespace().next().unwrap();
    let shown = shell.run(&["dead-letters", "show", letter]).expect_code(0);
    shown.prints(&["cannot add -3", "counter.js", "\"amount\":-3"]);
    // It fails again, under another number.
    let again = shell.run(&["dead-letters", "retry", letter]).expect_code(0);
    again.prints(&["sent again"]);
    let other = until("the letter of the second try", PATIENCE, || {
        let listed = shell.run(&["dead-letters", "list"]).expect_code(0);
        let row = listed.stdout.lines().nth(1)?.to_owned();
        let other = row.split_whitespace().next()?.to_owned();
        (other != letter).then_some(other)
    });
    let gone = shell.run(&["dead-letters", "show", letter]).expect_code(1);
    assert!(gone.stderr.contains("dead-letters list"), "{}", gone.stderr);
    shell
        .run(&["dead-letters", "discard", &other])
        .expect_code(0);
    let listed = shell.run(&["dead-letters", "list"]).expect_code(0);
    listed.prints(&["no dead letters"]);
    shell.run(&["dead-letters", "show", "17"]).expect_code(2);
}

#[test]
fn a_script_with_an_error_is_shown_with_its_line() {
    let _turn = turn();
    let bad =
        "export const Bad = act((self) =>\n  sequence(() => [\n    send(outbox, 1),\n  ]));\n";
    let scripts = folder(&[
        ("bad.js", bad),
        ("good.js", "export const Good = act(() => noop());"),
    ]);
    let shows_line = |text: &str| {
        assert!(
            text.contains("error[E") && text.contains("bad.js:3:10"),
            "{text}"
        );
        assert!(
            text.contains("send(outbox, 1)") && text.contains("^^^^^^"),
            "{text}"
        );
    };
    let checked = troupe(&["check", &path(&scripts, "bad.js")]).expect_code(2);
    shows_line(&checked.stderr);
    assert!(checked.stderr.contains("1 error"), "{}", checked.stderr);
    let ran = troupe(&["run", &path(&scripts, "bad.js")]).expect_code(2);
    shows_line(&ran.stderr);
    assert_eq!(ran.stdout, "");
    let checked = troupe(&["check", &path(&scripts, "good.js")]).expect_code(0);
    assert!(checked.stderr.contains("no errors"), "{}", checked.stderr);
    let operations = troupe(&["check", "--emit", "ops", &path(&scripts, "good.js")]).expect_code(0);
    assert!(
        operations.stdout.contains("worker Good"),
        "{}",
        operations.stdout
    );

    let cluster = Cluster::single(&Options::default());
    let shell = Shell(cluster.any().url());
    let failed = shell
        .run(&[
            "deploy",
            &path(&scripts, "good.js"),
            &path(&scripts, "bad.js"),
        ])
        .expect_code(1);
    shows_line(&failed.stderr);
    let started = shell.run(&["start", "Good"]).expect_code(1);
    assert!(
        started.stderr.contains("E-unknown-worker"),
        "{}",
        started.stderr
    );
    let missing = shell.run(&["deploy", "none.js"]).expect_code(1);
    assert!(missing.stderr.contains("none.js"), "{}", missing.stderr);
    let near = path(&scripts, "godo.js");
    let missing = shell.run(&["deploy", &near]).expect_code(1).stderr;
    let guess = format!("did you mean `{}`?", path(&scripts, "good.js"));
    assert!(missing.contains(&guess), "{missing}");
}

const TIMED: (&str, &str) = (
    "timed.js",
    r#"
export const Timed = act((self, { outbox, complete }) =>
  withState(() => 1, n => sequence(() => [
    send(outbox, { n: 1 }),
    delay(1500),
    send(Elsewhere, { n: readState(n, x => x + 1) }),
    waitFor(m => m.ok, m => complete(readState(m, x => x.ok))),
  ])));
"#,
);

fn lines(ended: &Ended) -> Vec<serde_json::Value> {
    ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_local_run_prints_a_line_for_each_send_and_the_end() {
    let _turn = turn();
    let messages = "{\"no\": 1}\n{\"$at\": 5000, \"$message\": {\"ok\": \"yes\"}}\n";
    let scripts = folder(&[TIMED, ("messages.jsonl", messages)]);
    let timed = path(&scripts, "timed.js");
    let arguments = [
        "run",
        &timed,
        "--messages",
        &path(&scripts, "messages.jsonl"),
    ];
    let ran = troupe(&arguments).expect_code(0);
    let sent = |at: u64, to: &str, message: serde_json::Value| json!({ "at": at, "from": "Timed/default", "to": to, "message": message });
    let seen = lines(&ran);
    assert_eq!(
        seen[..2],
        [
            sent(0, "outbox", json!({ "n": 1 })),
            sent(1500, "Elsewhere", json!({ "n": 2 }))
        ]
    );
    assert_eq!(seen[2]["status"], "completed");
    assert_eq!(seen[2]["result"], "yes");
    assert_eq!(troupe(&arguments).expect_code(0).stdout, ran.stdout);
    let waits = lines(&troupe(&["run", &timed]).expect_code(0));
    assert_eq!(waits[2]["status"], "waiting");
    assert_eq!(waits[2]["state"], json!([1]));
}

#[test]
fn the_exit_code_of_a_local_run_says_how_it_ended() {
    let _turn = turn();
    let fails = ("break.jsonl", "{\"type\":\"break\",\"by\":\"me\"}\n");
    let backwards = "{\"$at\": 5, \"$message\": 1}\n{\"$at\": 4, \"$message\": 1}\n";
    let scripts = folder(&[TIMED, ERRAND, fails, ("back.jsonl", backwards)]);
    let run = |script: &str, messages: &str| {
        troupe(&[
            "run",
            &path(&scripts, script),
            "--messages",
            &path(&scripts, messages),
        ])
    };
    let failed = run("errand.js", "break.jsonl").expect_code(1);
    let end = lines(&failed).pop().unwrap();
    assert_eq!(end["status"], "failed");
    assert_eq!(end["error"]["message"], "broken by me");
    assert!(
        failed.stderr.contains("Errand/default failed at 0 ms"),
        "{}",
        failed.stderr
    );
    run("timed.js", "back.jsonl").expect_code(2);
    run("timed.js", "none.jsonl").expect_code(2);
}
