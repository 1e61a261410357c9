//! The HTTP client of workers: what the built-in service `Http` asks goes out here. Comes after the leader's
//! driver; before servers outside. Guarantees: no connection to a host that the settings do not allow, also
//! not by a redirect; everything within one deadline; no more of a response than may be kept. Leaves to
//! others: requests as messages (`cluster-raft`), trying again (workers).

mod allow;
mod connect;
mod redirect;

use bytes::{Bytes, BytesMut};
use cluster_raft::http::{HttpClient, HttpError, HttpRequest, HttpResponse};
use futures::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, Request, Response};
use url::Url;

pub use allow::{AllowList, BadHost};
use connect::{Connection, Tls};

/// How this client calls itself.
const USER_AGENT: &str = concat!("troupe/", env!("CARGO_PKG_VERSION"));

/// Makes requests to hosts that are allowed, each on a connection of its own.
pub struct OutgoingClient {
    allowed: AllowList,
    tls: Tls,
}

impl OutgoingClient {
    /// A client that speaks to these hosts and trusts the certificates that this machine trusts.
    #[must_use]
    pub fn new(allowed: AllowList) -> OutgoingClient {
        OutgoingClient {
            allowed,
            tls: Tls::of_machine(),
        }
    }

    /// Follows redirects up to the last response.
    async fn exchange(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut url = redirect::parse(&request.url)?;
        let mut hop = redirect::Hop::first(request)?;
        let mut redirects = 0;
        loop {
            self.allowed.check(&url)?;
            let response = self.one(&url, &hop).await?;
            let Some(next) = redirect::next(&url, &response)? else {
                return read(&url, response, request.response_bytes_max).await;
            };
            redirects += 1;
            if redirects > request.redirects_max {
                return Err(HttpError::Redirect(format!(
                    "the server redirects more than {} times, last to {next}",
                    request.redirects_max
                )));
            }
            hop = hop.redirected(&url, &next, response.status());
            url = next;
        }
    }

    /// One request and the head of its response.
    async fn one(&self, url: &Url, hop: &redirect::Hop) -> Result<Response<Incoming>, HttpError> {
        let connection = connect::open(url, &self.tls).await?;
        let request = message(url, hop)?;
        let broke = |error: hyper::Error| broken(url, &error);
        match connection {
            Connection::Plain(stream) => {
                let (mut sender, connection) = http1::handshake(stream).await.map_err(broke)?;
                tokio::spawn(connection);
                sender.send_request(request).await.map_err(broke)
            }
            Connection::Secure(stream) => {
                let (mut sender, connection) = http1::handshake(stream).await.map_err(broke)?;
                tokio::spawn(connection);
                sender.send_request(request).await.map_err(broke)
            }
        }
    }
}

impl HttpClient for OutgoingClient {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(async move {
            let done = tokio::time::timeout(request.deadline, self.exchange(&request)).await;
            done.unwrap_or(Err(HttpError::Deadline(request.deadline)))
        })
    }
}

fn broken(url: &Url, error: &dyn std::error::Error) -> HttpError {
    let host = url.host_str().unwrap_or("");
    let mut text = format!("the connection to {host} broke: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    HttpError::Connection(text)
}

/// The request as it goes over the connection.
fn message(url: &Url, hop: &redirect::Hop) -> Result<Request<Full<Bytes>>, HttpError> {
    let unusable = |error: &dyn std::fmt::Display| HttpError::Request(error.to_string());
    let mut target = url.path().to_owned();
    if let Some(query) = url.query() {
        target.push('?');
        target.push_str(query);
    }
    let mut builder = Request::builder()
        .method(&hop.method)
        .uri(target)
        .header("host", allow::host_and_port(url))
        .header("connection", "close");
    if !hop.headers.iter().any(|(name, _)| name == "user-agent") {
        builder = builder.header("user-agent", USER_AGENT);
    }
    for (name, value) in &hop.headers {
        builder = builder.header(name, value);
    }
    builder
        .body(Full::new(hop.body.clone()))
        .map_err(|error| unusable(&error))
}

/// The whole response, where it is not too large.
async fn read(
    url: &Url,
    response: Response<Incoming>,
    max: usize,
) -> Result<HttpResponse, HttpError> {
    let (head, mut body) = response.into_parts();
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken(url, &error))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > max {
            return Err(HttpError::TooLarge { max });
        }
        bytes.extend_from_slice(&data);
    }
    let mut headers: Vec<(String, String)> = Vec::new();
    for (name, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        match headers.iter_mut().find(|(known, _)| known == name.as_str()) {
            Some((_, before)) => *before = format!("{before}, {value}"),
            None => headers.push((name.as_str().to_owned(), value)),
        }
    }
    Ok(HttpResponse {
        status: head.status.as_u16(),
        url: url.to_string(),
        headers,
        body: bytes.freeze(),
    })
}

/// Headers and method in the types of the protocol, or why they cannot be.
fn typed(request: &HttpRequest) -> Result<(Method, Vec<(HeaderName, HeaderValue)>), HttpError> {
    let method = Method::from_bytes(request.method.as_bytes());
    let method = method
        .ok()
        .filter(|method| *method != Method::CONNECT)
        .ok_or_else(|| HttpError::Request(format!("`{}` is no method", request.method)))?;
    let mut headers = Vec::with_capacity(request.headers.len());
    for (name, value) in &request.headers {
        let named = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| HttpError::Request(format!("`{name}` is no name of a header")))?;
        let value = HeaderValue::from_str(value).map_err(|_| {
            HttpError::Request(format!("the value of the header `{name}` cannot be one"))
        })?;
        headers.push((named, value));
    }
    Ok((method, headers))
}

#[cfg(test)]
mod tests;
