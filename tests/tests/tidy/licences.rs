//! Fails on a dependency whose licence is not on the list in `deny.toml`, or that does not come from the
//! registry. Checks what this machine's platform builds, from `cargo metadata`; `cargo deny` checks more, for
//! those who have it.

use std::collections::BTreeSet;
use std::process::Command;

use serde::Deserialize;

use crate::sources::{report, root};

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    /// Absent for our own crates.
    source: Option<String>,
}

#[derive(Deserialize)]
struct Deny {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
}

#[test]
fn every_dependency_has_an_allowed_licence_and_source() {
    let deny: Deny =
        toml::from_str(&std::fs::read_to_string(root().join("deny.toml")).unwrap()).unwrap();
    let mut found = Vec::new();
    let foreign = built_packages();
    assert!(
        foreign.len() > 20,
        "found only {} dependencies",
        foreign.len()
    );
    for Package {
        name,
        version,
        license,
        source,
        ..
    } in foreign
    {
        let license = license.unwrap_or_default();
        if !is_allowed(&license, &deny.licenses.allow) {
            found.push(format!("{name} {version}: licence `{license}`"));
        }
        if !source.is_some_and(|source| source.starts_with("registry+")) {
            found.push(format!("{name} {version}: not from the registry"));
        }
        if deny.bans.deny.iter().any(|ban| ban.name == name) {
            found.push(format!("{name} {version}: banned in deny.toml"));
        }
    }
    report("dependencies that deny.toml does not allow", &found);
}

/// The packages of others that this platform builds.
fn built_packages() -> Vec<Package> {
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(root())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    };
    let version = String::from_utf8(run("rustc", &["-vV"])).unwrap();
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap();
    let arguments = [
        "metadata",
        "--format-version",
        "1",
        "--filter-platform",
        host,
    ];
    let metadata: Metadata = serde_json::from_slice(&run(env!("CARGO"), &arguments)).unwrap();
    let built: BTreeSet<String> = metadata
        .resolve
        .nodes
        .into_iter()
        .map(|node| node.id)
        .collect();
    let mut packages = metadata.packages;
    packages.retain(|package| package.source.is_some() && built.contains(&package.id));
    packages
}

/// Whether an SPDX expression can be met with the allowed licences. `AND` binds closer than `OR`; the old
/// form `A/B` is `A OR B`.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    let met = any_of(&mut rest, allowed);
    met && rest.is_empty()
}

fn any_of(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut met = all_of(words, allowed);
    while let Some((&"OR", rest)) = words.split_first() {
        *words = rest;
        met |= all_of(words, allowed);
    }
    met
}

fn all_of(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let mut met = one(words, allowed);
    while let Some((&"AND", rest)) = words.split_first() {
        *words = rest;
        met &= one(words, allowed);
    }
    met
}

fn one(words: &mut &[&str], allowed: &BTreeSet<String>) -> bool {
    let Some((first, rest)) = words.split_first() else {
        return false;
    };
    *words = rest;
    if *first == "(" {
        let met = any_of(words, allowed);
        let closed = words.split_first().is_some_and(|(word, rest)| {
            *words = rest;
            *word == ")"
        });
        return met && closed;
    }
    match *rest {
        ["WITH", exception, ..] => {
            *words = &rest[2..];
            allowed.contains(&format!("{first} WITH {exception}")) || allowed.contains(*first)
        }
        _ => allowed.contains(*first),
    }
}

#[test]
fn licence_expressions_are_understood() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "ISC".to_owned()]);
    let met = [
        "MIT",
        "GPL-3.0 OR MIT",
        "MIT/Apache-2.0",
        "MIT AND (GPL-2.0 OR ISC)",
        "MIT WITH X",
    ];
    let not_met = [
        "",
        "GPL-3.0",
        "MIT AND GPL-3.0",
        "(MIT",
        "MIT ISC",
        "GPL-2.0 WITH X",
    ];
    assert!(
        met.iter()
            .all(|expression| is_allowed(expression, &allowed))
    );
    assert!(
        !not_met
            .iter()
            .any(|expression| is_allowed(expression, &allowed))
    );
}
