//! Operands: constants, addresses, refs and literals with such parts, resolved when a command runs.
//!
//! What comes out of state or a message is never resolved again. Depth is bounded when a program is
//! made or decoded.

use super::instruction::{Operand, OperandIndex};
use super::{Run, item_of};
use smallvec::SmallVec;

use crate::codes;
use crate::data::{Address, Data, PropertyTable, Symbolic};
use crate::error::ScriptError;
use crate::freeze::Purpose;
use crate::host::Host;
use crate::limits::Limit;
use crate::run::{describe, key_text};
use crate::tree::Handle;
use crate::value::Value;
use crate::worker::Slot;

/// Whether a constant has no symbolic addresses that are replaced where it is used.
fn is_settled(value: &Data) -> bool {
    !value.has_symbolic() || matches!(value, Data::Function(_))
}

impl<'a> Run<'a> {
    /// The value of an operand of the current instruction.
    pub(super) fn evaluate(&mut self, operand: OperandIndex) -> Result<Value<'a>, ScriptError> {
        let definition = self.definition;
        let operand = definition.code.operands.get(operand.0 as usize);
        let data = match operand
            .ok_or_else(|| ScriptError::corrupt("an operand is not in the program"))?
        {
            // As it stands in the program.
            Operand::Value(value) if is_settled(value) => return Ok(Value::of(value)),
            Operand::Value(value) => self.resolve_symbolic(value)?,
            Operand::Myself => self.symbolic(Symbolic::Itself)?,
            Operand::Outbox => self.symbolic(Symbolic::Outbox)?,
            Operand::Child(handle) => self.symbolic(Symbolic::Child(handle.0))?,
            Operand::Sender(handle) => self.symbolic(Symbolic::Slot(handle.0))?,
            Operand::Keyed { name, key } => {
                let key = self.evaluate(*key)?;
                Data::from(Address::keyed(name.clone(), self.key(&key)?))
            }
            Operand::Handle(handle) => self.value_of(*handle)?,
            Operand::Config => self.next.config.as_ref().clone(),
            Operand::Read { source, selector } => {
                let source = self.evaluate(*source)?;
                return self.call(&Value::of(selector), &[source]);
            }
            Operand::Compute { sources, combiner } => {
                let sources = self.evaluate_all(sources)?;
                return self.call(&Value::of(combiner), &sources);
            }
            Operand::Array(items) => {
                let items = self.evaluate_all(items)?;
                return self
                    .functions
                    .new_array(items.into_vec())
                    .map_err(|error| self.at_command(error));
            }
            Operand::Object(properties) => {
                let mut table = PropertyTable::with_capacity(properties.len());
                for (key, value) in properties {
                    table.insert(key.clone(), self.evaluate(*value)?);
                }
                return self
                    .functions
                    .new_object(table)
                    .map_err(|error| self.at_command(error));
            }
        };
        Ok(self.functions.value(data))
    }

    fn evaluate_all(
        &mut self,
        operands: &[OperandIndex],
    ) -> Result<SmallVec<[Value<'a>; 4]>, ScriptError> {
        let mut values = SmallVec::with_capacity(operands.len());
        for operand in operands {
            values.push(self.evaluate(*operand)?);
        }
        Ok(values)
    }

    fn too_deep(&self) -> ScriptError {
        self.at_command(ScriptError::limit(
            Limit::ValueDepth,
            self.functions.limits(),
        ))
    }

    /// Calls a script function; an error says which command it was called for.
    pub(super) fn call(
        &mut self,
        function: &Value<'a>,
        arguments: &[Value<'a>],
    ) -> Result<Value<'a>, ScriptError> {
        self.functions
            .call(function, arguments)
            .map_err(|error| self.at_command(error))
    }

    /// Makes data of a value that outlives the turn.
    pub(super) fn freeze(
        &mut self,
        value: &Value<'a>,
        purpose: Purpose,
    ) -> Result<Data, ScriptError> {
        self.functions
            .freeze(value, purpose)
            .map_err(|error| self.at_command(error))
    }

    /// A value in an error message.
    pub(super) fn describe(&self, value: &Value<'a>) -> String {
        match value.as_data() {
            Some(data) => describe(&data),
            None => self.functions.describe(value),
        }
    }

    /// The value of an operand that has to be a function.
    pub(super) fn function(
        &mut self,
        operand: OperandIndex,
        role: &str,
    ) -> Result<Value<'a>, ScriptError> {
        let value = self.evaluate(operand)?;
        if value.is_function() {
            return Ok(value);
        }
        let what = format!(
            "{role} has to be a function, got {}: a ref may stand for one, whose combiner returns it \
             (`computeState([m], m => state => …)`)",
            self.describe(&value)
        );
        Err(self.at_command(ScriptError::new(codes::NOT_A_FUNCTION, what)))
    }

    fn key(&self, value: &Value<'a>) -> Result<String, ScriptError> {
        let key = match value.as_data() {
            Some(data) => key_text(&data),
            None => Err(ScriptError::bad_key(&self.describe(value))),
        };
        key.map_err(|error| self.at_command(error))
    }

    /// A constant with its symbolic addresses replaced.
    fn resolve_symbolic(&self, value: &Data) -> Result<Data, ScriptError> {
        let host = self.functions.host();
        let resolved =
            value.resolve_symbolic(&|symbolic| host.resolve(symbolic).unwrap_or_default());
        resolved.map_err(|_| self.too_deep())
    }

    /// The address that stands for a symbolic one in this run.
    fn symbolic(&self, symbolic: Symbolic) -> Result<Data, ScriptError> {
        match self.functions.host().resolve(symbolic) {
            Some(Data::Undefined) => {
                let what = "the message came from outside and has no sender that can be answered";
                Err(self.at_command(ScriptError::new(codes::NO_SENDER, what)))
            }
            Some(address) => Ok(address),
            None => Err(self.closed_block()),
        }
    }

    fn closed_block(&self) -> ScriptError {
        let what = "an address is used outside the block of its child or message";
        self.at_command(ScriptError::new(codes::CLOSED_BLOCK, what))
    }

    /// The current value of a state or message.
    pub(super) fn value_of(&self, handle: Handle) -> Result<Data, ScriptError> {
        match self.slot(self.slot_of(handle)?)? {
            Some(Slot::State(value) | Slot::Message { body: value, .. }) => Ok(value.clone()),
            Some(Slot::Child(value) | Slot::Failure(value)) => Ok(value.clone()),
            Some(Slot::Items { items, at }) => Ok(item_of(items, *at).cloned().unwrap_or_default()),
            Some(Slot::Attempt { .. } | Slot::Saga { .. }) | None => {
                Err(ScriptError::corrupt("a handle is used outside its block"))
            }
        }
    }

    /// The place of a handle's value on the stack; an error when its block is not open.
    pub(super) fn slot_of(&self, handle: Handle) -> Result<usize, ScriptError> {
        let block = self
            .definition
            .block_of(handle)
            .filter(|block| self.owner_of(*block).is_some());
        Ok(self.block(block.ok_or_else(|| self.closed_block())?)?.base as usize)
    }
}
