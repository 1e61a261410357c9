//! Calls: of closures, frozen functions, built-ins and host values.
//!
//! Before: call instructions, built-ins with callbacks, the control level. After: `frames`.
//! Guarantees: a script function that calls a script function uses no more of the node's stack;
//! built-ins with callbacks do, and are limited by `native_depth`.

use std::sync::Arc;

use super::Machine;
use super::frames::Captured;
use super::stack::Stack;
use crate::builtins::{self, NativeIndex};
use crate::bytecode::FunctionIndex;
use crate::codes;
use crate::data::{Data, FunctionData};
use crate::error::Trap;
use crate::host::Misuse;
use crate::limits::Limit;
use crate::value::Value;

/// What an instruction has done to the flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// The next step of the innermost call follows.
    Next,
    /// The step that the frame names follows.
    Jump,
    /// Another call is the innermost one now.
    Call,
    /// The innermost call has ended.
    Return,
}

/// Where the captured variables of a frozen function are.
fn captured_by(function: &Arc<FunctionData>) -> Captured {
    match function.captures.is_empty() {
        true => Captured::Nothing,
        false => Captured::Frozen(function.clone()),
    }
}

impl<'p> Machine<'p> {
    /// Calls a function (a closure, a frozen function, a built-in, a host value) to its end.
    pub fn call(&mut self, function: &Value, arguments: &[Value]) -> Result<Value, Trap> {
        self.call_with_receiver(function, &Value::UNDEFINED, arguments)
    }

    /// Calls with a receiver, which only built-ins see.
    pub fn call_with_receiver(
        &mut self,
        function: &Value,
        receiver: &Value,
        arguments: &[Value],
    ) -> Result<Value, Trap> {
        match function {
            Value::Host(host) => self.host.call(self, *host, arguments),
            Value::Native(native) => {
                self.enter_native()?;
                let result = self.call_native(*native, receiver, arguments);
                self.native_depth -= 1;
                result
            }
            Value::Closure(_) | Value::Frozen(Data::Function(_)) => {
                let push = |stack: &mut Stack, at: usize| stack.push_copy(&arguments[at]);
                self.call_script(function, arguments.len(), push)
            }
            _ => self.call_other(function, arguments, None),
        }
    }

    /// As `call`, with arguments that are moved out.
    pub fn call_with(&mut self, function: &Value, arguments: &mut [Value]) -> Result<Value, Trap> {
        match function {
            Value::Closure(_) | Value::Frozen(Data::Function(_)) => {
                let count = arguments.len();
                let push = |stack: &mut Stack, at: usize| stack.push_taken(&mut arguments[at]);
                self.call_script(function, count, push)
            }
            _ => self.call(function, arguments),
        }
    }

    /// As `call`, with arguments that stand where they are: for built-ins that call a function for
    /// each of many items. What the function does not name is not copied.
    pub fn call_back(&mut self, function: &Value, arguments: &[&Value]) -> Result<Value, Trap> {
        match function {
            Value::Closure(_) | Value::Frozen(Data::Function(_)) => {
                let push = |stack: &mut Stack, at: usize| stack.push_copy(arguments[at]);
                self.call_script(function, arguments.len(), push)
            }
            _ => {
                let arguments = arguments.iter().map(|value| (*value).clone());
                self.call(function, &arguments.collect::<Vec<Value>>())
            }
        }
    }

    /// Counts a call that uses the node's own stack. To be undone when the call ends.
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

    /// Calls a script function; `push` puts an argument onto the stack.
    #[inline]
    fn call_script(
        &mut self,
        function: &Value,
        arguments: usize,
        mut push: impl FnMut(&mut Stack, usize),
    ) -> Result<Value, Trap> {
        let Some((index, captured)) = self.script_function(function) else {
            return Err(self.not_a_function(function, None));
        };
        self.enter_native()?;
        let (floor, at, handlers) = (self.depth, self.stack.len(), self.handlers.len());
        let called = &self.code.links.steps[index.0 as usize];
        let wanted = match called.has_rest {
            true => arguments,
            false => usize::from(called.parameters).min(arguments),
        };
        match called.names_itself {
            true => self.stack.push_copy(function),
            false => self.stack.push_copy(&Value::UNDEFINED),
        }
        (0..wanted).for_each(|argument| push(&mut self.stack, argument));
        let result = match self.enter(index, at, wanted) {
            Ok(()) => {
                self.set_captured(captured);
                self.run(floor, handlers)
            }
            Err(trap) => Err(trap),
        };
        self.native_depth -= 1;
        self.stack.set_top(at);
        result.map(|()| self.stack.take(at))
    }

    /// Which function of the code a value is, and where its captured variables are.
    #[inline]
    fn script_function(&self, function: &Value) -> Option<(FunctionIndex, Captured)> {
        match function {
            Value::Closure(id) => Some((self.heap.closure(*id).function, Captured::Closure(*id))),
            Value::Frozen(Data::Function(function)) => {
                Some((function.function, captured_by(function)))
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
        receiver: Option<&Value>,
    ) -> Result<Flow, Trap> {
        let (index, captured) = match &self.stack[at] {
            Value::Closure(id) => {
                let id = *id;
                self.enter(self.heap.closure(id).function, at, arguments)?;
                self.set_captured(Captured::Closure(id));
                return Ok(Flow::Call);
            }
            Value::Frozen(Data::Function(function)) => (function.function, captured_by(function)),
            other => {
                let other = other.clone();
                let result = self.with_arguments(at + 1, arguments, |machine, arguments| {
                    machine.call_other(&other, arguments, receiver)
                })?;
                self.stack.set_made(at, result);
                return Ok(Flow::Next);
            }
        };
        self.enter(index, at, arguments)?;
        self.set_captured(captured);
        Ok(Flow::Call)
    }

    /// Moves so many arguments out, from a place of the stack on, and hands them over where they are.
    #[inline]
    fn with_arguments(
        &mut self,
        from: usize,
        count: usize,
        call: impl FnOnce(&mut Self, &[Value]) -> Result<Value, Trap>,
    ) -> Result<Value, Trap> {
        match count {
            0 => call(self, &[]),
            1 => {
                let arguments = [self.stack.take(from)];
                call(self, &arguments)
            }
            2 => {
                let arguments = [self.stack.take(from), self.stack.take(from + 1)];
                call(self, &arguments)
            }
            _ => {
                let arguments = self.stack.arguments(from, count);
                call(self, &arguments)
            }
        }
    }

    /// Calls what is no script function.
    fn call_other(
        &mut self,
        function: &Value,
        arguments: &[Value],
        receiver: Option<&Value>,
    ) -> Result<Value, Trap> {
        match function {
            Value::Native(native) => {
                self.call_native(*native, receiver.unwrap_or(&Value::UNDEFINED), arguments)
            }
            Value::Host(host) => self.host.call(self, *host, arguments),
            Value::Frozen(Data::Address(address)) => {
                self.host.call_address(self, address, arguments)
            }
            other => Err(self.not_a_function(other, None)),
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
            machine.call_native(native, &Value::UNDEFINED, arguments)
        })?;
        self.stack.set_made(at, result);
        Ok(())
    }

    fn call_native(
        &mut self,
        native: NativeIndex,
        receiver: &Value,
        arguments: &[Value],
    ) -> Result<Value, Trap> {
        self.spend(5)?;
        let native = builtins::native(native);
        if !native.takes_host {
            let mut values = std::iter::once(receiver).chain(arguments);
            if let Some(Value::Host(host)) = values.find(|value| matches!(value, Value::Host(_))) {
                return Err(self.host.misuse(self, *host, Misuse::Argument(native.name)));
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
        let receiver = self.stack.take(at);
        if let Some(native) = self.built_in_method(&receiver, key) {
            let result = self.with_arguments(at + 1, arguments, |machine, arguments| {
                machine.call_native(native, &receiver, arguments)
            })?;
            self.stack.set_made(at, result);
            return Ok(Flow::Next);
        }
        let function = self.property_by_key(&receiver, key)?;
        if !function.is_function() && !matches!(function, Value::Host(_)) {
            let name = self.code.keys[key as usize].clone();
            return Err(self.not_a_function(&receiver, Some(&name)));
        }
        self.stack[at] = function;
        self.start_call(at, arguments, Some(&receiver))
    }

    /// `receiver function arguments…`
    pub(super) fn call_with_receiver_from_stack(&mut self, arguments: usize) -> Result<Flow, Trap> {
        let at = self.stack.len() - arguments - 2;
        let receiver = self.stack.remove(at);
        self.start_call(at, arguments, Some(&receiver))
    }

    /// `function arguments…`
    pub(super) fn call_from_stack(&mut self, arguments: usize) -> Result<Flow, Trap> {
        let at = self.stack.len() - arguments - 1;
        self.start_call(at, arguments, None)
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
