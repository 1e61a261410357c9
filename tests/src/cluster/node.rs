//! One `troupe node` of a test: a process with a data folder and a port of its own, which it keeps through
//! kills and restarts. Its log is one file over all its lives. The cluster that it belongs to is above it.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use super::http::HttpClient;
use super::program::troupe_binary;
use crate::machines::Host;
use crate::services::{Process, free_port};
use crate::wait::{PATIENCE, try_until};

/// A deadline for looks that are repeated.
const LOOK_DEADLINE: Duration = Duration::from_secs(2);
/// What a node says whose port another process took first.
const PORT_TAKEN: &str = "cannot serve HTTP";

/// A node, running or not.
#[derive(Debug)]
pub struct Node {
    /// Its name, `node-1` and so on.
    pub name: String,
    arguments: Vec<String>,
    folder: PathBuf,
    host: Host,
    port: u16,
    process: Option<Process>,
}

impl Node {
    /// A node with these further arguments, whose data and log are in `folder`. Does not start it.
    #[must_use]
    pub fn new(name: &str, folder: &Path, arguments: &[String]) -> Self {
        Self::on(Host::default(), name, folder, arguments)
    }

    /// As [`Node::new`], in a machine of its own.
    #[must_use]
    pub fn on(host: Host, name: &str, folder: &Path, arguments: &[String]) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        Self {
            name: name.to_owned(),
            arguments: arguments.to_vec(),
            folder: folder.to_path_buf(),
            host,
            port: free_port(),
            process: None,
        }
    }

    /// Starts the process, on its data and its port. Does not wait until it serves.
    pub fn start(&mut self) {
        self.start_with(&[]);
    }

    /// As [`Node::start`], with further arguments for this one life.
    pub fn start_with(&mut self, arguments: &[&str]) {
        assert!(self.process.is_none(), "{} runs already", self.name);
        let mut command = Command::new(troupe_binary());
        command.arg("node").args(&self.arguments).args(arguments);
        command.arg("--data").arg(self.data());
        command.args([
            "--name",
            &self.name,
            "--http",
            &format!("{}:{}", self.host.address(), self.port),
        ]);
        command.env("NO_COLOR", "1");
        let mut command = self.host.command(command);
        self.process = Some(Process::start(&mut command, &self.folder.join("log")));
    }

    /// Waits until it answers `/readyz` with 200. Panics with its log when it ends or takes too long.
    pub fn await_ready(&mut self) {
        let client = HttpClient::with_deadline(&self.url(), LOOK_DEADLINE);
        let ready = try_until(PATIENCE, || {
            self.start_again_where_its_port_was_taken();
            if let Some(status) = self.process.as_mut().and_then(Process::ended) {
                panic!("{} ended ({status}):\n{}", self.name, self.last_output());
            }
            client
                .try_get("/readyz")
                .ok()
                .filter(|answer| answer.status == 200)
        });
        assert!(
            ready.is_some(),
            "{} is not ready:\n{}",
            self.name,
            self.last_output()
        );
    }

    /// A port that is free while the node is down may be taken by any connection of this machine; it is
    /// given back soon.
    fn start_again_where_its_port_was_taken(&mut self) {
        let ended = self
            .process
            .as_mut()
            .is_some_and(|process| process.ended().is_some());
        let last = self.last_output();
        if ended
            && last
                .lines()
                .next_back()
                .is_some_and(|line| line.contains(PORT_TAKEN))
        {
            self.process = None;
            self.start();
        }
    }

    /// Ends it at once (`SIGKILL`).
    pub fn kill(&mut self) {
        self.process.take().expect("the node runs").kill();
    }

    /// Removes its data, as a disk that is gone does. The node must not run.
    pub fn lose_data(&self) {
        assert!(self.process.is_none(), "{} runs", self.name);
        std::fs::remove_dir_all(self.data()).unwrap();
    }

    /// Starts it again on its data and port, and waits until it serves.
    pub fn restart(&mut self) {
        self.start();
        self.await_ready();
    }

    /// Asks it to leave (`SIGTERM`) and waits for its end. Panics with its log when it does not end.
    pub fn stop(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("the node runs");
        let ended = process.terminate(PATIENCE);
        ended.unwrap_or_else(|| panic!("{} does not end:\n{}", self.name, self.last_output()))
    }

    /// Waits until it ends by itself. Panics when it does not.
    pub fn await_end(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("the node runs");
        let ended = try_until(PATIENCE, || process.ended());
        ended.unwrap_or_else(|| panic!("{} goes on:\n{}", self.name, self.last_output()))
    }

    /// The memory that its process has resident, in bytes.
    #[must_use]
    pub fn resident_bytes(&self) -> u64 {
        let id = self.process.as_ref().expect("the node runs").id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kibibytes = line.and_then(|line| line.split_whitespace().nth(1));
        kibibytes.unwrap().parse::<u64>().unwrap() << 10
    }

    /// Holds it still (`SIGSTOP`), with its connections open.
    pub fn pause(&mut self) {
        self.process.as_mut().expect("the node runs").pause();
    }

    /// Lets it go on after [`Node::pause`].
    pub fn resume(&mut self) {
        self.process.as_mut().expect("the node runs").resume();
    }

    /// Whether its process was started and has not been ended by the test.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.process.is_some()
    }

    /// Its address, `http://HOST:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}:{}", self.host.address(), self.port)
    }

    /// A client of its HTTP interface.
    #[must_use]
    pub fn http(&self) -> HttpClient {
        HttpClient::new(&self.url())
    }

    /// Its data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Everything that it wrote, over all its lives.
    #[must_use]
    pub fn output(&self) -> String {
        let bytes = std::fs::read(self.folder.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The last lines that it wrote.
    #[must_use]
    pub fn last_output(&self) -> String {
        let text = self.output();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(25)..].join("\n")
    }
}
