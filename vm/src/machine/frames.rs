//! Open calls: entering a function, leaving it, and unwinding after a trap.
//!
//! Before: `calls`, which finds out what is called. After: `dispatch`, which runs the innermost call.
//! Guarantees: calls of scripts nest in a vector, never on the node's stack; a limit unwinds all of
//! them; a thrown value goes to the innermost `try` above the floor of the run that it belongs to.

use std::sync::Arc;

use super::Machine;
use crate::bytecode::{FunctionIndex, Instruction};
use crate::codes;
use crate::data::FunctionData;
use crate::error::{Trap, TrapKind};
use crate::limits::Limit;
use crate::value::ClosureId;

/// How many calls a script stack shows.
const STACK_FRAMES_MAX: usize = 50;

/// One open call.
#[derive(Clone, Debug)]
pub(super) struct Frame<'p> {
    /// Empty outside of any call.
    pub(super) instructions: &'p [Instruction],
    pub(super) index: FunctionIndex,
    /// Where its captured variables are.
    pub(super) captured: Captured,
    /// The next instruction.
    pub(super) next: u32,
    /// Its first slot. The place below holds the function itself.
    pub(super) base: u32,
}

/// Where the captured variables of a call are.
#[derive(Clone, Debug)]
pub(super) enum Captured {
    /// In a closure of the heap.
    Closure(ClosureId),
    /// In a frozen function.
    Frozen(Arc<FunctionData>),
    /// There are none.
    Nothing,
}

/// An open `try`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handler {
    /// How many callers there were.
    depth: u32,
    /// How high the stack was.
    height: u32,
    target: u32,
}

impl Frame<'_> {
    pub(super) const OUTSIDE: Frame<'static> = Frame {
        instructions: &[],
        index: FunctionIndex(0),
        captured: Captured::Nothing,
        next: 0,
        base: 0,
    };
}

impl<'p> Machine<'p> {
    /// Opens a call. The stack holds the function and, above it, the arguments.
    pub(super) fn enter(
        &mut self,
        index: FunctionIndex,
        captured: Captured,
        arguments: usize,
    ) -> Result<(), Trap> {
        if self.callers.len() >= self.limits.call_depth as usize {
            return Err(Trap::limit(
                codes::LIMIT_CALL_DEPTH,
                Limit::CallDepth,
                self.limits,
            ));
        }
        let function = self.code.function(index);
        let base = self.stack.len() - arguments;
        let parameters = usize::from(function.parameters);
        if function.has_rest {
            self.collect_rest(base + parameters, arguments.saturating_sub(parameters))?;
        } else if arguments > parameters {
            self.stack.truncate(base + parameters);
        }
        self.stack.resize(base + usize::from(function.slots));
        self.charge_stack()?;
        let frame = Frame {
            instructions: &function.instructions,
            index,
            captured,
            next: 0,
            base: base as u32,
        };
        let caller = std::mem::replace(&mut self.frame, frame);
        self.callers.push(caller);
        Ok(())
    }

    /// Charges what the stack grew beyond its highest so far.
    #[inline]
    fn charge_stack(&mut self) -> Result<(), Trap> {
        if self.stack.len() > self.stack_peak {
            let grown = self.stack.len() - self.stack_peak;
            self.stack_peak = self.stack.len();
            self.charge(grown * 16)?;
        }
        Ok(())
    }

    /// Replaces the arguments behind the parameters by one array of them.
    fn collect_rest(&mut self, from: usize, count: usize) -> Result<(), Trap> {
        let rest = if count > 0 {
            self.stack.split_off(from)
        } else {
            Vec::new()
        };
        self.stack.resize(from);
        let array = self.new_array(rest)?;
        self.stack.push(array);
        Ok(())
    }

    /// Closes the innermost call and drops its slots and the function below them.
    pub(super) fn leave(&mut self) {
        let base = self.frame.base as usize;
        self.stack.truncate(base.saturating_sub(1));
        if let Some(caller) = self.callers.pop() {
            self.frame = caller;
        }
        let depth = self.callers.len() as u32;
        while self
            .handlers
            .last()
            .is_some_and(|handler| handler.depth > depth)
        {
            self.handlers.pop();
        }
    }

    pub(super) fn push_handler(&mut self, target: u32) {
        let handler = Handler {
            depth: self.callers.len() as u32,
            height: self.stack.len() as u32,
            target,
        };
        self.handlers.push(handler);
    }

    pub(super) fn pop_handler(&mut self) {
        self.handlers.pop();
    }

    /// Goes on after a trap: at the innermost `try` of the calls above `floor`, or else out of them.
    pub(super) fn unwind(
        &mut self,
        mut trap: Trap,
        floor: usize,
        handler_floor: usize,
    ) -> Result<(), Trap> {
        if trap.0.places.is_empty() {
            trap.0.places = self.places();
        }
        if let TrapKind::Throw(value) = &trap.0.kind
            && self.handlers.len() > handler_floor
            && let Some(handler) = self.handlers.pop()
        {
            let value = value.clone();
            while self.callers.len() > handler.depth as usize {
                self.leave();
            }
            self.stack.truncate(handler.height as usize);
            self.stack.push(value);
            self.frame.next = handler.target;
            return Ok(());
        }
        while self.callers.len() > floor {
            self.leave();
        }
        self.handlers.truncate(handler_floor);
        Err(trap)
    }

    /// Where each open call stands, innermost first.
    pub(crate) fn places(&self) -> crate::error::Places {
        let callers = self.callers.iter().rev();
        let open = std::iter::once(&self.frame)
            .chain(callers)
            .filter(|frame| !frame.instructions.is_empty());
        open.take(STACK_FRAMES_MAX)
            .map(|frame| (frame.index, frame.next.saturating_sub(1)))
            .collect()
    }
}
