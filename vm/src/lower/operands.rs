//! Operands: from nested to a table in which parts come before what they are parts of.
//!
//! Equal constants are not shared; a program's size is bounded elsewhere. Depth is bounded by the build stage.

use super::LowerError;
use super::assembler::Assembler;
use crate::control::instruction::{Operand as Flat, OperandIndex};
use crate::source::Span;
use crate::tree::Operand;

impl Assembler<'_> {
    /// Adds an operand and its parts.
    pub(super) fn operand(
        &mut self,
        operand: &Operand,
        span: Span,
    ) -> Result<OperandIndex, LowerError> {
        let flat = match operand {
            Operand::Value(value) => Flat::Value(value.clone()),
            Operand::Function(function) => Flat::Value(self.function(*function)),
            Operand::Myself => Flat::Myself,
            Operand::Outbox => Flat::Outbox,
            Operand::Config => Flat::Config,
            Operand::Child(handle) | Operand::Sender(handle) | Operand::Handle(handle) => {
                self.check_handle(*handle, span)?;
                match operand {
                    Operand::Child(_) => Flat::Child(*handle),
                    Operand::Sender(_) => Flat::Sender(*handle),
                    _ => Flat::Handle(*handle),
                }
            }
            Operand::Keyed { name, key } => Flat::Keyed {
                name: name.clone(),
                key: self.operand(key, span)?,
            },
            Operand::Read { source, selector } => Flat::Read {
                source: self.operand(source, span)?,
                selector: self.function(*selector),
            },
            Operand::Compute { sources, combiner } => Flat::Compute {
                sources: self.all(sources, span)?,
                combiner: self.function(*combiner),
            },
            Operand::Array(items) => Flat::Array(self.all(items, span)?),
            Operand::Object(properties) => {
                let pairs = properties
                    .iter()
                    .map(|(key, value)| Ok((key.clone(), self.operand(value, span)?)));
                Flat::Object(pairs.collect::<Result<_, LowerError>>()?)
            }
        };
        let index = OperandIndex(self.code.operands.len() as u32);
        self.code.operands.push(flat);
        Ok(index)
    }

    fn all(&mut self, operands: &[Operand], span: Span) -> Result<Vec<OperandIndex>, LowerError> {
        operands
            .iter()
            .map(|operand| self.operand(operand, span))
            .collect()
    }
}
