//! A command as data: its name, what it is given, and its options.

use serde_json::json;

use super::expression::Expr;
use super::operand::Operand;

/// A command of a worker. It does something where another command or a worker holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    pub(super) name: Name,
    pub(super) arguments: Vec<Argument>,
    pub(super) options: Vec<(&'static str, Argument)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Name {
    /// A command of the language.
    Global(&'static str),
    /// `complete`, `fail`: of the worker's helpers.
    Helper(&'static str),
    /// A method of an open loop or the function of an open sequence.
    Of(u32, &'static str),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Argument {
    Operand(Operand),
    Command(Command),
    /// A function from a handle to a command; one that does not use it stands without it.
    Continuation(u32, Command),
    /// A function of the run stage.
    Function(Vec<u32>, Expr),
    /// One that is computed from refs: `computeState([a], a => s => …)`.
    Given(Vec<Operand>, Vec<u32>, Vec<u32>, Expr),
    /// Commands one after the other: `() => […]`; with `done`, where it is used.
    Body(Option<u32>, Vec<Command>),
    /// Commands side by side.
    Branches(Vec<Command>),
    /// The name of a worker of the module.
    Worker(String),
}

impl Command {
    pub(super) fn new(name: &'static str, arguments: Vec<Argument>) -> Command {
        Command {
            name: Name::Global(name),
            arguments,
            options: Vec::new(),
        }
    }

    fn option(mut self, name: &'static str, value: Argument) -> Command {
        self.options.retain(|(known, _)| *known != name);
        self.options.push((name, value));
        self
    }

    /// Gives a `wait_for` or `call` up after so many milliseconds; without `otherwise` the worker fails, then.
    #[must_use]
    pub fn timeout(self, milliseconds: impl Into<Operand>) -> Command {
        self.option("timeout", Argument::Operand(milliseconds.into()))
    }

    /// What is done when the time is over, or when what an `attempt` holds has failed.
    #[must_use]
    pub fn otherwise(self, command: Command) -> Command {
        self.option("otherwise", Argument::Command(command))
    }

    /// Tries a `call` or an `attempt` so often, with longer and longer rests between.
    #[must_use]
    pub fn retry(self, attempts: u32) -> Command {
        let value = json!({ "attempts": attempts });
        self.option("retry", Argument::Operand(value.into()))
    }

    /// Names the state of a `with_state`, for queries and migration.
    #[must_use]
    pub fn named(self, name: &str) -> Command {
        self.option("as", Argument::Operand(name.into()))
    }

    /// Has the end of a child told to its parent.
    #[must_use]
    pub fn watched(self) -> Command {
        self.option("watch", Argument::Operand(true.into()))
    }

    pub(super) fn with_error(self, variable: u32, command: Command) -> Command {
        self.option("otherwise", Argument::Continuation(variable, command))
    }

    /// The names of the workers that it spawns, at any depth.
    pub(super) fn spawned<'c>(&'c self, names: &mut Vec<&'c str>) {
        let options = self.options.iter().map(|(_, argument)| argument);
        for argument in self.arguments.iter().chain(options) {
            match argument {
                Argument::Worker(name) => names.push(name),
                Argument::Command(command) | Argument::Continuation(_, command) => {
                    command.spawned(names);
                }
                Argument::Body(_, commands) | Argument::Branches(commands) => {
                    commands.iter().for_each(|command| command.spawned(names));
                }
                Argument::Operand(_) | Argument::Function(..) | Argument::Given(..) => {}
            }
        }
    }
}
