//! Bodies of `POST /v1/programs`: sources in, what was installed out. The handler compiles; the
//! command line only reads files and prints.

use serde::{Deserialize, Serialize};

/// Scripts to install.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeployRequest {
    /// Each becomes a program, with what it imports.
    pub files: Vec<SourceFile>,
    /// Files that those import, and that are no programs of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<SourceFile>,
}

/// One script.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceFile {
    /// The file's path from a root that all files of the request share, with `/` between folders: imports lead
    /// from it, its last part names the default export, and it stands in diagnostics.
    pub name: String,
    /// The source text.
    pub source: String,
}

/// What a deploy did.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeployResponse {
    /// One program for each file, in the order given.
    pub programs: Vec<ProgramView>,
    /// Names that the scripts send to and that nothing serves yet.
    pub unserved: Vec<String>,
}

/// One installed program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProgramView {
    /// The content hash, lower-case hexadecimal.
    pub hash: String,
    /// The file that it was compiled from.
    pub file: String,
    /// The other files in it, by their names in the program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modules: Vec<String>,
    /// The workers that it made active.
    pub workers: Vec<WorkerView>,
    /// What the compiler advises.
    #[serde(default)]
    pub lints: Vec<LintView>,
}

/// One worker of a program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WorkerView {
    /// The name that messages go to.
    pub name: String,
    /// Whether it is a daemon.
    pub daemon: bool,
    /// Whether messages are routed by a key function.
    pub keyed: bool,
    /// Whether it is a reactive function, which is read and takes no messages.
    #[serde(default)]
    pub reactive: bool,
}

impl WorkerView {
    /// What kind of worker it is, in a word or two.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match (self.reactive, self.daemon, self.keyed) {
            (true, ..) => "reactive function",
            (false, true, true) => "daemon, by key",
            (false, true, false) => "daemon",
            (false, false, true) => "by key",
            (false, false, false) => "ephemeral",
        }
    }
}

/// A worker that serves its name now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServedView {
    /// The worker.
    #[serde(flatten)]
    pub worker: WorkerView,
    /// The file that its program was compiled from.
    pub file: String,
    /// The content hash of its program, lower-case hexadecimal.
    pub program: String,
}

/// The body of `GET /v1/programs`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServedPage {
    /// All workers that serve a name of the namespace, by name.
    pub workers: Vec<ServedView>,
}

/// One lint of the compiler.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LintView {
    /// Its stable code.
    pub code: String,
    /// What it says, in one line.
    pub message: String,
    /// The whole diagnostic, with the source line.
    pub rendered: String,
}
