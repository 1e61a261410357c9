//! The host of the build stage: gives the names of the language their values and takes their calls.
//!
//! The machine asks it while the module and its factories are evaluated. Commands are recorded, not
//! run. Time and chance do not exist here.

use std::cell::{Cell, RefCell};

use super::collected::Collected;
use super::commands;
use super::names::AMBIENT;
use super::refusals;
use super::tables::{Action, Kind, PlaceSpec, Recipe, RefSpec, Tables, host};
use crate::codes;
use crate::data::{Address, Data, Symbolic};
use crate::diagnostic::Diagnostic;
use crate::error::{Trap, TrapKind};
use crate::host::{Host, Misuse};
use crate::machine::Machine;
use crate::source::{Sources, Span};
use crate::text::Text;
use crate::value::{HostRef, Value};

/// The build stage of one module.
pub(super) struct Stage<'s, 'p> {
    pub(super) sources: &'s Sources,
    pub(super) tables: RefCell<Tables<'p>>,
    pub(super) lints: RefCell<Vec<Diagnostic>>,
    /// Errors behind which the build went on.
    pub(super) errors: RefCell<Collected>,
    /// Whether the module has been evaluated: from then on no worker can be added.
    pub(super) sealed: Cell<bool>,
}

impl<'s, 'p> Stage<'s, 'p> {
    /// Empty tables.
    pub(super) fn new(sources: &'s Sources) -> Stage<'s, 'p> {
        Stage {
            sources,
            tables: RefCell::new(Tables::default()),
            lints: RefCell::new(Vec::new()),
            errors: RefCell::new(Collected::default()),
            sealed: Cell::new(false),
        }
    }

    /// Keeps a lint.
    pub(super) fn add_lint(&self, lint: Diagnostic) {
        self.lints.borrow_mut().push(lint);
    }

    /// What stands in for the result of a function of the language that refused its arguments, so that
    /// the code behind it is looked at too. The error is kept; where it ends the build it goes on.
    fn stand_in(&self, name: &str, trap: Trap, span: Span) -> Result<Value<'p>, Trap> {
        let data = *trap.0;
        let diagnostic = match data.kind {
            TrapKind::Refused(diagnostic) if !matches!(name, "act" | "reactive") => diagnostic,
            kind => return Err(Trap(Box::new(crate::error::TrapData { kind, ..data }))),
        };
        let kept = self.errors.borrow_mut().keep(diagnostic);
        kept.map_err(|diagnostic| Trap::refused(*diagnostic))?;
        let mut tables = self.tables.borrow_mut();
        Ok(match name {
            "readState" | "computeState" | "stateOf" | "effect" | "clock" => {
                tables.reference(RefSpec::Config)
            }
            "worker" | "sender" => tables.place(PlaceSpec::Myself),
            // Its message stays in scope for what comes behind.
            "waitFor" => {
                let predicate = Recipe::Constant(Data::Null);
                let wait = Action::WaitFor {
                    predicate,
                    then: None,
                    timeout: None,
                };
                tables.command(wait, span)
            }
            _ => tables.command(Action::Noop, span),
        })
    }

    /// The text at a place.
    pub(super) fn text(&self, span: Span) -> &'s str {
        self.sources.slice(span)
    }
}

/// The place in the source of what the machine does now.
pub(super) fn place<'p>(machine: &Machine<'p>) -> Span {
    if let Some(focus) = machine.focus {
        return focus;
    }
    let places = machine.places();
    let Some((function, instruction)) = places.first() else {
        return Span::default();
    };
    machine.code.function(*function).place(*instruction)
}

impl<'p> Host<'p> for Stage<'_, 'p> {
    fn ambient(&self, _: &mut Machine<'p>, name: &Text) -> Result<Value<'p>, Trap> {
        let index = AMBIENT.iter().position(|known| *name == **known);
        index
            .map(|index| host(Kind::Function, index))
            .ok_or_else(|| {
                Trap::fatal(
                    codes::UNKNOWN_NAME,
                    format!("the name `{name}` is not part of the language"),
                )
            })
    }

    fn shorthand(&self, machine: &mut Machine<'p>, name: &Text) -> Result<Value<'p>, Trap> {
        let span = place(machine);
        Ok(self.tables.borrow_mut().reference(RefSpec::Closest {
            name: name.clone(),
            span,
        }))
    }

    fn call(
        &self,
        machine: &mut Machine<'p>,
        callee: HostRef,
        arguments: &[Value<'p>],
    ) -> Result<Value<'p>, Trap> {
        let span = place(machine);
        let index = callee.index() as usize;
        match Kind::of(callee) {
            Some(Kind::Function) => {
                let name = AMBIENT.get(index).copied();
                let made = commands::call(self, machine, name, arguments, span);
                made.or_else(|trap| self.stand_in(name.unwrap_or_default(), trap, span))
            }
            Some(Kind::Helper) => {
                let made = commands::call_helper(self, machine, callee.index(), arguments, span);
                made.or_else(|trap| self.stand_in("", trap, span))
            }
            Some(Kind::Jump) => commands::jump(self, index, span),
            Some(Kind::Worker) => commands::reactive::apply(self, machine, callee, arguments, span),
            _ => Err(self.misuse(machine, callee, Misuse::Call)),
        }
    }

    fn call_address(
        &self,
        machine: &mut Machine<'p>,
        address: &Address,
        arguments: &[Value<'p>],
    ) -> Result<Value<'p>, Trap> {
        commands::reactive::apply_name(machine, address, arguments)
    }

    fn property(
        &self,
        machine: &mut Machine<'p>,
        object: HostRef,
        key: &Text,
    ) -> Result<Value<'p>, Trap> {
        if Kind::of(object) == Some(Kind::Loop)
            && let Some(jump) = commands::loop_property(self, object.index(), key)
        {
            return Ok(jump);
        }
        Err(self.misuse(machine, object, Misuse::Property(key.clone())))
    }

    fn misuse(&self, machine: &mut Machine<'p>, value: HostRef, misuse: Misuse) -> Trap {
        Trap::refused(refusals::misuse(self, value, &misuse, place(machine)))
    }

    fn keep(&self, value: HostRef) -> Option<Data> {
        let tables = self.tables.borrow();
        let index = value.index() as usize;
        match Kind::of(value)? {
            Kind::Worker => {
                let worker = tables.workers.get(index)?;
                worker
                    .exported
                    .then(|| Data::from(Address::bare(worker.name.clone())))
            }
            Kind::Place => match tables.places.get(index)? {
                PlaceSpec::Myself => Some(Data::Symbolic(Symbolic::Itself)),
                PlaceSpec::Outbox => Some(Data::Symbolic(Symbolic::Outbox)),
                PlaceSpec::Child(handle) => Some(Data::Symbolic(Symbolic::Child(handle.0))),
                PlaceSpec::Sender(message) => match tables.refs.get(message.index() as usize)? {
                    RefSpec::Message(handle) => Some(Data::Symbolic(Symbolic::Slot(handle.0))),
                    _ => None,
                },
                PlaceSpec::Keyed { .. } => None,
            },
            _ => None,
        }
    }

    fn resolve(&self, _: Symbolic) -> Option<Data> {
        None
    }

    fn now_ms(&self) -> Result<f64, Trap> {
        Err(Trap::fatal(
            codes::STAGE,
            "there is no time when a script is deployed: read it in a function that runs later, for example `withState(() => Date.now(), …)`",
        ))
    }

    fn random_bits(&self) -> Result<u64, Trap> {
        Err(Trap::fatal(
            codes::STAGE,
            "there is no chance when a script is deployed: use it in a function that runs later, for example `withState(() => Math.random(), …)`",
        ))
    }

    fn print(&self, _: String) {}
}
