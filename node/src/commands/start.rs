//! `troupe start`: starts a run by hand, with a key, a config and a first message where wanted.

use crate::api::{Accepted, ServedView, StartRequest};
use crate::arguments::StartArguments;
use crate::client::{Client, segment};

/// Starts the run.
///
/// # Errors
/// An argument is not JSON, the key is running already, or the cluster refuses.
pub(super) fn run(arguments: &StartArguments) -> anyhow::Result<()> {
    let config = arguments.config.as_deref();
    let message = arguments.message.as_deref();
    let request = StartRequest {
        key: arguments.key.clone(),
        config: config
            .map(|text| super::json::argument("--config", text))
            .transpose()?,
        message: message
            .map(|text| super::json::argument("--message", text))
            .transpose()?,
    };
    let wait = arguments.delivery.wait.as_str();
    let path = format!(
        "/workers/{}/instances?wait={wait}",
        segment(&arguments.name)
    );
    let key = arguments.delivery.idempotency_key.as_deref();
    let client = Client::new(&arguments.client);
    super::waiting::warn(&client, &arguments.name, &arguments.delivery);
    let mut accepted: Accepted = client.post(&path, &request, key)?;
    super::waiting::go_on(&client, &mut accepted, &arguments.delivery)?;
    if arguments.key.is_none() && arguments.message.is_none() {
        note_key(&client, &arguments.name);
    }
    super::send::print(&accepted, arguments.client.output)
}

/// Says where a run was given a key that no message leads to. A worker that cannot be looked at is left as it is.
fn note_key(client: &Client, name: &str) {
    let served = client.get::<ServedView>(&format!("/programs/{}", segment(name)));
    if served.is_ok_and(|served| served.worker.keyed) {
        eprintln!(
            "note: {name} has a `key`, and this instance a made one: no message to {name} is routed to it; \
             `--key K` says which instance is started"
        );
    }
}
