//! A disk that is full: new work is refused with a problem that says so, what was accepted is still there and
//! readable, and work goes on once there is room.

use serde_json::json;
use tests::cluster::{Cluster, Options};
use tests::wait::{PATIENCE, until};

use crate::scripts::COUNTER;
use crate::turn;

/// More than any disk has left: one exbibyte.
const NO_ROOM_MIB: u64 = 1 << 40;

/// Settings under which the disk counts as full.
fn full(folder: &tempfile::TempDir) -> String {
    let settings = folder.path().join("full.toml");
    std::fs::write(&settings, format!("disk_reserve_mib = {NO_ROOM_MIB}\n")).unwrap();
    settings.display().to_string()
}

#[test]
fn a_full_disk_refuses_work_and_loses_nothing() {
    let _turn = turn();
    let mut cluster = Cluster::single(&Options::default());
    cluster.deploy(&[COUNTER]);
    let node = cluster.any().http();
    let path = "/v1/workers/Counter/messages?wait=turn";
    let add = json!({ "type": "add", "name": "a", "amount": 3 });
    node.post(path, &add).expect(200);
    let before = node.get("/v1/workers/Counter/instances/a").expect(200).body;

    let folder = tempfile::tempdir().unwrap();
    cluster.nodes[0].stop();
    cluster.nodes[0].start_with(&["--config", &full(&folder)]);
    until("the node to listen", PATIENCE, || {
        node.try_get("/healthz").ok()
    });
    let refused = until("a refusal that speaks of the disk", PATIENCE, || {
        let answer = node.post("/v1/workers/Counter/messages", &add);
        assert_ne!(
            answer.status, 202,
            "accepted on a full disk: {}",
            answer.text
        );
        answer.text.contains("disk").then_some(answer)
    });
    println!("{} {}", refused.status, refused.text);
    assert_eq!(refused.media_type, "application/problem+json");
    assert!(matches!(refused.status, 503 | 507), "{}", refused.text);
    let local = node
        .get("/v1/workers/Counter/instances/a?consistency=local")
        .expect(200)
        .body;
    assert_eq!(local["state"], before["state"]);

    cluster.nodes[0].stop();
    cluster.nodes[0].restart();
    assert_eq!(
        node.get("/v1/workers/Counter/instances/a").expect(200).body["state"],
        before["state"]
    );
    node.post(path, &add).expect(200);
    let after = node.get("/v1/workers/Counter/instances/a").expect(200).body;
    assert_eq!(after["state"][0]["sum"], 6);
}

#[test]
fn a_node_with_a_full_disk_says_so_and_leads_nothing() {
    let _turn = turn();
    let Some(mut cluster) = Cluster::start(3, &Options::default()) else {
        return;
    };
    cluster.deploy(&[COUNTER]);
    let (full_node, other) = (cluster.nodes[0].http(), cluster.nodes[1].http());
    let folder = tempfile::tempdir().unwrap();
    cluster.nodes[0].stop();
    cluster.nodes[0].start_with(&["--config", &full(&folder)]);
    let said = until("the node to say that it is full", PATIENCE, || {
        let answer = full_node.try_get("/readyz").ok()?;
        let reason = answer.body["reason"].as_str().unwrap_or("").to_owned();
        reason.contains("E-disk-full").then_some(answer)
    });
    assert_eq!(said.status, 503, "{}", said.text);
    assert!(
        full_node
            .get("/metrics")
            .text
            .contains("troupe_disk_full 1")
    );
    // It is back with all its replicas, and leads come to it by chance; none stays.
    let add = json!({ "type": "add", "name": "a", "amount": 1 });
    let leads = || {
        let view = other.get("/v1/cluster").expect(200).body;
        let nodes = view["nodes"].as_array().unwrap().clone();
        let mine = nodes.into_iter().find(|node| node["name"] == "node-1");
        mine.map(|node| node["leads"].clone())
    };
    until("no lead on the full node", PATIENCE, || {
        (leads() == Some(json!(0))).then_some(())
    });
    for _ in 0..20 {
        let path = "/v1/workers/Counter/messages?wait=turn";
        // While it has a lead by chance it refuses what is for that shard, and nothing of it happened.
        until("an add to be taken", PATIENCE, || {
            let answer = full_node.post(path, &add);
            match answer.body["code"].as_str() {
                Some("E-disk-full") => None,
                _ => Some(answer.expect(200)),
            }
        });
    }
    until("no lead on the full node", PATIENCE, || {
        (leads() == Some(json!(0))).then_some(())
    });
    let lines = cluster.nodes[0].output();
    let told = lines
        .lines()
        .filter(|line| line.contains("takes no new work"));
    assert_eq!(told.count(), 1, "{lines}");

    cluster.nodes[0].stop();
    cluster.nodes[0].restart();
    until("its leads come back", PATIENCE, || {
        (leads()?.as_u64()? > 0).then_some(())
    });
}
