//! The demo's cluster: three nodes in this process, on an embedded bus, each with a data folder and an
//! HTTP port of its own. One of them can be lost and brought back.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail};
use cluster_raft::network::Buses;
use transport::NodeId;
use transport_memory::MemoryNetwork;

use super::SETTLE_WITHIN;
use crate::api::ClusterView;
use crate::arguments::DemoArguments;
use crate::composition::Node;
use crate::config::Config;
use crate::load::Client;

/// Nodes of the demo.
const NODES: usize = 3;

/// The cluster.
pub(super) struct Cluster {
    network: MemoryNetwork,
    nodes: Vec<Option<Node>>,
    configs: Vec<Config>,
    lost: Option<usize>,
    // Removed with the cluster.
    _folder: Option<tempfile::TempDir>,
}

impl Cluster {
    /// Starts three nodes and waits until all of them serve.
    pub(super) async fn start(arguments: &DemoArguments) -> anyhow::Result<Cluster> {
        let folder = match &arguments.data {
            Some(_) => None,
            None => Some(tempfile::tempdir().context("cannot make a temporary folder")?),
        };
        let data = match (&arguments.data, &folder) {
            (Some(data), _) => data.clone(),
            (None, Some(folder)) => folder.path().to_owned(),
            (None, None) => PathBuf::from("."),
        };
        let configs = (1..=NODES).map(|number| Config {
            cluster: "demo".to_owned(),
            name: format!("node-{number}"),
            data: data.join(format!("node-{number}")),
            http: "127.0.0.1:0".to_owned(),
            expect: u32::try_from(NODES).expect("there are few nodes"),
            otlp: arguments.otlp.clone(),
            ..Config::default()
        });
        let mut cluster = Cluster {
            network: MemoryNetwork::default(),
            nodes: Vec::new(),
            configs: configs.collect(),
            lost: None,
            _folder: folder,
        };
        let starts = (0..NODES).map(|place| cluster.start_node(place));
        let nodes = futures::future::try_join_all(starts).await?;
        cluster.nodes = nodes.into_iter().map(Some).collect();
        cluster.wait_until_ready().await?;
        Ok(cluster)
    }

    async fn start_node(&self, place: usize) -> anyhow::Result<Node> {
        let bus = Arc::new(self.network.bus(NodeId(place as u64)));
        Node::start(&self.configs[place], Buses::shared(bus)).await
    }

    async fn wait_until_ready(&self) -> anyhow::Result<()> {
        let start = Instant::now();
        for address in self.addresses() {
            let mut client = Client::new(vec![address], 0);
            loop {
                if client.get::<serde_json::Value>("/readyz").await.is_ok() {
                    break;
                }
                if start.elapsed() > SETTLE_WITHIN {
                    bail!("the node at {address} is not ready after {SETTLE_WITHIN:?}");
                }
            }
        }
        Ok(())
    }

    /// Shards of the cluster.
    pub(super) fn shard_count(&self) -> usize {
        self.live()
            .next()
            .map_or(0, |node| node.door.shards().len())
    }

    /// The nodes that are there.
    pub(super) fn live(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().flatten()
    }

    /// Where the nodes that are there serve HTTP.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.live().map(|node| node.http).collect()
    }

    /// A client of all nodes; each number begins with another node.
    pub(super) fn client(&self, number: usize) -> Client {
        Client::new(self.addresses(), number)
    }

    /// Loses the node that leads the most shards, as if its machine were gone; says which it was.
    pub(super) async fn lose_busiest_node(&mut self) -> anyhow::Result<String> {
        let view: ClusterView = self.client(0).get("/v1/cluster").await?;
        let busiest = view
            .nodes
            .iter()
            .max_by_key(|node| node.leads)
            .context("there are nodes")?;
        let place = self
            .configs
            .iter()
            .position(|config| config.name == busiest.name);
        let place = place.context("the cluster knows a node that the demo did not start")?;
        // The port stays its own, so that clients find it again.
        if let Some(node) = self.nodes[place].take() {
            self.configs[place].http = node.http.to_string();
            node.crash().await;
        }
        self.lost = Some(place);
        Ok(format!(
            "{} ({} of {} shards)",
            busiest.name,
            busiest.leads,
            view.shards.len()
        ))
    }

    /// Starts the lost node again on its data.
    pub(super) async fn bring_back(&mut self) -> anyhow::Result<()> {
        if let Some(place) = self.lost.take() {
            self.nodes[place] = Some(self.start_node(place).await?);
        }
        Ok(())
    }

    /// Stops all nodes.
    pub(super) async fn stop(self) {
        for node in self.nodes.into_iter().flatten() {
            node.stop().await;
        }
    }
}
