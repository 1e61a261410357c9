//! Functions with what they captured, at the end of the build stage.
//!
//! Captured variables and objects become cells of the program's table, so that functions may refer to
//! themselves and to each other, and share what they capture. Assigning a captured variable is refused.

use std::collections::{BTreeMap, BTreeSet};

use smallvec::SmallVec;

use super::{Freezing, Purpose};
use crate::bytecode::{CaptureSource, FunctionIndex, Instruction};
use crate::codes;
use crate::data::{Capture, Data};
use crate::diagnostic::Diagnostic;
use crate::error::Trap;
use crate::machine::Machine;
use crate::source::Span;
use crate::value::{CellId, ClosureId, Value};

/// The table of cells while it is made. Only the build stage makes one.
#[derive(Debug, Default)]
pub(crate) struct KeptCells<'p>(Option<Box<Table<'p>>>);

#[derive(Debug, Default)]
struct Table<'p> {
    /// By kind and index of what is captured: a variable, array, object or closure.
    places: BTreeMap<(u8, u64), u32>,
    cells: Vec<Data>,
    /// Cells whose value has not been frozen yet.
    pending: Vec<(u32, Value<'p>, Option<Span>)>,
    /// Functions whose assignments have been checked.
    checked: BTreeSet<FunctionIndex>,
}

impl<'p> KeptCells<'p> {
    fn table(&mut self) -> &mut Table<'p> {
        self.0.get_or_insert_default()
    }

    fn next_pending(&mut self) -> Option<(u32, Value<'p>, Option<Span>)> {
        self.0.as_mut()?.pending.pop()
    }
}

impl<'p> Machine<'p> {
    /// The cells that frozen functions refer to, for `Code::cells`.
    pub(crate) fn take_cells(&mut self) -> Vec<Data> {
        std::mem::take(self.kept.table()).cells
    }

    /// A closure as a frozen function.
    pub(super) fn freeze_closure(&mut self, id: ClosureId) -> Result<Data, Trap> {
        self.spend(1)?;
        self.charge(64)?;
        let closure = self.heap.closure(id);
        let (function, captures) = (closure.function(), closure.captures.to_vec());
        self.check_assignments(function)?;
        let mut frozen = Vec::with_capacity(captures.len());
        for (at, value) in captures.into_iter().enumerate() {
            let focus = self.first_read(function, at as u16);
            frozen.push(self.freeze_capture(value, focus)?);
        }
        let captures = frozen;
        Data::function(function, captures).map_err(|_| self.too_deep())
    }

    fn freeze_capture(&mut self, value: Value<'p>, focus: Option<Span>) -> Result<Capture, Trap> {
        let identity = match &value {
            Value::Cell(id) => (0, id.0),
            Value::Array(id) => (1, id.0),
            Value::Object(id) => (2, id.0),
            Value::Closure(id) => (3, id.0),
            other => return self.freeze_at(other, focus).map(Capture::Value),
        };
        let table = self.kept.table();
        if let Some(place) = table.places.get(&identity) {
            return Ok(Capture::Cell(*place));
        }
        let place = table.cells.len() as u32;
        table.places.insert(identity, place);
        table.cells.push(Data::Undefined);
        table.pending.push((place, value, focus));
        Ok(Capture::Cell(place))
    }

    /// Freezes a captured value; a refusal is about the place that reads it.
    fn freeze_at(&mut self, value: &Value<'p>, focus: Option<Span>) -> Result<Data, Trap> {
        let mut freezing = Freezing {
            purpose: Purpose::Capture,
            path: SmallVec::new(),
            bytes: 0,
        };
        self.focus = focus;
        let frozen = self.freeze_part(value, &mut freezing);
        self.focus = None;
        frozen
    }

    /// Where a function, or one inside it, first reads what it captured.
    fn first_read(&self, function: FunctionIndex, capture: u16) -> Option<Span> {
        let mut open = vec![(function, capture)];
        while let Some((index, capture)) = open.pop() {
            let function = self.code.function(index);
            for (at, instruction) in function.instructions.iter().enumerate() {
                match instruction {
                    Instruction::GetCapture { capture: read, .. } if *read == capture => {
                        return Some(function.place(at as u32));
                    }
                    Instruction::Closure(inner) => {
                        let inner = FunctionIndex(*inner);
                        let sources = &self.code.function(inner).captures;
                        let found = sources
                            .iter()
                            .position(|source| *source == CaptureSource::Capture(capture));
                        open.extend(found.map(|at| (inner, at as u16)));
                    }
                    _ => {}
                }
            }
        }
        None
    }

    /// Freezes what the cells hold; each may add more.
    pub(super) fn freeze_pending_cells(&mut self) -> Result<(), Trap> {
        while let Some((place, value, focus)) = self.kept.next_pending() {
            let value = match value {
                Value::Cell(id) => self.cell_value(id),
                value => value,
            };
            let data = self.freeze_at(&value, focus)?;
            self.check_shape(&data)?;
            self.kept.table().cells[place as usize] = data;
        }
        Ok(())
    }

    /// The last value of a captured variable. One whose declaration never ran is `undefined`.
    fn cell_value(&self, id: CellId) -> Value<'p> {
        match self.heap.cell(id) {
            Value::Uninitialised => Value::Undefined,
            value => *value,
        }
    }

    /// Refuses a function of the run stage that assigns what it captured, itself or by a function in it.
    fn check_assignments(&mut self, function: FunctionIndex) -> Result<(), Trap> {
        if !self.kept.table().checked.insert(function) {
            return Ok(());
        }
        let captures: BTreeSet<u16> =
            (0..self.code.function(function).captures.len() as u16).collect();
        let mut open = vec![(function, captures)];
        while let Some((index, outer)) = open.pop() {
            let function = self.code.function(index);
            if let Some((_, span)) = function
                .assigned_captures
                .iter()
                .find(|(capture, _)| outer.contains(capture))
            {
                let message = "a function that runs later assigns a variable of the build stage";
                let diagnostic = Diagnostic::error(codes::CAPTURE_ASSIGNED, *span, message)
                    .with_note("captured variables have the values that they had when the script was deployed")
                    .with_hint("keep what changes in a state: `withState(() => …, handle => …)`");
                return Err(Trap::refused(diagnostic));
            }
            for instruction in &function.instructions {
                let Instruction::Closure(inner) = instruction else {
                    continue;
                };
                let inner = FunctionIndex(*inner);
                let sources = self.code.function(inner).captures.iter().enumerate();
                let from_outside = sources.filter_map(|(at, source)| match source {
                    CaptureSource::Capture(capture) if outer.contains(capture) => Some(at as u16),
                    _ => None,
                });
                let from_outside: BTreeSet<u16> = from_outside.collect();
                if !from_outside.is_empty() {
                    open.push((inner, from_outside));
                }
            }
        }
        Ok(())
    }
}
