//! What `doctor` checks of the cluster, where the node of these settings runs, or of a node that is named.

use super::Check;
use crate::api::ClusterView;
use crate::arguments::{ClientArguments, Output};
use crate::client::Client;
use crate::config::Config;

pub(super) fn all(config: &Config) -> Vec<Check> {
    match view(&format!("http://{}", reachable(&config.http))) {
        Ok(view) => {
            let mut checks = vec![serves(config, &view)];
            checks.extend(of(&view));
            checks
        }
        Err(_) => vec![Check::good(
            "cluster",
            "no node answers at that address, so that nothing more was checked",
        )],
    }
}

/// Checks the cluster of the node at an address.
pub(super) fn at(url: &str) -> Vec<Check> {
    const WHAT: &str = "node";
    match view(url) {
        Ok(view) => {
            let serves = match &view.waits {
                Some(waits) => waiting(waits),
                None => Check::good(WHAT, format!("serves the cluster {}", view.name)),
            };
            std::iter::once(serves).chain(of(&view)).collect()
        }
        Err(error) => vec![Check::bad(
            WHAT,
            format!("{error:#}"),
            "name a node that runs with --url; on its machine, `troupe doctor` without it checks more",
        )],
    }
}

fn view(url: &str) -> anyhow::Result<ClusterView> {
    let arguments = ClientArguments {
        url: url.to_owned(),
        output: Output::Table,
        namespace: "default".to_owned(),
    };
    Client::new(&arguments).get("/cluster")
}

fn of(view: &ClusterView) -> [Check; 3] {
    [nodes(view), clocks(view), shards(view)]
}

fn waiting(waits: &str) -> Check {
    Check::bad(
        "node",
        format!("it does not serve yet: {waits}"),
        "start the nodes that are missing; where they are gone for good, see `troupe cluster recover --help`",
    )
}

/// An address that listens everywhere is asked here.
fn reachable(http: &str) -> String {
    match http.rsplit_once(':') {
        Some(("0.0.0.0" | "[::]", port)) => format!("127.0.0.1:{port}"),
        _ => http.to_owned(),
    }
}

fn serves(config: &Config, view: &ClusterView) -> Check {
    const WHAT: &str = "node";
    if let Some(waits) = &view.waits {
        return waiting(waits);
    }
    match view.name == config.cluster {
        true => Check::good(WHAT, format!("serves the cluster {}", view.name)),
        false => Check::bad(
            WHAT,
            format!(
                "a node of the cluster `{}` answers at {}",
                view.name, config.http
            ),
            format!(
                "these settings name the cluster `{}`: give another --http",
                config.cluster
            ),
        ),
    }
}

fn nodes(view: &ClusterView) -> Check {
    const WHAT: &str = "members";
    let silent: Vec<&str> = view
        .nodes
        .iter()
        .filter(|node| node.state == "silent")
        .map(|node| node.name.as_str())
        .collect();
    let all = view.nodes.len();
    match silent.is_empty() {
        true => Check::good(WHAT, format!("all {all} are heard")),
        false => Check::bad(
            WHAT,
            format!(
                "{} of {all} are silent: {}",
                silent.len(),
                silent.join(", ")
            ),
            "start them; one that is gone for good: `troupe cluster drain` and `remove`",
        ),
    }
}

fn clocks(view: &ClusterView) -> Check {
    const WHAT: &str = "clocks";
    let wrong: Vec<&str> = view
        .nodes
        .iter()
        .filter(|node| node.wrong_clock)
        .map(|node| node.name.as_str())
        .collect();
    let furthest = view.nodes.iter().filter_map(|node| node.clock_ahead_ms);
    let furthest = furthest.map(i64::abs).max().unwrap_or(0);
    match wrong.is_empty() {
        true => Check::good(WHAT, format!("within {furthest} ms of each other")),
        false => Check::bad(
            WHAT,
            format!("wrong on {}", wrong.join(", ")),
            "set them, and let a time service keep them; until then these nodes lead nothing",
        ),
    }
}

fn shards(view: &ClusterView) -> Check {
    const WHAT: &str = "shards";
    let all = view.shards.len();
    let leaderless = view.shards.iter().filter(|shard| shard.leader.is_none());
    let leaderless = leaderless.count();
    let stopped = view.shards.iter().filter(|shard| shard.stopped).count();
    let wanted = (view.replicas as usize).min(view.nodes.len());
    let thin = view
        .shards
        .iter()
        .filter(|shard| shard.replicas.len() < wanted);
    let thin = thin.count();
    if leaderless + stopped > 0 {
        return Check::bad(
            WHAT,
            format!("{leaderless} of {all} have no leader, {stopped} have stopped"),
            "start the nodes that hold them; `troupe cluster status` shows which",
        );
    }
    match thin {
        0 => Check::good(
            WHAT,
            format!("all {all} are led, with {wanted} replicas each"),
        ),
        _ => Check::doubtful(
            WHAT,
            format!("{thin} of {all} have fewer than {wanted} replicas"),
            "the cluster makes new ones where there is room; `troupe cluster status` shows how far it is",
        ),
    }
}
