//! `troupe test --watch`: runs again what a change concerns: the test files that were made from a changed
//! file, those that look for scripts around them, and new ones.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::Context;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::discovery::{find, is_module, is_test, plain};
use super::outcome::FileOutcome;
use crate::output;

/// How long changes are gathered: editors write a file in several steps.
const SETTLE: Duration = Duration::from_millis(80);

/// Runs the tests and waits for changes, until the program is interrupted. `run` runs files and prints.
///
/// # Errors
/// The folders cannot be watched.
pub fn watch(
    paths: &[PathBuf],
    mut run: impl FnMut(&[PathBuf]) -> anyhow::Result<Vec<FileOutcome>>,
) -> anyhow::Result<()> {
    let mut known: Vec<FileOutcome> = Vec::new();
    let (sender, changes) = channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if let Ok(event) = event.map_err(|error| output::error(&error.into()))
            && !event.kind.is_access()
        {
            // The receiver is gone when the program ends.
            let _ = sender.send(event.paths);
        }
    })?;
    let mut watched = BTreeSet::new();
    let mut concerned = find(paths)?;
    loop {
        let outcomes = run(&concerned)?;
        known.retain(|before| !outcomes.iter().any(|after| after.file == before.file));
        known.extend(outcomes);
        for folder in folders(paths, &known) {
            if watched.insert(folder.clone()) {
                add(&mut watcher, &folder)?;
            }
        }
        output::line("\nwaiting for changes; Ctrl-C ends");
        concerned = loop {
            let changed = gather(&changes)?;
            // Files that are gone are no longer tests; without any, the next change may bring one.
            let tests = find(paths).unwrap_or_default();
            known.retain(|outcome| tests.iter().any(|test| *test == Path::new(&outcome.file)));
            let next = concerned_by(&changed, &known, tests);
            if !next.is_empty() {
                break next;
            }
        };
    }
}

/// The folders of all that was read, and those that were named.
fn folders(paths: &[PathBuf], known: &[FileOutcome]) -> BTreeSet<PathBuf> {
    let named: Vec<PathBuf> = if paths.is_empty() {
        vec![PathBuf::from(".")]
    } else {
        paths.to_vec()
    };
    let read = known
        .iter()
        .flat_map(|outcome| outcome.read.iter().cloned());
    named
        .into_iter()
        .chain(read)
        .map(|path| {
            if path.is_dir() {
                path
            } else {
                folder_of(&path)
            }
        })
        .collect()
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

fn add(watcher: &mut RecommendedWatcher, folder: &Path) -> anyhow::Result<()> {
    watcher
        .watch(folder, RecursiveMode::Recursive)
        .with_context(|| format!("cannot watch `{}`", folder.display()))
}

/// Waits for a change, and for those that come with it.
fn gather(changes: &Receiver<Vec<PathBuf>>) -> anyhow::Result<BTreeSet<PathBuf>> {
    let mut changed: BTreeSet<PathBuf> = changes.recv()?.into_iter().collect();
    loop {
        match changes.recv_timeout(SETTLE) {
            Ok(more) => changed.extend(more),
            Err(RecvTimeoutError::Timeout) => break,
            Err(error) => return Err(error.into()),
        }
    }
    let here = std::env::current_dir()?;
    let own = |path: PathBuf| match path.strip_prefix(&here) {
        Ok(inside) => plain(inside),
        Err(_) => plain(&path),
    };
    Ok(changed.into_iter().map(own).collect())
}

/// The tests that changed files concern.
fn concerned_by(
    changed: &BTreeSet<PathBuf>,
    known: &[FileOutcome],
    tests: Vec<PathBuf>,
) -> Vec<PathBuf> {
    tests
        .into_iter()
        .filter(|test| {
            let Some(outcome) = known
                .iter()
                .find(|outcome| Path::new(&outcome.file) == *test)
            else {
                return true;
            };
            let folder = folder_of(test);
            let near = |path: &PathBuf| {
                let inside = folder == Path::new(".") || path.starts_with(&folder);
                inside && is_module(path) && !is_test(path)
            };
            outcome.read.iter().any(|read| changed.contains(read))
                || (outcome.looked_around && changed.iter().any(near))
        })
        .collect()
}
