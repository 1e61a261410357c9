//! `troupe cluster transfer`: the lead of a shard goes to another node. The cluster does it; the command waits
//! until the other node leads, and may be interrupted.

use std::time::{Duration, Instant};

use anyhow::bail;

use super::names;
use crate::api::{ClusterView, TransferRequest};
use crate::arguments::{Output, TransferArguments};
use crate::client::Client;
use crate::output;

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(50);
/// After this time the node is not going to take it: it is silent, or has no room.
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks for it, and waits until it is so.
///
/// # Errors
/// The node holds no replica, does not take the lead in time, or the cluster cannot be reached.
pub(super) fn run(arguments: &TransferArguments) -> anyhow::Result<()> {
    let client = Client::new(&arguments.client);
    let path = format!("/cluster/shards/{}/transfer", arguments.shard);
    let request = TransferRequest {
        to: arguments.to.clone(),
    };
    let mut view: ClusterView = client.post(&path, &request, None)?;
    let began = Instant::now();
    while !arguments.no_wait && !leads(&view, arguments) {
        if began.elapsed() > PATIENCE {
            bail!(
                "{} does not lead shard {} after {} s; it will as soon as it can\n\
                 hint: `troupe cluster status` shows whether it is silent or far behind; \
                 `troupe cluster rebalance` forgets the wish",
                arguments.to,
                arguments.shard,
                PATIENCE.as_secs()
            );
        }
        std::thread::sleep(LOOK);
        view = client.get("/cluster")?;
    }
    if arguments.client.output == Output::Json {
        return output::json(&view);
    }
    let verb = match leads(&view, arguments) {
        true => "leads",
        false => "is to lead",
    };
    output::line(&format!(
        "{} {verb} shard {}",
        arguments.to, arguments.shard
    ));
    Ok(())
}

fn leads(view: &ClusterView, arguments: &TransferArguments) -> bool {
    let node = names::find(view, &arguments.to).map(|node| node.id);
    let mut shards = view.shards.iter();
    let shard = shards.find(|shard| shard.id == arguments.shard);
    node.is_some() && shard.is_some_and(|shard| shard.leader == node)
}
