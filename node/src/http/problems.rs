//! Refusals as problem details (RFC 9457). Comes after the door's errors; the last thing that a client
//! sees of a request that failed.

use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::api::Problem;
use crate::door::DoorError;

/// The media type of a problem.
const CONTENT_TYPE: &str = "application/problem+json";

impl IntoResponse for DoorError {
    fn into_response(self) -> Response {
        let mut response = response(&self.problem());
        if let Some(after_ms) = self.retry_after_ms() {
            let seconds = header::HeaderValue::from(after_ms.div_ceil(1000).max(1));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}

/// Any path that is none.
pub(super) async fn not_found(uri: Uri) -> Response {
    response(&Problem::new(
        404,
        "E-no-path",
        "there is no such path",
        uri.path(),
    ))
}

/// A path that takes another method.
pub(super) async fn method_not_allowed(uri: Uri) -> Response {
    response(&Problem::new(
        405,
        "E-method",
        "the path takes another method",
        uri.path(),
    ))
}

fn response(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(problem).expect("a problem always has a JSON form");
    (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response()
}
