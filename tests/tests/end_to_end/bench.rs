//! `troupe bench`, each kind of work with as little of it as there can be: that it runs to its end, that what
//! it reads back holds, and that its figures are those of what it did. How large they are is nobody's
//! business here.

use std::process::Command;

use serde_json::Value;
use tests::cluster::{troupe, troupe_binary};
use tests::machines::Host;
use tests::services::{Process, nats_server};
use tests::wait::{PATIENCE, until};

use crate::turn;

/// Runs with tiny parameters; returns the results.
fn bench(work: &[&str], more: &[&str]) -> Value {
    let mut arguments = vec!["bench"];
    arguments.extend(work);
    arguments.extend(["--seconds", "1", "--rounds", "1", "--workers", "20"]);
    arguments.extend(["--output", "json"]);
    arguments.extend(more);
    troupe(&arguments).expect_code(0).json()
}

fn named<'a>(results: &'a Value, list: &str, field: &str, name: &str) -> &'a Value {
    let all = results[list].as_array().unwrap();
    let found = all.iter().find(|one| one[field].as_str() == Some(name));
    found.unwrap_or_else(|| panic!("no {name} in {results:#}"))
}

fn row<'a>(results: &'a Value, work: &str) -> &'a Value {
    named(results, "rows", "work", work)
}

fn figure(results: &Value, what: &str) -> f64 {
    named(results, "figures", "what", what)["value"]
        .as_f64()
        .unwrap()
}

fn number(row: &Value, path: &str) -> f64 {
    let value = row.pointer(path);
    let number = value.and_then(Value::as_f64);
    number.unwrap_or_else(|| panic!("no {path} in {row:#}"))
}

#[test]
fn adds_and_hops_are_measured_with_what_they_cost() {
    let _turn = turn();
    let results = bench(&["adds", "ring"], &["--clients", "4", "--shards", "2"]);
    assert!(number(&results, "/machine/flush_ms") > 0.0);
    for work in ["durable add", "hop in a ring"] {
        let row = row(&results, work);
        assert!(number(row, "/per_second") > 0.0, "{row:#}");
        assert!(number(row, "/costs/flushes") > 0.0, "{row:#}");
        assert!(number(row, "/costs/written_bytes") > 0.0, "{row:#}");
        assert!(number(row, "/costs/node_cpu_us") > 0.0, "{row:#}");
        assert_eq!(number(row, "/shards"), 2.0);
        assert_eq!(number(row, "/failed"), 0.0, "{row:#}");
    }
    let waits = &row(&results, "durable add")["waits_ms"];
    assert!(number(waits, "/p50") > 0.0 && number(waits, "/p50") <= number(waits, "/p99"));
    assert!(number(waits, "/p99") <= number(waits, "/max"), "{waits}");
}

#[test]
fn work_of_every_kind_runs_at_a_rate_and_is_read_back() {
    let _turn = turn();
    let work = ["fan-in", "workflow", "workflow-across", "timers", "mixed"];
    let results = bench(&work, &["--rate", "10", "--clients", "8", "--shards", "2"]);
    for work in [
        "message, many to one",
        "workflow of 5 durable steps",
        "workflow of 5 durable steps across shards",
        "timer, beyond its delay",
        "mixed: adds, reads, workflows",
    ] {
        let row = row(&results, work);
        assert_eq!(number(row, "/rate"), 10.0);
        assert_eq!(number(row, "/failed"), 0.0, "{row:#}");
        assert!(number(row, "/waits_ms/p50") > 0.0, "{row:#}");
    }
    assert!(figure(&results, "timer late by its shard's time, the latest") >= 0.0);
}

#[test]
fn starts_restarts_and_idle_nodes_are_figures() {
    let _turn = turn();
    let results = bench(&["start", "restart", "idle"], &["--shards", "2"]);
    assert!(figure(&results, "start to first durable add") > 0.0);
    let ready = figure(&results, "kill -9, 20 workers, to ready");
    assert!(ready > 0.0 && figure(&results, "kill -9, 20 workers, to durable add") >= ready);
    assert!(figure(&results, "resident memory of an idle node") > 1.0);
}

#[test]
fn a_single_node_is_killed_and_drawn() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("failover.svg");
    let path = picture.display().to_string();
    let failover = ["--kills", "2", "--watch", "1", "--rate", "50"];
    let more = [&failover[..], &["--shards", "2", "--picture", &path]].concat();
    let results = bench(&["failover"], &more);
    let row = row(&results, "add, 2 × kill -9");
    assert_eq!(number(row, "/failed"), 0.0, "{row:#}");
    // Whoever came while the node was away waited for it.
    let longest = figure(&results, "kill -9, longest wait");
    assert!(longest > 0.0 && longest <= number(row, "/waits_ms/max") + 1.0);
    let svg = std::fs::read_to_string(picture).unwrap();
    assert_eq!(svg.matches("class=\"loss\"").count(), 2);
    assert!(svg.contains("prefers-color-scheme: dark"));
}

#[test]
fn nodes_of_a_cluster_are_killed_paused_and_drained() {
    let _turn = turn();
    let Some(nats) = nats_server() else { return };
    let nats = nats.display().to_string();
    let cluster = ["--nodes", "3", "--shards", "3", "--nats", &nats];
    let failover = ["--kills", "2", "--watch", "1", "--rate", "20"];
    let both = bench(
        &["failover"],
        &[&cluster[..], &failover, &["--fault", "both"]].concat(),
    );
    // What a period was too short to see is 0.
    let longest = figure(&both, "kill -9 or pause, longest wait");
    let later = figure(&both, "kill -9 or pause, longest wait after the return");
    let lost = row(&both, "add, 2 × kill -9 or pause");
    assert_eq!(number(lost, "/failed"), 0.0, "{lost:#}");
    assert!(
        longest.max(later) <= number(lost, "/waits_ms/max") + 1.0,
        "{both:#}"
    );
    let planned = bench(
        &["failover"],
        &[&cluster[..], &failover, &["--planned"]].concat(),
    );
    assert_eq!(number(row(&planned, "add, 2 × drain"), "/failed"), 0.0);
    assert!(figure(&planned, "drain, longest wait") > 0.0);
}

#[test]
fn adds_are_measured_beside_backups_and_large_values() {
    let _turn = turn();
    let more = ["--rate", "20", "--clients", "4", "--shards", "2"];
    let results = bench(&["backup", "large"], &more);
    for what in ["a backup that is read", "values of 8 MiB"] {
        for when in ["add, before", "add beside"] {
            let row = row(&results, &format!("{when} {what}"));
            assert_eq!(number(row, "/failed"), 0.0, "{row:#}");
            assert!(number(row, "/waits_ms/p99") > 0.0, "{row:#}");
        }
        assert!(figure(&results, &format!("{what}, beside adds: done")) > 0.0);
    }
}

#[test]
fn a_bus_that_is_gone_and_nodes_that_are_cut_off_are_measured() {
    let _turn = turn();
    let (Some(nats), Some(probe)) = (nats_server(), Host::network(1)) else {
        return;
    };
    drop(probe);
    let nats = nats.display().to_string();
    let cluster = ["--nodes", "3", "--shards", "3", "--nats", &nats];
    let failover = ["--kills", "2", "--watch", "1", "--rate", "20"];
    for (fault, manner) in [("bus", "bus away for 1 s"), ("partition", "partition")] {
        let more = [&cluster[..], &failover, &["--fault", fault]].concat();
        let results = bench(&["failover"], &more);
        let lost = row(&results, &format!("add, 2 × {manner}"));
        assert_eq!(number(lost, "/failed"), 0.0, "{lost:#}");
        let longest = figure(&results, &format!("{manner}, longest wait"));
        assert!(
            longest <= number(lost, "/waits_ms/max") + 1.0,
            "{results:#}"
        );
    }
    let one = ["bench", "failover", "--fault", "bus", "--seconds", "1"];
    let refused = troupe(&one).expect_code(1);
    assert!(refused.stderr.contains("--nodes 3"), "{}", refused.stderr);
}

#[test]
fn a_signal_ends_what_was_started() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(troupe_binary());
    command.args(["bench", "adds", "--seconds", "60", "--data"]);
    command.arg(folder.path());
    let mut bench = Process::start(&mut command, &folder.path().join("log"));
    let nodes = until("the node of the bench", PATIENCE, || {
        let children = children(bench.id());
        (!children.is_empty()).then_some(children)
    });
    let ended = bench.terminate(PATIENCE).expect("it ends by the signal");
    assert_eq!(ended.code(), Some(1), "{}", bench.last_output());
    for node in nodes {
        let gone = || !std::path::Path::new("/proc").join(&node).exists();
        until("the end of the node", PATIENCE, || gone().then_some(()));
    }
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 1, "only the log is left");
}

/// The processes that a process has started.
fn children(process: u32) -> Vec<String> {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let children = threads.map(|thread| {
        let path = thread.unwrap().path().join("children");
        std::fs::read_to_string(path).unwrap_or_default()
    });
    let children: Vec<String> = children.collect();
    let children = children.iter().flat_map(|text| text.split_whitespace());
    children.map(str::to_owned).collect()
}

#[test]
fn an_overload_says_what_is_done_and_what_is_refused() {
    let _turn = turn();
    let results = bench(&["overload"], &["--clients", "8", "--shards", "2"]);
    assert!(figure(&results, "overload: sent") > 0.0);
    assert!(
        figure(
            &results,
            "overload: done, as part of what is done without overload"
        ) > 0.0
    );
    assert!(figure(&results, "overload: wait of what was done, 99 in 100") > 0.0);
}

#[test]
fn curves_have_a_row_for_each_size() {
    let _turn = turn();
    let results = bench(
        &["workers", "messages"],
        &["--up-to", "10", "--shards", "2"],
    );
    for work in [
        "first add to each of 1 workers",
        "add over 10 workers",
        "add to a worker after 1",
        "add to a worker after 10",
    ] {
        assert!(number(row(&results, work), "/per_second") > 0.0);
    }
    let results = bench(&["shards"], &["--up-to", "4", "--clients", "4"]);
    let shards: Vec<f64> = results["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| number(row, "/shards"))
        .collect();
    assert_eq!(shards, [1.0, 1.0, 4.0, 4.0]);
}

#[test]
fn results_are_kept_and_compared() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("before.json").display().to_string();
    let load = ["--clients", "4", "--shards", "2"];
    bench(&["adds"], &[&load[..], &["--save", &path]].concat());
    let after = bench(&["adds"], &[&load[..], &["--compare", &path]].concat());
    let ratio = number(row(&after, "durable add"), "/ratio/per_second");
    assert!(ratio > 0.0, "{ratio}");
    let shown = troupe(
        &[
            &[
                "bench",
                "adds",
                "--seconds",
                "1",
                "--rounds",
                "1",
                "--output",
                "markdown",
            ][..],
            &load,
            &["--compare", &path],
        ]
        .concat(),
    );
    shown
        .expect_code(0)
        .prints(&["| work |", "| × rate |", "| durable add |"]);
    let missing = folder.path().join("missing.json").display().to_string();
    let refused = troupe(&["bench", "adds", "--compare", &missing]).expect_code(1);
    assert!(refused.stderr.contains("cannot read"), "{}", refused.stderr);
}

#[test]
fn the_help_teaches_by_examples() {
    let help = troupe(&["bench", "--help"]).expect_code(0);
    help.prints(&[
        "Examples:",
        "--rate",
        "--planned",
        "--compare",
        "fan-in",
        "overload",
    ]);
}
