//! Which files are tests, and which scripts lie near one.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::limits::FOLDER_DEPTH;

/// Folders that hold nothing of the project itself.
const LEFT_OUT: [&str; 2] = ["node_modules", "target"];

/// The test files among some files and below some folders, in the order of their names; those of the current
/// folder where nothing is named.
///
/// # Errors
/// A path is not there, a file is no test, or there is no test at all: the error says where it looked.
pub fn find(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let here = [PathBuf::from(".")];
    let paths = if paths.is_empty() { &here } else { paths };
    let mut found = Vec::new();
    for path in paths {
        let metadata = std::fs::metadata(path);
        let metadata = metadata.with_context(|| format!("cannot read `{}`", path.display()))?;
        if metadata.is_dir() {
            found.extend(files_below(path, &is_test));
        } else {
            anyhow::ensure!(
                is_module(path),
                "`{}` is no test file: tests are named `NAME.test.js` or `NAME.test.ts`",
                path.display()
            );
            found.push(plain(path));
        }
    }
    found.sort();
    found.dedup();
    if found.is_empty() {
        let places: Vec<String> = paths
            .iter()
            .map(|path| format!("`{}`", path.display()))
            .collect();
        anyhow::bail!(
            "found no test: looked for files named `*.test.js` and `*.test.ts` below {} (without node_modules, target and hidden folders)",
            places.join(", ")
        );
    }
    Ok(found)
}

/// The files of JavaScript and TypeScript below a folder that are no tests.
pub(super) fn modules_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = files_below(folder, &|path| is_module(path) && !is_test(path));
    found.sort();
    found
}

/// Whether the name is that of a test.
#[must_use]
pub fn is_test(path: &Path) -> bool {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    is_module(path) && stem.ends_with(".test")
}

/// Whether the name is that of JavaScript or TypeScript.
pub(super) fn is_module(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let ends = [".js", ".mjs", ".ts", ".mts"];
    ends.iter().any(|end| name.ends_with(end)) && !name.ends_with(".d.ts")
}

fn files_below(folder: &Path, wanted: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_path_buf(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        // A folder that cannot be read holds nothing that could be run.
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() {
                let left_out = name.starts_with('.') || LEFT_OUT.contains(&name.as_ref());
                if !left_out && depth < FOLDER_DEPTH {
                    folders.push((path, depth + 1));
                }
            } else if wanted(&path) {
                found.push(plain(&path));
            }
        }
    }
    found
}

/// The path without `.` and without `..` behind a folder, so that each file has one name.
pub(super) fn plain(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut out = PathBuf::new();
    for component in path.components() {
        let last = out.components().next_back();
        match (component, last) {
            (Component::CurDir, _) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => {
                out.pop();
            }
            (component, _) => out.push(component),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_has_one_name() {
        let same = |path: &str| plain(Path::new(path)).to_string_lossy().into_owned();
        assert_eq!(same("./a/./b/../c.js"), "a/c.js");
        assert_eq!(same("../a/../../b.js"), "../../b.js");
        assert_eq!(same("/a/../b.js"), "/b.js");
    }

    #[test]
    fn tests_are_told_by_their_names() {
        for name in ["a.test.js", "b/a.test.ts", "a.test.mts"] {
            assert!(is_test(Path::new(name)), "{name}");
        }
        for name in [
            "a.js",
            "test.js",
            "a.test.d.ts",
            "a.test.json",
            "a.tests.js",
        ] {
            assert!(!is_test(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn a_search_leaves_out_what_is_not_of_the_project() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        };
        let error = find(&[folder.path().into()]).unwrap_err().to_string();
        let place = format!("below `{}`", folder.path().display());
        assert!(
            error.contains("found no test") && error.contains(&place),
            "{error}"
        );
        for name in [
            "b.test.js",
            "a/c.test.ts",
            "a/d.js",
            "node_modules/e.test.js",
            ".f/g.test.js",
        ] {
            file(name);
        }
        let found = find(&[folder.path().into()]).unwrap();
        let names: Vec<String> = found
            .iter()
            .map(|path| {
                path.strip_prefix(folder.path())
                    .unwrap()
                    .display()
                    .to_string()
            })
            .collect();
        assert_eq!(names, ["a/c.test.ts", "b.test.js"]);
        let error = find(&[folder.path().join("none.test.js")]).unwrap_err();
        assert!(error.to_string().starts_with("cannot read"), "{error}");
    }
}
