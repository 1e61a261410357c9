//! `troupe cluster …`: what an operator asks of a cluster, one file for each command.

mod drain;
mod names;
mod rebalance;
mod recover;
mod remove;
mod semantics;
mod status;
mod transfer;

use crate::arguments::ClusterCommand;

/// Carries out a cluster command.
///
/// # Errors
/// The cluster cannot be reached, or refuses.
pub(super) fn run(command: &ClusterCommand) -> anyhow::Result<()> {
    match command {
        ClusterCommand::Status { client } => status::run(client),
        ClusterCommand::Transfer(arguments) => transfer::run(arguments),
        ClusterCommand::Rebalance(arguments) => rebalance::run(arguments),
        ClusterCommand::Drain(arguments) => drain::run(arguments),
        ClusterCommand::Undrain(arguments) => drain::undo(arguments),
        ClusterCommand::Semantics(arguments) => semantics::run(arguments),
        ClusterCommand::Remove(arguments) => remove::run(arguments),
        ClusterCommand::Recover(arguments) => recover::run(arguments),
    }
}
