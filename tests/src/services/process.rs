//! A process of a test: started with its output in a file, signalled, and killed when dropped, so that nothing
//! outlives the test that started it. Knows nothing of what the process serves.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::wait::try_until;

/// A running or ended process.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` without input, with both outputs appended to the file `log`. Panics when it cannot.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let output = File::options().create(true).append(true).open(log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        Self {
            child,
            log: log.to_path_buf(),
        }
    }

    /// The id that the system gave it.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended; `None` while it runs.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Ends it at once, as a crash would (`SIGKILL`), and waits for that.
    pub fn kill(&mut self) {
        let _ = self.child.kill(); // It may have ended by itself.
        self.child.wait().unwrap();
    }

    /// Asks it to end (`SIGTERM`) and waits; `None`, and it runs on, when `patience` has passed.
    pub fn terminate(&mut self, patience: Duration) -> Option<ExitStatus> {
        self.signal("TERM");
        try_until(patience, || self.ended())
    }

    /// Stops it in its tracks (`SIGSTOP`), with its connections open, until [`Process::resume`].
    pub fn pause(&mut self) {
        self.signal("STOP");
    }

    /// Lets it go on after [`Process::pause`].
    pub fn resume(&mut self) {
        self.signal("CONT");
    }

    /// The last lines that it wrote, for the message of a failure.
    pub fn last_output(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    fn signal(&mut self, name: &str) {
        if self.ended().is_some() {
            return; // Its id may be another process's by now.
        }
        let script = format!("kill -s {name} {}", self.id());
        let status = Command::new("sh").args(["-c", &script]).status().unwrap();
        assert!(status.success(), "`{script}` failed");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A TCP port on loopback that was free a moment ago. Another process may take it first: whoever starts a
/// server on it tries again with another when the server ends at once.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::Process;
    use crate::wait::{PATIENCE, until};

    fn shell(script: &str, folder: &std::path::Path) -> Process {
        Process::start(Command::new("sh").args(["-c", script]), &folder.join("log"))
    }

    #[test]
    fn output_and_end_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = shell("echo first; echo second >&2; exit 3", folder.path());
        let status = until("the end", PATIENCE, || process.ended());
        assert_eq!(status.code(), Some(3));
        assert_eq!(process.last_output(), "first\nsecond");
    }

    #[test]
    fn a_process_can_be_ended_gently_and_hard() {
        let folder = tempfile::tempdir().unwrap();
        let gentle = "trap 'exit 7' TERM; echo up; while :; do sleep 0.01; done";
        let mut process = shell(gentle, folder.path());
        until("the trap", PATIENCE, || {
            process.last_output().contains("up").then_some(())
        });
        process.pause();
        assert_eq!(process.terminate(Duration::from_millis(50)), None);
        process.resume();
        let status = process.terminate(PATIENCE).unwrap();
        assert_eq!(status.code(), Some(7));

        let mut process = shell("exec sleep 1000", folder.path());
        assert!(process.ended().is_none());
        process.kill();
        assert!(process.ended().is_some());
    }
}
