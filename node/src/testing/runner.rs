//! Runs test files side by side, and gives what came of them in the order of the files.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use super::bundle::Bundle;
use super::engine;
use super::limits::THREAD_STACK_BYTES;
use super::outcome::FileOutcome;

/// How tests are run.
#[derive(Debug)]
pub struct Settings {
    /// Only tests whose whole name has this.
    pub filter: Option<String>,
    /// Whether the first failure is the last.
    pub bail: bool,
    /// How long a test may take.
    pub timeout: Duration,
    /// Whether one has failed.
    failed: AtomicBool,
}

impl Settings {
    /// Settings for one run.
    #[must_use]
    pub fn new(filter: Option<String>, bail: bool, timeout: Duration) -> Settings {
        Settings {
            filter,
            bail,
            timeout,
            failed: AtomicBool::new(false),
        }
    }

    /// Whether a test is to be run.
    pub(super) fn takes(&self, name: &[String]) -> bool {
        let filter = self.filter.as_deref();
        filter.is_none_or(|filter| name.join(" > ").contains(filter))
    }

    /// Whether no other test is to begin.
    pub(super) fn stops(&self) -> bool {
        self.bail && self.failed.load(Ordering::Relaxed)
    }

    /// A test has failed.
    pub(super) fn note_failure(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }
}

/// Runs files; `done` gets what came of each, in their order, as soon as those before it are done.
pub fn run(files: &[PathBuf], settings: &Settings, mut done: impl FnMut(FileOutcome)) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let (sender, outcomes) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads.min(files.len()) {
            let (sender, next) = (sender.clone(), &next);
            let work = move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = files.get(at).filter(|_| !settings.stops()) else {
                        return;
                    };
                    if sender.send((at, one(file, settings))).is_err() {
                        return;
                    }
                }
            };
            let builder = std::thread::Builder::new().stack_size(THREAD_STACK_BYTES);
            builder
                .spawn_scoped(scope, work)
                .expect("a thread can be started");
        }
        drop(sender);
        let mut waiting = std::collections::BTreeMap::new();
        let mut due = 0;
        for (at, outcome) in outcomes {
            waiting.insert(at, outcome);
            while let Some(outcome) = waiting.remove(&due) {
                done(outcome);
                due += 1;
            }
        }
        waiting.into_values().for_each(done);
    });
}

fn one(file: &Path, settings: &Settings) -> FileOutcome {
    match Bundle::load(file) {
        Ok(bundle) => engine::run(bundle, settings),
        Err(broken) => {
            settings.note_failure();
            FileOutcome {
                file: file.display().to_string(),
                errors: broken.errors,
                broken: true,
                read: broken
                    .files
                    .into_iter()
                    .chain([file.to_path_buf()])
                    .collect(),
                ..FileOutcome::default()
            }
        }
    }
}
