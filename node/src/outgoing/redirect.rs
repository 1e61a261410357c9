//! What a redirect makes of a request. Comes after a response; before the next request. Guarantees: as the
//! Fetch standard has it, a redirected `POST` becomes a `GET` (303, and 301 and 302 by custom), 307 and 308
//! repeat it; what proves who the sender is does not go to another origin. Leaves to others: whether the host
//! is allowed, how many are followed.

use bytes::Bytes;
use cluster_raft::http::{HttpError, HttpRequest};
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Response, StatusCode};
use url::Url;

/// Headers that say who the sender is.
const SECRET: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// What is sent to one URL.
#[derive(Clone, Debug)]
pub(super) struct Hop {
    pub(super) method: Method,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Bytes,
}

impl Hop {
    /// As it was asked for.
    pub(super) fn first(request: &HttpRequest) -> Result<Hop, HttpError> {
        let (method, headers) = super::typed(request)?;
        Ok(Hop {
            method,
            headers,
            body: request.body.clone(),
        })
    }

    /// After a redirect of this status.
    pub(super) fn redirected(mut self, from: &Url, to: &Url, status: StatusCode) -> Hop {
        let is_post = self.method == Method::POST;
        let is_read = matches!(self.method, Method::GET | Method::HEAD);
        let becomes_get = match status {
            StatusCode::SEE_OTHER => !is_read,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => is_post,
            _ => false,
        };
        if becomes_get {
            self.method = Method::GET;
            self.body = Bytes::new();
            self.headers
                .retain(|(name, _)| !name.as_str().starts_with("content-"));
        }
        if from.origin() != to.origin() {
            self.headers
                .retain(|(name, _)| !SECRET.contains(&name.as_str()));
        }
        self
    }
}

/// A URL that this client can use.
pub(super) fn parse(text: &str) -> Result<Url, HttpError> {
    let url = Url::parse(text)
        .map_err(|error| HttpError::Request(format!("`{text}` is no absolute URL: {error}")))?;
    usable(url).map_err(HttpError::Request)
}

fn usable(mut url: Url) -> Result<Url, String> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("`{url}` is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "a URL with a user or password is not used; send an `authorization` header".to_owned(),
        );
    }
    url.set_fragment(None);
    Ok(url)
}

/// Where a response sends its reader; none where it is the last.
pub(super) fn next(from: &Url, response: &Response<Incoming>) -> Result<Option<Url>, HttpError> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = response.headers().get("location") else {
        return Ok(None);
    };
    let bad = |why: String| HttpError::Redirect(format!("{from} redirects to nowhere: {why}"));
    let text = location.to_str().map_err(|error| bad(error.to_string()))?;
    let url = from.join(text).map_err(|error| bad(error.to_string()))?;
    usable(url).map(Some).map_err(bad)
}
