//! `troupe kill`: ends an instance. What it had sent stands; what waits in its mailbox becomes dead
//! letters.

use crate::api::Accepted;
use crate::arguments::{InstanceArguments, Output};
use crate::client::{Client, instance_path};
use crate::output;

/// Ends the instance.
///
/// # Errors
/// There is no such instance, or the cluster cannot be reached.
pub(super) fn run(arguments: &InstanceArguments) -> anyhow::Result<()> {
    let path = instance_path(&arguments.instance);
    let accepted: Accepted = Client::new(&arguments.client).delete(&path)?;
    super::send::print(&accepted, arguments.client.output)?;
    if arguments.client.output == Output::Table {
        output::line("killed    what waited in its mailbox is among `troupe dead-letters list`");
    }
    Ok(())
}
