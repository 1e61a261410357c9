//! `POST /v1/cluster/backup`: the state of the whole cluster at one moment, as the bytes of one file. An answer that
//! is not whole ends the connection; `?cut=N&from=BYTE` goes on with it, and `DELETE` says that all has arrived. Leaves
//! to others: what is in the file (`cluster_raft::backup`).

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use cluster_raft::backup::Backup;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Context;
use super::request::Parameters;
use crate::door::DoorError;

/// `?cut=N&from=BYTE`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GoOn {
    cut: Option<u64>,
    from: Option<u64>,
}

/// `POST /v1/cluster/backup`
pub(super) async fn make(
    State(context): State<Context>,
    Parameters(go_on): Parameters<GoOn>,
) -> Result<Response, DoorError> {
    let door = context.door()?;
    let backup = match (go_on.cut, go_on.from) {
        (None, None) => door.backup().await?,
        (Some(cut), Some(from)) => door.resume_backup(cut, from)?,
        _ => {
            let reason =
                "`cut` and `from` go together: both to go on with a backup, none for a new one";
            return Err(DoorError::BadRequest(reason.to_owned()));
        }
    };
    tracing::info!(cut = backup.head().cut, ?go_on, "a backup is read");
    let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
    let body = Body::from_stream(futures::stream::try_unfold(backup, next));
    Ok((kind, body).into_response())
}

/// `?cut=N`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Whole {
    cut: u64,
}

/// `DELETE /v1/cluster/backup`
pub(super) async fn release(
    State(context): State<Context>,
    Parameters(whole): Parameters<Whole>,
) -> Result<Json<Value>, DoorError> {
    context.door()?.release_backup(whole.cut)?;
    Ok(Json(json!({ "released": whole.cut })))
}

async fn next(mut backup: Backup) -> std::io::Result<Option<(bytes::Bytes, Backup)>> {
    match backup.next().await {
        Ok(bytes) => Ok(bytes.map(|bytes| (bytes, backup))),
        Err(error) => {
            tracing::error!(cut = backup.head().cut, %error, "a backup broke off");
            Err(std::io::Error::other(error))
        }
    }
}
