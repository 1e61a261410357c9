//! How nodes are named to people, and found by what people say: by name, else by id.

use crate::api::{ClusterView, NodeView};

/// The name of a node, with its id where another has that name too; its id where it is no member.
pub(super) fn of(view: &ClusterView, id: u64) -> String {
    let Some(known) = view.nodes.iter().find(|node| node.id == id) else {
        return id.to_string();
    };
    let same = view.nodes.iter().filter(|node| node.name == known.name);
    match same.count() {
        1 => known.name.clone(),
        _ => format!("{} ({id})", known.name),
    }
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
