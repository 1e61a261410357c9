//! `troupe new NAME`: a folder with a worker, its test, and the types that editors need.

use std::path::Path;

use anyhow::{Context, bail};

use crate::arguments::NewArguments;
use crate::output;

/// The files, as they are; `NAME` in the README is the folder's.
const FILES: [(&str, &str); 8] = [
    ("counter.js", include_str!("../templates/counter.js")),
    (
        "counter.test.js",
        include_str!("../templates/counter.test.js"),
    ),
    (
        "messages.jsonl",
        include_str!("../templates/messages.jsonl"),
    ),
    ("jsconfig.json", include_str!("../templates/jsconfig.json")),
    ("troupe.d.ts", vm::TYPES),
    ("troupe-testing.d.ts", vm::TESTING_TYPES),
    (".gitignore", include_str!("../templates/gitignore")),
    ("README.md", include_str!("../templates/README.md")),
];

/// Makes the folder.
///
/// # Errors
/// It is there and not empty, or cannot be written.
pub(super) fn run(arguments: &NewArguments) -> anyhow::Result<()> {
    let folder = &arguments.name;
    let shown = folder.display();
    if !is_free(folder).with_context(|| format!("cannot make `{shown}`"))? {
        bail!("`{shown}` is there and not empty: name another folder, or empty it first");
    }
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make `{shown}`"))?;
    let name = std::path::absolute(folder)?;
    let name = name
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    for (file, text) in FILES {
        let path = folder.join(file);
        let text = if file == "README.md" {
            text.replace("NAME", &name)
        } else {
            text.to_owned()
        };
        std::fs::write(&path, text)
            .with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    output::line(&format!(
        "made {shown} with a worker, its test and types for editors; next:\n"
    ));
    for (command, what) in [
        (format!("cd {shown}"), ""),
        ("troupe test".to_owned(), "runs counter.test.js"),
        (
            "troupe run counter.js --messages messages.jsonl".to_owned(),
            "one instance, here",
        ),
        ("troupe dev counter.js".to_owned(), "a node on port 7070"),
    ] {
        output::line(format!("  {command:<50}{what}").trim_end());
    }
    Ok(())
}

/// Whether there is nothing in the folder.
fn is_free(folder: &Path) -> std::io::Result<bool> {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}
