//! `troupe cluster rebalance`: shows what is to move, asks for it, and shows how far it is. The cluster does
//! the moves from what its log says, so the command may be interrupted.

use std::time::Duration;

use super::{drain, names};
use crate::api::{ClusterView, PlaceView, RebalanceRequest, RebalanceView};
use crate::arguments::{Output, RebalanceArguments};
use crate::client::Client;
use crate::output;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(250);

/// Asks for it, and waits until nothing is left of it.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) fn run(arguments: &RebalanceArguments) -> anyhow::Result<()> {
    let client = Client::new(&arguments.client);
    let request = RebalanceRequest {
        dry_run: arguments.dry_run,
    };
    let mut asked: RebalanceView = client.post("/cluster/rebalance", &request, None)?;
    let as_table = arguments.client.output == Output::Table;
    if as_table {
        show(&asked);
    }
    if !arguments.dry_run && !arguments.no_wait {
        await_done(&client, &mut asked)?;
        if as_table && !asked.changes.is_empty() {
            output::line("done");
        }
    }
    match as_table {
        true => Ok(()),
        false => output::json(&asked),
    }
}

fn await_done(client: &Client, asked: &mut RebalanceView) -> anyhow::Result<()> {
    let bar = drain::progress(asked.changes.len() as u64);
    loop {
        asked.cluster = client.get("/cluster")?;
        let left = left(&asked.cluster);
        if left == 0 {
            bar.finish_and_clear();
            return Ok(());
        }
        bar.set_position((asked.changes.len() as u64).saturating_sub(left));
        bar.set_message(format!("{left} shards"));
        std::thread::sleep(LOOK);
    }
}

/// Shards that are not yet where the rebalance wants them.
fn left(view: &ClusterView) -> u64 {
    let asked = view.shards.iter().filter_map(|shard| shard.asked.as_ref());
    asked.filter(|place| place.by == "rebalance").count() as u64
}

fn show(asked: &RebalanceView) {
    if asked.changes.is_empty() {
        output::line("leads and replicas are even by number and by load: nothing is to move");
        return;
    }
    let view = &asked.cluster;
    let rows = asked.changes.iter().map(|change| {
        let shard = view.shards.iter().find(|shard| shard.id == change.shard);
        vec![
            change.shard.to_string(),
            shard.map_or(0, |shard| shard.load).to_string(),
            lead(view, change),
            replicas(view, change),
        ]
    });
    output::table(&["shard", "load", "lead", "replicas"], rows);
}

fn lead(view: &ClusterView, change: &PlaceView) -> String {
    let shard = view.shards.iter().find(|shard| shard.id == change.shard);
    let now = shard.and_then(|shard| shard.leader);
    let now = now.map_or_else(|| "none".to_owned(), |id| names::of(view, id));
    match change.leader {
        Some(to) => format!("{now} to {}", names::of(view, to)),
        None => now,
    }
}

fn replicas(view: &ClusterView, change: &PlaceView) -> String {
    let shard = view.shards.iter().find(|shard| shard.id == change.shard);
    let now = shard.map_or(&[][..], |shard| &shard.replicas);
    match change.replicas.is_empty() {
        true => names::list(view, now),
        false => format!(
            "{} to {}",
            names::list(view, now),
            names::list(view, &change.replicas)
        ),
    }
}
