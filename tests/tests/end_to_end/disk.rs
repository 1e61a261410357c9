//! A disk that is full: new work is refused with a problem that says so, what was accepted is still there and
//! readable, and work goes on once there is room.

use serde_json::json;
use tests::cluster::{Cluster, Options};
use tests::wait::{PATIENCE, until};

use crate::scripts::COUNTER;
use crate::turn;

/// More than any disk has left: one exbibyte.
const NO_ROOM_MIB: u64 = 1 << 40;

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
    let settings = folder.path().join("full.toml");
    std::fs::write(&settings, format!("disk_reserve_mib = {NO_ROOM_MIB}\n")).unwrap();
    cluster.nodes[0].stop();
    cluster.nodes[0].start_with(&["--config", &settings.display().to_string()]);
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
