//! Paths of files as scripts write them: text with `/`, without a file system.
//!
//! Guarantees: a path is a list of names from the root; `.`, `..` and doubled slashes are gone.

/// The folder of a path, empty for the root.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The path without `.`, `..`, empty names and `\`; what would lead out of the root stays at the root.
#[must_use]
pub fn normal(path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in path.split(['/', '\\']) {
        match name {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    names.join("/")
}

/// Where `./x.js` or `../x.js` leads from a file; nothing where it leaves the root.
pub(super) fn join(from: &str, specifier: &str) -> Option<String> {
    let mut names: Vec<&str> = folder(from)
        .split('/')
        .filter(|name| !name.is_empty())
        .collect();
    for name in specifier.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop()?;
            }
            name => names.push(name),
        }
    }
    Some(names.join("/"))
}

/// How a file writes the path of another: `./x.js`, `../lib/x.js`.
pub(super) fn relative(from: &str, to: &str) -> String {
    let from: Vec<&str> = folder(from)
        .split('/')
        .filter(|name| !name.is_empty())
        .collect();
    let to: Vec<&str> = to.split('/').collect();
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from.len() - shared;
    let begin = if up == 0 {
        "./".to_owned()
    } else {
        "../".repeat(up)
    };
    begin + &to[shared..].join("/")
}

/// How many bytes of each path are the folder that all of them lie in, with its slash.
pub(super) fn shared_folder<'p>(mut paths: impl Iterator<Item = &'p str>) -> usize {
    let Some(first) = paths.next() else { return 0 };
    let mut shared = folder(first);
    for path in paths {
        while !shared.is_empty() && !is_within(path, shared) {
            shared = folder(shared);
        }
    }
    if shared.is_empty() {
        0
    } else {
        shared.len() + 1
    }
}

fn is_within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_from_the_file_that_imports() {
        assert_eq!(join("a.js", "./b.js").as_deref(), Some("b.js"));
        assert_eq!(
            join("flows/a.js", "../lib/./b.js").as_deref(),
            Some("lib/b.js")
        );
        assert_eq!(join("a.js", "../b.js"), None);
        assert_eq!(relative("flows/a.js", "lib/b.js"), "../lib/b.js");
        assert_eq!(relative("flows/a.js", "flows/deep/b.js"), "./deep/b.js");
        assert_eq!(normal("./x//../a\\b.js"), "a/b.js");
    }

    #[test]
    fn the_shared_folder_is_of_all_paths() {
        let shared = |paths: &[&str]| shared_folder(paths.iter().copied());
        assert_eq!(shared(&["flows/a.js"]), 6);
        assert_eq!(shared(&["flows/a.js", "flows/lib/b.js"]), 6);
        assert_eq!(shared(&["flows/a.js", "flowsters/b.js"]), 0);
        assert_eq!(shared(&["x/y/a.js", "x/z/b.js"]), 2);
        assert_eq!(shared(&["a.js", "x/z/b.js"]), 0);
    }
}
