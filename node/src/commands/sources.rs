//! Reads scripts from disk for `check`, `deploy`, `dev` and `run`. A script's name is its file's name
//! without the folder, since a default export is named after it.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::testing::is_test;

/// Names and texts of the files. Tests among them are left out: a pattern such as `*.js` names them too.
///
/// # Errors
/// A file cannot be read or is not UTF-8; the error names it. Or all of them are tests.
pub(super) fn read(files: &[PathBuf]) -> anyhow::Result<Vec<(String, String)>> {
    let scripts: Vec<&PathBuf> = files.iter().filter(|path| !is_test(path)).collect();
    anyhow::ensure!(
        files.is_empty() || !scripts.is_empty(),
        "there are only tests among the files: `troupe test` runs them"
    );
    scripts
        .into_iter()
        .map(|path| Ok((name(path), text(path)?)))
        .collect()
}

/// The text of one script.
///
/// # Errors
/// As for [`read`].
pub(super) fn text(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    String::from_utf8(bytes).with_context(|| format!("`{}` is not UTF-8 text", path.display()))
}

/// The name of a script.
#[must_use]
pub(super) fn name(path: &Path) -> String {
    path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}
