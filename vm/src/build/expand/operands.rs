//! Operands: from what the script gave to what the tree holds.
//!
//! Here the shorthand `…Handle` finds its message, with a lint that shows the long form.

use super::super::errors::diagnostic;
use super::super::tables::{Kind, PlaceSpec, Recipe, RefSpec};
use super::{Expanded, Expander};
use crate::codes;
use crate::data::{Address, Data};
use crate::diagnostic::Diagnostic;
use crate::fixes::Repair;
use crate::source::Span;
use crate::text::Text;
use crate::tree::{Handle, Operand};
use crate::value::HostRef;

/// How deep refs and literals may nest, together; below what the verifier of control code accepts.
const OPERAND_DEPTH: u32 = 120;

/// What an operand counts for in memory.
const OPERAND_BYTES: usize = 96;

impl<'p> Expander<'_, '_, 'p> {
    /// An operand of a command at `span`.
    pub(super) fn operand(&mut self, recipe: &Recipe, span: Span) -> Expanded<Operand> {
        self.enter_operand(span)?;
        let operand = self.operand_inside(recipe, span);
        self.operand_depth -= 1;
        operand
    }

    /// Refs can be nested and doubled by a loop of the build stage: both are bounded.
    fn enter_operand(&mut self, span: Span) -> Expanded<()> {
        self.operand_depth += 1;
        if self.operand_depth > OPERAND_DEPTH {
            let message = format!("more than {OPERAND_DEPTH} levels of nested refs and literals");
            let diagnostic = Diagnostic::error(codes::LIMIT_COMMANDS, span, message);
            return Err(Box::new(
                diagnostic.with_hint("compute it in one function, from the handles"),
            ));
        }
        let charged = self
            .machine
            .spend(1)
            .and_then(|()| self.machine.charge(OPERAND_BYTES));
        charged.map_err(|trap| {
            let mut refused = diagnostic(self.machine, trap);
            refused.span = span;
            Box::new(refused)
        })
    }

    fn operand_inside(&mut self, recipe: &Recipe, span: Span) -> Expanded<Operand> {
        Ok(match recipe {
            Recipe::Constant(data) => Operand::Value(data.clone()),
            Recipe::Function(function) => Operand::Function(*function),
            Recipe::Host(host) => return self.host_operand(*host, span),
            Recipe::Array(items) => Operand::Array(self.operands(items, span)?),
            Recipe::Object(pairs) => {
                let pairs = pairs
                    .iter()
                    .map(|(key, value)| Ok((key.clone(), self.operand(value, span)?)));
                Operand::Object(pairs.collect::<Expanded<Vec<_>>>()?)
            }
        })
    }

    fn operands(&mut self, recipes: &[Recipe], span: Span) -> Expanded<Vec<Operand>> {
        recipes
            .iter()
            .map(|recipe| self.operand(recipe, span))
            .collect()
    }

    fn host_operand(&mut self, host: HostRef, span: Span) -> Expanded<Operand> {
        let index = host.index() as usize;
        match Kind::of(host) {
            Some(Kind::Ref) => {
                let spec = self.stage.tables.borrow().refs.get(index).cloned();
                self.reference(spec, span)
            }
            Some(Kind::Place) => {
                let spec = self.stage.tables.borrow().places.get(index).cloned();
                self.place(spec, span)
            }
            Some(Kind::Worker) => self.worker_name(index, span),
            _ => Err(self.misplaced(span)),
        }
    }

    /// The name of an exported worker. One that is not exported cannot be addressed.
    fn worker_name(&self, index: usize, span: Span) -> Expanded<Operand> {
        let tables = self.stage.tables.borrow();
        match tables.workers.get(index) {
            Some(worker) if worker.exported => Ok(Operand::Value(Data::from(Address::bare(
                worker.name.clone(),
            )))),
            _ => {
                let message = "a worker that is not exported can be spawned, not addressed";
                let diagnostic = Diagnostic::error(codes::BAD_ARGUMENT, span, message);
                Err(Box::new(diagnostic.with_hint(
                    "export it, or send to the child that `spawn` gives its continuation",
                )))
            }
        }
    }

    fn reference(&mut self, spec: Option<RefSpec>, span: Span) -> Expanded<Operand> {
        Ok(match spec {
            Some(
                RefSpec::State(handle)
                | RefSpec::Message(handle)
                | RefSpec::Failure(handle)
                | RefSpec::Item(handle),
            ) => Operand::Handle(handle),
            Some(RefSpec::Config) => Operand::Config,
            Some(RefSpec::Closest { name, span }) => Operand::Handle(self.closest(&name, span)?),
            Some(RefSpec::Read { source, selector }) => Operand::Read {
                source: Box::new(self.operand(&source, span)?),
                selector,
            },
            Some(RefSpec::Compute { sources, combiner }) => Operand::Compute {
                sources: self.operands(&sources, span)?,
                combiner,
            },
            None => return Err(self.misplaced(span)),
        })
    }

    fn place(&mut self, spec: Option<PlaceSpec>, span: Span) -> Expanded<Operand> {
        Ok(match spec {
            Some(PlaceSpec::Myself) => Operand::Myself,
            Some(PlaceSpec::Outbox) => Operand::Outbox,
            Some(PlaceSpec::Child(handle)) => Operand::Child(handle),
            Some(PlaceSpec::Sender(message)) => Operand::Sender(self.message_of(message, span)?),
            Some(PlaceSpec::Keyed { name, key }) => Operand::Keyed {
                name,
                key: Box::new(self.operand(&key, span)?),
            },
            None => return Err(self.misplaced(span)),
        })
    }

    /// The message that a handle stands for.
    pub(super) fn message_of(&mut self, message: HostRef, span: Span) -> Expanded<Handle> {
        match self.host_operand(message, span)? {
            Operand::Handle(handle) => Ok(handle),
            _ => Err(self.misplaced(span)),
        }
    }

    /// The message that a name `…Handle` stands for here.
    fn closest(&mut self, name: &Text, span: Span) -> Expanded<Handle> {
        let Some((handle, wait)) = self.messages.last().copied() else {
            let message = format!("unknown name `{name}`");
            let diagnostic = Diagnostic::error(codes::UNKNOWN_NAME, span, message)
                .with_note("a free name that ends in `Handle` stands for the closest received message, and none has been received here")
                .with_hint("take the handle from a continuation: `waitFor(predicate, message => …)`");
            return Err(Box::new(diagnostic));
        };
        self.used_messages.insert(handle);
        let text = name.to_string();
        let parameter = text.strip_suffix("Handle").unwrap_or(&text);
        let lint = Diagnostic::lint(
            codes::HANDLE_SHORTHAND,
            span,
            format!("`{name}` stands for the closest received message"),
        )
        .with_hint(format!("name the message: `waitFor(…, {parameter} => …)`"))
        .with_repair(Repair::Message(wait));
        self.stage.add_lint(lint);
        Ok(handle)
    }

    fn misplaced(&self, span: Span) -> Box<Diagnostic> {
        Box::new(Diagnostic::error(
            codes::BAD_ARGUMENT,
            span,
            "this value cannot be given to a command",
        ))
    }
}
