//! Whether a server of the bus can be reached at all, looked at before each attempt to connect.
//! Before it: the client library, which lost its connection. After it: its own attempt.
//! Guarantees: an attempt begins soon after a server is reached again; where a server refuses, the library is left to say
//! so. Leaves to others: which server is taken, and everything that is said to it (the client library).
//!
//! Why: the kernel repeats a lost packet of a new connection after a second, and then after twice as long each time. The
//! library's attempt has that in it, and may take as long as certificates and a busy server need.

use std::future::{pending, ready};
use std::net::SocketAddr;
use std::sync::Arc;

use async_nats::{Server, ServerAddr};
use futures::stream::{self, FuturesUnordered, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::limits::{CONNECT_DEADLINE, REACH_EVERY};
use crate::state::Shared;

/// Addresses that are asked at a time.
const TOGETHER: usize = 16;

/// Waits until a server answers, or the bus is closed. Each is asked again before its time is over: whichever question
/// comes through is enough.
pub(crate) async fn wait_until_reached(servers: Vec<Server>, shared: Arc<Shared>) {
    let mut asked = FuturesUnordered::new();
    while !shared.is_closed() {
        asked.push(any_answers(servers.clone()));
        let answered = async {
            if !asked.by_ref().any(ready).await {
                pending::<()>().await;
            }
        };
        match timeout(REACH_EVERY, answered).await {
            Ok(()) => return,
            Err(_) => shared.error(Some("no server of the bus answers".to_owned())),
        }
    }
}

async fn any_answers(servers: Vec<Server>) -> bool {
    let asked = stream::iter(servers).map(|server| answers(server.addr));
    std::pin::pin!(asked.buffer_unordered(TOGETHER).any(ready)).await
}

async fn answers(server: ServerAddr) -> bool {
    let addresses: Vec<SocketAddr> = match server.socket_addrs().await {
        Ok(addresses) => addresses.collect(),
        // The library says what is wrong with the name.
        Err(_) => return true,
    };
    let asked = stream::iter(addresses).map(is_there);
    std::pin::pin!(asked.buffer_unordered(TOGETHER).any(ready)).await
}

/// Whether there is a kernel that takes or refuses a connection.
async fn is_there(address: SocketAddr) -> bool {
    use std::io::ErrorKind::{HostUnreachable, NetworkUnreachable, TimedOut};
    match timeout(CONNECT_DEADLINE, TcpStream::connect(address)).await {
        Ok(Ok(_)) => true,
        // Nobody has refused.
        Ok(Err(error)) => !matches!(
            error.kind(),
            HostUnreachable | NetworkUnreachable | TimedOut
        ),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::net::TcpListener;

    const LONG: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn one_address_that_answers_is_enough_and_a_refusal_is_an_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listening = listener.local_addr().unwrap();
        assert!(is_there(listening).await);
        drop(listener);
        assert!(is_there(listening).await, "it refuses");
        assert!(answers(format!("nats://{listening}").parse().unwrap()).await);
    }

    #[tokio::test]
    async fn a_bus_that_is_closed_asks_no_more() {
        let shared = Arc::new(Shared::default());
        let waiting = wait_until_reached(Vec::new(), Arc::clone(&shared));
        let closing = async { shared.close() };
        let both = futures::future::join(waiting, closing);
        assert!(tokio::time::timeout(LONG, both).await.is_ok());
    }
}
