//! Runs a log on two threads of its own: the writer, and the housekeeper that prepares and reuses
//! files. The node starts it; simulations step or drive the writer instead. Guarantees: `close`
//! and drop return after everything accepted was written and both threads ended (not
//! where somebody else drives the writer). Left to others:
//! everything else.

use std::io;
use std::sync::{Arc, PoisonError};
use std::thread::{Builder, JoinHandle};

use super::LogError;
use super::handle::{Log, LogConfig};
use super::segments::Need;
use super::state::Shared;
use crate::disk::Disk;

/// The threads of a running log. Dropping it closes the log.
pub struct LogThreads {
    log: Log,
    threads: Vec<JoinHandle<()>>,
}

impl Log {
    /// Opens the log on a disk, as `open`, and starts its threads.
    ///
    /// # Errors
    /// Those of `open`; `Io` if a thread cannot be started.
    pub fn start(disk: Arc<dyn Disk>, config: LogConfig) -> Result<(Self, LogThreads), LogError> {
        let (log, mut writer) = Self::open(disk, config)?;
        writer.keeps_files = false;
        let mut threads = LogThreads {
            log: log.clone(),
            threads: Vec::new(),
        };
        let shared = Arc::clone(&log.shared);
        threads.spawn("raft-log-write", move || writer.run())?;
        threads.spawn("raft-log-files", move || keep_files(&shared))?;
        Ok((log, threads))
    }
}

impl LogThreads {
    /// For a log whose writer somebody else drives: closing tells it so, and waits for nobody.
    #[must_use]
    pub fn elsewhere(log: &Log) -> Self {
        Self {
            log: log.clone(),
            threads: Vec::new(),
        }
    }

    /// Writes what was accepted, stops the threads and waits for them.
    pub fn close(mut self) {
        self.stop();
    }

    fn spawn(
        &mut self,
        name: &'static str,
        run: impl FnOnce() + Send + 'static,
    ) -> Result<(), LogError> {
        let thread = Builder::new()
            .name(name.to_owned())
            .spawn(run)
            .map_err(|cause: io::Error| LogError::io("starting the thread", name, &cause))?;
        self.threads.push(thread);
        Ok(())
    }

    fn stop(&mut self) {
        self.log.close();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the raft log ended with a panic");
            }
        }
    }
}

impl Drop for LogThreads {
    fn drop(&mut self) {
        self.stop();
    }
}

fn keep_files(shared: &Shared) {
    loop {
        let mut state = shared.lock();
        loop {
            if state.closing {
                return;
            }
            if !state.files.preparing && state.needs_maintenance() {
                break;
            }
            state = shared
                .files
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        if let Err(error) = shared.maintain(Need::Ahead) {
            tracing::warn!(%error, "no next segment of the raft log");
        }
    }
}
