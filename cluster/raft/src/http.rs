//! The port to HTTP servers outside. The driver's service `Http` comes before it, a client that `node`
//! gives after it. Guarantees asked of a client: it ends within the deadline, reads no more than it
//! may, and speaks only to hosts that this node allows, also when it is redirected. Left to others:
//! what a worker's request looks like (`driver::services`), trying again (workers).

use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;

/// The code of a request that has not the shape of its service.
pub(crate) const BAD_REQUEST: &str = "E-service-request";

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// `GET`, `POST`, …
    pub method: String,
    /// Absolute, `http` or `https`.
    pub url: String,
    /// Names in small letters, and values.
    pub headers: Vec<(String, String)>,
    /// What is sent; empty for nothing.
    pub body: Bytes,
    /// For everything: connecting, sending, redirects, reading.
    pub deadline: Duration,
    /// Bytes of a response's body; more is an error.
    pub response_bytes_max: usize,
    /// Redirects that are followed; more is an error.
    pub redirects_max: u32,
}

/// What the server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// Where the response came from, after redirects.
    pub url: String,
    /// Names in small letters, and values; what came twice is joined with a comma.
    pub headers: Vec<(String, String)>,
    /// The body, whole.
    pub body: Bytes,
}

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The request cannot be one.
    #[error("{0}")]
    Request(String),
    /// The settings of this node do not allow the host.
    #[error(
        "this node does not allow requests to {host}; allow it on every node with `http_allow = [\"{host}\"]` in the configuration file, `--http-allow {host}` or TROUPE_HTTP_ALLOW={host}"
    )]
    NotAllowed {
        /// The host, with its port where that is not the usual one.
        host: String,
    },
    /// No connection, or it broke; whether the server did something is not known.
    #[error("{0}")]
    Connection(String),
    /// The deadline is over; whether the server did something is not known.
    #[error("no response within {} ms", .0.as_millis())]
    Deadline(Duration),
    /// The response's body is too large.
    #[error("the response has more than {max} bytes")]
    TooLarge {
        /// What is allowed.
        max: usize,
    },
    /// The server redirects in a way that is not followed.
    #[error("{0}")]
    Redirect(String),
}

impl HttpError {
    /// The stable code, with a page under `docs/errors`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Request(_) => BAD_REQUEST,
            Self::NotAllowed { .. } => "E-http-not-allowed",
            Self::Connection(_) => "E-http-connection",
            Self::Deadline(_) => "E-http-deadline",
            Self::TooLarge { .. } => "E-http-too-large",
            Self::Redirect(_) => "E-http-redirect",
        }
    }

    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Connection(_) | Self::Deadline(_))
    }
}

/// Makes requests.
pub trait HttpClient: Send + Sync + 'static {
    /// Makes one request. Dropping the future gives the request up.
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>>;
}

/// A client that allows no host: for tests and simulations without a network.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHttp;

impl HttpClient for NoHttp {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        let host = request.url;
        Box::pin(std::future::ready(Err(HttpError::NotAllowed { host })))
    }
}
