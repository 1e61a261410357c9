//! `troupe send`: one message to a worker or an instance. Returns when it is on a quorum's disks, or
//! later as `--wait` says.

use crate::api::Accepted;
use crate::arguments::{Output, SendArguments};
use crate::client::{Client, instance, segment};
use crate::output;

/// Sends the message.
///
/// # Errors
/// The message is not JSON, or the cluster refuses it.
pub(super) fn run(arguments: &SendArguments) -> anyhow::Result<()> {
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
    let path = format!("{place}?wait={}", arguments.delivery.wait.as_str());
    let key = arguments.delivery.idempotency_key.as_deref();
    let accepted: Accepted = Client::new(&arguments.client).post(&path, &message, key)?;
    print(&accepted, arguments.client.output)
}

/// Prints what became of a message or a start.
///
/// # Errors
/// It has no JSON form, or the run failed.
pub(super) fn print(accepted: &Accepted, form: Output) -> anyhow::Result<()> {
    if form == Output::Json {
        output::json(accepted)?;
    } else {
        output::line(&format!("message   {}", accepted.message));
        output::line(&format!("trace     {}", accepted.trace));
        if let Some(instance) = &accepted.instance {
            output::line(&format!("instance  {instance}"));
        }
        if accepted.duplicate {
            output::line("duplicate the idempotency key was known: nothing was applied again");
        }
        if let Some(outcome) = &accepted.outcome {
            output::line(&format!("status    {}", outcome.status));
            if let Some(result) = &outcome.result {
                output::line(&format!("result    {result}"));
            }
        }
    }
    match accepted
        .outcome
        .as_ref()
        .and_then(|outcome| outcome.error.as_ref())
    {
        Some(error) => Err(anyhow::anyhow!("{}", super::get::failure(error))),
        None => Ok(()),
    }
}
