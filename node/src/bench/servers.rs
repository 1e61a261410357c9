//! The measured nodes: processes of this same binary with folders of their own, and for a cluster a real
//! NATS server. They end with the benchmark, also when it fails.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::json;
use tempfile::TempDir;

use super::measure;
use crate::load::Client;

/// How long nodes may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How long the nodes rest before their idle memory is read.
const IDLE: Duration = Duration::from_secs(3);

/// Running nodes.
pub(super) struct Servers {
    nodes: Vec<Process>,
    nats: Option<Process>,
    bus: String,
    direct: bool,
    /// Where they serve HTTP.
    pub addresses: Vec<SocketAddr>,
    /// From the start of the processes to the first add that was acknowledged.
    pub first_add_after: Duration,
    folder: TempDir,
}

/// A child that is killed when it is dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Servers {
    /// Starts so many nodes, connected directly where asked for, deploys the benchmark's workers and makes the first add.
    pub(super) async fn start(
        count: u32,
        nats: Option<&Path>,
        direct: bool,
    ) -> anyhow::Result<Servers> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let (bus, nats) = match count {
            1 => ("embedded".to_owned(), None),
            _ => start_nats(nats)?,
        };
        let start = Instant::now();
        let mut servers = Servers {
            nodes: Vec::new(),
            nats,
            bus,
            direct: direct && count > 1,
            addresses: Vec::new(),
            first_add_after: Duration::ZERO,
            folder,
        };
        for _ in 0..count {
            let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
            servers.addresses.push(address);
        }
        for place in 0..servers.addresses.len() {
            servers.nodes.push(servers.spawn(place)?);
        }
        servers.wait_until_ready(start).await?;
        servers.deploy().await?;
        let add = json!({ "type": "ADD", "amount": 1 });
        let path = "/v1/workers/Counter/instances/first/messages";
        let reply = servers.client(0).post(path, None, &add).await?;
        anyhow::ensure!(
            reply.status.is_success(),
            "the first add was refused: {}",
            reply.status
        );
        servers.first_add_after = start.elapsed();
        tokio::time::sleep(IDLE).await;
        Ok(servers)
    }

    /// Starts the node at a place, with the folder and the address that it has there.
    fn spawn(&self, place: usize) -> anyhow::Result<Process> {
        let name = format!("node-{}", place + 1);
        let data = self.folder.path().join(&name);
        let expected = self.addresses.len().to_string();
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["node", "--cluster", "bench", "--bus", &self.bus])
            .args(["--name", &name, "--expect", &expected])
            .args(["--http", &self.addresses[place].to_string()])
            .arg("--data")
            .arg(data)
            .env("TROUPE_LOG", "error,openraft=off,async_nats=off")
            .stdin(Stdio::null());
        if self.direct {
            command.args(["--direct", "127.0.0.1:0"]);
        }
        let child = command.spawn().context("cannot start a node")?;
        Ok(Process(child))
    }

    /// Kills a node as a power cut would end its process.
    pub(super) fn kill(&mut self, place: usize) -> anyhow::Result<()> {
        self.nodes[place].0.kill().context("cannot kill a node")?;
        self.nodes[place].0.wait()?;
        Ok(())
    }

    /// Starts a killed node again, and waits until it serves. Returns how long that took.
    pub(super) async fn restart(&mut self, place: usize) -> anyhow::Result<Duration> {
        let start = Instant::now();
        self.nodes[place] = self.spawn(place)?;
        self.wait_until_ready(start).await?;
        Ok(start.elapsed())
    }

    async fn wait_until_ready(&mut self, start: Instant) -> anyhow::Result<()> {
        for address in self.addresses.clone() {
            let mut connection = None;
            loop {
                if connection.is_none() {
                    connection = crate::load::Connection::open(address).await.ok();
                }
                if let Some(open) = &mut connection {
                    let asked = open
                        .call(
                            hyper::Method::GET,
                            "/readyz",
                            None,
                            bytes::Bytes::new(),
                            READY_WITHIN,
                        )
                        .await;
                    match asked {
                        Ok((status, _)) if status.is_success() => break,
                        Ok(_) => {}
                        Err(_) => connection = None,
                    }
                }
                if start.elapsed() > READY_WITHIN {
                    bail!("the node at {address} is not ready after {READY_WITHIN:?}");
                }
                for node in &mut self.nodes {
                    if let Some(status) = node.0.try_wait()? {
                        bail!("a node ended while it was starting: {status}");
                    }
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        Ok(())
    }

    async fn deploy(&self) -> anyhow::Result<()> {
        let files = json!({ "files": [
            { "name": "counter.js", "source": include_str!("counter.js") },
            { "name": "ring.js", "source": include_str!("ring.js") },
        ]});
        let reply = self
            .client(0)
            .patient()
            .post("/v1/programs", None, &files)
            .await?;
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        anyhow::ensure!(
            reply.status.is_success(),
            "the workers were not deployed: {text}"
        );
        Ok(())
    }

    /// A client; each number begins with another node.
    pub(super) fn client(&self, number: usize) -> Client {
        Client::new(self.addresses.clone(), number)
    }

    /// How many nodes there are.
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.nodes.len()).expect("there are few nodes")
    }

    /// Process ids of the nodes and of their NATS server.
    pub(super) fn processes(&self) -> Vec<u32> {
        self.nodes
            .iter()
            .chain(&self.nats)
            .map(|process| process.0.id())
            .collect()
    }

    /// Flushes of all nodes' logs so far, from their metrics.
    pub(super) async fn flushes(&self) -> anyhow::Result<u64> {
        let mut sum = 0;
        for address in &self.addresses {
            let mut client = Client::new(vec![*address], 0);
            let reply = client
                .call(hyper::Method::GET, "/metrics", None, bytes::Bytes::new())
                .await?;
            let text = String::from_utf8_lossy(&reply.body).into_owned();
            let line = text
                .lines()
                .find_map(|line| line.strip_prefix("troupe_log_flushes_total "));
            sum += line
                .context("the metrics count flushes")?
                .trim()
                .parse::<u64>()?;
        }
        Ok(sum)
    }

    /// Resident memory of each node, for people.
    pub(super) fn memory(&self) -> anyhow::Result<String> {
        let each = self
            .nodes
            .iter()
            .map(|node| measure::resident_mib(node.0.id()));
        let each = each.map(|mib| mib.map(|mib| format!("{mib:.0} MiB")));
        Ok(each.collect::<anyhow::Result<Vec<_>>>()?.join(", "))
    }

    /// Ends the nodes as a user would, with a signal.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        for node in &mut self.nodes {
            let process = i32::try_from(node.0.id())?;
            // SAFETY: `kill` takes two integers; the process is our child and was not waited for.
            let sent = unsafe { libc::kill(process, libc::SIGTERM) };
            anyhow::ensure!(
                sent == 0,
                "cannot end a node: {}",
                std::io::Error::last_os_error()
            );
        }
        for node in &mut self.nodes {
            node.0.wait()?;
        }
        Ok(())
    }
}

fn start_nats(binary: Option<&Path>) -> anyhow::Result<(String, Option<Process>)> {
    let binary = binary.map_or_else(|| Path::new("nats-server").to_owned(), Path::to_owned);
    let port = free_port()?;
    let child = Command::new(&binary)
        .args(["-a", "127.0.0.1", "-p", &port.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| {
            format!(
                "cannot start `{}`: three nodes need a NATS server; name one with --nats, or \
                 measure one node with --nodes 1",
                binary.display()
            )
        })?;
    Ok((format!("nats://127.0.0.1:{port}"), Some(Process(child))))
}

/// A port that was free a moment ago.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
