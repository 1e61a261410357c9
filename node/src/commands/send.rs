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
    let client = Client::new(&arguments.client);
    super::waiting::warn(&client, name, &arguments.delivery);
    let mut accepted: Accepted = client.post(&path, &message, key)?;
    super::waiting::go_on(&client, &mut accepted, &arguments.delivery)?;
    print(&accepted, arguments.client.output)
}

fn table(accepted: &Accepted) {
    if accepted.duplicate {
        let what = "of an earlier request with this idempotency key: nothing was applied again";
        output::line(&format!("repeat    {what}"));
    }
    output::line(&format!("message   {}", accepted.message));
    output::line(&format!("trace     {}", accepted.trace));
    if let Some(instance) = &accepted.instance {
        output::line(&format!("instance  {instance}"));
    }
    let outcome = accepted.outcome.as_ref();
    match outcome.map(|outcome| outcome.status.as_str()) {
        Some(status) => output::line(&format!("status    {status}")),
        None if accepted.duplicate => output::line("status    not dealt with yet"),
        None => {}
    }
    if let Some(result) = outcome.and_then(|outcome| outcome.result.as_ref()) {
        output::line(&format!("result    {result}"));
    }
    if let Some(letter) = outcome.and_then(|outcome| outcome.dead_letter.as_ref()) {
        output::line(&format!(
            "letter    {letter}: `troupe dead-letters show {letter}` has the message and why"
        ));
    }
}

/// Prints what became of a message or a start.
///
/// # Errors
/// It has no JSON form, or the run failed.
pub(super) fn print(accepted: &Accepted, form: Output) -> anyhow::Result<()> {
    if form == Output::Json {
        output::json(accepted)?;
    } else {
        table(accepted);
    }
    match accepted
        .outcome
        .as_ref()
        .and_then(|outcome| outcome.error.as_ref())
    {
        Some(error) => {
            let failure = super::get::failure(error);
            let is_undone = error.code != vm::codes::FAILED_BY_SCRIPT.code;
            let letter = accepted
                .outcome
                .as_ref()
                .and_then(|out| out.dead_letter.as_ref());
            // A run that fails by `fail` has taken its message.
            let hint = match is_undone && letter.is_none() {
                true => {
                    "\nhint: the turn is undone, and the message is a dead letter: `troupe dead-letters list`"
                }
                false => "",
            };
            Err(anyhow::anyhow!("{failure}{hint}"))
        }
        None => Ok(()),
    }
}
