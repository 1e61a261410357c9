//! A small network inside this machine, for what has to be cut: machines that are network namespaces of Linux,
//! each with an address on one bridge, which this process has an address on too. Processes are started in them,
//! and what one machine sends another can be made to vanish, in one direction or in both. Before it come the
//! benchmark and the end-to-end tests. Guarantees: packets that are cut vanish silently, as on a broken switch;
//! this process reaches every machine whatever is cut between them; everything is gone with the value, and what a
//! process left that was killed goes with the next network. Left to others: the processes.
#![cfg_attr(test, allow(clippy::unwrap_used))]

use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// What names of links and namespaces begin with; then come the process, a number, and the machine.
const PREFIX: &str = "tn";
/// A hardware address that no machine has: a bridge passes on what is sent to it, and nobody takes it.
const NOBODY: &str = "02:00:00:00:00:01";
/// Subnets to choose from, in the block that is set aside for measurements of networks (RFC 2544).
const SUBNETS: u32 = 512;

/// Networks that this process has made.
static MADE: AtomicU32 = AtomicU32::new(0);

/// Why there is no such network, or why it could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The tool is not installed.
    #[error("there is no `ip` (iproute2) on this machine")]
    Missing,
    /// The tool refused.
    #[error("`ip {command}` failed, which needs root on Linux: {said}")]
    Refused {
        /// Its arguments.
        command: String,
        /// What it wrote, or how it ended.
        said: String,
    },
    /// Every subnet is in use.
    #[error("all networks in 198.18.0.0/15 are in use on this machine")]
    NoSubnet,
}

/// Machines on a bridge.
#[derive(Debug)]
pub struct Network {
    name: String,
    subnet: [u8; 3],
    machines: u8,
}

impl Network {
    /// Makes so many machines, numbered from 0.
    ///
    /// # Errors
    /// This machine does not allow it: no root, no `ip`, not Linux.
    pub fn new(machines: u8) -> Result<Network, Error> {
        sweep();
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}x{number}", std::process::id());
        let network = Network {
            subnet: free_subnet(number)?,
            name,
            machines,
        };
        network.make()?;
        Ok(network)
    }

    fn make(&self) -> Result<(), Error> {
        let host = &self.name;
        // The bridge has a namespace too: this machine's packet filter would have a say about what passes it.
        let switch = self.switch();
        ip(&format!("netns add {switch}"))?;
        ip(&format!("-n {switch} link add bridge type bridge"))?;
        ip(&format!("-n {switch} link set bridge up"))?;
        ip(&format!(
            "link add {host} type veth peer name host netns {switch}"
        ))?;
        ip(&format!("addr add {}/24 dev {host}", self.host()))?;
        ip(&format!("link set {host} up"))?;
        ip(&format!("-n {switch} link set host master bridge up"))?;
        for machine in 0..self.machines {
            let (space, address) = (self.space(machine), self.address(machine));
            ip(&format!("netns add {space}"))?;
            ip(&format!(
                "-n {switch} link add {space} type veth peer name eth0 netns {space}"
            ))?;
            ip(&format!("-n {switch} link set {space} master bridge up"))?;
            ip(&format!("-n {space} addr add {address}/24 dev eth0"))?;
            ip(&format!("-n {space} link set lo up"))?;
            ip(&format!("-n {space} link set eth0 up"))?;
        }
        Ok(())
    }

    /// The address of this process on the bridge.
    #[must_use]
    pub fn host(&self) -> Ipv4Addr {
        self.at(1)
    }

    /// The address of a machine.
    #[must_use]
    pub fn address(&self, machine: u8) -> Ipv4Addr {
        self.at(machine + 2)
    }

    fn at(&self, last: u8) -> Ipv4Addr {
        let [a, b, c] = self.subnet;
        Ipv4Addr::new(a, b, c, last)
    }

    /// The command as it runs in a machine. The process that it starts is the program itself, not a parent of it.
    #[must_use]
    pub fn inside(&self, machine: u8, command: &Command) -> Command {
        let mut inside = Command::new("ip");
        inside
            .args(["netns", "exec", &self.space(machine)])
            .arg(command.get_program())
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        inside
    }

    /// From now on nothing arrives of what `from` sends to `to`.
    ///
    /// # Errors
    /// `ip` fails.
    pub fn cut(&self, from: u8, to: u8) -> Result<(), Error> {
        let (space, address) = (self.space(from), self.address(to));
        ip(&format!(
            "-n {space} neigh replace {address} lladdr {NOBODY} nud permanent dev eth0"
        ))
    }

    /// What `from` sends to `to` arrives again.
    ///
    /// # Errors
    /// `ip` fails, or nothing was cut.
    pub fn mend(&self, from: u8, to: u8) -> Result<(), Error> {
        let (space, address) = (self.space(from), self.address(to));
        ip(&format!("-n {space} neigh del {address} dev eth0"))
    }

    fn space(&self, machine: u8) -> String {
        format!("{}n{machine}", self.name)
    }

    fn switch(&self) -> String {
        format!("{}s", self.name)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // With the bridge go all links to it. What could not be made is not there.
        let _ = ip(&format!("link del {}", self.name));
        for space in (0..self.machines).map(|machine| self.space(machine)) {
            let _ = ip(&format!("netns del {space}"));
        }
        let _ = ip(&format!("netns del {}", self.switch()));
    }
}

/// A subnet of which this machine knows nothing yet.
fn free_subnet(number: u32) -> Result<[u8; 3], Error> {
    let routes = output("-4 route show")?;
    let first = std::process::id().wrapping_add(number);
    let subnets = (0..SUBNETS).map(|add| first.wrapping_add(add) % SUBNETS);
    let subnets = subnets.map(|one| [198, 18 + (one / 256) as u8, (one % 256) as u8]);
    let is_free = |[a, b, c]: &[u8; 3]| !routes.contains(&format!("{a}.{b}.{c}.0/24 "));
    subnets.into_iter().find(is_free).ok_or(Error::NoSubnet)
}

/// Whether a namespace is of a process that is gone.
fn is_left(name: &str) -> bool {
    let rest = name.strip_prefix(PREFIX);
    let process = rest.and_then(|rest| rest.split_once('x'));
    process.is_some_and(|(process, _)| {
        process.parse::<u32>().is_ok() && !Path::new("/proc").join(process).exists()
    })
}

/// Removes what processes left that were killed. A namespace takes its links with it.
fn sweep() {
    let spaces = output("netns list").unwrap_or_default();
    let names = spaces
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    for name in names.filter(|name| is_left(name)) {
        let _ = ip(&format!("netns del {name}"));
    }
}

fn ip(arguments: &str) -> Result<(), Error> {
    output(arguments).map(drop)
}

/// Runs `ip`; gives what it wrote.
fn output(arguments: &str) -> Result<String, Error> {
    let ran = Command::new("ip")
        .args(arguments.split_whitespace())
        .stdin(Stdio::null())
        .output();
    let refused = |said: String| Error::Refused {
        command: arguments.to_owned(),
        said,
    };
    let output = ran.map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::Missing,
        _ => refused(error.to_string()),
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(refused(match said.is_empty() {
        true => output.status.to_string(),
        false => said,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_is_told_from_what_is_in_use() {
        assert!(is_left("tn4294967295x0n1"));
        assert!(!is_left(&format!("tn{}x0n1", std::process::id())));
        assert!(!is_left("tnt") && !is_left("docker0") && !is_left("tnx3"));
    }

    #[test]
    fn a_command_runs_in_a_machine_with_its_arguments_and_environment() {
        let network = Network {
            name: "tn7x0".to_owned(),
            subnet: [198, 18, 3],
            machines: 0,
        };
        let mut command = Command::new("prog");
        command.args(["one", "two words"]).env("A", "b");
        let inside = network.inside(2, &command);
        let arguments: Vec<_> = inside.get_args().collect();
        assert_eq!(
            arguments,
            ["netns", "exec", "tn7x0n2", "prog", "one", "two words"]
        );
        assert_eq!(inside.get_envs().count(), 1);
        assert_eq!(network.host().to_string(), "198.18.3.1");
        assert_eq!(network.address(2).to_string(), "198.18.3.4");
    }

    #[test]
    fn a_tool_that_refuses_is_quoted() {
        match output("link show nothing-of-this-name") {
            Err(Error::Missing) => {}
            refused => {
                let said = refused.unwrap_err().to_string();
                assert!(said.contains("nothing-of-this-name"), "{said}");
            }
        }
    }
}
