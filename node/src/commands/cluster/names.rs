//! How nodes are named to people, and found by what people say: by name, else by id.

use crate::api::{ClusterView, NodeView};

/// The name of a node; its id where it is no member.
pub(super) fn of(view: &ClusterView, id: u64) -> String {
    let mut nodes = view.nodes.iter();
    let known = nodes.find(|node| node.id == id);
    known.map_or_else(|| id.to_string(), |node| node.name.clone())
}

/// The node of that name or id.
pub(super) fn find<'a>(view: &'a ClusterView, name: &str) -> Option<&'a NodeView> {
    let mut nodes = view.nodes.iter();
    nodes.find(|node| node.name == name || node.id.to_string() == name)
}

/// The names of several.
pub(super) fn list(view: &ClusterView, ids: &[u64]) -> String {
    let names: Vec<String> = ids.iter().map(|id| of(view, *id)).collect();
    names.join(", ")
}
