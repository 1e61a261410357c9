//! Lists and reads the files of the repository, for the checks beside it. Guarantees a fixed order and
//! leaves out what git ignores. It knows nothing of what the files mean.

use std::path::{Path, PathBuf};
use std::process::Command;

/// One text file: its path from the root of the repository, with `/`, and its text.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests package lies in a folder of the repository")
        .to_path_buf()
}

/// Every text file that git tracks or would track; outside a git checkout, every file but build output.
pub(crate) fn all() -> Vec<Source> {
    let root = root();
    let mut paths = from_git(&root).unwrap_or_else(|| from_disk(&root));
    paths.sort();
    paths.dedup();
    let read = |path: String| {
        let text = std::fs::read_to_string(root.join(&path)).ok()?;
        Some(Source { path, text })
    };
    paths.into_iter().filter_map(read).collect()
}

/// The Rust files among them.
pub(crate) fn rust() -> Vec<Source> {
    let mut sources = all();
    sources.retain(|source| source.path.ends_with(".rs"));
    assert!(
        sources.len() > 8,
        "found only {} Rust files: the listing is broken",
        sources.len()
    );
    sources
}

/// Joins what a check found into one message, or returns when it found nothing.
pub(crate) fn report(what: &str, found: &[String]) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

fn from_git(root: &Path) -> Option<Vec<String>> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root)
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let listing = String::from_utf8(output.stdout).ok()?;
    let paths: Vec<String> = listing
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(str::to_owned)
        .collect();
    (!paths.is_empty()).then_some(paths)
}

fn from_disk(root: &Path) -> Vec<String> {
    const BUILD_OUTPUT: [&str; 5] = ["target", ".git", ".cache", ".troupe", "node_modules"];
    let mut folders = vec![root.to_path_buf()];
    let mut paths = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            if BUILD_OUTPUT.iter().any(|name| entry.file_name() == *name) {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                let path = entry.path();
                let relative = path.strip_prefix(root).unwrap();
                paths.push(relative.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    paths
}

#[test]
fn the_listing_has_this_file_from_git_and_from_disk() {
    let own = "tests/tests/tidy/sources.rs".to_owned();
    assert!(from_disk(&root()).contains(&own));
    assert!(all().iter().any(|source| source.path == own));
}
