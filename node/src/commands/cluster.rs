//! `troupe cluster status`: nodes and shards, who leads and who holds what.

use crate::api::ClusterView;
use crate::arguments::{ClientArguments, ClusterCommand, Output};
use crate::client::Client;
use crate::output;

/// Carries out a cluster command.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) fn run(command: &ClusterCommand) -> anyhow::Result<()> {
    match command {
        ClusterCommand::Status { client } => status(client),
    }
}

fn status(client: &ClientArguments) -> anyhow::Result<()> {
    let view: ClusterView = Client::new(client).get("/cluster")?;
    if client.output == Output::Json {
        return output::json(&view);
    }
    output::line(&format!(
        "cluster {} ({}), answered by node {}\n",
        view.name, view.id, view.answered_by
    ));
    let nodes = view.nodes.iter().map(|node| {
        vec![
            node.name.clone(),
            node.id.to_string(),
            node.state.clone(),
            node.leads.to_string(),
            node.replicas.to_string(),
            node.http.clone(),
        ]
    });
    output::table(&["node", "id", "state", "leads", "replicas", "http"], nodes);
    output::line("");
    let name = |id: u64| {
        view.nodes
            .iter()
            .find(|node| node.id == id)
            .map_or_else(|| id.to_string(), |node| node.name.clone())
    };
    let shards = view.shards.iter().map(|shard| {
        vec![
            shard.id.to_string(),
            shard.leader.map_or_else(|| "none".to_owned(), name),
            shard
                .replicas
                .iter()
                .map(|id| name(*id))
                .collect::<Vec<_>>()
                .join(", "),
            shard.applied.to_string(),
            shard.state_hash.chars().take(12).collect(),
        ]
    });
    output::table(&["shard", "leader", "replicas", "applied", "state"], shards);
    Ok(())
}
