//! Clusters of real processes: nodes of `troupe node` on a NATS server of their own (or one node without),
//! on free ports, with data in a temporary folder. A test comes after it: it deploys, sends, kills and looks.
//! Everything ends with the value; where the test fails, the nodes' last lines are shown.

mod http;
mod node;
mod program;
mod view;

use std::sync::Arc;
use std::time::Duration;

use namespaces::Network;
use serde_json::{Value, json};
use tempfile::TempDir;

pub use http::{Answer, CALL_DEADLINE, Event, HttpClient};
pub use node::Node;
pub use program::{Ended, repository, run, troupe, troupe_binary};
pub use view::{MemberView, ShardView, View};

use crate::machines::Host;
use crate::services::NatsServer;
use crate::wait::{PATIENCE, try_until, until};

/// How a cluster is made.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Where the nodes send traces.
    pub otlp: Option<String>,
    /// Further settings, as lines of a configuration file.
    pub settings: String,
    /// Whether the bus keeps streams.
    pub jetstream: bool,
    /// Whether nodes connect to each other directly.
    pub direct: bool,
    /// Whether bus and nodes have machines of their own, whose network can be cut: the bus number 0, then the nodes.
    pub apart: bool,
}

/// A cluster of processes.
#[derive(Debug)]
pub struct Cluster {
    /// Its nodes, in the order in which they were made.
    pub nodes: Vec<Node>,
    /// Its bus; none for a single node with the embedded one.
    pub nats: Option<NatsServer>,
    /// Its name, part of its subjects.
    pub name: String,
    /// The network of their machines, where they have some.
    pub network: Option<Arc<Network>>,
    arguments: Vec<String>,
    direct: bool,
    folder: TempDir,
}

impl Cluster {
    /// One node with the embedded bus, serving.
    #[must_use]
    pub fn single(options: &Options) -> Self {
        let mut cluster = Self::new(1, None, None, options);
        cluster.grow(1);
        cluster
    }

    /// Nodes (1, 3 or 5) on a NATS server, serving. `None` only where the user allows that server, or machines of
    /// their own, to be missing.
    #[must_use]
    pub fn start(count: usize, options: &Options) -> Option<Self> {
        let arguments: &[&str] = if options.jetstream {
            &["--jetstream"]
        } else {
            &[]
        };
        let network = match options.apart {
            true => Some(Host::network(count as u8 + 1)?),
            false => None,
        };
        let nats = NatsServer::start_at(host(network.as_ref(), 0), arguments)?;
        let mut cluster = Self::new(count, Some(nats), network, options);
        cluster.grow(count);
        Some(cluster)
    }

    fn new(
        count: usize,
        nats: Option<NatsServer>,
        network: Option<Arc<Network>>,
        options: &Options,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = "test".to_owned();
        let bus = nats.as_ref().map_or("embedded".to_owned(), NatsServer::url);
        let mut arguments: Vec<String> = [
            "--cluster",
            &name,
            "--bus",
            &bus,
            "--expect",
            &count.to_string(),
        ]
        .map(str::to_owned)
        .into();
        if let Some(otlp) = &options.otlp {
            arguments.extend(["--otlp".to_owned(), otlp.clone()]);
        }
        if !options.settings.is_empty() {
            let path = folder.path().join("troupe.toml");
            std::fs::write(&path, &options.settings).unwrap();
            arguments.extend(["--config".to_owned(), path.display().to_string()]);
        }
        Self {
            nodes: Vec::new(),
            nats,
            name,
            network,
            arguments,
            direct: options.direct,
            folder,
        }
    }

    /// Starts further nodes at the same time, and waits until they serve.
    pub fn grow(&mut self, count: usize) {
        let first = self.nodes.len();
        let names: Vec<String> = (first..first + count)
            .map(|number| format!("node-{}", number + 1))
            .collect();
        self.grow_named(&names);
    }

    /// As [`Cluster::grow`], with names for the nodes.
    pub fn grow_named(&mut self, names: &[impl AsRef<str>]) {
        let first = self.nodes.len();
        for name in names {
            let name = name.as_ref();
            let host = host(self.network.as_ref(), self.nodes.len() as u8 + 1);
            let mut arguments = self.arguments.clone();
            if self.direct {
                arguments.extend(["--direct".to_owned(), format!("{}:0", host.address())]);
            }
            let mut node = Node::on(host, name, &self.folder.path().join(name), &arguments);
            node.start();
            self.nodes.push(node);
        }
        for node in &mut self.nodes[first..] {
            node.await_ready();
        }
    }

    /// The addresses of all nodes.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Node::url).collect()
    }

    /// The server of its bus. Panics where it has none.
    pub fn bus(&mut self) -> &mut NatsServer {
        self.nats
            .as_mut()
            .expect("the cluster has a server for its bus")
    }

    /// Deploys scripts, each a name and a source, through the first node that is up. Panics where the
    /// cluster refuses.
    pub fn deploy(&self, files: &[(&str, &str)]) -> Value {
        let files: Vec<Value> = files
            .iter()
            .map(|(name, source)| json!({ "name": name, "source": source }))
            .collect();
        self.any()
            .http()
            .post("/v1/programs", &json!({ "files": files }))
            .expect(200)
            .body
    }

    /// Deploys all examples.
    pub fn deploy_examples(&self) -> Value {
        let sources: Vec<(String, String)> = example_files()
            .into_iter()
            .map(|path| {
                let name = path
                    .file_name()
                    .expect("a script has a name")
                    .to_string_lossy()
                    .into_owned();
                (name, std::fs::read_to_string(&path).unwrap())
            })
            .collect();
        let files: Vec<(&str, &str)> = sources
            .iter()
            .map(|(name, source)| (name.as_str(), source.as_str()))
            .collect();
        self.deploy(&files)
    }

    /// The first node that is up.
    #[must_use]
    pub fn any(&self) -> &Node {
        self.nodes
            .iter()
            .find(|node| node.is_started())
            .expect("a node is up")
    }

    /// The number of the node that leads the shard of an instance, once both are there: a random load may
    /// make an instance late.
    #[must_use]
    pub fn leader_of(&self, name: &str, key: &str) -> usize {
        let path = format!("/v1/workers/{name}/instances/{key}");
        let instance = until(&format!("{name}/{key}"), PATIENCE, || {
            let answer = self.any().http().get(&path);
            (answer.status != 404).then(|| answer.expect(200).body)
        });
        let shard = instance["shard"]
            .as_u64()
            .and_then(|shard| u32::try_from(shard).ok());
        self.leader_of_shard(shard.unwrap_or_else(|| panic!("no shard in {instance}")))
    }

    /// The number of the node that leads a shard, once there is one.
    #[must_use]
    pub fn leader_of_shard(&self, shard: u32) -> usize {
        until("a leader of a shard", PATIENCE, || {
            let view = view(self.any())?;
            let leader = view.leader_of(shard)?;
            self.nodes.iter().position(|node| node.name == leader)
        })
    }

    /// Waits until all replicas of every shard have applied the same and hold equal state, and returns the
    /// number of replicas compared. Panics with what differs when `patience` has passed.
    pub fn await_equal_replicas(&self, patience: Duration) -> usize {
        let mut last = String::new();
        let equal = try_until(patience, || match self.compare_replicas() {
            Ok(compared) => Some(compared),
            Err(difference) => {
                last = difference;
                None
            }
        });
        equal.unwrap_or_else(|| panic!("after {patience:?}: {last}"))
    }

    fn compare_replicas(&self) -> Result<usize, String> {
        let views: Vec<View> = self
            .nodes
            .iter()
            .filter(|node| node.is_started())
            .filter_map(view)
            .collect();
        let first = views.first().ok_or("no node answers")?;
        let mut compared = 0;
        for shard in &first.shards {
            let mut seen: Vec<(u64, u64, &str)> = Vec::new();
            for replica in &shard.replicas {
                let Some(own) = views.iter().find(|view| view.answered_by == *replica) else {
                    return Err(format!(
                        "shard {}: its replica on node {replica} is not up",
                        shard.id
                    ));
                };
                let one = own.shards.iter().find(|one| one.id == shard.id);
                let one =
                    one.ok_or_else(|| format!("node {replica} knows no shard {}", shard.id))?;
                seen.push((*replica, one.applied, one.state_hash.as_str()));
            }
            let equal = seen
                .windows(2)
                .all(|pair| (pair[0].1, pair[0].2) == (pair[1].1, pair[1].2));
            if !equal || seen.iter().any(|(_, _, hash)| hash.is_empty()) {
                return Err(format!(
                    "shard {}: (node, applied, state hash) {seen:?}",
                    shard.id
                ));
            }
            compared += seen.len();
        }
        Ok(compared)
    }
}

/// A machine of the network, or this one where there is none.
fn host(network: Option<&Arc<Network>>, machine: u8) -> Host {
    network.map_or_else(Host::default, |network| Host::of(network, machine))
}

/// The cluster as a node sees it, where it answers.
#[must_use]
pub fn view(node: &Node) -> Option<View> {
    let client = HttpClient::with_deadline(&node.url(), Duration::from_secs(3));
    let answer = client
        .try_get("/v1/cluster")
        .ok()
        .filter(|answer| answer.status == 200)?;
    let read = serde_json::from_value(answer.body);
    Some(read.unwrap_or_else(|error| {
        panic!(
            "GET /v1/cluster is not understood ({error}): {}",
            answer.text
        )
    }))
}

/// The scripts of all examples.
#[must_use]
pub fn example_files() -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for folder in ["fraud", "report", "transfer"] {
        let entries = std::fs::read_dir(repository().join("examples").join(folder)).unwrap();
        files.extend(entries.map(|entry| entry.unwrap().path()));
    }
    files.retain(|path| {
        let name = path.to_string_lossy();
        name.ends_with(".js") && !name.ends_with(".test.js")
    });
    files.sort();
    files
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for node in &self.nodes {
                eprintln!(
                    "---- the last lines of {}:\n{}",
                    node.name,
                    node.last_output()
                );
            }
        }
    }
}
