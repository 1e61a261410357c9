//! `troupe result`: what a run completed with, as JSON; with `--wait` once it has ended.

use anyhow::bail;

use crate::api::InstanceView;
use crate::arguments::{Output, ResultArguments};
use crate::client::{Client, instance_path};
use crate::output;

/// Prints the result.
///
/// # Errors
/// There is no such instance, it has not ended, it failed or was killed.
pub(super) fn run(arguments: &ResultArguments) -> anyhow::Result<()> {
    let client = Client::new(&arguments.instance.client);
    let path = instance_path(&arguments.instance.instance);
    let mut view: InstanceView = client.get(&path)?;
    while arguments.wait && !has_ended(&view) {
        // The next step may be its last.
        let after = format!("{path}/history?cursor={}", view.step + 1);
        client.follow(&after, None, |_| Ok(false))?;
        view = client.get(&path)?;
    }
    let name = format!("{}/{}", view.name, view.key);
    match (view.status.as_str(), &view.error) {
        ("completed", _) => {}
        ("failed", Some(error)) => bail!("{name} failed: {}", super::get::failure(error)),
        (status, _) if has_ended(&view) => bail!("{name} was {status}: it has no result"),
        (status, _) => bail!(
            "{name} has not ended: it is {status}\nhint: `--wait` waits for its end, `troupe get {name}` \
             shows its state"
        ),
    }
    match (&view.result, arguments.instance.client.output) {
        (result, Output::Json) => output::json(result)?,
        (Some(result), Output::Table) => output::line(&result.to_string()),
        (None, Output::Table) => eprintln!("{name} completed without a result"),
    }
    Ok(())
}

fn has_ended(view: &InstanceView) -> bool {
    matches!(view.status.as_str(), "completed" | "failed" | "killed")
}
