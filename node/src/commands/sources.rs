//! Reads scripts, and the files that they import, from disk for `check`, `deploy`, `dev` and `run`.
//!
//! Before: paths on the command line. After: the compiler, here or in the cluster. Guarantees: nothing outside one
//! folder is read but the files that were named: the current folder where all of them are in it, else the one that
//! all of them lie in. A file's name is its path from there.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};
use vm::{BuildLimits, FileError, Files, Rejected};

use crate::door::Scripts;
use crate::testing::is_test;

/// A file that is larger is not read: no limit on scripts is anywhere near.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// The folder that scripts are read from.
pub(crate) struct Folder {
    root: PathBuf,
    /// The files that were named: they may be links to other places.
    named: BTreeSet<String>,
}

impl Folder {
    /// The folder of some scripts, and their names in it. Tests among them are left out: a pattern such as
    /// `*.js` names them too.
    ///
    /// # Errors
    /// A file is not there or its path is not UTF-8; the error names it. Or all of them are tests.
    pub(crate) fn of(files: &[PathBuf]) -> anyhow::Result<(Folder, Vec<String>)> {
        let scripts: Vec<&PathBuf> = files.iter().filter(|path| !is_test(path)).collect();
        anyhow::ensure!(
            files.is_empty() || !scripts.is_empty(),
            "there are only tests among the files: `troupe test` runs them"
        );
        let places = scripts
            .iter()
            .map(|file| place(file))
            .collect::<anyhow::Result<Vec<PathBuf>>>()?;
        let root = root(&places)?;
        let mut names = Vec::with_capacity(places.len());
        for (file, place) in scripts.iter().zip(&places) {
            let inside = place.strip_prefix(&root).unwrap_or(place);
            let Some(name) = name(inside) else {
                bail!("the path of `{}` is not UTF-8 text", file.display());
            };
            names.push(name);
        }
        let named = names.iter().cloned().collect();
        Ok((Folder { root, named }, names))
    }

    /// Where a file is.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The scripts that make workers. A pattern such as `src/*.js` names those, too, that others import: where
    /// several files are named and some make workers, the others are left out.
    pub(crate) fn programs(&self, entries: &[String]) -> Vec<String> {
        let makes_workers = |entry: &&String| {
            let compiled = vm::compile_files(entry, self, &BuildLimits::default());
            !compiled.is_err_and(|rejected| rejected.has_no_worker())
        };
        if entries.len() < 2 {
            return entries.to_vec();
        }
        let programs: Vec<String> = entries.iter().filter(makes_workers).cloned().collect();
        if programs.is_empty() {
            entries.to_vec()
        } else {
            programs
        }
    }

    /// The scripts with all that they import.
    ///
    /// # Errors
    /// An import leads nowhere or to what is no script.
    pub(super) fn gather(&self, entries: &[String]) -> Result<Scripts, Box<Rejected>> {
        let mut scripts = Scripts {
            entries: entries.to_vec(),
            ..Scripts::default()
        };
        for entry in entries {
            let sources = vm::modules::gather(entry, self, &BuildLimits::default())?;
            let files = sources.iter().cloned();
            scripts
                .files
                .extend(files.map(|source| (source.name, source.text)));
        }
        Ok(scripts)
    }
}

impl Files for Folder {
    fn read(&self, path: &str) -> Result<String, FileError> {
        let unreadable = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => FileError::Missing,
            _ => FileError::Unreadable(error.to_string()),
        };
        let place = self.path(path);
        let place = std::fs::canonicalize(place).map_err(unreadable)?;
        if !place.starts_with(&self.root) && !self.named.contains(path) {
            return Err(FileError::Outside);
        }
        let data = std::fs::metadata(&place).map_err(unreadable)?;
        if !data.is_file() {
            return Err(FileError::Missing);
        }
        if data.len() > FILE_BYTES_MAX {
            let bytes = data.len();
            return Err(FileError::Unreadable(format!("it has {bytes} bytes")));
        }
        let bytes = std::fs::read(place).map_err(unreadable)?;
        String::from_utf8(bytes).map_err(|_| FileError::NotText)
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path(folder)) else {
            return Vec::new();
        };
        let names = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names
            .map(|name| match folder {
                "" => name,
                folder => format!("{folder}/{name}"),
            })
            .collect();
        names.sort_unstable();
        names
    }
}

/// Where a file is, its folder without links.
fn place(file: &Path) -> anyhow::Result<PathBuf> {
    let unread = || match similar(file) {
        Some(guess) => format!("cannot read `{}`: did you mean `{guess}`?", file.display()),
        None => format!("cannot read `{}`", file.display()),
    };
    std::fs::metadata(file).with_context(unread)?;
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = std::fs::canonicalize(folder.unwrap_or(Path::new("."))).with_context(unread)?;
    match file.file_name() {
        Some(name) => Ok(folder.join(name)),
        None => bail!("`{}` is not a file", file.display()),
    }
}

/// A file beside a missing one whose name is like it.
fn similar(file: &Path) -> Option<String> {
    let folder = file.parent()?;
    let here = folder.as_os_str().is_empty();
    let entries = std::fs::read_dir(if here { Path::new(".") } else { folder }).ok()?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| {
            [".js", ".mjs", ".ts", ".mts"]
                .iter()
                .any(|end| name.ends_with(end))
        })
        .collect();
    names.sort();
    let wanted = file.file_name()?.to_str()?;
    let guess = vm::closest(wanted, names.iter().map(String::as_str))?;
    Some(folder.join(guess).display().to_string())
}

/// The current folder where all files are in it, else the folder that all of them lie in.
fn root(places: &[PathBuf]) -> anyhow::Result<PathBuf> {
    let here = std::fs::canonicalize(".").context("the current folder cannot be read")?;
    let Some(first) = places.first() else {
        return Ok(here);
    };
    if places.iter().all(|place| place.starts_with(&here)) {
        return Ok(here);
    }
    let mut shared = first.parent().unwrap_or(first);
    while !places.iter().all(|place| place.starts_with(shared)) {
        shared = shared.parent().unwrap_or(Path::new("/"));
    }
    Ok(shared.to_owned())
}

/// A path below the root as scripts write it.
fn name(inside: &Path) -> Option<String> {
    let parts = inside.components().map(|component| match component {
        Component::Normal(part) => part.to_str(),
        _ => None,
    });
    Some(parts.collect::<Option<Vec<&str>>>()?.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_out_of_the_folder_are_followed_only_where_they_were_named() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("scripts");
        std::fs::create_dir_all(folder.join("lib")).unwrap();
        std::fs::write(outer.path().join("secret.js"), "export const a = 1").unwrap();
        std::fs::write(folder.join("lib/b.js"), "export const b = 1").unwrap();
        let link = folder.join("link.js");
        std::os::unix::fs::symlink(outer.path().join("secret.js"), &link).unwrap();
        std::fs::write(folder.join("main.js"), "import './link.js'").unwrap();
        std::fs::write(folder.join("bytes.js"), [0xff, 0xfe]).unwrap();
        let (read, names) = Folder::of(&[folder.join("main.js")]).unwrap();
        assert_eq!(names, ["main.js"]);
        assert_eq!(read.read("link.js"), Err(FileError::Outside));
        assert_eq!(read.read("bytes.js"), Err(FileError::NotText));
        assert_eq!(read.read("lib"), Err(FileError::Missing));
        assert_eq!(read.read("main.js/x.js"), Err(FileError::Missing));
        assert_eq!(read.list("lib"), ["lib/b.js"]);
        assert_eq!(
            read.gather(&names).unwrap_err().diagnostics[0].code.code,
            "E0123"
        );
        let (read, names) = Folder::of(&[link]).unwrap();
        assert!(read.gather(&names).is_ok());
    }

    #[test]
    fn files_of_several_folders_are_named_from_the_one_they_lie_in() {
        let outer = tempfile::tempdir().unwrap();
        let paths = [outer.path().join("a/x.js"), outer.path().join("b/x.js")];
        for path in &paths {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let (_, names) = Folder::of(&paths).unwrap();
        assert_eq!(names, ["a/x.js", "b/x.js"]);
        assert!(Folder::of(&[outer.path().join("c.js")]).is_err());
    }
}
