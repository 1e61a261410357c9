//! The expression machine: runs one function of a code to its end.
//!
//! Before: the build stage (the module, factories) and the control level (predicates, updaters, …).
//! After: `freeze`, which turns results into data. Guarantees: total and metered; script calls do
//! not use the node's stack; after a trap the machine can be used again, its heap as it was left.

use crate::bytecode::Code;
use crate::codes;
use crate::data::{Data, ErrorKind, PropertyTable};
use crate::error::Trap;
use crate::heap::{Heap, HeapObject, ObjectKind};
use crate::host::Host;
use crate::limits::{Limit, Limits};
use crate::text::Text;
use crate::value::Value;

/// What a run has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Instructions, and work of built-ins counted as instructions.
    pub instructions: u64,
    /// Bytes allocated.
    pub allocated_bytes: u64,
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
    used: Used,
}

impl<'p> Machine<'p> {
    /// A machine with an empty heap and nothing used.
    pub fn new(code: &'p Code, host: &'p dyn Host, limits: &'p Limits) -> Machine<'p> {
        Machine {
            code,
            host,
            limits,
            heap: Heap::default(),
            used: Used::default(),
        }
    }

    /// What was used so far.
    pub fn used(&self) -> Used {
        self.used
    }

    /// Calls a function (a closure, a frozen function, a built-in) to its end.
    pub fn call(&mut self, function: &Value, arguments: &[Value]) -> Result<Value, Trap> {
        let _ = (function, arguments);
        Err(Trap::fatal(codes::STAGE, "this build has no interpreter"))
    }

    /// Counts work; a trap when there is too much of it.
    pub fn spend(&mut self, instructions: u64) -> Result<(), Trap> {
        self.used.instructions = self.used.instructions.saturating_add(instructions);
        if self.used.instructions > self.limits.turn_instructions {
            return Err(Trap::limit(
                codes::LIMIT_INSTRUCTIONS,
                Limit::TurnInstructions,
                self.limits,
            ));
        }
        Ok(())
    }

    /// Counts memory before it is allocated; a trap when there is too much of it.
    pub fn charge(&mut self, bytes: usize) -> Result<(), Trap> {
        self.used.allocated_bytes = self.used.allocated_bytes.saturating_add(bytes as u64);
        if self.used.allocated_bytes > self.limits.turn_allocated_bytes {
            return Err(Trap::limit(
                codes::LIMIT_MEMORY,
                Limit::TurnAllocatedBytes,
                self.limits,
            ));
        }
        Ok(())
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

    /// A trap that throws a new error, as `throw new TypeError(message)` does.
    pub fn error(&mut self, kind: ErrorKind, message: impl Into<String>) -> Trap {
        let mut properties = PropertyTable::with_capacity(1);
        properties.insert(
            Text::from("message"),
            Value::from(Data::from(Text::from(message.into()))),
        );
        let object = HeapObject {
            kind: ObjectKind::Error(kind),
            properties,
        };
        Trap::throw(Value::Object(self.heap.add_object(object)))
    }

    /// A trap that throws a `TypeError`.
    pub fn type_error(&mut self, message: impl Into<String>) -> Trap {
        self.error(ErrorKind::TypeError, message)
    }
}
