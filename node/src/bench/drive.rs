//! Sends the operations of a kind of work, at a pace, from as many clients as wanted, and notes what came of
//! each. Comes after `pace`; what is noted goes to `seen` and to the work itself.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{StreamExt, stream};
use hyper::StatusCode;
use tokio::task::JoinSet;

use super::pace::{Load, Pace};
use super::seen::{Request, Seen};
use super::servers::Servers;
use super::work::{Operation, Work};
use crate::load::{Client, Connection};

/// How long one operation may take before it counts as failed.
const DEADLINE: Duration = Duration::from_secs(30);
/// Clients that connect at a time: fewer than a node lets wait.
const CONNECTING: usize = 64;
/// How long a client waits before it connects again.
const RECONNECT: Duration = Duration::from_millis(20);

/// Work under way: over all rounds no operation's number comes twice.
pub(super) struct Job<W> {
    /// What is done.
    pub work: W,
    next: AtomicU64,
}

impl<W: Work> Job<W> {
    /// Nothing done yet.
    pub(super) fn new(work: W) -> Arc<Job<W>> {
        Arc::new(Job {
            work,
            next: AtomicU64::new(0),
        })
    }
}

/// Sends until the load is done and every client has its last answer. Clients are connected before the load
/// begins, so that no wait is one for a connection, unless it breaks.
///
/// # Errors
/// A client panicked.
pub(super) async fn drive<W: Work>(
    job: &Arc<Job<W>>,
    servers: &Servers,
    load: &Load,
    seen: &Arc<Seen>,
) -> anyhow::Result<()> {
    let callers = callers(&servers.addresses, load).await;
    drive_at(
        Pace::start(load),
        Arc::clone(job),
        callers,
        Arc::clone(seen),
    )
    .await
}

/// The clients of a load, connected where they stay with one node.
pub(super) async fn callers(nodes: &[SocketAddr], load: &Load) -> Vec<Caller> {
    let each = (0..load.clients as usize).map(|number| async move {
        let node = nodes[number % nodes.len()];
        match load.careful {
            Some(patience) => {
                let client = Client::new(nodes.to_vec(), number);
                Caller::Careful(client.attempting_for(patience))
            }
            None => Caller::Plain {
                node,
                // Where it cannot be reached now, the first request tries again and says why not.
                connection: Connection::open(node).await.ok(),
            },
        }
    });
    stream::iter(each).buffered(CONNECTING).collect().await
}

/// Sends from these clients at a pace that someone else may stop.
///
/// # Errors
/// A client panicked.
pub(super) async fn drive_at<W: Work>(
    pace: Arc<Pace>,
    job: Arc<Job<W>>,
    callers: Vec<Caller>,
    seen: Arc<Seen>,
) -> anyhow::Result<()> {
    let mut clients = JoinSet::new();
    for (number, caller) in callers.into_iter().enumerate() {
        clients.spawn(client(
            number,
            caller,
            Arc::clone(&job),
            Arc::clone(&pace),
            Arc::clone(&seen),
        ));
    }
    while let Some(ended) = clients.join_next().await {
        ended?;
    }
    seen.add_unsent(pace.unsent());
    Ok(())
}

async fn client<W: Work>(
    client: usize,
    mut caller: Caller,
    job: Arc<Job<W>>,
    pace: Arc<Pace>,
    seen: Arc<Seen>,
) {
    let meant = job.work.meant();
    while let Some(due) = pace.next().await {
        let number = job.next.fetch_add(1, Ordering::Relaxed);
        let operation = job.work.operation(number);
        let request = Request {
            client,
            due,
            sent: Instant::now(),
            meant,
        };
        match caller.call(operation, number).await {
            Came::Done(body) => match job.work.done(number, &body) {
                Ok(()) => seen.done(&request),
                Err(wrong) => seen.failed(|| wrong),
            },
            Came::Refused(retry_after) => {
                seen.refused(&request, retry_after.is_some());
                if !pace.is_open() {
                    tokio::time::sleep(retry_after.unwrap_or(RECONNECT)).await;
                }
            }
            Came::Unknown(why) => {
                job.work.unknown(number);
                seen.failed(|| why);
            }
        }
    }
}

/// What came of an operation.
enum Came {
    Done(Bytes),
    /// Nothing was done; when to try again.
    Refused(Option<Duration>),
    /// Done or not.
    Unknown(String),
}

/// How a client sends.
pub(super) enum Caller {
    /// Once, to one node.
    Plain {
        /// The node.
        node: SocketAddr,
        /// To it, while it lasts.
        connection: Option<Connection>,
    },
    /// Until a node answers, with an idempotency key.
    Careful(Client),
}

impl Caller {
    async fn call(&mut self, operation: Operation, number: u64) -> Came {
        match self {
            Caller::Plain { node, connection } => {
                let came = once(*node, connection, operation).await;
                if matches!(came, Came::Unknown(_)) && connection.is_none() {
                    tokio::time::sleep(RECONNECT).await;
                }
                came
            }
            Caller::Careful(client) => {
                let key = format!("bench-{number}");
                let Operation { method, path, body } = operation;
                match client.call(method, &path, Some(&key), body).await {
                    Ok(reply) if reply.status.is_success() => Came::Done(reply.body),
                    Ok(reply) => Came::Unknown(failure(reply.status, &reply.body)),
                    Err(error) => Came::Unknown(error.to_string()),
                }
            }
        }
    }
}

async fn once(node: SocketAddr, place: &mut Option<Connection>, operation: Operation) -> Came {
    let mut connection = match place.take() {
        Some(connection) => connection,
        None => match Connection::open(node).await {
            Ok(connection) => connection,
            Err(error) => return Came::Unknown(error.to_string()),
        },
    };
    let Operation { method, path, body } = operation;
    match connection.call(method, &path, None, body, DEADLINE).await {
        Ok(answer) => {
            *place = Some(connection);
            match answer.status {
                status if status.is_success() => Came::Done(answer.body),
                StatusCode::TOO_MANY_REQUESTS => {
                    Came::Refused(answer.retry_after_s.map(Duration::from_secs))
                }
                status => Came::Unknown(failure(status, &answer.body)),
            }
        }
        Err(error) => Came::Unknown(error.to_string()),
    }
}

fn failure(status: StatusCode, body: &Bytes) -> String {
    format!("{status}: {}", String::from_utf8_lossy(body))
}
