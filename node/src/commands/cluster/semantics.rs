//! `troupe cluster semantics`: which version of what scripts mean is in force and which each node supports; with
//! `--raise` another one from now on.

use crate::api::{ClusterView, NodeView, SemanticsRequest};
use crate::arguments::{Output, SemanticsArguments};
use crate::client::Client;
use crate::output;

/// Shows it, or raises it first.
///
/// # Errors
/// A node does not support the version, or the cluster cannot be reached.
pub(super) fn run(arguments: &SemanticsArguments) -> anyhow::Result<()> {
    let client = Client::new(&arguments.client);
    let view: ClusterView = match arguments.raise {
        Some(to) => client.post("/cluster/semantics", &SemanticsRequest { to }, None)?,
        None => client.get("/cluster")?,
    };
    if arguments.client.output == Output::Json {
        return output::json(&view);
    }
    output::line(&format!("version {} is in force\n", view.semantics));
    let supported = |node: &NodeView| match node.semantics {
        [oldest, latest] if oldest == latest => latest.to_string(),
        [oldest, latest] => format!("{oldest} to {latest}"),
    };
    let rows = view
        .nodes
        .iter()
        .map(|node| vec![node.name.clone(), supported(node)]);
    output::table(&["node", "supports"], rows);
    let common = view.nodes.iter().map(|node| node.semantics[1]).min();
    if let Some(common) = common.filter(|common| *common > view.semantics) {
        output::line(&format!(
            "\nall support version {common}: `troupe cluster semantics --raise {common}` puts it in force"
        ));
    }
    Ok(())
}
