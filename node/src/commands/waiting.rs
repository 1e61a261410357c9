//! `--wait` of the commands that send: says at once where waiting may have no end, and goes on after the time
//! that a node grants one request.

use crate::api::{Accepted, MessageView, ServedView};
use crate::arguments::{DeliveryArguments, Wait};
use crate::client::{Client, segment};

/// Says that the end of a daemon's run is waited for. A worker that cannot be looked at is left to the request
/// itself, which says why.
pub(super) fn warn(client: &Client, name: &str, delivery: &DeliveryArguments) {
    if delivery.wait != Wait::Outcome {
        return;
    }
    let served = client.get::<ServedView>(&format!("/programs/{}", segment(name)));
    if served.is_ok_and(|served| served.worker.daemon) {
        eprintln!(
            "note: {name} is a daemon: its run may never end, and this waits for its end; \
             `--wait turn` waits until it has dealt with the message"
        );
    }
}

/// Waits on where the node answered before there was an outcome.
///
/// # Errors
/// The cluster cannot be reached.
pub(super) fn go_on(
    client: &Client,
    accepted: &mut Accepted,
    delivery: &DeliveryArguments,
) -> anyhow::Result<()> {
    if delivery.wait == Wait::Commit || accepted.outcome.is_some() {
        return Ok(());
    }
    let first = accepted
        .first
        .as_ref()
        .filter(|_| delivery.wait == Wait::Turn);
    let id = first.unwrap_or(&accepted.message);
    eprintln!("note: {id} is accepted and not dealt with yet; still waiting");
    let wait = delivery.wait.as_str();
    let path = format!("/messages/{}?wait={wait}", segment(id));
    while accepted.outcome.is_none() {
        accepted.outcome = client.get::<MessageView>(&path)?.outcome;
    }
    Ok(())
}
