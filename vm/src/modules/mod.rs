//! Scripts of several files: where an import leads, and which files a program is made of.
//!
//! Before: a file that a user names, and whoever can read the files around it. After: the compiler, which
//! takes all files in the order in which they run. Guarantees: each file is read once and stands once in a
//! program; files have the same names wherever they lie, so that a program's hash does not depend on the folder
//! it was made in; imports that lead in a circle, out of the root or nowhere are refused with a place.
//! Leaves to others: reading files (`Files`), what the names of an import mean (`compile`).

mod graph;
mod path;
mod refusals;

use std::collections::BTreeMap;

use crate::build::NO_WORKER;
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::limits::BuildLimits;
use crate::source::Sources;
pub(crate) use graph::{Graph, named};
pub use path::normal;

/// Files that a script may import, by their paths from one root, with `/` between folders.
pub trait Files {
    /// The text of a file.
    ///
    /// # Errors
    /// Says why there is none.
    fn read(&self, path: &str) -> Result<String, FileError>;

    /// The paths of the files in a folder (empty: the root), for guesses.
    fn list(&self, folder: &str) -> Vec<String>;
}

/// Why a file cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// There is none.
    #[error("there is no such file")]
    Missing,
    /// It is outside the root, by a link.
    #[error("it lies outside the folder of the scripts")]
    Outside,
    /// It is not UTF-8.
    #[error("it is not UTF-8 text")]
    NotText,
    /// It is there and cannot be read.
    #[error("{0}")]
    Unreadable(String),
}

impl Files for BTreeMap<String, String> {
    fn read(&self, path: &str) -> Result<String, FileError> {
        self.get(path).cloned().ok_or(FileError::Missing)
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let within = |path: &&String| path::folder(path) == folder;
        self.keys().filter(within).cloned().collect()
    }
}

/// Why files make no program: what is wrong, and the files that it is wrong in.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// The files under their paths, for rendering.
    pub sources: Sources,
    /// What is wrong, in the order of the files.
    pub diagnostics: Vec<Diagnostic>,
}

impl Rejected {
    /// Whether nothing is wrong but that no worker is made: a file that others import.
    #[must_use]
    pub fn has_no_worker(&self) -> bool {
        matches!(self.diagnostics.as_slice(), [only] if only.code == codes::NO_WORKERS && only.message == NO_WORKER)
    }

    /// Each diagnostic as text.
    pub fn rendered(&self, colours: bool) -> impl Iterator<Item = String> {
        self.diagnostics
            .iter()
            .map(move |diagnostic| diagnostic.render(&self.sources, colours))
    }
}

/// The files that a script is made of, under their paths: itself first, then what it imports, each once.
///
/// # Errors
/// An import leads nowhere, out of the root or in a circle, or a limit is reached.
pub fn gather(
    entry: &str,
    files: &dyn Files,
    limits: &BuildLimits,
) -> Result<Sources, Box<Rejected>> {
    let (graph, diagnostics) = Graph::load(entry, files, limits)?;
    if diagnostics.is_empty() {
        return Ok(graph.sources);
    }
    Err(Box::new(Rejected {
        sources: graph.sources,
        diagnostics,
    }))
}
