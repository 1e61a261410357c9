//! Connections that other nodes make: what they ask is handed to the subscriptions of this node.
//! Before it: TCP. After it: `routes`; answers go back the way the question came.
//! Guarantees: who does not greet in time or with the token is let go; requests of one connection are handed
//! over in order. Leaves to others: answering.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use transport::{BusMessage, Subject};

use crate::connection::Connection;
use crate::frame::{Content, Frame};
use crate::lane::Lane;
use crate::limits::{CONNECT_DEADLINE, GREETINGS};
use crate::node::Shared;

/// First token of the subjects that lead back over a connection: `_DIRECT.CONNECTION.NUMBER`.
const REPLY: &str = "_DIRECT";

/// Tells the connections of this process apart.
static CONNECTIONS: AtomicU64 = AtomicU64::new(1);

/// Takes connections until the node goes.
pub(crate) async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    let greetings = Arc::new(Semaphore::new(GREETINGS));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Too many open files, for one: others may close theirs.
                tracing::warn!(%error, "a connection of another node was not accepted");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(greeting) = Arc::clone(&greetings).acquire_owned().await else {
            return;
        };
        let served = Arc::clone(&shared);
        shared.spawn(async move { serve(&served, stream, greeting).await });
    }
}

async fn serve(
    shared: &Arc<Shared>,
    stream: TcpStream,
    greeting: tokio::sync::OwnedSemaphorePermit,
) {
    let admitted = timeout(CONNECT_DEADLINE, shared.tls.accept(stream, &shared.token)).await;
    let (kind, halves) = match admitted {
        Ok(Ok(admitted)) => admitted,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a connection was not let in");
            return;
        }
        Err(_) => return,
    };
    drop(greeting);
    let lane = shared.lane(kind);
    let number = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
    let (connection, queue) = Connection::new();
    lane.accepted().insert(number, Arc::clone(&connection));
    let take = |frame| take(lane, &connection, number, frame);
    // Whoever made it makes it again.
    let _ = connection.run(halves, queue, take).await;
    lane.accepted().remove(&number);
}

fn take(lane: &Lane, connection: &Arc<Connection>, number: u64, frame: Frame) {
    match frame {
        Frame::Request(request, content) => {
            let Ok(reply) = Subject::new(&format!("{REPLY}.{number}.{request}")) else {
                return;
            };
            let message = message(content, Some(reply));
            if !lane.routes.deliver(&message) {
                let connection = Arc::clone(connection);
                tokio::spawn(async move { connection.send(Frame::Nobody(request)).await });
            }
        }
        Frame::Word(content) => {
            lane.routes.deliver(&message(content, None));
        }
        // Answers were taken before.
        Frame::Answer(..) | Frame::Nobody(_) => {}
    }
}

fn message(content: Content, reply: Option<Subject>) -> BusMessage {
    BusMessage {
        subject: content.subject,
        reply,
        headers: content.headers,
        payload: content.payload,
    }
}

/// The connection and the number of the request that a subject leads back to.
pub(crate) fn reply(lane: &Lane, subject: &Subject) -> Option<(Option<Arc<Connection>>, u64)> {
    let rest = subject.as_str().strip_prefix(REPLY)?.strip_prefix('.')?;
    let (connection, request) = rest.split_once('.')?;
    let connection: u64 = connection.parse().ok()?;
    let request = request.parse().ok()?;
    Some((lane.accepted().get(&connection).cloned(), request))
}
