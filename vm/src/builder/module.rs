//! A module of workers, as a script and as a program.

use super::print;
use super::reactive::Reactive;
use super::worker::Act;
use crate::limits::BuildLimits;
use crate::program::Program;
use crate::source::Source;

/// Why a module of the builder makes no program: a handle outside its block, a name that is no worker, an
/// option that there is not. The diagnostics name lines of [`Module::script`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the workers do not compile\n{}", .0.join("\n"))]
pub struct BuilderError(pub Vec<String>);

/// Workers that belong together: they may spawn one another.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Module {
    pub(super) members: Vec<Member>,
}

/// What a module has.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Member {
    /// A worker that is exported.
    Worker(Act),
    /// One that is not.
    Child(Act),
    Reactive(Reactive),
}

impl Member {
    /// The names that it needs.
    fn names(&self) -> Vec<&str> {
        match self {
            Member::Worker(act) | Member::Child(act) => act.names(),
            Member::Reactive(reactive) => vec![&reactive.name],
        }
    }
}

impl Module {
    /// No workers yet.
    pub fn new() -> Module {
        Module::default()
    }

    /// Adds a worker.
    #[must_use]
    pub fn worker(mut self, worker: Act) -> Module {
        self.members.push(Member::Worker(worker));
        self
    }

    /// Adds a worker that cannot be addressed, only spawned.
    #[must_use]
    pub fn child(mut self, worker: Act) -> Module {
        self.members.push(Member::Child(worker));
        self
    }

    /// Adds a reactive function.
    #[must_use]
    pub fn reactive(mut self, function: Reactive) -> Module {
        self.members.push(Member::Reactive(function));
        self
    }

    /// The script that it stands for.
    pub fn script(&self) -> String {
        print::module(self)
    }

    /// Compiles it.
    ///
    /// # Errors
    /// What the compiler says of its script.
    pub fn compile(&self) -> Result<Program, BuilderError> {
        let names = self.members.iter().flat_map(Member::names);
        let wrong = names.filter(|name| !print::is_identifier(name));
        let wrong: Vec<String> = wrong
            .map(|name| {
                format!("`{name}` is no name for a worker: letters, digits and `_`, no digit first")
            })
            .collect();
        if !wrong.is_empty() {
            return Err(BuilderError(wrong));
        }
        let source = Source::new("builder.js", self.script());
        match crate::build::compile(&source, &BuildLimits::default()) {
            Ok(compiled) => Ok(compiled.program),
            Err(diagnostics) => {
                let shown = diagnostics.iter().map(|each| each.render(&source, false));
                Err(BuilderError(shown.collect()))
            }
        }
    }
}
