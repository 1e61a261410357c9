//! `troupe undeploy`: takes a name away. Instances that run go on with their program.

use crate::api::ServedView;
use crate::arguments::{Output, UndeployArguments};
use crate::client::{Client, segment};
use crate::output;

/// Takes the name away.
///
/// # Errors
/// No worker has the name, or the cluster cannot be reached.
pub(super) fn run(arguments: &UndeployArguments) -> anyhow::Result<()> {
    let path = format!("/programs/{}", segment(&arguments.name));
    let gone: ServedView = Client::new(&arguments.client).delete(&path)?;
    if arguments.client.output == Output::Json {
        return output::json(&gone);
    }
    output::line(&format!(
        "{} of {} is undeployed; instances that run go on with their program, messages to the name wait \
         until it is deployed again or their time is over",
        gone.worker.name, gone.file
    ));
    Ok(())
}
