//! Child processes of the benchmark: nodes and NATS. They end with it, also when it fails.

use std::net::{IpAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};
use namespaces::Network;

/// A child that is killed when it is dropped.
pub(super) struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    /// Starts it.
    ///
    /// # Errors
    /// The program is not there or cannot be run.
    pub(super) fn start(command: &mut Command) -> std::io::Result<Process> {
        Ok(Process(command.stdin(Stdio::null()).spawn()?))
    }

    /// Its id.
    pub(super) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Ends it as a power cut would, and waits until it is gone.
    ///
    /// # Errors
    /// The kernel refuses.
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        self.0.kill().context("cannot kill a node")?;
        self.0.wait()?;
        Ok(())
    }

    /// Says how it ended, where it has.
    ///
    /// # Errors
    /// The kernel refuses.
    pub(super) fn ended(&mut self) -> anyhow::Result<Option<String>> {
        Ok(self.0.try_wait()?.map(|status| status.to_string()))
    }

    /// Sends a signal, such as `libc::SIGSTOP`.
    ///
    /// # Errors
    /// The kernel refuses.
    pub(super) fn signal(&self, signal: libc::c_int) -> anyhow::Result<()> {
        let process = i32::try_from(self.0.id())?;
        // SAFETY: `kill` takes two integers; the process is our child and was not waited for.
        let sent = unsafe { libc::kill(process, signal) };
        ensure!(
            sent == 0,
            "cannot signal a node: {}",
            std::io::Error::last_os_error()
        );
        Ok(())
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// The kernel refuses.
    pub(super) fn wait(&mut self) -> anyhow::Result<()> {
        self.0.wait()?;
        Ok(())
    }
}

/// A NATS server, which can be lost and come back where it was.
pub(super) struct Nats {
    /// Where it is.
    pub url: String,
    command: Command,
    process: Process,
}

impl Nats {
    /// Starts one at an address; in a machine of that network where there is one.
    ///
    /// # Errors
    /// There is no such program.
    pub(super) fn start(
        binary: Option<&Path>,
        address: IpAddr,
        network: Option<(&Network, u8)>,
    ) -> anyhow::Result<Nats> {
        let binary = binary.map_or_else(|| Path::new("nats-server").to_owned(), Path::to_owned);
        let port = free_port()?;
        let mut command = Command::new(&binary);
        command.args(["-a", &address.to_string(), "-p", &port.to_string()]);
        let mut command = match network {
            Some((network, machine)) => network.inside(machine, &command),
            None => command,
        };
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let process = Process::start(&mut command).with_context(|| {
            format!(
                "cannot start `{}`: several nodes need a NATS server; name one with --nats, or measure one \
                 node with --nodes 1",
                binary.display()
            )
        })?;
        Ok(Nats {
            url: format!("nats://{address}:{port}"),
            command,
            process,
        })
    }

    /// The id of its process.
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends it at once.
    ///
    /// # Errors
    /// The kernel refuses.
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill()
    }

    /// Starts it again, where it was.
    ///
    /// # Errors
    /// It cannot be run.
    pub(super) fn restart(&mut self) -> anyhow::Result<()> {
        self.process = Process::start(&mut self.command).context("cannot start the bus again")?;
        Ok(())
    }
}

/// A port that was free a moment ago.
///
/// # Errors
/// There is none.
pub(super) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
