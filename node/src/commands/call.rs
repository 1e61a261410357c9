//! `troupe call`: sends a message, waits until the run that took it has ended, and prints what it completed with,
//! as JSON and nothing else. For scripts, which look at the exit code: 0 it completed, 1 it did not.

use anyhow::{anyhow, bail};

use crate::api::Accepted;
use crate::arguments::{CallArguments, DeliveryArguments, Wait};
use crate::client::{Client, instance, segment};
use crate::output;

/// Sends the message and prints the result.
///
/// # Errors
/// The message is not JSON, the cluster refuses it, or the run failed or was killed.
pub(super) fn run(arguments: &CallArguments) -> anyhow::Result<()> {
    let message = super::json::argument("the message", &arguments.message)?;
    let (name, key) = instance(&arguments.target);
    let place = match key {
        Some(key) => format!(
            "/workers/{}/instances/{}/messages",
            segment(name),
            segment(key)
        ),
        None => format!("/workers/{}/messages", segment(name)),
    };
    let delivery = DeliveryArguments {
        idempotency_key: arguments.idempotency_key.clone(),
        wait: Wait::Outcome,
    };
    let client = Client::new(&arguments.client);
    super::waiting::warn(&client, name, &delivery);
    let path = format!("{place}?wait={}", delivery.wait.as_str());
    let mut accepted: Accepted =
        client.post(&path, &message, delivery.idempotency_key.as_deref())?;
    super::waiting::go_on(&client, &mut accepted, &delivery)?;
    let outcome = accepted
        .outcome
        .ok_or_else(|| anyhow!("{} is accepted and not dealt with yet", accepted.message))?;
    let to = accepted.instance.as_deref().unwrap_or(name);
    match (outcome.status.as_str(), &outcome.error) {
        ("completed", _) => output::json(&outcome.result),
        (_, Some(error)) => bail!("{to}: {}", super::get::failure(error)),
        (status, None) => bail!("{to} was {status}: it has no result"),
    }
}
