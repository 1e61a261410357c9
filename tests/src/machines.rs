//! Where processes of a test run: on this machine, or each in a machine of its own (a network namespace), so that
//! what one sends another can be cut. Clusters and services come after it. A machine that does not allow
//! namespaces fails the test that needs them, as a missing service does.

use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::Arc;

use namespaces::Network;

use crate::services::allows_missing;

/// Where a process runs: this machine by default.
#[derive(Clone, Debug, Default)]
pub struct Host(Option<(Arc<Network>, u8)>);

impl Host {
    /// So many machines on a network of their own. `None`, with a line on standard error, only where the user allows
    /// it to be missing; panics otherwise.
    #[must_use]
    pub fn network(machines: u8) -> Option<Arc<Network>> {
        match Network::new(machines) {
            Ok(network) => Some(Arc::new(network)),
            Err(error) if allows_missing() => {
                eprintln!("not tested: a network that is cut: {error}");
                None
            }
            Err(error) => panic!(
                "a network that is cut cannot be tested here: {error}. Run this as root on Linux; `./test` says \
                 what was not tested"
            ),
        }
    }

    /// A machine of a network.
    #[must_use]
    pub fn of(network: &Arc<Network>, machine: u8) -> Self {
        Self(Some((Arc::clone(network), machine)))
    }

    /// The address that processes there serve at.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        let network = self.0.as_ref();
        network.map_or(Ipv4Addr::LOCALHOST, |(network, machine)| {
            network.address(*machine)
        })
    }

    /// The command as it runs there.
    #[must_use]
    pub fn command(&self, command: Command) -> Command {
        match &self.0 {
            Some((network, machine)) => network.inside(*machine, &command),
            None => command,
        }
    }
}
