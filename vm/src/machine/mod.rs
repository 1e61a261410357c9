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
use crate::data::PropertyTable;
use crate::error::Trap;
use crate::heap::{Heap, HeapObject};
use crate::host::Host;
use crate::limits::{Limit, Limits};
use crate::text::Text;
use crate::value::Value;

pub use arithmetic::power;
pub use comparison::{same_value_zero, strict_equal};
pub use conversion::{Preferred, is_truthy};

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
    pub host: &'p dyn Host,
    /// Limits of this run.
    pub limits: &'p Limits,
    /// Everything mutable.
    pub heap: Heap,
    meter: meter::Meter,
    allocated_bytes: u64,
    regex_steps: u64,
    /// Slots and operands of all open calls.
    stack: stack::Stack,
    /// The highest that the stack has been.
    stack_peak: usize,
    /// The open calls, and behind them room for more.
    frames: Vec<frames::Frame<'p>>,
    /// How many calls are open.
    depth: usize,
    /// Where the innermost call is.
    frame: frames::Position<'p>,
    /// Open `try` blocks of all open calls.
    handlers: Vec<frames::Handler>,
    /// Built-ins that are running, one inside another.
    native_depth: u32,
    /// The place that a refusal is about, where no function runs: set while captures are frozen.
    pub(crate) focus: Option<crate::source::Span>,
    /// `lastIndex` of frozen regular expressions, within one call.
    places: patterns::Places,
    /// What searches work in.
    scratch: crate::regex::Scratch,
    /// Captured variables of the functions that have been frozen.
    pub(crate) kept: crate::freeze::KeptCells,
}

impl<'p> Machine<'p> {
    /// A machine with an empty heap and nothing used.
    pub fn new(code: &'p Code, host: &'p dyn Host, limits: &'p Limits) -> Machine<'p> {
        Machine {
            code,
            host,
            limits,
            heap: Heap::default(),
            meter: meter::Meter::new(limits),
            allocated_bytes: 0,
            regex_steps: 0,
            stack: stack::Stack::default(),
            stack_peak: 0,
            frames: Vec::new(),
            depth: 0,
            frame: frames::Position::OUTSIDE,
            handlers: Vec::new(),
            native_depth: 0,
            focus: None,
            places: patterns::Places::default(),
            scratch: crate::regex::Scratch::default(),
            kept: crate::freeze::KeptCells::default(),
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
    pub fn new_array(&mut self, items: Vec<Value>) -> Result<Value, Trap> {
        self.charge(32 + items.len() * 16)?;
        Ok(Value::Array(self.heap.add_array(items)))
    }

    /// A new plain object of the heap.
    pub fn new_object(&mut self, properties: PropertyTable<Value>) -> Result<Value, Trap> {
        self.charge(64 + properties.len() * 40)?;
        Ok(Value::Object(
            self.heap.add_object(HeapObject::plain(properties)),
        ))
    }

    /// A new text, charged.
    pub fn new_text(&mut self, text: impl Into<Text>) -> Result<Value, Trap> {
        let text = text.into();
        self.charge(32 + text.byte_size())?;
        Ok(Value::from(text))
    }
}

#[cfg(test)]
mod tests;
