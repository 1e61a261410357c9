//! A client that does not give up: it goes on to the next node when one fails or is overloaded, until its
//! request is answered, always with the same idempotency key.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::{Method, StatusCode};

use super::{Answer, Connection, ConnectionError};

/// How long one attempt may take, unless the client is told otherwise.
const ATTEMPT_DEADLINE: Duration = Duration::from_secs(3);
/// How long all attempts may take together.
const GIVE_UP_AFTER: Duration = Duration::from_secs(30);
/// The pause after an attempt that failed.
const PAUSE: Duration = Duration::from_millis(20);

/// An answer, and what it took.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: StatusCode,
    /// The body.
    pub body: Bytes,
    /// Attempts that failed before it.
    pub retries: u32,
    /// From the first attempt to the answer.
    pub took: Duration,
}

/// One client with one connection at a time.
pub struct Client {
    nodes: Vec<SocketAddr>,
    current: usize,
    connection: Option<Connection>,
    attempt_deadline: Duration,
}

impl Client {
    /// A client of these nodes that begins with the one at `first`.
    #[must_use]
    pub fn new(nodes: Vec<SocketAddr>, first: usize) -> Client {
        Client {
            current: first % nodes.len().max(1),
            nodes,
            connection: None,
            attempt_deadline: ATTEMPT_DEADLINE,
        }
    }

    /// The same client, for requests that take their time, such as a deploy.
    #[must_use]
    pub fn patient(self) -> Client {
        self.attempting_for(GIVE_UP_AFTER)
    }

    /// The same client, which goes on to the next node when one has not answered for so long; the next gets twice
    /// as long.
    #[must_use]
    pub fn attempting_for(mut self, deadline: Duration) -> Client {
        self.attempt_deadline = deadline;
        self
    }

    /// Sends a request until a node answers with anything but an overload or an outage.
    ///
    /// # Errors
    /// No node answered for half a minute.
    pub async fn call(
        &mut self,
        method: Method,
        path: &str,
        idempotency_key: Option<&str>,
        body: Bytes,
    ) -> anyhow::Result<Reply> {
        let start = Instant::now();
        let (mut retries, mut deadline) = (0, self.attempt_deadline);
        loop {
            let attempt = self
                .attempt(
                    deadline,
                    method.clone(),
                    path,
                    idempotency_key,
                    body.clone(),
                )
                .await;
            if let Err(ConnectionError::Deadline(_)) = attempt {
                // Or those who are too impatient for a slow cluster would ask it for ever.
                deadline *= 2;
            }
            let why = match attempt {
                Ok(answer) if !is_passing(answer.status) => {
                    return Ok(Reply {
                        status: answer.status,
                        body: answer.body,
                        retries,
                        took: start.elapsed(),
                    });
                }
                Ok(answer) => format!(
                    "{}: {}",
                    answer.status,
                    String::from_utf8_lossy(&answer.body)
                ),
                Err(error) => error.to_string(),
            };
            if start.elapsed() > GIVE_UP_AFTER {
                anyhow::bail!("{path}: no answer in {GIVE_UP_AFTER:?}; the last one: {why}");
            }
            retries += 1;
            self.connection = None;
            self.current = (self.current + 1) % self.nodes.len();
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// `POST` of a JSON value.
    ///
    /// # Errors
    /// As for [`Client::call`].
    pub async fn post(
        &mut self,
        path: &str,
        idempotency_key: Option<&str>,
        body: &serde_json::Value,
    ) -> anyhow::Result<Reply> {
        self.call(
            Method::POST,
            path,
            idempotency_key,
            Bytes::from(body.to_string()),
        )
        .await
    }

    /// `GET` of a JSON value.
    ///
    /// # Errors
    /// As for [`Client::call`]; the answer is no success.
    pub async fn get<T: serde::de::DeserializeOwned>(&mut self, path: &str) -> anyhow::Result<T> {
        let reply = self.call(Method::GET, path, None, Bytes::new()).await?;
        if !reply.status.is_success() {
            anyhow::bail!(
                "GET {path}: {}: {}",
                reply.status,
                String::from_utf8_lossy(&reply.body)
            );
        }
        Ok(serde_json::from_slice(&reply.body)?)
    }

    async fn attempt(
        &mut self,
        deadline: Duration,
        method: Method,
        path: &str,
        idempotency_key: Option<&str>,
        body: Bytes,
    ) -> Result<Answer, ConnectionError> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            // A node that hangs takes connections only until its queue of them is full.
            empty => {
                let opening = Connection::open(self.nodes[self.current]);
                let opened = tokio::time::timeout(deadline, opening).await;
                let late = |_| ConnectionError::Deadline(deadline);
                empty.insert(opened.map_err(late)??)
            }
        };
        let answer = connection
            .call(method, path, idempotency_key, body, deadline)
            .await;
        if answer.is_err() {
            self.connection = None;
        }
        answer
    }
}

/// Statuses that another attempt may change.
fn is_passing(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpSocket, TcpStream};

    /// A node that answers every request with nothing.
    async fn answers() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                let _ = stream.write_all(answer).await;
            }
        });
        address
    }

    #[tokio::test]
    async fn a_node_that_takes_no_connections_is_given_up_like_one_that_does_not_answer() {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let hangs = socket.listen(1).unwrap();
        let hanging = hangs.local_addr().unwrap();
        // Its queue is full once a connection is not made at once.
        let mut queue = Vec::new();
        let moment = Duration::from_millis(200);
        while let Ok(stream) = tokio::time::timeout(moment, TcpStream::connect(hanging)).await {
            queue.push(stream.unwrap());
        }
        let nodes = vec![hanging, answers().await];
        let mut client = Client::new(nodes, 0).attempting_for(Duration::from_millis(50));
        let reply = client.call(Method::GET, "/", None, Bytes::new()).await;
        let reply = reply.unwrap();
        assert!(reply.status.is_success() && reply.retries > 0, "{reply:?}");
    }
}
