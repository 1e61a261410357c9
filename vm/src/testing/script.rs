//! A compiled script for tests.

use std::sync::Arc;

use super::options::{NewWorker, TestOptions};
use super::{TestError, TestWorker};
use crate::limits::BuildLimits;
use crate::modules::Files;
use crate::program::Program;
use crate::source::Source;

/// A compiled script, cheap to clone.
#[derive(Clone, Debug)]
pub struct Script {
    program: Arc<Program>,
}

impl Script {
    /// Compiles a script from its name (which says whether it is TypeScript) and its text.
    ///
    /// # Errors
    /// Its diagnostics, as `check` prints them.
    pub fn compile(name: &str, text: &str) -> Result<Script, TestError> {
        let source = Source::new(name, text);
        match crate::build::compile(&source, &BuildLimits::default()) {
            Ok(compiled) => Ok(Script::of(Arc::new(compiled.program))),
            Err(diagnostics) => {
                let shown = diagnostics.iter().map(|each| each.render(&source, false));
                Err(TestError::Script(shown.collect()))
            }
        }
    }

    /// Compiles a script with the files that it imports.
    ///
    /// # Errors
    /// As for [`Script::compile`].
    pub fn compile_files(entry: &str, files: &dyn Files) -> Result<Script, TestError> {
        match crate::build::compile_files(entry, files, &BuildLimits::default()) {
            Ok(compiled) => Ok(Script::of(Arc::new(compiled.program))),
            Err(rejected) => Err(TestError::Script(rejected.rendered(false).collect())),
        }
    }

    /// A program that is compiled already.
    pub fn of(program: Arc<Program>) -> Script {
        Script { program }
    }

    /// A worker of it, to be started.
    pub fn worker(&self, name: &str) -> NewWorker {
        NewWorker {
            script: self.clone(),
            options: TestOptions {
                worker: Some(name.to_owned()),
                ..TestOptions::default()
            },
            config: None,
        }
    }

    /// Starts the only worker of it.
    ///
    /// # Errors
    /// It has several.
    pub fn start(&self) -> Result<TestWorker, TestError> {
        TestWorker::new(self.program.clone(), TestOptions::default())
    }

    /// The program.
    pub fn program(&self) -> &Arc<Program> {
        &self.program
    }
}
