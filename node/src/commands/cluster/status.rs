//! `troupe cluster status`: nodes and shards, who leads and who holds what, and what moves.

use super::names;
use crate::api::{BehindView, ClusterView, NodeView, ShardView};
use crate::arguments::{ClientArguments, Output};
use crate::client::Client;
use crate::output;

/// Prints the cluster.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) fn run(client: &ClientArguments) -> anyhow::Result<()> {
    let view: ClusterView = Client::new(client).get("/cluster")?;
    if client.output == Output::Json {
        return output::json(&view);
    }
    output::line(&format!(
        "cluster {} ({}), answered by node {}\n",
        view.name, view.id, view.answered_by
    ));
    if let Some(waits) = &view.waits {
        output::line(&format!(
            "this node does not serve yet: {waits}\nwhat follows is what its disk says, and what it heard since\n"
        ));
    }
    let nodes = view.nodes.iter().map(|node| {
        vec![
            node.name.clone(),
            node.id.to_string(),
            node.state.clone(),
            clock(node),
            node.leads.to_string(),
            node.replicas.to_string(),
            node.load.to_string(),
            node.http.clone(),
        ]
    });
    let titles = [
        "node", "id", "state", "clock", "leads", "replicas", "load", "http",
    ];
    output::table(&titles, nodes);
    output::line("");
    let name = |id: u64| names::of(&view, id);
    let shards = view.shards.iter().map(|shard| {
        vec![
            shard.id.to_string(),
            shard.leader.map_or_else(|| "none".to_owned(), name),
            replicas(shard, name),
            shard.load.to_string(),
            shard.applied.to_string(),
            shard.state_hash.chars().take(12).collect(),
            agreed(shard),
            moves(&view, shard),
        ]
    });
    let titles = [
        "shard", "leader", "replicas", "load", "applied", "state", "agreed", "moves",
    ];
    output::table(&titles, shards);
    Ok(())
}

/// What moves, how far it is and why; else where the shard was asked to be.
fn moves(view: &ClusterView, shard: &ShardView) -> String {
    let Some(moving) = &shard.moving else {
        let behind = shard.behind.iter().map(|one| catches_up(view, one));
        return behind
            .chain(asked(view, shard))
            .collect::<Vec<_>>()
            .join("; ");
    };
    let percent = shard.caught_up_percent;
    let percent = percent.map_or_else(String::new, |percent| format!(", {percent} %"));
    let received = shard.behind.iter().find_map(|one| one.snapshot_bytes);
    let received = received.map_or_else(String::new, |bytes| {
        format!(", a snapshot comes: {} KiB so far", bytes >> 10)
    });
    let reason = shard.reason.as_deref().unwrap_or("decided just now");
    format!("{moving}{percent}{received} ({reason})")
}

/// How far a replica is behind.
fn catches_up(view: &ClusterView, one: &BehindView) -> String {
    let name = names::of(view, one.node);
    match one.snapshot_bytes {
        Some(bytes) => format!("{name} gets a snapshot: {} KiB so far", bytes >> 10),
        None => format!("{name} catches up: {} entries behind", one.entries),
    }
}

fn asked(view: &ClusterView, shard: &ShardView) -> Option<String> {
    let place = shard.asked.as_ref()?;
    let leader = place
        .leader
        .map(|id| format!("led by {}", names::of(view, id)));
    let held = (!place.replicas.is_empty())
        .then(|| format!("held by {}", names::list(view, &place.replicas)));
    let wishes: Vec<String> = leader.into_iter().chain(held).collect();
    Some(format!("to be {} ({})", wishes.join(" and "), place.by))
}

/// How far a node's clock is from the others'.
fn clock(node: &NodeView) -> String {
    match node.clock_ahead_ms {
        Some(ahead) if node.wrong_clock => format!("WRONG by {ahead} ms"),
        Some(ahead) => format!("{ahead:+} ms"),
        None => "unknown".to_owned(),
    }
}

/// The nodes that hold a shard, with those that differ.
fn replicas(shard: &ShardView, name: impl Fn(u64) -> String) -> String {
    let said = |id: &u64| match shard.fenced.contains(id) {
        true => format!("{} (differs)", name(*id)),
        false => name(*id),
    };
    let left = shard
        .fenced
        .iter()
        .filter(|id| !shard.replicas.contains(id));
    let all: Vec<String> = shard.replicas.iter().chain(left).map(said).collect();
    all.join(", ")
}

/// Up to which index the replicas agree.
fn agreed(shard: &ShardView) -> String {
    match shard.agreed {
        Some(index) if shard.stopped => format!("STOPPED at {index}: no majority"),
        Some(index) => index.to_string(),
        None => "not yet".to_owned(),
    }
}
