//! The expression machine: runs one function of a code to its end.
//!
//! Before: the build stage (the module, factories) and the control level (predicates, updaters, …).
//! After: `freeze`, which turns results into data. Guarantees: total and metered; script calls do
//! not use the node's stack; after a trap the machine can be used again, its heap as it was left.

mod arithmetic;
mod calls;
mod comparison;
mod conversion;
mod dispatch;
mod errors;
mod frames;
mod iteration;
mod meter;
mod objects;
mod patterns;
mod properties;
mod run;
mod stack;
mod variables;

use crate::bytecode::Code;
use crate::codes;
use crate::data::{Data, PropertyTable};
use crate::error::Trap;
use crate::heap::{Heap, HeapObject};
use crate::host::Host;
use crate::limits::{Limit, Limits};
use crate::memory::{Memory, Room};
use crate::text::Text;
use crate::value::Value;

pub use arithmetic::power;
pub(crate) use calls::Callback;
pub use comparison::{same_value_zero, strict_equal};
pub use conversion::{Preferred, is_truthy};
pub(crate) use frames::Calls;

/// What a run has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Instructions, and work of built-ins counted as instructions.
    pub instructions: u64,
    /// Bytes allocated.
    pub allocated_bytes: u64,
    /// Steps of regular expressions.
    pub regex_steps: u64,
}

/// The expression machine over one code.
pub struct Machine<'p> {
    /// The code that runs.
    pub code: &'p Code,
    /// Whoever runs it.
    pub host: &'p dyn Host<'p>,
    /// Limits of this run.
    pub limits: &'p Limits,
    /// What values refer to.
    memory: &'p Memory,
    /// Where its room goes back to.
    room: Option<Box<Room>>,
    /// Everything mutable.
    pub heap: Heap<'p>,
    meter: meter::Meter,
    allocated_bytes: u64,
    regex_steps: u64,
    /// Slots and operands of all open calls.
    stack: stack::Stack<'p>,
    /// The highest that the stack has been.
    stack_peak: usize,
    /// What the calls around the innermost one go on with, from outside of any call on.
    frames: Vec<frames::Frame<'p>>,
    /// Where the innermost call is.
    frame: frames::Position<'p>,
    /// Open `try` blocks of all open calls.
    handlers: Vec<frames::Handler>,
    /// Built-ins that are running, one inside another.
    native_depth: u32,
    /// The place that a refusal is about, where no function runs: set while captures are frozen.
    pub(crate) focus: Option<crate::source::Span>,
    /// `lastIndex` of frozen regular expressions, within one call.
    places: patterns::Places<'p>,
    /// What searches work in.
    scratch: crate::regex::Scratch,
    /// Captured variables of the functions that have been frozen.
    pub(crate) kept: crate::freeze::KeptCells<'p>,
    /// What was thrown, from there until it is caught or told.
    thrown: Value<'p>,
}

impl<'p> Machine<'p> {
    /// A machine with an empty heap and nothing used.
    #[inline]
    pub fn new(
        code: &'p Code,
        host: &'p dyn Host<'p>,
        limits: &'p Limits,
        memory: &'p Memory,
    ) -> Machine<'p> {
        let mut room = memory.take_room();
        let (heap, scratch, calls) = match &mut room {
            Some(room) => (
                std::mem::take(&mut room.heap),
                std::mem::take(&mut room.scratch),
                std::mem::take(&mut room.calls),
            ),
            None => Default::default(),
        };
        Machine {
            room,
            code,
            host,
            limits,
            memory,
            heap,
            meter: meter::Meter::new(limits),
            allocated_bytes: 0,
            regex_steps: 0,
            stack: calls.stack,
            stack_peak: 0,
            frames: calls.frames,
            frame: frames::Position::OUTSIDE,
            handlers: Vec::new(),
            native_depth: 0,
            focus: None,
            places: patterns::Places::default(),
            scratch,
            kept: crate::freeze::KeptCells::default(),
            thrown: Value::Undefined,
        }
    }

    /// What was used so far.
    pub fn used(&self) -> Used {
        Used {
            instructions: self.meter.used(self.frame.counted()),
            allocated_bytes: self.allocated_bytes,
            regex_steps: self.regex_steps,
        }
    }

    /// Counts work; a trap when there is too much of it.
    #[inline]
    pub fn spend(&mut self, instructions: u64) -> Result<(), Trap> {
        match self.meter.add(instructions) {
            true => Ok(()),
            false => Err(self.out_of_instructions()),
        }
    }

    #[cold]
    fn out_of_instructions(&self) -> Trap {
        Trap::limit(
            codes::LIMIT_INSTRUCTIONS,
            Limit::TurnInstructions,
            self.limits,
        )
    }

    /// Counts memory before it is allocated; a trap when there is too much of it.
    #[inline]
    pub fn charge(&mut self, bytes: usize) -> Result<(), Trap> {
        self.allocated_bytes = self.allocated_bytes.saturating_add(bytes as u64);
        if self.allocated_bytes > self.limits.turn_allocated_bytes {
            return Err(Trap::limit(
                codes::LIMIT_MEMORY,
                Limit::TurnAllocatedBytes,
                self.limits,
            ));
        }
        Ok(())
    }

    /// Counts looking at so many units of a text; short ones are part of their instruction.
    #[inline]
    pub fn spend_on_units(&mut self, units: usize) -> Result<(), Trap> {
        if units < 64 {
            return Ok(());
        }
        self.spend(units as u64 / 32)
    }

    /// A new array of the heap.
    pub fn new_array(&mut self, items: Vec<Value<'p>>) -> Result<Value<'p>, Trap> {
        self.charge(32 + items.len() * 16)?;
        Ok(Value::Array(self.heap.add_array(items)))
    }

    /// A new plain object of the heap.
    pub fn new_object(&mut self, properties: PropertyTable<Value<'p>>) -> Result<Value<'p>, Trap> {
        self.charge(64 + properties.len() * 40)?;
        Ok(Value::Object(
            self.heap.add_object(HeapObject::plain(properties)),
        ))
    }

    /// A new text, charged.
    pub fn new_text(&mut self, text: impl Into<Text>) -> Result<Value<'p>, Trap> {
        let text = text.into();
        self.charge(32 + text.byte_size())?;
        Ok(self.text(text))
    }

    /// Keeps a text that is charged elsewhere, for as long as the machine runs.
    pub(crate) fn keep_text(&self, text: Text) -> &'p Text {
        self.memory.keep_text(text)
    }

    /// A text that is charged elsewhere, or is none of the script's making.
    #[inline]
    pub fn text(&self, text: impl Into<Text>) -> Value<'p> {
        Value::Text(self.memory.keep_text(text.into()))
    }

    /// Data that enters the run.
    #[inline]
    pub fn value(&self, data: Data) -> Value<'p> {
        match data {
            Data::Undefined => Value::Undefined,
            Data::Null => Value::Null,
            Data::Boolean(boolean) => Value::boolean(boolean),
            Data::Number(number) => Value::number(number),
            Data::Text(text) => self.text(text),
            compound => Value::Frozen(self.memory.keep(compound)),
        }
    }

    /// A trap that throws a value.
    pub fn throw(&mut self, value: Value<'p>) -> Trap {
        self.thrown = value;
        Trap::thrown()
    }
}

impl Drop for Machine<'_> {
    fn drop(&mut self) {
        let calls = Calls::emptied(&mut self.stack, &mut self.frames);
        let has_no_room =
            calls.has_no_room() && self.heap.has_no_room() && self.scratch.has_no_room();
        if self.room.is_none() && has_no_room {
            return;
        }
        let mut room = self.room.take().unwrap_or_default();
        room.heap = std::mem::take(&mut self.heap).emptied();
        room.scratch = std::mem::take(&mut self.scratch).unpaid();
        room.calls = calls;
        self.memory.give_back(room);
    }
}

#[cfg(test)]
mod tests;
