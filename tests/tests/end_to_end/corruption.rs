//! A damaged log: the node that has it says what and where and does not start; the others go on without it.

use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::json;
use tests::cluster::{Cluster, Node, Options, troupe, view};
use tests::wait::{PATIENCE, until};

use crate::scripts::COUNTER;
use crate::turn;

/// Changes one byte in the middle of what was written to the node's first log segment, and returns the
/// file.
fn flip_a_byte(node: &Node) -> PathBuf {
    let path = first_segment(&node.data().join("log"));
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    // The rest of a segment is zeros that were written ahead.
    let used = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .expect("a segment holds something");
    let place = used / 3;
    file.seek(SeekFrom::Start(u64::try_from(place).unwrap()))
        .unwrap();
    file.write_all(&[bytes[place] ^ 0x40]).unwrap();
    file.sync_all().unwrap();
    println!("byte {place} of {used} flipped in {}", path.display());
    path
}

/// The oldest file of the log that is not empty of records.
fn first_segment(folder: &Path) -> PathBuf {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| {
        std::fs::read(path)
            .unwrap()
            .iter()
            .filter(|byte| **byte != 0)
            .count()
            > 4096
    });
    files.sort();
    files.into_iter().next().expect("a log with records")
}

#[test]
fn a_node_with_a_damaged_log_does_not_start_and_the_others_go_on() {
    let _turn = turn();
    let Some(mut cluster) = Cluster::start(3, &Options::default()) else {
        return;
    };
    cluster.deploy(&[COUNTER]);
    let add = |cluster: &Cluster, number: usize| {
        let body = json!({ "type": "add", "name": format!("k{}", number % 20), "amount": 1 });
        cluster
            .any()
            .http()
            .post("/v1/workers/Counter/messages?wait=turn", &body)
            .expect(200);
    };
    for number in 0..40 {
        add(&cluster, number);
    }
    cluster.nodes[2].kill();
    let segment = flip_a_byte(&cluster.nodes[2]);
    let before = cluster.nodes[2].output().len();
    cluster.nodes[2].start();
    let status = cluster.nodes[2].await_end();
    let said = cluster.nodes[2].output()[before..].to_owned();
    println!("{}", said.trim_end());
    assert_eq!(status.code(), Some(1), "{said}");
    let name = segment.file_name().unwrap().to_string_lossy().into_owned();
    assert!(said.contains(&name), "the file {name} is not named: {said}");
    assert!(
        said.contains("offset") && !said.contains("panicked"),
        "{said}"
    );

    for number in 0..20 {
        add(&cluster, number);
    }
    for key in 0..20 {
        let path = format!("/v1/workers/Counter/instances/k{key}");
        assert_eq!(
            cluster.nodes[1].http().get(&path).expect(200).body["state"][0]["sum"],
            3
        );
    }
    until("the others to notice that it is silent", PATIENCE, || {
        let view = view(&cluster.nodes[0])?;
        (view.member("node-3")?.state == "silent").then_some(())
    });
    replace_it(&mut cluster);
    add(&cluster, 0);
}

/// What an operator does: start it without its data, and let the cluster forget what it was.
fn replace_it(cluster: &mut Cluster) {
    let before = view(&cluster.nodes[0]).unwrap();
    let old = before.member("node-3").unwrap().id.to_string();
    cluster.nodes[2].lose_data();
    cluster.nodes[2].restart();
    let url = cluster.nodes[0].url();
    troupe(&["cluster", "drain", &old, "--url", &url]).expect_code(0);
    until("the old node is removed", PATIENCE, || {
        let removed = troupe(&["cluster", "remove", &old, "--url", &url]);
        (removed.code == 0).then_some(())
    });
    cluster.await_equal_replicas(PATIENCE);
    let after = view(&cluster.nodes[0]).unwrap();
    assert_eq!(after.nodes.len(), 3);
    let new = after.member("node-3").unwrap();
    assert_eq!((new.state.as_str(), new.replicas), ("live", 16));
}
