//! Open calls: entering a function, leaving it, and unwinding after a trap.
//!
//! Before: `calls`, which finds out what is called. After: `dispatch`, which runs the innermost call.
//! Guarantees: calls of scripts nest in a vector, never on the node's stack; a limit unwinds all of
//! them; a thrown value goes to the innermost `try` above the floor of the run that it belongs to.

use super::Machine;
use super::stack::Stack;
use crate::codes;
use crate::data::FunctionData;
use crate::error::{Trap, TrapKind};
use crate::heap::emptied;
use crate::limits::Limit;
use crate::steps::Steps;
use crate::value::{ClosureId, Value};

/// How many calls a script stack shows.
const STACK_FRAMES_MAX: usize = 50;

/// A call that waits for another.
#[derive(Debug)]
pub(super) struct Frame<'p> {
    pub(super) code: &'p Steps,
    pub(super) captured: Captured<'p>,
    pub(super) base: u32,
    /// Where it goes on.
    pub(super) next: u32,
    /// How many instructions lie before that.
    pub(super) counted: u32,
}

/// The innermost call, and where it is.
#[derive(Debug)]
pub(super) struct Position<'p> {
    /// Empty outside of any call.
    pub(super) code: &'p Steps,
    /// Where its captured variables are.
    pub(super) captured: Captured<'p>,
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

/// Room for open calls.
#[derive(Debug, Default)]
pub(crate) struct Calls<'p> {
    pub(super) stack: Stack<'p>,
    pub(super) frames: Vec<Frame<'p>>,
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

impl<'p> Captured<'p> {
    /// As `Value::by_words`.
    #[inline(always)]
    fn by_words(self) -> Captured<'p> {
        match self {
            Captured::Closure(id) => Captured::Closure(ClosureId(id.0)),
            other => other,
        }
    }
}

impl Calls<'static> {
    /// The room of calls that have ended, with nothing in it.
    pub(super) fn emptied(stack: &mut Stack<'_>, frames: &mut Vec<Frame<'_>>) -> Calls<'static> {
        Calls {
            stack: std::mem::take(stack).emptied(),
            frames: emptied(std::mem::take(frames)),
        }
    }

    pub(super) fn has_no_room(&self) -> bool {
        self.frames.capacity() == 0 && self.stack.has_no_room()
    }
}

impl Position<'_> {
    pub(super) const OUTSIDE: Position<'static> = Position {
        code: &Steps::NOTHING,
        captured: Captured::Nothing,
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
    /// The innermost call, to wait for another where so many instructions lie before.
    #[inline(always)]
    pub(super) fn waiting(&self, counted: u32) -> Frame<'p> {
        Frame {
            code: self.frame.code,
            captured: self.frame.captured.by_words(),
            base: self.frame.base,
            next: self.frame.next,
            counted,
        }
    }

    /// Makes a call the innermost one for all that is not done in place.
    #[inline(always)]
    pub(super) fn settle(&mut self, call: &Frame<'p>) {
        self.frame.code = call.code;
        self.frame.captured = call.captured;
        self.frame.base = call.base;
        self.frame.next = call.next;
        self.frame.within = 0;
        self.set_frame_top();
    }

    /// The trap of a step that turns the flow when too much was used.
    #[cold]
    #[inline(never)]
    pub(super) fn too_far(&mut self) -> Trap {
        let (code, step) = (self.frame.code, self.frame.next - 1);
        if let Ok(at) = code.turns.binary_search_by_key(&step, |turn| turn.step) {
            let (turn, origin) = (code.turns[at], code.origins[step as usize]);
            self.frame.within = turn.place.wrapping_sub(origin.place);
            self.meter.turn(turn.end, origin.end);
        }
        self.out_of_instructions()
    }

    /// The innermost call waits for another, behind so many of its instructions.
    #[inline(never)]
    pub(super) fn wait(&mut self, counted: u32) {
        let waiting = self.waiting(counted);
        self.frames.push(waiting);
    }

    /// Opens a call of the function at a place of the stack, with so many arguments behind it, for which
    /// another one waits. The result is where it begins.
    #[inline(always)]
    pub(super) fn open(
        &mut self,
        called: (&'p Steps, Captured<'p>),
        at: usize,
        arguments: usize,
        waiting: Frame<'p>,
    ) -> Result<Frame<'p>, Trap> {
        let call = self.prepare(called, at, arguments, waiting.counted)?;
        self.frames.push(waiting);
        Ok(call)
    }

    /// The same, from a call that is behind so many of its instructions and that does not wait yet.
    #[inline(always)]
    pub(super) fn prepare(
        &mut self,
        (code, captured): (&'p Steps, Captured<'p>),
        at: usize,
        arguments: usize,
        counted: u32,
    ) -> Result<Frame<'p>, Trap> {
        if self.frames.len() >= self.limits.call_depth as usize {
            return Err(self.too_many_calls());
        }
        let base = at + 1;
        let parameters = usize::from(code.parameters);
        let rest = match code.has_rest {
            true => Some(self.rest_of(base, parameters, arguments)?),
            false => None,
        };
        let top = base + code.registers as usize;
        if top > self.stack_peak {
            self.raise_stack(top)?;
        }
        let filled = arguments.min(parameters);
        self.stack
            .clear(base + filled, base + usize::from(code.slots));
        if let Some(rest) = rest {
            self.stack[base + parameters] = rest;
        }
        self.meter.turn(counted, 0);
        Ok(Frame {
            code,
            captured,
            base: base as u32,
            next: 0,
            counted: 0,
        })
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

    /// Makes the stack higher than it has been, charged.
    #[inline(never)]
    fn raise_stack(&mut self, top: usize) -> Result<(), Trap> {
        self.stack.make_room(top);
        let grown = top - self.stack_peak;
        self.stack_peak = top;
        self.charge(grown * 16)
    }

    /// Closes the innermost call, which is behind so many of its instructions. The result is the one that
    /// waited for it.
    #[inline(always)]
    pub(super) fn close(&mut self, ended: u32) -> Frame<'p> {
        let caller = self.frames.pop().expect("there is an open call");
        self.meter.turn(ended, caller.counted);
        let depth = self.frames.len();
        while self
            .handlers
            .last()
            .is_some_and(|handler| handler.depth as usize > depth)
        {
            self.handlers.pop();
        }
        caller
    }

    fn leave(&mut self) {
        let caller = self.close(self.frame.counted());
        self.settle(&caller);
    }

    /// Puts the top of the stack above all registers of the innermost call.
    #[inline(always)]
    pub(super) fn set_frame_top(&mut self) {
        let registers = self.frame.code.registers as usize;
        self.stack
            .set_known_top(self.frame.base as usize + registers);
    }

    pub(super) fn push_handler(&mut self, register: u16, target: u32) {
        let handler = Handler {
            depth: self.frames.len() as u32,
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
            while self.frames.len() > handler.depth as usize {
                self.leave();
            }
            self.set_frame_top();
            self.stack[handler.place as usize] = self.thrown;
            self.go_to(handler.target);
            return Ok(());
        }
        while self.frames.len() > floor {
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

    /// Where each open call stands, innermost first: the function, and its instruction.
    pub(crate) fn places(&self) -> crate::error::Places {
        let innermost = (self.frame.code, self.frame.next, self.frame.within);
        let callers = self.frames.iter().rev();
        let callers = callers.map(|frame| (frame.code, frame.next, 0));
        let place = |(code, next, within): (&Steps, u32, u32)| {
            let origin = code.origins.get(next.saturating_sub(1) as usize)?;
            Some((code.index, origin.place.wrapping_add(within)))
        };
        let open = std::iter::once(innermost).chain(callers);
        open.filter_map(place).take(STACK_FRAMES_MAX).collect()
    }
}
