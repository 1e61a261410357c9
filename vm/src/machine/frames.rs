//! Open calls: entering a function, leaving it, and unwinding after a trap.
//!
//! Before: `calls`, which finds out what is called. After: `dispatch`, which runs the innermost call.
//! Guarantees: calls of scripts nest in a vector, never on the node's stack; a limit unwinds all of
//! them; a thrown value goes to the innermost `try` above the floor of the run that it belongs to.

use super::Machine;
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
    /// Where its captured variables are.
    captured: Captured<'p>,
    /// How many instructions lie before where it goes on, of a call that waits for another.
    counted: u32,
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
#[derive(Clone, Copy, Debug)]
pub(super) enum Captured<'p> {
    /// In a closure of the heap.
    Closure(ClosureId),
    /// In a frozen function.
    Frozen(&'p FunctionData),
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

impl<'p> Frame<'p> {
    /// Where its captured variables are.
    #[inline(always)]
    pub(super) fn captured(&self) -> Captured<'p> {
        self.captured
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
    /// Opens a call of the function at a place of the stack, with so many arguments behind it, from
    /// where so many instructions lie before.
    #[inline(always)]
    pub(super) fn enter(
        &mut self,
        (steps, captured): (&'p Steps, Captured<'p>),
        at: usize,
        arguments: usize,
        counted: u32,
    ) -> Result<(), Trap> {
        if self.depth >= self.limits.call_depth as usize {
            return Err(self.too_many_calls());
        }
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
        self.meter.turn(counted, 0);
        self.keep_position(counted);
        self.frame.code = steps;
        self.frame.base = base as u32;
        self.frame.next = 0;
        match self.frames.get_mut(self.depth) {
            Some(frame) => {
                frame.captured = captured;
                frame.position.code = steps;
                frame.position.base = base as u32;
            }
            None => self.frames.push(Frame {
                captured,
                counted: 0,
                position: self.frame,
            }),
        }
        self.depth += 1;
        Ok(())
    }

    #[cold]
    fn too_many_calls(&self) -> Trap {
        Trap::limit(codes::LIMIT_CALL_DEPTH, Limit::CallDepth, self.limits)
    }

    /// The arguments behind the parameters, as an array.
    #[inline(never)]
    fn rest_of(
        &mut self,
        base: usize,
        parameters: usize,
        arguments: usize,
    ) -> Result<Value<'p>, Trap> {
        let from = base + parameters.min(arguments);
        let count = arguments.saturating_sub(parameters);
        let rest = self.stack.values(from, count).to_vec();
        self.new_array(rest)
    }

    /// The frame of the innermost call.
    #[inline(always)]
    fn innermost(&self) -> Option<&Frame<'p>> {
        self.frames.get(self.depth.checked_sub(1)?)
    }

    /// Notes where the innermost call is, for when it goes on. Part by part: see `stack`.
    #[inline(always)]
    fn keep_position(&mut self, counted: u32) {
        if let Some(caller) = self.frames.get_mut(self.depth.wrapping_sub(1)) {
            caller.position.next = self.frame.next;
            caller.counted = counted;
        }
    }

    /// Where the captured variables of the innermost call are.
    #[inline(always)]
    pub(super) fn captured(&self) -> Captured<'p> {
        let innermost = self.innermost();
        innermost.map_or(Captured::Nothing, Frame::captured)
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

    /// Closes the innermost call, which is behind so many of its instructions. Its frame stays to be
    /// written again.
    #[inline]
    pub(super) fn leave(&mut self, ended: u32) {
        let depth = self.depth.saturating_sub(1);
        self.depth = depth;
        let mut counted = 0;
        match depth.checked_sub(1).and_then(|at| self.frames.get(at)) {
            Some(caller) => {
                self.frame.code = caller.position.code;
                self.frame.base = caller.position.base;
                self.frame.next = caller.position.next;
                counted = caller.counted;
            }
            None => self.frame = Position::OUTSIDE,
        }
        self.meter.turn(ended, counted);
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
        if let TrapKind::Throw = &trap.0.kind
            && self.handlers.len() > handler_floor
            && let Some(handler) = self.handlers.pop()
        {
            while self.depth > handler.depth as usize {
                self.leave(self.frame.counted());
            }
            self.set_frame_top();
            self.stack[handler.place as usize] = self.thrown;
            self.go_to(handler.target);
            return Ok(());
        }
        while self.depth > floor {
            self.leave(self.frame.counted());
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

    /// Where each open call stands, innermost first: the function, and its instruction.
    pub(crate) fn places(&self) -> crate::error::Places {
        let callers = self.frames[..self.depth].iter().rev().skip(1);
        let callers = callers.map(|frame| &frame.position);
        let innermost = self.innermost().map(|_| &self.frame);
        let open = innermost.into_iter().chain(callers);
        let place = |position: &Position<'_>| {
            let step = position.next.saturating_sub(1) as usize;
            let origin = position.code.origins.get(step)?;
            Some((position.code.index, origin.place + position.within))
        };
        open.filter_map(place).take(STACK_FRAMES_MAX).collect()
    }
}
