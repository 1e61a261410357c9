//! `troupe cluster remove`: forgets a node that is gone for good. A node that runs, or that the shard map still
//! names, is refused.

use crate::api::ClusterView;
use crate::arguments::{NodeNameArguments, Output};
use crate::client::{Client, segment};
use crate::output;

/// Forgets the node.
///
/// # Errors
/// It runs or holds replicas, there is none of that name, or the cluster cannot be reached.
pub(super) fn run(arguments: &NodeNameArguments) -> anyhow::Result<()> {
    let client = Client::new(&arguments.client);
    let path = format!("/cluster/nodes/{}", segment(&arguments.node));
    let view: ClusterView = client.delete(&path)?;
    if arguments.client.output == Output::Json {
        return output::json(&view);
    }
    output::line(&format!(
        "removed {}; {} nodes are left",
        arguments.node,
        view.nodes.len()
    ));
    Ok(())
}
