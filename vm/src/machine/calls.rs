//! Calls: of closures, frozen functions, built-ins and host values.
//!
//! Before: call instructions, built-ins with callbacks, the control level. After: `frames`.
//! Guarantees: a script function that calls a script function uses no more of the node's stack;
//! built-ins with callbacks do, and are limited by `native_depth`.

use super::Machine;
use super::frames::Captured;
use crate::builtins::{self, NativeIndex};
use crate::codes;
use crate::data::Data;
use crate::error::Trap;
use crate::host::Misuse;
use crate::limits::Limit;
use crate::steps::Steps;
use crate::value::Value;

/// What calling a built-in counts besides its own work.
pub(super) const NATIVE_INSTRUCTIONS: u64 = 5;

/// What an instruction has done to the flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// The next step of the innermost call follows.
    Next,
    /// The step that the frame names follows.
    Jump,
    /// Another call is the innermost one now.
    Call,
}

/// What a built-in calls for each of some items. What kind of function it is was found out.
pub(crate) struct Callback<'p> {
    function: Value<'p>,
    called: Option<(&'p Steps, Captured<'p>)>,
    /// How many instructions lie before where the built-in is called.
    counted: u32,
}

/// How many of so many arguments a function names.
#[inline(always)]
fn wanted_of(steps: &Steps, arguments: usize) -> usize {
    match steps.has_rest {
        true => arguments,
        false => usize::from(steps.parameters).min(arguments),
    }
}

impl<'p> Machine<'p> {
    /// Calls a function (a closure, a frozen function, a built-in, a host value) to its end.
    pub fn call(
        &mut self,
        function: &Value<'p>,
        arguments: &[Value<'p>],
    ) -> Result<Value<'p>, Trap> {
        self.call_with_receiver(function, &Value::Undefined, arguments)
    }

    /// Calls with a receiver, which only built-ins see.
    pub fn call_with_receiver(
        &mut self,
        function: &Value<'p>,
        receiver: &Value<'p>,
        arguments: &[Value<'p>],
    ) -> Result<Value<'p>, Trap> {
        match *function {
            Value::Closure(_) | Value::Frozen(Data::Function(_)) => {
                self.call_script(*function, arguments)
            }
            Value::Host(host) => self.host.call(self, host, arguments),
            Value::Native(native) => {
                self.enter_native()?;
                let result = self.call_native(native, receiver, arguments);
                self.native_depth -= 1;
                result
            }
            _ => self.call_other(*function, arguments, Value::Undefined),
        }
    }

    /// Counts a call that uses the node's own stack. To be undone when the call ends.
    #[inline(always)]
    pub(super) fn enter_native(&mut self) -> Result<(), Trap> {
        if self.native_depth >= self.limits.native_depth {
            return Err(Trap::limit(
                codes::LIMIT_CALL_DEPTH,
                Limit::NativeDepth,
                self.limits,
            ));
        }
        self.native_depth += 1;
        Ok(())
    }

    /// Calls a script function.
    #[inline]
    fn call_script(
        &mut self,
        function: Value<'p>,
        arguments: &[Value<'p>],
    ) -> Result<Value<'p>, Trap> {
        let Some(called) = self.script_function(function) else {
            return Err(self.not_a_function(&function, None));
        };
        self.enter_native()?;
        let at = self.stack.len();
        let wanted = wanted_of(called.0, arguments.len());
        self.stack.set_top(at + 1 + wanted);
        self.stack[at] = function;
        for (place, argument) in arguments[..wanted].iter().enumerate() {
            self.stack[at + 1 + place] = argument.by_words();
        }
        let counted = self.frame.counted();
        self.run_call(called, (at, wanted), counted)
    }

    /// What a built-in calls for each of some items.
    #[inline]
    pub(crate) fn callback(&self, function: &Value<'p>) -> Callback<'p> {
        Callback {
            function: *function,
            called: self.script_function(*function),
            counted: self.frame.counted(),
        }
    }

    /// Calls it for an item.
    #[inline(always)]
    pub(crate) fn call_back<const COUNT: usize>(
        &mut self,
        callback: &Callback<'p>,
        arguments: [Value<'p>; COUNT],
    ) -> Result<Value<'p>, Trap> {
        let Some(called) = callback.called else {
            return self.call(&callback.function, &arguments);
        };
        self.enter_native()?;
        let at = self.stack.len();
        self.stack.set_top(at + 1 + COUNT);
        self.stack[at] = callback.function;
        for (place, argument) in arguments.into_iter().enumerate() {
            self.stack[at + 1 + place] = argument;
        }
        let wanted = wanted_of(called.0, COUNT);
        self.run_call(called, (at, wanted), callback.counted)
    }

    /// Runs the script function at a place of the stack, with its arguments behind it, to its end.
    #[inline(always)]
    fn run_call(
        &mut self,
        called: (&'p Steps, Captured<'p>),
        (at, arguments): (usize, usize),
        counted: u32,
    ) -> Result<Value<'p>, Trap> {
        let (floor, handlers) = (self.frames.len(), self.handlers.len());
        let result = match self.prepare(called, at, arguments, counted) {
            Ok(call) => self.run(&call, counted, floor, handlers),
            Err(trap) => Err(trap),
        };
        self.native_depth -= 1;
        self.stack.set_known_top(at);
        result
    }

    /// The steps of a function of the code, and where its captured variables are.
    #[inline(always)]
    pub(super) fn script_function(&self, function: Value<'p>) -> Option<(&'p Steps, Captured<'p>)> {
        match function {
            Value::Closure(id) => Some((self.heap.closure(id).steps, Captured::Closure(id))),
            Value::Frozen(Data::Function(function)) => {
                let code = self.code;
                let steps = &code.links.steps[function.function.0 as usize];
                Some((steps, Captured::Frozen(function)))
            }
            _ => None,
        }
    }

    /// Starts a call of the function at a place of the stack, with so many arguments behind it. A
    /// script function gets a frame, anything else runs at once; the result replaces the function.
    pub(super) fn start_call(
        &mut self,
        at: usize,
        arguments: usize,
        receiver: Value<'p>,
    ) -> Result<Flow, Trap> {
        let function = self.stack[at].by_words();
        match self.script_function(function) {
            Some(called) => {
                let waiting = self.waiting(self.frame.counted());
                let call = self.open(called, at, arguments, waiting)?;
                self.settle(&call);
                Ok(Flow::Call)
            }
            None => self.call_at_once(function, (at, arguments), receiver),
        }
    }

    /// Calls what is no script function, with arguments from the stack.
    #[inline(never)]
    pub(super) fn call_at_once(
        &mut self,
        function: Value<'p>,
        (at, arguments): (usize, usize),
        receiver: Value<'p>,
    ) -> Result<Flow, Trap> {
        let result = self.with_arguments(at + 1, arguments, |machine, arguments| {
            machine.call_other(function, arguments, receiver)
        })?;
        self.stack.set_made(at, &result);
        Ok(Flow::Next)
    }

    /// Hands so many arguments over, from a place of the stack on.
    #[inline]
    fn with_arguments(
        &mut self,
        from: usize,
        count: usize,
        call: impl FnOnce(&mut Self, &[Value<'p>]) -> Result<Value<'p>, Trap>,
    ) -> Result<Value<'p>, Trap> {
        match count {
            0 => call(self, &[]),
            1 => {
                let arguments = [self.stack[from].by_words()];
                call(self, &arguments)
            }
            2 => {
                let arguments = [self.stack[from].by_words(), self.stack[from + 1].by_words()];
                call(self, &arguments)
            }
            _ => {
                let arguments = self.stack.values(from, count).to_vec();
                call(self, &arguments)
            }
        }
    }

    /// Calls what is no script function.
    fn call_other(
        &mut self,
        function: Value<'p>,
        arguments: &[Value<'p>],
        receiver: Value<'p>,
    ) -> Result<Value<'p>, Trap> {
        match function {
            Value::Native(native) => self.call_native(native, &receiver, arguments),
            Value::Host(host) => self.host.call(self, host, arguments),
            Value::Frozen(Data::Address(address)) => {
                self.host.call_address(self, address, arguments)
            }
            other => Err(self.not_a_function(&other, None)),
        }
    }

    /// Calls a built-in with arguments from a place of the stack on, where the result goes.
    pub(super) fn call_native_at(
        &mut self,
        native: NativeIndex,
        at: usize,
        arguments: usize,
    ) -> Result<(), Trap> {
        let result = self.with_arguments(at, arguments, |machine, arguments| {
            machine.call_native(native, &Value::Undefined, arguments)
        })?;
        self.stack.set_made(at, &result);
        Ok(())
    }

    fn call_native(
        &mut self,
        native: NativeIndex,
        receiver: &Value<'p>,
        arguments: &[Value<'p>],
    ) -> Result<Value<'p>, Trap> {
        self.spend(NATIVE_INSTRUCTIONS)?;
        let native = builtins::native(native);
        if !native.takes_host {
            for value in [receiver].into_iter().chain(arguments) {
                if let Value::Host(host) = value {
                    return Err(self.host.misuse(self, *host, Misuse::Argument(native.name)));
                }
            }
        }
        (native.run)(self, receiver, arguments)
    }

    /// Looks a method of the receiver at a place of the stack up, and starts its call.
    pub(super) fn call_method(
        &mut self,
        key: u32,
        at: usize,
        arguments: usize,
    ) -> Result<Flow, Trap> {
        let receiver = self.stack[at];
        if let Some(native) = self.built_in_method(&receiver, key) {
            let result = self.with_arguments(at + 1, arguments, |machine, arguments| {
                machine.call_native(native, &receiver, arguments)
            })?;
            self.stack.set_made(at, &result);
            return Ok(Flow::Next);
        }
        let function = self.property_by_key(&receiver, key)?;
        if !function.is_function() && !matches!(function, Value::Host(_)) {
            let name = self.code.keys[key as usize].clone();
            return Err(self.not_a_function(&receiver, Some(&name)));
        }
        self.stack[at] = function;
        self.start_call(at, arguments, receiver)
    }

    /// Calls the function behind the receiver at a place of the stack, with arguments behind both.
    pub(super) fn call_with_receiver_at(
        &mut self,
        at: usize,
        arguments: usize,
    ) -> Result<Flow, Trap> {
        let Value::Native(native) = self.stack[at + 1] else {
            self.stack.set_known_top(at + 2 + arguments);
            return self.call_with_receiver_from_stack(arguments);
        };
        let receiver = self.stack[at];
        let result = self.with_arguments(at + 2, arguments, |machine, arguments| {
            machine.call_native(native, &receiver, arguments)
        })?;
        self.stack.set_made(at, &result);
        Ok(Flow::Next)
    }

    /// `receiver function arguments…`
    pub(super) fn call_with_receiver_from_stack(&mut self, arguments: usize) -> Result<Flow, Trap> {
        let at = self.stack.len() - arguments - 2;
        let receiver = self.stack.remove(at);
        self.start_call(at, arguments, receiver)
    }

    /// `function arguments…`
    pub(super) fn call_from_stack(&mut self, arguments: usize) -> Result<Flow, Trap> {
        let at = self.stack.len() - arguments - 1;
        self.start_call(at, arguments, Value::Undefined)
    }

    /// Spreads the array on top of the stack over it, and tells how many items it had.
    pub(super) fn spread_arguments(&mut self) -> Result<usize, Trap> {
        let Value::Array(id) = self.stack.pop() else {
            return Err(self.type_error("the arguments are not an array"));
        };
        let count = self.heap.array(id).len();
        self.charge(count * 16)?;
        self.stack.extend_from_slice(self.heap.array(id));
        Ok(count)
    }
}
