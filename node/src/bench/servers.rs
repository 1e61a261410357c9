//! The measured nodes: processes of this same binary with folders of their own, and for a cluster a real
//! NATS server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use hyper::Method;
use namespaces::Network;
use serde_json::json;
use tempfile::TempDir;

use super::process::{Nats, Process, free_port};
use super::work::adds::COUNTER;
use super::work::{Operation, Script};
use crate::api::ClusterView;
use crate::arguments::BenchArguments;
use crate::load::{Client, Connection};

/// How long nodes may take to be ready; a million workers are restored within it.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How often the end of something is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// The machine of the bus, where machines are simulated by namespaces; the nodes' follow.
const BUS_MACHINE: u8 = 0;
/// The counter of the first add.
const FIRST: &str = "/v1/workers/Counter/instances/first";

/// What to start.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// Nodes.
    pub nodes: u32,
    /// Shards.
    pub shards: u32,
    /// Whether the nodes of a cluster connect to each other directly.
    pub direct: bool,
    /// Whether bus and nodes have machines of their own, whose network can be cut.
    pub apart: bool,
    /// The NATS server's binary; none: the one on PATH.
    pub nats: Option<PathBuf>,
    /// Where to make the folder of their data; none: the system's temporary folder.
    pub data: Option<PathBuf>,
}

impl Settings {
    /// So many nodes, the rest as the arguments say.
    pub(super) fn new(arguments: &BenchArguments, nodes: u32) -> Settings {
        Settings {
            nodes,
            shards: arguments.shards,
            direct: arguments.direct && nodes > 1,
            apart: false,
            nats: arguments.nats.clone(),
            data: arguments.data.clone(),
        }
    }
}

/// Running nodes.
pub(super) struct Servers {
    /// What was started.
    pub settings: Settings,
    nodes: Vec<Process>,
    nats: Option<Nats>,
    /// Where they serve HTTP.
    pub addresses: Vec<SocketAddr>,
    /// From the start of the processes to the first add that was acknowledged.
    pub first_add_after: Duration,
    folder: TempDir,
    // After the processes in it: it goes when they are gone.
    network: Option<Network>,
}

impl Servers {
    /// Starts nodes and makes the first add.
    ///
    /// # Errors
    /// They cannot be started or do not serve in time.
    pub(super) async fn start(settings: &Settings) -> anyhow::Result<Servers> {
        let folder = match &settings.data {
            Some(data) => tempfile::tempdir_in(data)
                .with_context(|| format!("cannot make a folder in `{}`", data.display()))?,
            None => tempfile::tempdir().context("cannot make a temporary folder")?,
        };
        let network = match settings.apart {
            true => Some(make_network(settings.nodes)?),
            false => None,
        };
        let nats = match settings.nodes {
            1 => None,
            _ => Some(Nats::start(
                settings.nats.as_deref(),
                host(network.as_ref(), BUS_MACHINE),
                network.as_ref().map(|network| (network, BUS_MACHINE)),
            )?),
        };
        let mut servers = Servers {
            settings: settings.clone(),
            nodes: Vec::new(),
            nats,
            addresses: Vec::new(),
            first_add_after: Duration::ZERO,
            folder,
            network,
        };
        for place in 0..settings.nodes as usize {
            let host = host(servers.network.as_ref(), machine(place));
            let address = SocketAddr::from((host, free_port()?));
            servers.addresses.push(address);
        }
        let start = Instant::now();
        for place in 0..servers.addresses.len() {
            servers.nodes.push(servers.spawn(place)?);
        }
        servers.wait_until_ready().await?;
        servers.deploy(&[COUNTER]).await?;
        servers.first_add(0).await?;
        servers.first_add_after = start.elapsed();
        Ok(servers)
    }

    /// Starts the node at a place, with the folder and the address that it has there.
    fn spawn(&self, place: usize) -> anyhow::Result<Process> {
        let name = Servers::name(place);
        let data = self.data(place);
        let bus = self.nats.as_ref().map_or("embedded", |nats| &nats.url);
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["node", "--cluster", "bench", "--bus", bus])
            .args(["--name", &name])
            .args(["--expect", &self.settings.nodes.to_string()])
            .args(["--shards", &self.settings.shards.to_string()])
            .args(["--http", &self.addresses[place].to_string()])
            .arg("--data")
            .arg(data)
            .env("TROUPE_LOG", "error,openraft=off,async_nats=off");
        if self.settings.direct {
            let direct = SocketAddr::from((self.addresses[place].ip(), 0));
            command.args(["--direct", &direct.to_string()]);
        }
        let mut command = match &self.network {
            Some(network) => network.inside(machine(place), &command),
            None => command,
        };
        Process::start(&mut command).context("cannot start a node")
    }

    /// Where the node at a place keeps its data.
    pub(super) fn data(&self, place: usize) -> PathBuf {
        self.folder.path().join(Servers::name(place))
    }

    /// The name of the node at a place.
    pub(super) fn name(place: usize) -> String {
        format!("node-{}", place + 1)
    }

    /// Kills a node as a power cut would end its process.
    ///
    /// # Errors
    /// The kernel refuses.
    pub(super) fn kill(&mut self, place: usize) -> anyhow::Result<()> {
        self.nodes[place].kill()
    }

    /// Sends a node a signal.
    ///
    /// # Errors
    /// The kernel refuses.
    pub(super) fn signal(&self, place: usize, signal: libc::c_int) -> anyhow::Result<()> {
        self.nodes[place].signal(signal)
    }

    /// Cuts a node off from the bus and from the other nodes, or mends that: what it sends (`out`), and what is sent to
    /// it (`back`). Clients reach it all the while.
    ///
    /// # Errors
    /// The nodes have no machines of their own, or the network cannot be changed.
    pub(super) fn cut_off(
        &self,
        place: usize,
        (out, back): (bool, bool),
        cut: bool,
    ) -> anyhow::Result<()> {
        let network = self.network.as_ref().context("nodes share a machine")?;
        let change = if cut { Network::cut } else { Network::mend };
        let own = machine(place);
        let others = (0..=machine(self.nodes.len() - 1)).filter(|other| *other != own);
        for other in others {
            if out {
                change(network, own, other)?;
            }
            if back {
                change(network, other, own)?;
            }
        }
        Ok(())
    }

    /// The server of the bus.
    ///
    /// # Errors
    /// A single node has none.
    pub(super) fn bus(&mut self) -> anyhow::Result<&mut Nats> {
        self.nats.as_mut().context("a single node has no bus")
    }

    /// Starts a killed node again, and waits until it serves. Returns how long that took.
    ///
    /// # Errors
    /// It does not in time.
    pub(super) async fn restart(&mut self, place: usize) -> anyhow::Result<Duration> {
        let start = Instant::now();
        self.nodes[place] = self.spawn(place)?;
        self.wait_until_ready().await?;
        Ok(start.elapsed())
    }

    async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        for address in self.addresses.clone() {
            while !is_ready(address).await {
                if Instant::now() > deadline {
                    bail!("the node at {address} is not ready after {READY_WITHIN:?}");
                }
                for node in &mut self.nodes {
                    if let Some(status) = node.ended()? {
                        bail!("a node ended while it was starting: {status}");
                    }
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        Ok(())
    }

    /// Installs scripts.
    ///
    /// # Errors
    /// They are refused.
    pub(super) async fn deploy(&self, scripts: &[Script]) -> anyhow::Result<()> {
        let files = scripts
            .iter()
            .map(|(name, source)| json!({ "name": name, "source": source }));
        let files = json!({ "files": files.collect::<Vec<_>>() });
        let mut client = self.client(0).patient();
        let reply = client.post("/v1/programs", None, &files).await?;
        ensure!(
            reply.status.is_success(),
            "the workers were not deployed: {}",
            String::from_utf8_lossy(&reply.body)
        );
        Ok(())
    }

    /// One add to a counter of its own, through the node at a place.
    ///
    /// # Errors
    /// It is refused.
    pub(super) async fn first_add(&self, place: usize) -> anyhow::Result<()> {
        let add = json!({ "type": "ADD", "amount": 1 });
        let mut client = Client::new(vec![self.addresses[place]], 0);
        let reply = client
            .post(&format!("{FIRST}/messages"), None, &add)
            .await?;
        ensure!(
            reply.status.is_success(),
            "the first add was refused: {}",
            reply.status
        );
        Ok(())
    }

    /// A read of the counter of the first add.
    pub(super) fn read_first() -> Operation {
        Operation {
            method: Method::GET,
            path: FIRST.to_owned(),
            body: Bytes::new(),
        }
    }

    /// A client; each number begins with another node.
    pub(super) fn client(&self, number: usize) -> Client {
        Client::new(self.addresses.clone(), number)
    }

    /// The cluster as a node sees it.
    ///
    /// # Errors
    /// No node answers.
    pub(super) async fn view(&self) -> anyhow::Result<ClusterView> {
        self.client(0).get("/v1/cluster").await
    }

    /// Process ids of the nodes.
    pub(super) fn node_processes(&self) -> impl Iterator<Item = u32> + '_ {
        self.nodes.iter().map(Process::id)
    }

    /// Process ids of the nodes and of their NATS server.
    pub(super) fn processes(&self) -> impl Iterator<Item = u32> + '_ {
        self.node_processes().chain(self.nats.iter().map(Nats::id))
    }

    /// Flushes of all nodes' logs so far, from their metrics.
    ///
    /// # Errors
    /// A node does not answer.
    pub(super) async fn flushes(&self) -> anyhow::Result<u64> {
        let mut sum = 0;
        for address in &self.addresses {
            let mut client = Client::new(vec![*address], 0);
            let reply = client
                .call(Method::GET, "/metrics", None, Bytes::new())
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

    /// Ends the nodes as a user would, with a signal.
    ///
    /// # Errors
    /// The kernel refuses.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        for node in &mut self.nodes {
            node.signal(libc::SIGTERM)?;
        }
        for node in &mut self.nodes {
            node.wait()?;
        }
        Ok(())
    }
}

fn make_network(nodes: u32) -> anyhow::Result<Network> {
    let machines = u8::try_from(nodes + 1).context("so many machines are too many")?;
    let network = Network::new(machines);
    network.context(
        "a network that can be cut needs namespaces; `--fault kill`, `pause` and `bus` do not",
    )
}

/// The machine of the node at a place.
fn machine(place: usize) -> u8 {
    u8::try_from(place).map_or(u8::MAX, |place| place + BUS_MACHINE + 1)
}

/// Where a machine is.
fn host(network: Option<&Network>, machine: u8) -> IpAddr {
    let address = network.map(|network| network.address(machine));
    IpAddr::V4(address.unwrap_or(Ipv4Addr::LOCALHOST))
}

async fn is_ready(address: SocketAddr) -> bool {
    let Ok(mut connection) = Connection::open(address).await else {
        return false;
    };
    let asked = connection.call(Method::GET, "/readyz", None, Bytes::new(), READY_WITHIN);
    asked.await.is_ok_and(|answer| answer.status.is_success())
}
