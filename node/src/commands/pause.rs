//! `troupe pause` and `troupe resume`: an instance takes nothing until it is told to go on. What comes waits in
//! its mailbox, its timers stay due, and it keeps its state.

use crate::api::InstanceView;
use crate::arguments::{InstanceArguments, Output};
use crate::client::{Client, instance_path};
use crate::output;

/// Lets the instance hold still.
///
/// # Errors
/// There is no such instance, it has ended, or the cluster cannot be reached.
pub(super) fn run(arguments: &InstanceArguments) -> anyhow::Result<()> {
    let view = post(arguments, "pause")?;
    if arguments.client.output == Output::Table {
        let (name, key) = (&view.name, &view.key);
        output::line(&format!(
            "paused    {name}/{key}: `troupe resume {name}/{key}` lets it go on; {} messages wait",
            view.mailbox
        ));
    }
    Ok(())
}

/// Lets it go on.
///
/// # Errors
/// As for [`run`].
pub(super) fn resume(arguments: &InstanceArguments) -> anyhow::Result<()> {
    let view = post(arguments, "resume")?;
    if arguments.client.output == Output::Table {
        output::line(&format!("resumed   {}/{}", view.name, view.key));
        output::line(&format!("status    {}", view.status));
    }
    Ok(())
}

fn post(arguments: &InstanceArguments, what: &str) -> anyhow::Result<InstanceView> {
    let path = format!("{}/{what}", instance_path(&arguments.instance));
    let view: InstanceView = Client::new(&arguments.client).post(&path, &(), None)?;
    if arguments.client.output == Output::Json {
        output::json(&view)?;
    }
    Ok(view)
}
