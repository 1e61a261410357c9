//! One keep-alive HTTP/1.1 connection: one request at a time, little more than its bytes.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::RETRY_AFTER;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The node cannot be reached.
    #[error("cannot connect: {0}")]
    Connect(#[from] std::io::Error),
    /// The connection broke; whether the request was carried out is not known.
    #[error("the connection broke: {0}")]
    Broke(#[from] hyper::Error),
    /// The request cannot be written.
    #[error("the request cannot be written: {0}")]
    Request(#[from] hyper::http::Error),
    /// No answer in time; whether the request was carried out is not known.
    #[error("no answer in {} ms", .0.as_millis())]
    Deadline(Duration),
}

/// What a node answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: StatusCode,
    /// Seconds after which the node asks to be tried again, where it does.
    pub retry_after_s: Option<u64>,
    /// The body.
    pub body: Bytes,
}

/// A connection to one node.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// The node cannot be reached.
    pub async fn open(address: SocketAddr) -> Result<Connection, ConnectionError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            // The error is seen by whoever waits for an answer.
            let _ = connection.await;
        });
        Ok(Connection {
            sender,
            host: address.to_string(),
        })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// The connection broke or the answer took too long; the connection is of no use then.
    pub async fn call(
        &mut self,
        method: Method,
        path: &str,
        idempotency_key: Option<&str>,
        body: Bytes,
        deadline: Duration,
    ) -> Result<Answer, ConnectionError> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.host)
            .header("content-type", "application/json");
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Full::new(body))?;
        let exchange = async {
            let response = self.sender.send_request(request).await?;
            let retry_after = response.headers().get(RETRY_AFTER);
            Ok(Answer {
                status: response.status(),
                retry_after_s: retry_after
                    .and_then(|value| value.to_str().ok())
                    .and_then(|value| value.parse().ok()),
                body: response.into_body().collect().await?.to_bytes(),
            })
        };
        match tokio::time::timeout(deadline, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(ConnectionError::Deadline(deadline)),
        }
    }
}
