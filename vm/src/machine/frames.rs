//! Open calls: entering a function, leaving it, and unwinding after a trap.
//!
//! Before: `calls`, which finds out what is called. After: `dispatch`, which runs the innermost call.
//! Guarantees: calls of scripts nest in a vector, never on the node's stack; a limit unwinds all of
//! them; a thrown value goes to the innermost `try` above the floor of the run that it belongs to.

use std::mem::ManuallyDrop;
use std::sync::Arc;

use super::Machine;
use crate::bytecode::FunctionIndex;
use crate::codes;
use crate::data::FunctionData;
use crate::error::{Trap, TrapKind};
use crate::limits::Limit;
use crate::steps::Steps;
use crate::value::{ClosureId, Value};

/// How many calls a script stack shows.
const STACK_FRAMES_MAX: usize = 50;

/// One open call.
#[derive(Debug)]
pub(super) struct Frame<'p> {
    index: FunctionIndex,
    /// Where its captured variables are.
    captured: Captured,
    /// Where it goes on. Of the innermost call only the code and the base are up to date.
    position: Position<'p>,
}

/// Where a call is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position<'p> {
    /// Empty outside of any call.
    pub(super) code: &'p Steps,
    /// Its first register. The place below holds the function itself, and gets the result.
    pub(super) base: u32,
    /// The next step.
    pub(super) next: u32,
    /// Which part of the last step an error is about, where it reads one property after another.
    pub(super) within: u32,
}

/// Where the captured variables of a call are.
#[derive(Debug)]
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
    /// How many calls were open.
    depth: u32,
    /// The place of the stack that the thrown value goes to.
    place: u32,
    target: u32,
}

impl Frame<'_> {
    /// Where its captured variables are.
    #[inline(always)]
    pub(super) fn captured(&self) -> &Captured {
        &self.captured
    }
}

impl Position<'_> {
    pub(super) const OUTSIDE: Position<'static> = Position {
        code: &Steps::NOTHING,
        base: 0,
        next: 0,
        within: 0,
    };

    /// How many instructions lie before the end of the last step.
    #[inline(always)]
    pub(super) fn counted(&self) -> u32 {
        let last = self.code.origins.get((self.next as usize).wrapping_sub(1));
        last.map_or(0, |origin| origin.end)
    }
}

impl<'p> Machine<'p> {
    /// Opens a call of the function at a place of the stack, with so many arguments behind it. Where its
    /// captured variables are is to be said at once.
    #[inline(always)]
    pub(super) fn enter(
        &mut self,
        index: FunctionIndex,
        at: usize,
        arguments: usize,
    ) -> Result<(), Trap> {
        if self.depth >= self.limits.call_depth as usize {
            return Err(self.too_many_calls());
        }
        let code = self.code;
        let steps = &code.links.steps[index.0 as usize];
        let base = at + 1;
        let parameters = usize::from(steps.parameters);
        let rest = match steps.has_rest {
            true => Some(self.rest_of(base, parameters, arguments)?),
            false => None,
        };
        self.stack.set_top(base + steps.registers as usize);
        self.charge_stack()?;
        let filled = arguments.min(parameters);
        self.stack
            .clear(base + filled, base + usize::from(steps.slots));
        if let Some(rest) = rest {
            self.stack[base + parameters] = rest;
        }
        self.meter.turn(self.frame.counted(), 0);
        self.keep_position();
        self.frame.code = steps;
        self.frame.base = base as u32;
        self.frame.next = 0;
        match self.frames.get_mut(self.depth) {
            Some(frame) => {
                frame.index = index;
                frame.position.code = steps;
                frame.position.base = base as u32;
            }
            None => self.frames.push(Frame {
                index,
                captured: Captured::Nothing,
                position: self.frame,
            }),
        }
        self.depth += 1;
        Ok(())
    }

    /// Says where the captured variables of the innermost call are.
    #[inline]
    pub(super) fn set_captured(&mut self, captured: Captured) {
        // As `stack` does it: most often the old ones own no memory.
        let captured = ManuallyDrop::new(captured);
        let place = &mut self.frames[self.depth - 1].captured;
        if matches!(place, Captured::Frozen(_)) {
            *place = Captured::Nothing;
        }
        std::mem::forget(std::mem::replace(place, ManuallyDrop::into_inner(captured)));
    }

    #[cold]
    fn too_many_calls(&self) -> Trap {
        Trap::limit(codes::LIMIT_CALL_DEPTH, Limit::CallDepth, self.limits)
    }

    /// The arguments behind the parameters, as an array.
    #[inline(never)]
    fn rest_of(&mut self, base: usize, parameters: usize, arguments: usize) -> Result<Value, Trap> {
        let from = base + parameters.min(arguments);
        let rest = self
            .stack
            .arguments(from, arguments.saturating_sub(parameters));
        self.new_array(rest)
    }

    /// The frame of the innermost call.
    #[inline(always)]
    fn innermost(&self) -> Option<&Frame<'p>> {
        self.frames.get(self.depth.checked_sub(1)?)
    }

    /// Notes where the innermost call is, for when it goes on. Part by part: see `stack`.
    #[inline(always)]
    fn keep_position(&mut self) {
        if let Some(caller) = self.frames.get_mut(self.depth.wrapping_sub(1)) {
            caller.position.next = self.frame.next;
        }
    }

    /// Where the captured variables of the innermost call are.
    #[inline(always)]
    pub(super) fn captured(&self) -> &Captured {
        let innermost = self.innermost();
        innermost.map_or(&Captured::Nothing, Frame::captured)
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

    /// Closes the innermost call. Its frame stays to be written again.
    #[inline]
    pub(super) fn leave(&mut self) {
        let depth = self.depth.saturating_sub(1);
        self.depth = depth;
        let ended = self.frame.counted();
        match self.innermost().map(|caller| &caller.position) {
            Some(&Position {
                code, base, next, ..
            }) => {
                self.frame.code = code;
                self.frame.base = base;
                self.frame.next = next;
            }
            None => self.frame = Position::OUTSIDE,
        }
        self.meter.turn(ended, self.frame.counted());
        self.set_frame_top();
        while self
            .handlers
            .last()
            .is_some_and(|handler| handler.depth as usize > depth)
        {
            self.handlers.pop();
        }
    }

    /// Puts the top of the stack above all registers of the innermost call.
    #[inline(always)]
    pub(super) fn set_frame_top(&mut self) {
        let registers = self.frame.code.registers as usize;
        self.stack.set_top(self.frame.base as usize + registers);
    }

    pub(super) fn push_handler(&mut self, register: u16, target: u32) {
        let handler = Handler {
            depth: self.depth as u32,
            place: self.frame.base + u32::from(register),
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
            while self.depth > handler.depth as usize {
                self.leave();
            }
            self.set_frame_top();
            self.stack[handler.place as usize] = value;
            self.go_to(handler.target);
            return Ok(());
        }
        while self.depth > floor {
            self.leave();
        }
        self.handlers.truncate(handler_floor);
        Err(trap)
    }

    /// Goes on at a step that is not the next one, in the call of the last one.
    pub(super) fn go_to(&mut self, step: u32) {
        let origins = &self.frame.code.origins;
        let counted = origins[step as usize].start;
        self.meter.turn(self.frame.counted(), counted);
        self.frame.next = step;
        self.frame.within = 0;
    }

    /// The limit of a turn is met at a jump, which is the step before one.
    #[cold]
    pub(super) fn endless(&mut self, next: usize) -> Trap {
        self.frame.next = next as u32;
        self.out_of_instructions()
    }

    /// Where each open call stands, innermost first: the function, and its instruction.
    pub(crate) fn places(&self) -> crate::error::Places {
        let callers = self.frames[..self.depth].iter().rev().skip(1);
        let callers = callers.map(|frame| (frame.index, &frame.position));
        let innermost = self.innermost().map(|frame| (frame.index, &self.frame));
        let open = innermost.into_iter().chain(callers);
        let place = |(index, position): (FunctionIndex, &Position<'_>)| {
            let step = position.next.saturating_sub(1) as usize;
            let origin = position.code.origins.get(step)?;
            Some((index, origin.place + position.within))
        };
        open.filter_map(place).take(STACK_FRAMES_MAX).collect()
    }
}
