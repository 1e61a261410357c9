//! `/healthz`: the process lives. `/readyz`: it serves, that is, it has joined a cluster whose shards have
//! leaders, its disk has room, and it is not about to leave.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Context;
use crate::door::DoorError;

/// `GET /healthz`
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// `GET /readyz`
pub(super) async fn ready(State(context): State<Context>) -> (StatusCode, Json<Value>) {
    let leaving = *context.leaving.borrow();
    let (mut shards, mut led, mut serves, mut shortage) = (0, 0, false, None);
    let door = context.door();
    if let Ok(door) = &door {
        let all = door.shards();
        shards = all.len();
        led = all
            .iter()
            .filter(|shard| door.groups().leader_of(**shard).is_some())
            .count();
        serves = door.groups().is_ready();
        shortage = door.groups().shortage();
    }
    let reason = match (leaving, serves, shortage) {
        (true, ..) => Some("the node is leaving".to_owned()),
        (_, false, _) => Some(door.err().unwrap_or(DoorError::NotReady).to_string()),
        (_, _, shortage) => shortage,
    };
    let ready = reason.is_none();
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let mut body = json!({ "ready": ready, "leaving": leaving, "shards": shards, "led": led });
    if let Some(reason) = reason {
        body["reason"] = Value::from(reason);
    }
    (status, Json(body))
}
