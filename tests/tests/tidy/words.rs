//! Fails on words that must not stand in any file: host names of package registries (lock files aside), which
//! an ordinary client knows by itself, and paths that exist on one machine only. The words are put together
//! from pieces here, so that this file passes its own test.

use crate::sources::{all, report};

#[test]
fn no_file_names_a_package_registry() {
    let hosts = [
        concat!("index.crates", ".io"),
        concat!("static.crates", ".io"),
        concat!("pypi", ".org"),
        concat!("pythonhosted", ".org"),
        concat!("registry.npm", "js"),
        concat!("proxy.gol", "ang"),
        concat!("sum.gol", "ang"),
        concat!("repo1.ma", "ven"),
        concat!("repo.ma", "ven"),
        concat!("deb.deb", "ian"),
    ];
    const LOCKS: [&str; 3] = ["Cargo.lock", "package-lock.json", "go.sum"];
    let mut found = Vec::new();
    for source in all() {
        if LOCKS.iter().any(|lock| source.path.ends_with(lock)) {
            continue;
        }
        for (number, line) in source.text.lines().enumerate() {
            if hosts.iter().any(|host| line.contains(host)) {
                found.push(format!("{}:{}", source.path, number + 1));
            }
        }
    }
    report("lines that name the host of a package registry", &found);
}

#[test]
fn no_file_names_a_path_of_one_machine() {
    let mut found = Vec::new();
    for source in all() {
        for (number, line) in source.text.lines().enumerate() {
            if names_private_path(line) {
                found.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
            }
        }
    }
    report("lines that name a path of one machine", &found);
}

/// Whether a line names something below a folder of one person or one machine, or a folder beside the
/// repository.
fn names_private_path(line: &str) -> bool {
    if line.contains(concat!("../", "shared")) {
        return true;
    }
    ["/work/", "/root/", "/home/", "/farm/", "/Users/"]
        .iter()
        .any(|folder| {
            line.match_indices(folder).any(|(at, _)| {
                let before = line[..at].chars().next_back();
                let after = line[at + folder.len()..].chars().next();
                let begins = before.is_none_or(|c| c != '.' && c != '}' && !c.is_alphanumeric());
                begins && after.is_some_and(|c| c.is_alphanumeric() || c == '.')
            })
        })
}

#[test]
fn private_paths_are_told_from_others() {
    let private = [
        concat!("cd /ro", "ot/x"),
        concat!("/ho", "me/ann"),
        concat!("see ../", "shared/a"),
    ];
    let fine = [
        "src/work/x.rs",
        "a.work/b",
        "https://host.example/work/",
        "/data/log",
        "${DIR}/work/x",
    ];
    assert!(private.iter().all(|line| names_private_path(line)));
    assert!(!fine.iter().any(|line| names_private_path(line)));
}
