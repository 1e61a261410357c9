//! `/healthz`: the process lives. `/readyz`: it serves, that is, it has joined a cluster whose shards have
//! leaders, and it is not about to leave.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Context;

/// `GET /healthz`
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// `GET /readyz`
pub(super) async fn ready(State(context): State<Context>) -> (StatusCode, Json<Value>) {
    let leaving = *context.leaving.borrow();
    let (mut shards, mut led, mut serves) = (0, 0, false);
    if let Ok(door) = context.door() {
        let all = door.shards();
        shards = all.len();
        led = all
            .iter()
            .filter(|shard| door.groups().leader_of(**shard).is_some())
            .count();
        serves = door.groups().is_ready();
    }
    let ready = serves && !leaving;
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = json!({ "ready": ready, "leaving": leaving, "shards": shards, "led": led });
    (status, Json(body))
}
