//! `troupe cluster recover`: shards, or the system group, go on from one node after most of the others are gone
//! for good. Without `--yes` it only says what would be lost.

use std::time::{Duration, Instant};

use anyhow::bail;

use super::names;
use crate::api::{ClusterView, RecoverRequest, RecoveryView, ReplicaView, ShardView};
use crate::arguments::{Output, RecoverArguments};
use crate::client::Client;
use crate::output;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(100);
/// How long a shard may take to be led again.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is said where nothing was done.
const NOTHING_DONE: &str = "nothing was changed\nhint: add --yes to go on from there; what the other \
                            nodes hold beyond it is lost then";

/// Shows what would be lost; goes on where it is confirmed.
///
/// # Errors
/// It has a quorum, the node cannot be gone on from, it was not confirmed, or the cluster cannot be reached.
pub(super) fn run(arguments: &RecoverArguments) -> anyhow::Result<()> {
    let client = Client::new(&arguments.client);
    match arguments.system {
        true => system(&client, arguments),
        false => shards(&client, arguments),
    }
}

fn request(arguments: &RecoverArguments, confirmed: bool) -> RecoverRequest {
    RecoverRequest {
        from: arguments.from.clone(),
        confirmed,
    }
}

fn system(client: &Client, arguments: &RecoverArguments) -> anyhow::Result<()> {
    let body = request(arguments, arguments.yes);
    let view: ClusterView = client.post("/cluster/system/recover", &body, None)?;
    if arguments.client.output == Output::Json {
        return output::json(&view);
    }
    if !arguments.yes {
        output::line(&format!(
            "{} would go on alone as the system group; members, programs, names and places of shards that \
             were changed last, while it was behind, are lost",
            arguments.from
        ));
        bail!(NOTHING_DONE);
    }
    output::line(&format!(
        "{} leads the system group; other nodes that are left join it. Next: `troupe cluster recover --all \
         --from {}`, and `troupe cluster remove` for the nodes that are gone",
        arguments.from, arguments.from
    ));
    Ok(())
}

fn shards(client: &Client, arguments: &RecoverArguments) -> anyhow::Result<()> {
    let view: ClusterView = client.get("/cluster")?;
    let numbers = match arguments.shard {
        Some(shard) => vec![shard],
        None => lost(&view, arguments),
    };
    let mut all = Vec::new();
    for number in numbers {
        let path = format!("/cluster/shards/{number}/recover");
        let body = request(arguments, arguments.yes);
        let one: RecoveryView = client.post(&path, &body, None)?;
        all.push(one);
    }
    if arguments.client.output == Output::Json {
        output::json(&all)?;
    } else {
        show(&view, &all);
    }
    if !arguments.yes && !all.is_empty() {
        bail!(NOTHING_DONE);
    }
    for one in &all {
        await_led(client, one)?;
    }
    if arguments.client.output == Output::Table && !all.is_empty() {
        output::line(&format!(
            "{} shards go on from {}",
            all.len(),
            arguments.from
        ));
    }
    Ok(())
}

/// The shards that nobody leads, or that have stopped, and that the node holds.
fn lost(view: &ClusterView, arguments: &RecoverArguments) -> Vec<u32> {
    let from = names::find(view, &arguments.from).map_or(0, |node| node.id);
    let is_heard = |id: &&u64| {
        let mut nodes = view.nodes.iter();
        nodes.any(|node| node.id == **id && node.state != "silent")
    };
    let has_quorum = |shard: &ShardView| {
        let heard = shard.replicas.iter().filter(is_heard).count();
        heard * 2 > shard.replicas.len()
    };
    let lost = view
        .shards
        .iter()
        .filter(|shard| shard.replicas.contains(&from) && (shard.stopped || !has_quorum(shard)));
    lost.map(|shard| shard.id).collect()
}

fn show(view: &ClusterView, all: &[RecoveryView]) {
    if all.is_empty() {
        output::line(
            "no shard that this node holds has lost its quorum: nothing is to be recovered",
        );
        return;
    }
    let rows = all.iter().map(|one| {
        let others: Vec<String> = one.others.iter().map(|other| told(view, other)).collect();
        vec![
            one.shard.to_string(),
            one.from.held.unwrap_or(0).to_string(),
            one.from.applied.unwrap_or(0).to_string(),
            others.join("; "),
        ]
    });
    output::table(
        &["shard", "entries here", "known committed", "others"],
        rows,
    );
    output::line(
        "\nEntries that are here are kept, also those that are not known to be committed. What the others took \
         after their last report is not known.",
    );
}

/// What is known of a replica that is left behind.
fn told(view: &ClusterView, other: &ReplicaView) -> String {
    let name = names::of(view, other.node);
    match (other.applied, other.lost) {
        (Some(applied), Some(0)) => format!("{name}: {applied} when last heard, all of them here"),
        (Some(applied), Some(lost)) => {
            format!("{name}: {applied} when last heard, {lost} of them NOT here")
        }
        _ => format!("{name}: never heard since this node started"),
    }
}

fn await_led(client: &Client, one: &RecoveryView) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let view: ClusterView = client.get("/cluster")?;
        let shard = view.shards.iter().find(|shard| shard.id == one.shard);
        if shard.is_some_and(|shard| {
            shard.incarnation > one.incarnation && shard.leader.is_some() && !shard.stopped
        }) {
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            bail!(
                "shard {} is not led after {} s; `troupe cluster status` shows what it waits for",
                one.shard,
                PATIENCE.as_secs()
            );
        }
        std::thread::sleep(LOOK);
    }
}
