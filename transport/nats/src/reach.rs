//! Whether a server of the bus can be reached at all, looked at before each attempt to connect.
//! Before it: the client library, which lost its connection. After it: its own attempt.
//! Guarantees: an attempt begins soon after a server is reached again; where a server refuses, the library is left to say
//! so. Leaves to others: which server is taken, and everything that is said to it (the client library).
//!
//! Why: the kernel repeats a lost packet of a new connection after a second, and then after twice as long each time. An
//! attempt of the library may take as long as a busy server needs, so it is not cut short; this one may be.

use std::future::ready;
use std::sync::Arc;

use async_nats::{Server, ServerAddr};
use futures::stream::{self, StreamExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::limits::{REACH_DEADLINE, RECONNECT_DELAY_MAX};
use crate::state::Shared;

/// Waits until a server answers, or the bus is closed.
pub(crate) async fn wait_until_reached(servers: Vec<Server>, shared: Arc<Shared>) {
    while !shared.is_closed() {
        let asked = stream::iter(servers.clone()).map(|server| answers(server.addr));
        let mut answered = asked.buffer_unordered(servers.len().max(1));
        if std::pin::pin!(answered.by_ref().any(ready)).await {
            return;
        }
        shared.error(Some("no server of the bus answers".to_owned()));
        sleep(RECONNECT_DELAY_MAX).await;
    }
}

/// Whether there is a kernel that takes or refuses a connection. A name that is not known is left to the library.
async fn answers(server: ServerAddr) -> bool {
    let connecting = async {
        let addresses = server.socket_addrs().await?.collect::<Vec<_>>();
        TcpStream::connect(addresses.as_slice()).await
    };
    match timeout(REACH_DEADLINE, connecting).await {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => !is_no_way(&error),
        Err(_) => false,
    }
}

/// The kernel gave up, or knows no way there: as if nothing had been said.
fn is_no_way(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{HostUnreachable, NetworkUnreachable, TimedOut};
    matches!(
        error.kind(),
        HostUnreachable | NetworkUnreachable | TimedOut
    )
}
