//! The commands: what `act` gives its function makes them. Each is the command of the same name of the
//! language.

use std::cell::Cell;

use serde_json::Value;

use super::command::{Argument, Command, Name};
use super::expression::{Expr, Node};
use super::module::{BuilderError, Module};
use super::operand::{Handle, Kind, Loop, Operand, Sequence};
use super::reactive::Source;
use crate::program::Program;

/// Makes the commands of one worker.
#[derive(Debug, Default)]
pub struct Worker {
    numbers: Cell<u32>,
}

/// A worker with its options.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    pub(super) name: String,
    pub(super) body: Command,
    pub(super) options: Vec<(&'static str, Argument)>,
    numbers: u32,
}

/// A worker: `name` is what it is addressed by, the function makes what it does.
pub fn act(name: &str, body: impl FnOnce(&Worker) -> Command) -> Act {
    let worker = Worker::default();
    let body = body(&worker);
    Act {
        name: name.to_owned(),
        body,
        options: Vec::new(),
        numbers: worker.numbers.get(),
    }
}

impl Act {
    fn option(mut self, name: &'static str, value: Argument) -> Act {
        self.options.retain(|(known, _)| *known != name);
        self.options.push((name, value));
        self
    }

    /// It starts when deployed, or with the first message to a key, and again after its end.
    #[must_use]
    pub fn daemon(self) -> Act {
        self.option("daemon", Argument::Operand(true.into()))
    }

    /// A message to the bare name goes to the instance with this key.
    #[must_use]
    pub fn key(mut self, key: impl FnOnce(Expr) -> Expr) -> Act {
        self.numbers += 1;
        let number = self.numbers;
        let body = key(Expr::of(Node::Variable(number)));
        self.option("key", Argument::Function(vec![number], body))
    }

    /// Its name, and those of the workers that it spawns.
    pub(super) fn names(&self) -> Vec<&str> {
        let mut names = vec![self.name.as_str()];
        self.body.spawned(&mut names);
        names
    }

    /// Any other option of `act`, such as `restart`, `reuse`, `schedule`, `idle`.
    #[must_use]
    pub fn with(self, option: &'static str, value: impl Into<Value>) -> Act {
        self.option(option, Argument::Operand(value.into().into()))
    }

    /// Compiles a module of this worker alone.
    ///
    /// # Errors
    /// What the compiler says of its script.
    pub fn compile(self) -> Result<Program, BuilderError> {
        Module::new().worker(self).compile()
    }
}

impl Worker {
    fn number(&self) -> u32 {
        self.numbers.set(self.numbers.get() + 1);
        self.numbers.get()
    }

    fn parameters<const N: usize>(&self) -> ([u32; N], [Expr; N]) {
        let numbers = [(); N].map(|()| self.number());
        (
            numbers,
            numbers.map(|number| Expr::of(Node::Variable(number))),
        )
    }

    fn function(&self, function: impl FnOnce(Expr) -> Expr) -> Argument {
        let ([number], [parameter]) = self.parameters::<1>();
        Argument::Function(vec![number], function(parameter))
    }

    fn given<const N: usize>(
        &self,
        refs: [impl Into<Operand>; N],
        function: impl FnOnce(Expr, [Expr; N]) -> Expr,
    ) -> Argument {
        let (outer, values) = self.parameters::<N>();
        let ([inner], [parameter]) = self.parameters::<1>();
        let refs = refs.into_iter().map(Into::into).collect();
        let body = function(parameter, values);
        Argument::Given(refs, outer.to_vec(), vec![inner], body)
    }

    fn continuation(&self, body: impl FnOnce(Handle) -> Command) -> Argument {
        let number = self.number();
        Argument::Continuation(number, body(Handle(number)))
    }

    // -- Addresses and refs

    /// The worker itself.
    pub fn myself(&self) -> Operand {
        Operand(Kind::Myself)
    }

    /// Where its output goes.
    pub fn outbox(&self) -> Operand {
        Operand(Kind::Helper("outbox"))
    }

    /// What the run was started with.
    pub fn config(&self) -> Operand {
        Operand(Kind::Helper("config"))
    }

    /// Who sent a message.
    pub fn sender(&self, message: Handle) -> Operand {
        Operand(Kind::Sender(message.0))
    }

    /// What a function makes of a state, a message or another ref: `readState`.
    pub fn read<T: Into<Expr>>(
        &self,
        source: impl Into<Operand>,
        selector: impl FnOnce(Expr) -> T,
    ) -> Operand {
        let ([number], [parameter]) = self.parameters::<1>();
        let body = selector(parameter).into();
        Operand(Kind::Read(Box::new(source.into()), number, body))
    }

    /// What a function makes of several of them: `computeState`.
    pub fn compute<const N: usize, T: Into<Expr>>(
        &self,
        sources: [impl Into<Operand>; N],
        combiner: impl FnOnce([Expr; N]) -> T,
    ) -> Operand {
        let (numbers, parameters) = self.parameters::<N>();
        let body = combiner(parameters).into();
        let sources = sources.into_iter().map(Into::into).collect();
        Operand(Kind::Compute(sources, numbers.to_vec(), body))
    }

    // -- Commands

    /// Nothing.
    pub fn noop(&self) -> Command {
        Command::new("noop", Vec::new())
    }

    /// Each in order.
    pub fn sequence(&self, body: impl IntoIterator<Item = Command>) -> Command {
        let body = body.into_iter().collect();
        Command::new("sequence", vec![Argument::Body(None, body)])
    }

    /// Each in order; [`Worker::done`] leaves it from any depth inside.
    pub fn sequence_with(&self, body: impl FnOnce(Sequence) -> Vec<Command>) -> Command {
        let number = self.number();
        let body = body(Sequence(number));
        Command::new("sequence", vec![Argument::Body(Some(number), body)])
    }

    /// Leaves a sequence.
    pub fn done(&self, sequence: Sequence) -> Command {
        jump(sequence.0, "done")
    }

    /// Sends a message.
    pub fn send(&self, target: impl Into<Operand>, message: impl Into<Operand>) -> Command {
        let operands = [target.into(), message.into()];
        Command::new("send", operands.map(Argument::Operand).to_vec())
    }

    /// Takes messages until one matches, then goes on with it.
    pub fn wait_for(
        &self,
        predicate: impl FnOnce(Expr) -> Expr,
        then: impl FnOnce(Handle) -> Command,
    ) -> Command {
        let arguments = vec![self.function(predicate), self.continuation(then)];
        Command::new("waitFor", arguments)
    }

    /// The same with a predicate that also sees refs.
    pub fn wait_for_given<const N: usize>(
        &self,
        refs: [impl Into<Operand>; N],
        predicate: impl FnOnce(Expr, [Expr; N]) -> Expr,
        then: impl FnOnce(Handle) -> Command,
    ) -> Command {
        let arguments = vec![self.given(refs, predicate), self.continuation(then)];
        Command::new("waitFor", arguments)
    }

    /// Waits until a source has a value that matches, while messages stay in the mailbox, then goes on with it. An
    /// error of the source fails the command.
    pub fn wait_for_value(
        &self,
        source: Source,
        predicate: impl FnOnce(Expr) -> Expr,
        then: impl FnOnce(Handle) -> Command,
    ) -> Command {
        let source = Argument::Operand(source.0);
        let arguments = vec![source, self.function(predicate), self.continuation(then)];
        Command::new("waitForValue", arguments)
    }

    /// Takes exactly one message: the first command where it matches, else the second.
    pub fn when(
        &self,
        predicate: impl FnOnce(Expr) -> Expr,
        matched: impl FnOnce(Handle) -> Command,
        otherwise: impl FnOnce(Handle) -> Command,
    ) -> Command {
        let predicate = self.function(predicate);
        let branches = [self.continuation(matched), self.continuation(otherwise)];
        Command::new("when", [vec![predicate], branches.to_vec()].concat())
    }

    /// Branches on the truth of a value.
    pub fn when_state(
        &self,
        condition: impl Into<Operand>,
        then: Command,
        otherwise: Command,
    ) -> Command {
        let condition = Argument::Operand(condition.into());
        let branches = [then, otherwise].map(Argument::Command);
        Command::new("whenState", [vec![condition], branches.to_vec()].concat())
    }

    /// A block with state of its own.
    pub fn with_state(
        &self,
        initial: impl Into<Expr>,
        body: impl FnOnce(Handle) -> Command,
    ) -> Command {
        let initial = Argument::Function(Vec::new(), initial.into());
        Command::new("withState", vec![initial, self.continuation(body)])
    }

    /// The same with a state that is made from a ref, such as the config.
    pub fn with_state_from(
        &self,
        source: impl Into<Operand>,
        initial: impl FnOnce(Expr) -> Expr,
        body: impl FnOnce(Handle) -> Command,
    ) -> Command {
        let ([number], [parameter]) = self.parameters::<1>();
        let initial = Argument::Given(
            vec![source.into()],
            vec![number],
            Vec::new(),
            initial(parameter),
        );
        Command::new("withState", vec![initial, self.continuation(body)])
    }

    /// Replaces a state by what a function makes of it.
    pub fn modify_state(&self, state: Handle, updater: impl FnOnce(Expr) -> Expr) -> Command {
        let state = Argument::Operand(state.into());
        Command::new("modifyState", vec![state, self.function(updater)])
    }

    /// The same with a function that also sees refs.
    pub fn modify_state_given<const N: usize>(
        &self,
        state: Handle,
        refs: [impl Into<Operand>; N],
        updater: impl FnOnce(Expr, [Expr; N]) -> Expr,
    ) -> Command {
        let state = Argument::Operand(state.into());
        Command::new("modifyState", vec![state, self.given(refs, updater)])
    }

    /// Repeats.
    pub fn while_loop(&self, body: impl FnOnce(Loop) -> Command) -> Command {
        let number = self.number();
        let body = Argument::Continuation(number, body(Loop(number)));
        Command::new("whileLoop", vec![body])
    }

    /// Leaves a loop, from any depth inside.
    pub fn leave(&self, repeated: Loop) -> Command {
        jump(repeated.0, "break")
    }

    /// Begins a loop again, from any depth inside.
    pub fn again(&self, repeated: Loop) -> Command {
        jump(repeated.0, "continue")
    }

    /// Starts a worker of the same module as a child, then goes on with its address.
    pub fn spawn(
        &self,
        worker: &str,
        config: impl Into<Operand>,
        then: impl FnOnce(Handle) -> Command,
    ) -> Command {
        let arguments = vec![
            Argument::Worker(worker.to_owned()),
            Argument::Operand(config.into()),
            self.continuation(then),
        ];
        Command::new("spawn", arguments)
    }

    /// Ends a worker.
    pub fn kill(&self, target: impl Into<Operand>) -> Command {
        Command::new("kill", vec![Argument::Operand(target.into())])
    }

    /// Pauses.
    pub fn delay(&self, milliseconds: impl Into<Operand>) -> Command {
        Command::new("delay", vec![Argument::Operand(milliseconds.into())])
    }

    /// Ends this run with a result.
    pub fn complete(&self, result: impl Into<Operand>) -> Command {
        helper("complete", result.into())
    }

    /// Ends this run with an error.
    pub fn fail(&self, error: impl Into<Operand>) -> Command {
        helper("fail", error.into())
    }

    /// Sends a message and waits for the reply to it.
    pub fn call(
        &self,
        target: impl Into<Operand>,
        message: impl Into<Operand>,
        then: impl FnOnce(Handle) -> Command,
    ) -> Command {
        let operands = [target.into(), message.into()].map(Argument::Operand);
        let then = self.continuation(then);
        Command::new("call", [operands.to_vec(), vec![then]].concat())
    }

    /// Answers the sender of a message.
    pub fn reply(&self, message: Handle, body: impl Into<Operand>) -> Command {
        let operands = [message.into(), body.into()];
        Command::new("reply", operands.map(Argument::Operand).to_vec())
    }

    /// Branches side by side, until all have ended.
    pub fn parallel(&self, branches: impl IntoIterator<Item = Command>) -> Command {
        let branches = branches.into_iter().collect();
        Command::new("parallel", vec![Argument::Branches(branches)])
    }

    /// Branches side by side, until the first has ended.
    pub fn race(&self, branches: impl IntoIterator<Item = Command>) -> Command {
        let branches = branches.into_iter().collect();
        Command::new("race", vec![Argument::Branches(branches)])
    }

    /// A command whose failure is given to another.
    pub fn attempt(&self, body: Command, otherwise: impl FnOnce(Handle) -> Command) -> Command {
        let number = self.number();
        let attempt = Command::new("attempt", vec![Argument::Command(body)]);
        attempt.with_error(number, otherwise(Handle(number)))
    }

    /// A command whose steps are undone when it fails.
    pub fn saga(&self, body: Command) -> Command {
        Command::new("saga", vec![Argument::Command(body)])
    }

    /// A step of a saga, and how it is undone.
    pub fn compensate(&self, body: Command, undo: Command) -> Command {
        Command::new("compensate", [body, undo].map(Argument::Command).to_vec())
    }

    /// A command for each item of a list.
    pub fn for_each(
        &self,
        items: impl Into<Operand>,
        body: impl FnOnce(Handle) -> Command,
    ) -> Command {
        let items = Argument::Operand(items.into());
        Command::new("forEach", vec![items, self.continuation(body)])
    }
}

fn jump(number: u32, name: &'static str) -> Command {
    Command {
        name: Name::Of(number, name),
        ..Command::new("", Vec::new())
    }
}

fn helper(name: &'static str, operand: Operand) -> Command {
    Command {
        name: Name::Helper(name),
        ..Command::new("", vec![Argument::Operand(operand)])
    }
}
