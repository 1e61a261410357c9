//! Scripts of several files, from the folder of the user to the history of an instance: what the command line
//! reads, what HTTP takes, and which file a failure is said to be in.

use std::path::Path;
use std::process::Command;

use serde_json::json;
use tests::cluster::{Cluster, HttpClient, Options, troupe, troupe_binary};
use tests::services::{Process, free_port};
use tests::wait::{PATIENCE, until};

use crate::turn;

const MAIN: &str = r#"
import { amountOf } from "../lib/amounts.js";
export { Clerk } from "./clerk.js";
export const Till = act(() => withState(() => 0, sum => whileLoop(() => waitFor(m => true, m =>
  modifyState(sum, computeState([m], m => s => s + amountOf(m)))))), { daemon: true, key: m => m.till });
"#;
const CLERK: &str = "export const Clerk = act((self, { complete }) => complete('done'));";
const AMOUNTS: &str = "export const amountOf = m => {\n  return m.order.amount;\n};\n";

/// A folder with the scripts in folders of their own.
fn shop() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("flows/main.js", MAIN),
        ("flows/clerk.js", CLERK),
        ("lib/amounts.js", AMOUNTS),
    ] {
        write(folder.path(), name, text);
    }
    folder
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// `troupe` with a folder as the current one.
fn troupe_in(folder: &Path, arguments: &[&str]) -> tests::cluster::Ended {
    let mut command = Command::new(troupe_binary());
    command
        .args(arguments)
        .current_dir(folder)
        .env("NO_COLOR", "1");
    tests::cluster::run(&mut command)
}

#[test]
fn files_that_are_imported_come_along() {
    let _turn = turn();
    let shop = shop();
    let cluster = Cluster::single(&Options::default());
    let url = cluster.any().url();
    troupe_in(shop.path(), &["check", "flows/main.js"]).expect_code(0);
    let deployed = troupe_in(
        shop.path(),
        &["deploy", "flows/main.js", "--url", &url, "--output", "json"],
    )
    .expect_code(0)
    .json();
    let program = &deployed["programs"][0];
    assert_eq!(program["file"], "flows/main.js");
    assert_eq!(
        program["modules"],
        json!(["lib/amounts.js", "flows/clerk.js"])
    );
    let node = cluster.any().http();
    let send =
        |message: serde_json::Value| node.post("/v1/workers/Till/messages?wait=turn", &message);
    send(json!({ "till": "a", "order": { "amount": 5 } })).expect(200);
    send(json!({ "till": "a" }));
    let instance = node.get("/v1/workers/Till/instances/a").expect(200).body;
    assert_eq!(instance["state"], json!([5]));
    let letters = node.get("/v1/dead-letters").expect(200).body.to_string();
    let place = r#""file":"lib/amounts.js","line":2"#;
    assert!(letters.contains(place), "{letters}");
    let ended = node
        .post("/v1/workers/Clerk/instances?wait=outcome", &json!({}))
        .body;
    assert!(ended.to_string().contains("done"), "{ended}");

    // The folder that it lies in changes nothing.
    let moved = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("deep/er/flows/main.js", MAIN),
        ("deep/er/flows/clerk.js", CLERK),
        ("deep/er/lib/amounts.js", AMOUNTS),
    ] {
        write(moved.path(), name, text);
    }
    let main = moved.path().join("deep/er/flows/main.js");
    let arguments = [
        "deploy",
        "deep/er/flows/main.js",
        "--url",
        &url,
        "--output",
        "json",
    ];
    let again = troupe_in(moved.path(), &arguments).expect_code(0).json();
    assert_eq!(again["programs"][0]["hash"], program["hash"]);
    let elsewhere = troupe(&["check", &main.display().to_string()]).expect_code(2);
    elsewhere_says(&elsewhere.stderr);
}

/// From a folder that does not hold the scripts, theirs is the root.
fn elsewhere_says(text: &str) {
    assert!(
        text.contains("E0123") && text.contains("main.js:2:26"),
        "{text}"
    );
}

#[test]
fn the_example_in_typescript_does_what_it_says() {
    let file = tests::cluster::repository().join("examples/orders/orders.ts");
    let file = file.display().to_string();
    let checked = troupe(&["check", &file]).expect_code(0);
    assert!(
        checked.stderr.contains("2 workers: no errors, 0 lints"),
        "{}",
        checked.stderr
    );
    let folder = tempfile::tempdir().unwrap();
    let run = |count: u32| {
        let messages = folder.path().join("messages.jsonl");
        let place = json!({ "type": "PLACE", "order": "o-1", "item": "apples", "count": count, "cents": 250 });
        std::fs::write(&messages, place.to_string()).unwrap();
        troupe(&[
            "run",
            &file,
            "--worker",
            "Order",
            "--messages",
            &messages.display().to_string(),
        ])
    };
    let ended = run(3).expect_code(0);
    assert!(
        ended.stdout.contains("3 apples for €7.50"),
        "{}",
        ended.stdout
    );
    assert!(
        ended.stdout.ends_with(
            "{\"status\":\"completed\",\"result\":{\"order\":\"o-1\",\"left\":7},\"state\":[]}\n"
        ),
        "{}",
        ended.stdout
    );
    let ended = run(11).expect_code(1);
    assert!(
        ended.stdout.contains("there are not 11 apples left"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_pattern_may_name_files_that_others_import() {
    let _turn = turn();
    let shop = shop();
    let files = ["flows/main.js", "lib/amounts.js"];
    let checked = troupe_in(shop.path(), &["check", files[0], files[1]]).expect_code(0);
    assert!(
        checked.stderr.contains("2 files, 2 workers"),
        "{}",
        checked.stderr
    );
    let alone = troupe_in(shop.path(), &["check", files[1]]).expect_code(2);
    assert!(alone.stderr.contains("E0209"), "{}", alone.stderr);
    let cluster = Cluster::single(&Options::default());
    let url = cluster.any().url();
    let arguments = [
        "deploy", files[1], files[0], "--url", &url, "--output", "json",
    ];
    let deployed = troupe_in(shop.path(), &arguments).expect_code(0).json();
    assert_eq!(deployed["programs"].as_array().unwrap().len(), 1);
}

#[test]
fn http_takes_the_files_of_a_program() {
    let _turn = turn();
    let cluster = Cluster::single(&Options::default());
    let node = cluster.any().http();
    let file = |name: &str, source: &str| json!({ "name": name, "source": source });
    let body = json!({
        "files": [file("flows/main.js", MAIN), file("flows/clerk.js", CLERK)],
        "modules": [file("lib/amounts.js", AMOUNTS)],
    });
    let problem = node
        .post("/v1/programs", &body)
        .expect_problem(400, "E-bad-request");
    assert!(
        problem.body.to_string().contains("Clerk"),
        "two files make it"
    );
    let body = json!({
        "files": [file("flows/main.js", MAIN)],
        "modules": [file("lib/amounts.js", AMOUNTS), file("./flows/clerk.js", CLERK)],
    });
    node.post("/v1/programs", &body).expect(200);
    let body = json!({ "files": [file("flows/main.js", MAIN)], "modules": [file("flows/clerk.js", CLERK)] });
    let problem = node
        .post("/v1/programs", &body)
        .expect_problem(422, "E-script");
    let text = problem.body.to_string();
    assert!(
        text.contains("E0120") && text.contains("flows/main.js:2:26"),
        "{text}"
    );
    let body = json!({ "files": [file("a.js", CLERK), file("./a.js", CLERK)] });
    node.post("/v1/programs", &body)
        .expect_problem(400, "E-bad-request");
}

#[test]
fn dev_deploys_again_when_an_imported_file_changes() {
    let _turn = turn();
    let shop = shop();
    let address = format!("127.0.0.1:{}", free_port());
    let mut dev = Command::new(troupe_binary());
    dev.args(["dev", "flows/main.js", "--http", &address])
        .current_dir(shop.path())
        .env("NO_COLOR", "1");
    let mut process = Process::start(&mut dev, &shop.path().join("log"));
    let output = |process: &Process| {
        std::fs::read_to_string(shop.path().join("log")).unwrap_or(process.last_output())
    };
    until("the first deploy", PATIENCE, || {
        output(&process)
            .contains("deployed Clerk, Till")
            .then_some(())
    });
    let node = HttpClient::new(&format!("http://{address}"));
    let add = json!({ "till": "a", "order": { "amount": 5 } });
    node.post("/v1/workers/Till/messages?wait=turn", &add)
        .expect(200);
    write(
        shop.path(),
        "lib/amounts.js",
        "export const amountOf = m => m.order.",
    );
    until("the error of the imported file", PATIENCE, || {
        output(&process).contains("lib/amounts.js:1:").then_some(())
    });
    write(
        shop.path(),
        "lib/amounts.js",
        "import { factor } from './factor.js';\nexport const amountOf = m => m.order.amount * factor;",
    );
    until("the file that is not there", PATIENCE, || {
        output(&process).contains("E0120").then_some(())
    });
    write(shop.path(), "lib/factor.js", "export const factor = 100;");
    until("the second deploy", PATIENCE, || {
        (output(&process).matches("deployed Clerk, Till").count() == 2).then_some(())
    });
    let other = json!({ "till": "b", "order": { "amount": 5 } });
    node.post("/v1/workers/Till/messages?wait=turn", &other)
        .expect(200);
    let state =
        |key: &str| node.get(&format!("/v1/workers/Till/instances/{key}")).body["state"].clone();
    assert_eq!(
        state("b"),
        json!([500]),
        "new instances run the new program"
    );
    assert!(
        process
            .terminate(PATIENCE)
            .is_some_and(|status| status.success())
    );
}
