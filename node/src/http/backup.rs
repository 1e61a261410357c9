//! `POST /v1/cluster/backup`: the state of the whole cluster at one moment, as the bytes of one file. An answer that
//! is not whole ends the connection. Leaves to others: what is in the file (`cluster_raft::backup`).

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use cluster_raft::backup::Backup;

use super::Context;
use crate::door::DoorError;

/// `POST /v1/cluster/backup`
pub(super) async fn make(State(context): State<Context>) -> Result<Response, DoorError> {
    let backup = context.door()?.backup().await?;
    tracing::info!(cut = backup.head().cut, "a backup is read");
    let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
    let body = Body::from_stream(futures::stream::try_unfold(backup, next));
    Ok((kind, body).into_response())
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
