//! TCP itself: reaching another node, and noticing that it is gone.
//! Before it: `tls`. After it: the kernel.
//! Guarantees: an attempt ends soon; a connection whose other end acknowledges nothing ends too (on Linux).
//! Leaves to others: trying again (`dial`).

use std::io;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::limits::REACH_DEADLINE;

/// Connects.
pub(crate) async fn reach(address: &str) -> io::Result<TcpStream> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "nothing answers at that address");
    let connecting = timeout(REACH_DEADLINE, TcpStream::connect(address));
    let stream = connecting.await.map_err(late)??;
    prepare(&stream)?;
    Ok(stream)
}

/// Sets what both ends of a connection need.
pub(crate) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    notice_loss(stream)
}

#[cfg(target_os = "linux")]
fn notice_loss(stream: &TcpStream) -> io::Result<()> {
    use crate::limits::{QUIET, UNACKNOWLEDGED};
    use rustix::net::sockopt;

    let unacknowledged_ms = UNACKNOWLEDGED.as_millis() as u32;
    sockopt::set_tcp_user_timeout(stream, unacknowledged_ms)?;
    sockopt::set_tcp_keepidle(stream, QUIET)?;
    sockopt::set_tcp_keepintvl(stream, UNACKNOWLEDGED)?;
    sockopt::set_socket_keepalive(stream, true)?;
    Ok(())
}

/// Elsewhere the end that asks notices, and the other one later.
#[cfg(not(target_os = "linux"))]
fn notice_loss(_stream: &TcpStream) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use rustix::net::sockopt;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn both_ends_notice_that_the_other_is_gone() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (reached, accepted) = tokio::join!(reach(&address), listener.accept());
        let (reached, (accepted, _)) = (reached.unwrap(), accepted.unwrap());
        prepare(&accepted).unwrap();
        for end in [&reached, &accepted] {
            assert_eq!(sockopt::tcp_user_timeout(end).unwrap(), 2_000);
            assert!(sockopt::socket_keepalive(end).unwrap());
        }
    }
}
