//! What README tells a newcomer to type: its first worker and its commands, taken from the file itself.

use std::process::Command;

use serde_json::json;
use tests::cluster::{HttpClient, Node, repository, run, troupe, troupe_binary};
use tests::services::{Process, free_port};
use tests::wait::{PATIENCE, until};

use crate::turn;

/// The fenced blocks of README in one language.
fn blocks(language: &str) -> Vec<String> {
    let text = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let opening = format!("```{language}\n");
    let parts = text.split(&opening).skip(1);
    parts
        .map(|part| part.split("```").next().unwrap_or_default().to_owned())
        .collect()
}

/// The commands of README that begin with `troupe` and the word, without their comments.
fn commands(word: &str) -> Vec<String> {
    let start = format!("troupe {word}");
    let all = blocks("sh").concat();
    let own = all.lines().filter(|line| line.starts_with(&start));
    own.map(|line| line.split("  #").next().unwrap_or(line).trim().to_owned())
        .collect()
}

#[test]
fn the_first_worker_compiles_and_does_what_is_said() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let worker = blocks("js")
        .into_iter()
        .next()
        .expect("README has a worker");
    let name = worker
        .lines()
        .next()
        .unwrap()
        .trim_start_matches("// ")
        .to_owned();
    std::fs::write(folder.path().join(&name), &worker).unwrap();
    let file = folder.path().join(&name).display().to_string();
    troupe(&["check", &file]).expect_code(0);
    let messages = folder.path().join("messages.jsonl");
    std::fs::write(
        &messages,
        "{\"type\":\"add\",\"amount\":3}\n{\"type\":\"add\",\"amount\":4}\n",
    )
    .unwrap();
    let ran = troupe(&["run", &file, "--messages", &messages.display().to_string()]).expect_code(0);
    let end: serde_json::Value = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&end["status"], &end["state"]),
        (&json!("waiting"), &json!([7]))
    );

    let url = format!("http://127.0.0.1:{}", free_port());
    let dev = commands("dev")
        .into_iter()
        .next()
        .expect("README says how to begin");
    let mut dev = shell(&dev, folder.path(), &url);
    dev.env("TROUPE_HTTP", url.trim_start_matches("http://"));
    let mut process = Process::start(&mut dev, &folder.path().join("log"));
    let node = HttpClient::new(&url);
    until("the worker to be deployed", PATIENCE, || {
        assert!(process.ended().is_none(), "{}", process.last_output());
        process.last_output().contains("Counter").then_some(())
    });
    for word in ["send", "get", "history"] {
        for command in commands(word) {
            let ended = run(&mut shell(&command, folder.path(), &url)).expect_code(0);
            println!("$ {command}\n{}", ended.stdout.trim_end());
        }
    }
    let sum = || node.get("/v1/workers/Counter/instances/apples").body["state"][0].clone();
    until("the state that README speaks of", PATIENCE, || {
        (sum() == 3).then_some(())
    });
    assert!(
        process
            .terminate(PATIENCE)
            .is_some_and(|status| status.success())
    );
}

/// A command line of README, with `troupe` on the path.
fn shell(line: &str, folder: &std::path::Path, url: &str) -> Command {
    let binaries = folder.join("bin");
    if std::fs::create_dir(&binaries).is_ok() {
        std::os::unix::fs::symlink(troupe_binary(), binaries.join("troupe")).unwrap();
    }
    let tools = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{tools}", binaries.display());
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("exec {line}")])
        .current_dir(folder);
    command
        .env("PATH", path)
        .env("TROUPE_URL", url)
        .env("NO_COLOR", "1");
    command
}

#[test]
fn a_node_takes_the_settings_that_readme_names() {
    let _turn = turn();
    let command = commands("node")
        .into_iter()
        .next()
        .expect("README says how to start a node");
    let arguments: Vec<&str> = command.split_whitespace().skip(2).collect();
    let mut all = vec!["node", "--print-config"];
    all.extend(arguments);
    let printed = troupe(&all).expect_code(0).stdout;
    assert!(
        printed.contains("cluster = \"shop\"") && printed.contains("expect = 3"),
        "{printed}"
    );
    let folder = tempfile::tempdir().unwrap();
    let mut node = Node::new(
        "n",
        folder.path(),
        &["--config".to_owned(), "none.toml".to_owned()],
    );
    node.start();
    assert_eq!(node.await_end().code(), Some(1));
    assert!(node.output().contains("none.toml"), "{}", node.output());
}
