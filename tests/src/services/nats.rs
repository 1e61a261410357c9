//! A NATS server of one test: real, on a free port, ended and started again on the same port at will. Clients
//! come after it and use its URL; what a server outage does to them is the subject of their tests.

use std::io::Read;
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;

use super::binary::nats_server;
use super::process::Process;
use crate::machines::Host;
use crate::wait::{PATIENCE, try_until};

/// A running (or killed) server. Dropping it kills it.
#[derive(Debug)]
pub struct NatsServer {
    process: Process,
    host: Host,
    port: u16,
    folder: TempDir,
    arguments: Vec<String>,
}

impl NatsServer {
    /// Starts a server on a free port of loopback and returns once it greets clients. `None` only where the
    /// user allows the binary to be missing; panics when the server does not come up.
    #[must_use]
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// As [`NatsServer::start`], with further arguments of `nats-server`, such as `--auth TOKEN`.
    #[must_use]
    pub fn start_with(arguments: &[&str]) -> Option<Self> {
        Self::start_at(Host::default(), arguments)
    }

    /// As [`NatsServer::start_with`], in a machine of its own.
    #[must_use]
    pub fn start_at(host: Host, arguments: &[&str]) -> Option<Self> {
        nats_server()?;
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let folder = tempfile::tempdir().unwrap();
        let mut process = spawn(&host, &folder, -1, &arguments);
        let port = try_until(PATIENCE, || reported_port(&folder, &process))
            .unwrap_or_else(|| panic!("no port from nats-server:\n{}", process.last_output()));
        await_greeting(&mut process, &host, port);
        Some(Self {
            process,
            host,
            port,
            folder,
            arguments,
        })
    }

    /// Its address, `nats://127.0.0.1:PORT`; the same after [`NatsServer::restart`].
    pub fn url(&self) -> String {
        format!("nats://{}:{}", self.host.address(), self.port)
    }

    /// Its port; the same after [`NatsServer::restart`].
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Asks it to end; it closes its connections first. Panics when it does not.
    pub fn stop(&mut self) {
        let ended = self.process.terminate(PATIENCE);
        assert!(
            ended.is_some(),
            "nats-server does not end:\n{}",
            self.process.last_output()
        );
    }

    /// Starts it again on its port, after ending it where it still runs, and returns once it greets clients.
    pub fn restart(&mut self) {
        self.process.kill();
        let port = i32::from(self.port);
        self.process = spawn(&self.host, &self.folder, port, &self.arguments);
        await_greeting(&mut self.process, &self.host, self.port);
    }

    /// Holds it still with its connections open: a server that is dead and does not say so.
    pub fn pause(&mut self) {
        self.process.pause();
    }

    /// Lets it go on after [`NatsServer::pause`].
    pub fn resume(&mut self) {
        self.process.resume();
    }
}

/// Port -1 lets the server choose, and it writes its choice into the folder.
fn spawn(host: &Host, folder: &TempDir, port: i32, arguments: &[String]) -> Process {
    let binary = nats_server().expect("the binary was there when the server was first started");
    let mut command = Command::new(binary);
    command.args(["--addr", &host.address().to_string()]);
    command.args(["--port", &port.to_string()]);
    command.arg("--ports_file_dir").arg(folder.path());
    // Where `--jetstream` keeps its streams.
    command.arg("--store_dir").arg(folder.path());
    command.args(arguments);
    Process::start(&mut host.command(command), &folder.path().join("log"))
}

#[derive(Deserialize)]
struct PortsFile {
    nats: Vec<String>,
}

fn reported_port(folder: &TempDir, process: &Process) -> Option<u16> {
    let name = format!("nats-server_{}.ports", process.id());
    let bytes = std::fs::read(folder.path().join(name)).ok()?;
    let ports: PortsFile = serde_json::from_slice(&bytes).ok()?;
    ports.nats.first()?.rsplit(':').next()?.parse().ok()
}

fn await_greeting(process: &mut Process, host: &Host, port: u16) {
    let greets = try_until(PATIENCE, || {
        assert!(
            process.ended().is_none(),
            "nats-server ended:\n{}",
            process.last_output()
        );
        greeting(host, port).filter(|greeting| greeting == b"INFO ")
    });
    assert!(
        greets.is_some(),
        "nats-server does not answer:\n{}",
        process.last_output()
    );
}

/// The first five bytes that the server sends.
fn greeting(host: &Host, port: u16) -> Option<[u8; 5]> {
    let mut stream = TcpStream::connect((host.address(), port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    let mut bytes = [0; 5];
    stream.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{Host, NatsServer};

    fn greeting(port: u16) -> Option<[u8; 5]> {
        super::greeting(&Host::default(), port)
    }

    #[test]
    fn a_server_comes_back_on_its_port() {
        let Some(mut server) = NatsServer::start() else {
            return;
        };
        let url = server.url();
        assert!(greeting(server.port()).is_some());
        server.kill();
        assert_eq!(greeting(server.port()), None);
        server.restart();
        assert!(greeting(server.port()).is_some());
        server.stop();
        assert_eq!(greeting(server.port()), None);
        server.restart();
        assert_eq!(server.url(), url);
        let port = server.port();
        drop(server);
        assert_eq!(greeting(port), None);
    }

    #[test]
    fn servers_stand_side_by_side() {
        let (Some(first), Some(second)) = (NatsServer::start(), NatsServer::start()) else {
            return;
        };
        assert_ne!(first.url(), second.url());
    }
}
