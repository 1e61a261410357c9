//! `check --fix`: applies fixes in memory until there is none left, then writes each changed file at once.
//!
//! Guarantees: nothing is written before all is known; a file is replaced whole or stays; a pass after which a script
//! has a syntax error that it did not have is taken back.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context;
use vm::{Applied, Changed, FileError, Files, Program, apply_fixes};

use super::report::Found;
use super::{difference, look};
use crate::arguments::{CheckArguments, Output};
use crate::commands::sources::Folder;
use crate::output;

/// More than the fixes of any script need: each pass applies at least one.
const PASSES_MAX: usize = 1000;

/// The code of syntax errors.
const SYNTAX: &str = "E0101";

/// Files as they will be.
struct Overlay<'f> {
    folder: &'f Folder,
    changed: BTreeMap<String, String>,
}

impl Files for Overlay<'_> {
    fn read(&self, path: &str) -> Result<String, FileError> {
        match self.changed.get(path) {
            Some(text) => Ok(text.clone()),
            None => self.folder.read(path),
        }
    }

    fn list(&self, folder: &str) -> Vec<String> {
        self.folder.list(folder)
    }
}

/// Fixes the scripts and what they import; gives what is left to say.
pub(super) fn run(
    folder: &Folder,
    entries: &[String],
    arguments: &CheckArguments,
) -> anyhow::Result<(Found, Vec<Program>)> {
    let mut overlay = Overlay {
        folder,
        changed: BTreeMap::new(),
    };
    let mut applied: BTreeMap<String, Vec<Applied>> = BTreeMap::new();
    let (mut found, mut programs) = look(&overlay, entries);
    for _ in 0..PASSES_MAX {
        let pass = fixes(&found);
        if pass.is_empty() {
            break;
        }
        let before = overlay.changed.clone();
        for changed in &pass {
            let text = changed.text.clone();
            overlay.changed.insert(changed.path.clone(), text);
        }
        let (next, made) = look(&overlay, entries);
        if syntax_errors(&next) > syntax_errors(&found) {
            overlay.changed = before;
            let files: Vec<&str> = pass.iter().map(|changed| changed.path.as_str()).collect();
            eprintln!(
                "the fixes of {} do not fit together and were left out: apply them by hand",
                files.join(", ")
            );
            break;
        }
        for changed in pass {
            applied
                .entry(changed.path)
                .or_default()
                .extend(changed.applied);
        }
        (found, programs) = (next, made);
    }
    if overlay.changed.is_empty() {
        let is_clean = found.errors() + found.lints() == 0;
        let by_hand = "nothing here has a fix: change it by hand";
        say(arguments, if is_clean { "nothing to fix" } else { by_hand });
    }
    for (path, text) in &overlay.changed {
        let done = applied.get(path).map_or(&[] as &[Applied], Vec::as_slice);
        finish(folder, path, text, done, arguments)?;
    }
    Ok((found, programs))
}

/// What the next pass changes. A file that several scripts import is changed for the first of them.
fn fixes(found: &Found) -> Vec<Changed> {
    let mut pass: Vec<Changed> = Vec::new();
    for (sources, diagnostics) in found.groups() {
        for changed in apply_fixes(sources, diagnostics) {
            if !pass.iter().any(|other| other.path == changed.path) {
                pass.push(changed);
            }
        }
    }
    pass
}

fn syntax_errors(found: &Found) -> usize {
    let all = found.groups().flat_map(|(_, all)| all);
    all.filter(|one| one.code.code == SYNTAX).count()
}

/// Writes a file, or shows what would be written.
fn finish(
    folder: &Folder,
    path: &str,
    text: &str,
    applied: &[Applied],
    arguments: &CheckArguments,
) -> anyhow::Result<()> {
    let print = |line: &str| say(arguments, line);
    if arguments.dry_run {
        let before = folder.read(path).map_err(anyhow::Error::new);
        let before = before.with_context(|| format!("cannot read `{path}`"))?;
        print(difference::unified(path, &before, text).trim_end());
        return Ok(());
    }
    replace(&folder.path(path), text).with_context(|| format!("cannot write `{path}`"))?;
    let number = match applied.len() {
        1 => "1 fix".to_owned(),
        many => format!("{many} fixes"),
    };
    print(&format!("{path}: {number}"));
    for fix in applied {
        let (line, column) = (fix.position.line, fix.position.column);
        print(&format!(
            "  {} {line}:{column} {}",
            fix.code.code, fix.title
        ));
    }
    Ok(())
}

fn say(arguments: &CheckArguments, line: &str) {
    match arguments.output {
        // What is for programs is alone on standard output.
        Output::Json => eprintln!("{line}"),
        Output::Table => output::line(line),
    }
}

/// Replaces a file at once: who reads it sees the text before or after.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let path = std::fs::canonicalize(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file()
        .set_permissions(std::fs::metadata(&path)?.permissions())?;
    file.as_file().sync_all()?;
    file.persist(&path).map_err(|error| error.error)?;
    Ok(())
}
