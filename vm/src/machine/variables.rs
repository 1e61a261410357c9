//! Instructions of variables: slots, cells, captures, closures.
//!
//! Before: `dispatch`. Guarantees: reading a variable before its declaration ran is a
//! `ReferenceError`; a symbolic address is replaced by the one of the running instance when a
//! captured value is read.

use super::Machine;
use super::frames::Captured;
use super::stack::Window;
use crate::bytecode::{CaptureSource, Code};
use crate::codes;
use crate::data::{Capture, Data, ErrorKind};
use crate::error::Trap;
use crate::heap::{Closure, Heap};
use crate::steps::Register;
use crate::value::Value;

impl<'p> Captured<'p> {
    /// Reads a captured variable into a register; false where it is not declared yet, or is to be
    /// looked through for symbolic addresses.
    #[inline(always)]
    pub(super) fn get(
        self,
        window: &mut Window<'_, 'p>,
        heap: &Heap<'p>,
        code: &'p Code,
        to: Register,
        capture: u16,
    ) -> bool {
        let at = usize::from(capture);
        match self {
            Captured::Closure(id) => {
                let value = match heap.closure(id).captures.get(at) {
                    Some(Value::Cell(cell)) => *heap.cell(*cell),
                    Some(value) => *value,
                    None => return false,
                };
                match value {
                    Value::Uninitialised => false,
                    Value::Frozen(data) if data.has_symbolic() => false,
                    value => window.set(to, value),
                }
            }
            Captured::Frozen(function) => {
                let data = match function.captures.get(at) {
                    Some(Capture::Value(data)) => data,
                    Some(Capture::Cell(cell)) => match code.cells.get(*cell as usize) {
                        Some(data) => data,
                        None => return false,
                    },
                    None => return false,
                };
                !data.has_symbolic() && window.set(to, Value::of(data))
            }
            Captured::Nothing => false,
        }
    }
}

/// Reads a slot that holds a cell, or a value of its own, into a register; false where it is not declared
/// yet.
#[inline(always)]
pub(super) fn get_cell<'p>(
    window: &mut Window<'_, 'p>,
    heap: &Heap<'p>,
    to: Register,
    slot: Register,
) -> bool {
    match window[slot] {
        Value::Cell(cell) => window.set_declared(to, *heap.cell(cell)),
        value => window.set_declared(to, value),
    }
}

impl<'p> Machine<'p> {
    #[inline]
    pub(super) fn slot(&self, slot: u16) -> Value<'p> {
        self.stack[self.frame.base as usize + usize::from(slot)]
    }

    #[inline]
    pub(super) fn set_slot(&mut self, slot: u16, value: Value<'p>) {
        let at = self.frame.base as usize + usize::from(slot);
        self.stack[at] = value;
    }

    pub(super) fn get_slot_checked(&mut self, to: usize, slot: u16, name: u32) -> Result<(), Trap> {
        let from = self.frame.base as usize + usize::from(slot);
        if matches!(self.stack[from], Value::Uninitialised) {
            return Err(self.not_initialised(name));
        }
        self.stack[to] = self.stack[from];
        Ok(())
    }

    pub(super) fn set_slot_checked(
        &mut self,
        slot: u16,
        name: u32,
        value: Value<'p>,
    ) -> Result<(), Trap> {
        if matches!(self.slot(slot), Value::Uninitialised) {
            return Err(self.not_initialised(name));
        }
        self.set_slot(slot, value);
        Ok(())
    }

    pub(super) fn make_cell(&mut self, slot: u16, value: Value<'p>) -> Result<(), Trap> {
        self.charge(16)?;
        let cell = self.heap.add_cell(value);
        self.set_slot(slot, Value::Cell(cell));
        Ok(())
    }

    pub(super) fn renew_cell(&mut self, slot: u16) -> Result<(), Trap> {
        let value = match self.slot(slot) {
            Value::Cell(id) => *self.heap.cell(id),
            value => value,
        };
        self.make_cell(slot, value)
    }

    /// Reads a slot that holds a cell, or a value that may not be declared yet, into a place of the
    /// stack.
    #[inline]
    pub(super) fn get_cell(&mut self, to: usize, slot: u16, name: u32) -> Result<(), Trap> {
        let value = match self.slot(slot) {
            Value::Cell(id) => *self.heap.cell(id),
            _ => return self.get_slot_checked(to, slot, name),
        };
        if matches!(value, Value::Uninitialised) {
            return Err(self.not_initialised(name));
        }
        self.stack[to] = value;
        Ok(())
    }

    pub(super) fn set_cell(&mut self, slot: u16, name: u32, value: Value<'p>) -> Result<(), Trap> {
        let Value::Cell(id) = self.slot(slot) else {
            return self.set_slot_checked(slot, name, value);
        };
        if matches!(self.heap.cell(id), Value::Uninitialised) {
            return Err(self.not_initialised(name));
        }
        self.heap.set_cell(id, value);
        Ok(())
    }

    pub(super) fn init_cell(&mut self, slot: u16, value: Value<'p>) -> Result<(), Trap> {
        match self.slot(slot) {
            Value::Cell(id) => self.heap.set_cell(id, value),
            _ => self.make_cell(slot, value)?,
        }
        Ok(())
    }

    /// Reads a captured variable into a place of the stack, in full.
    pub(super) fn get_capture(&mut self, to: usize, capture: u16, name: u32) -> Result<(), Trap> {
        let value = match self.raw_capture(usize::from(capture)) {
            Value::Cell(cell) => *self.heap.cell(cell),
            Value::Uninitialised => return Err(self.not_initialised(name)),
            Value::Frozen(data) => self.resolved(data)?,
            value => value,
        };
        if matches!(value, Value::Uninitialised) {
            return Err(self.not_initialised(name));
        }
        self.stack[to] = value;
        Ok(())
    }

    /// The value of data that comes from the program: symbolic addresses are replaced.
    pub fn resolved(&mut self, data: &'p Data) -> Result<Value<'p>, Trap> {
        if !data.shape().has_symbolic {
            return Ok(Value::of(data));
        }
        self.spend(u64::from(data.shape().byte_count) / 8)?;
        let host = self.host;
        let resolve = |symbolic| host.resolve(symbolic).unwrap_or(Data::Symbolic(symbolic));
        data.resolve_symbolic(&resolve)
            .map(|data| self.value(data))
            .map_err(|error| Trap::fatal(codes::LIMIT_VALUE_DEPTH, error.to_string()))
    }

    pub(super) fn set_capture(
        &mut self,
        capture: u16,
        name: u32,
        value: Value<'p>,
    ) -> Result<(), Trap> {
        let at = usize::from(capture);
        let cell = match self.frame.captured {
            Captured::Closure(id) => match self.heap.closure(id).captures.get(at) {
                Some(Value::Cell(cell)) => Some(*cell),
                _ => None,
            },
            _ => None,
        };
        let Some(cell) = cell else {
            let name = &self.code.keys[name as usize];
            let message = format!(
                "`{name}` was captured from the build stage and cannot be assigned; keep it in state"
            );
            return Err(Trap::fatal(codes::CAPTURE_ASSIGNED, message));
        };
        if matches!(self.heap.cell(cell), Value::Uninitialised) {
            return Err(self.not_initialised(name));
        }
        self.heap.set_cell(cell, value);
        Ok(())
    }

    pub(super) fn make_closure(&mut self, index: u32) -> Result<Value<'p>, Trap> {
        let code = self.code;
        let function = &code.functions[index as usize];
        self.charge(32 + function.captures.len() * 16)?;
        let captures = function.captures.iter().map(|source| match source {
            CaptureSource::Slot(slot) => self.slot(*slot),
            CaptureSource::Capture(capture) => self.raw_capture(usize::from(*capture)),
        });
        let captures = captures.collect();
        Ok(Value::Closure(self.heap.add_closure(Closure {
            steps: &code.links.steps[index as usize],
            captures,
        })))
    }

    /// What a capture holds, the cell itself where it is one of the heap.
    fn raw_capture(&self, at: usize) -> Value<'p> {
        match self.frame.captured {
            Captured::Closure(id) => self
                .heap
                .closure(id)
                .captures
                .get(at)
                .cloned()
                .unwrap_or(Value::Undefined),
            Captured::Frozen(function) => match function.captures.get(at) {
                Some(Capture::Value(data)) => Value::of(data),
                Some(Capture::Cell(cell)) => {
                    let cell = self.code.cells.get(*cell as usize);
                    cell.map_or(Value::Uninitialised, Value::of)
                }
                None => Value::Undefined,
            },
            Captured::Nothing => Value::Undefined,
        }
    }

    #[cold]
    fn not_initialised(&mut self, name: u32) -> Trap {
        let name = self.code.keys[name as usize].clone();
        self.error(
            ErrorKind::ReferenceError,
            format!("cannot access '{name}' before initialization"),
        )
    }
}
