//! Fails on a dependency that the architecture does not allow: a crate of ours that may not be named, or a
//! library that a pure crate must not know. Reads `cargo metadata`, so it sees what cargo sees. The bans on
//! single functions (clocks, files, entropy) are clippy's, in the `clippy.toml` of each pure crate.

use std::collections::BTreeMap;
use std::process::Command;

use serde::Deserialize;

use crate::sources::{report, root};

/// The crates that others are built from, and which of ours each may name outside its tests.
const EDGES: [(&str, &[&str]); 11] = [
    ("base2histogram", &[]),
    ("namespaces", &[]),
    ("vm", &[]),
    ("transport", &[]),
    ("transport-memory", &["transport"]),
    ("transport-nats", &["transport"]),
    ("transport-direct", &["transport"]),
    ("cluster", &["vm", "transport"]),
    ("cluster-store", &["cluster"]),
    ("cluster-raft", &["cluster", "transport", "vm"]),
    (
        "node",
        &[
            "vm",
            "transport",
            "transport-memory",
            "transport-nats",
            "transport-direct",
            "cluster",
            "cluster-store",
            "cluster-raft",
            "namespaces",
        ],
    ),
];

/// What each may name in its tests, above that. `tests` holds the starters of real services.
const TEST_EDGES: [(&str, &[&str]); 6] = [
    ("transport-memory", &["tests"]),
    ("transport-nats", &["transport-memory", "tests"]),
    ("transport-direct", &["transport-memory"]),
    ("cluster-store", &["vm", "transport", "tests"]),
    (
        "cluster-raft",
        &[
            "cluster-store",
            "transport-memory",
            "transport-nats",
            "tests",
        ],
    ),
    ("node", &["tests"]),
];

const PURE: [&str; 3] = ["vm", "transport", "cluster"];

/// Libraries that bring a runtime, a network, a disk or chance.
const IMPURE: [&str; 11] = [
    "tokio",
    "tokio-util",
    "tokio-stream",
    "openraft",
    "async-nats",
    "fjall",
    "rand",
    "getrandom",
    "uuid",
    "opentelemetry",
    "libc",
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// Absent for an ordinary dependency; else `dev` or `build`.
    kind: Option<String>,
    path: Option<String>,
}

impl Dependency {
    fn only_in_tests(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }
}

fn packages() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice::<Metadata>(&output.stdout)
        .unwrap()
        .packages
}

#[test]
fn crates_depend_only_on_what_the_architecture_allows() {
    let packages = packages();
    let edges = BTreeMap::from(EDGES);
    let test_edges = BTreeMap::from(TEST_EDGES);
    let mut found = Vec::new();
    for package in &packages {
        let Some(allowed) = edges.get(package.name.as_str()) else {
            continue; // What lies under `tests` may name everything.
        };
        let in_tests = test_edges
            .get(package.name.as_str())
            .copied()
            .unwrap_or_default();
        for dependency in package.dependencies.iter().filter(|d| d.path.is_some()) {
            let name = dependency.name.as_str();
            let own = name == package.name; // A crate's tests may switch on its own features.
            let test_use = dependency.only_in_tests() && (own || in_tests.contains(&name));
            if !allowed.contains(&name) && !test_use {
                found.push(format!("{} -> {name}", package.name));
            }
        }
    }
    report("edges that ARCHITECTURE.md does not allow", &found);
    for (name, _) in EDGES {
        assert!(
            packages.iter().any(|package| package.name == name),
            "no crate `{name}`"
        );
    }
}

#[test]
fn every_other_crate_lies_under_tests() {
    let below = root().join("tests");
    let mut found = Vec::new();
    for package in packages() {
        let known = EDGES.iter().any(|(name, _)| *name == package.name);
        if !known && !std::path::Path::new(&package.manifest_path).starts_with(&below) {
            found.push(package.name);
        }
    }
    report("crates without a line in the table of edges", &found);
}

#[test]
fn pure_crates_know_no_runtime_network_disk_or_chance() {
    let mut found = Vec::new();
    for package in packages()
        .iter()
        .filter(|package| PURE.contains(&package.name.as_str()))
    {
        for dependency in package.dependencies.iter().filter(|d| !d.only_in_tests()) {
            if IMPURE.contains(&dependency.name.as_str()) {
                found.push(format!("{} -> {}", package.name, dependency.name));
            }
        }
    }
    report("libraries that a pure crate must not name", &found);
}

#[test]
fn pure_crates_forbid_unsafe_code_and_carry_the_bans() {
    let mut found = Vec::new();
    let mut bans = Vec::new();
    for name in PURE {
        let library = std::fs::read_to_string(root().join(name).join("src/lib.rs")).unwrap();
        if !library.contains("#![forbid(unsafe_code)]") {
            found.push(format!("{name}/src/lib.rs"));
        }
        bans.push(std::fs::read_to_string(root().join(name).join("clippy.toml")).unwrap());
    }
    report("pure crates that do not forbid unsafe code", &found);
    assert!(
        bans.windows(2).all(|pair| pair[0] == pair[1]),
        "the three `clippy.toml` differ"
    );
    assert!(bans[0].contains("\"f64::sin\"") && bans[0].contains("\"std::time::Instant\""));
}
