//! Calls: of closures, frozen functions, built-ins and host values.
//!
//! Before: call instructions, built-ins with callbacks, the control level. After: `frames`.
//! Guarantees: a script function that calls a script function uses no more of the node's stack;
//! built-ins with callbacks do, and are limited by `native_depth`.

use smallvec::SmallVec;

use super::Machine;
use super::frames::Captured;
use crate::builtins::{self, NativeIndex};
use crate::codes;
use crate::data::Data;
use crate::error::Trap;
use crate::host::Misuse;
use crate::limits::Limit;
use crate::value::Value;

/// What an instruction has done to the flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// The next step of the innermost call follows.
    Next,
    /// Another call is the innermost one now.
    Call,
    /// The innermost call has ended.
    Return,
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
            _ => self.call_script(function, arguments.iter()),
        }
    }

    /// As `call`, with arguments that stand where they are: for built-ins that call a function for
    /// each of many items. What the function does not name is not copied.
    pub fn call_back(&mut self, function: &Value, arguments: &[&Value]) -> Result<Value, Trap> {
        let index = match function {
            Value::Closure(id) => self.heap.closure(*id).function,
            Value::Frozen(Data::Function(function)) => function.function,
            _ => {
                let arguments: SmallVec<[Value; 4]> =
                    arguments.iter().map(|value| (*value).clone()).collect();
                return self.call(function, &arguments);
            }
        };
        let called = &self.code.links.steps[index.0 as usize];
        let wanted = match called.has_rest {
            true => arguments.len(),
            false => usize::from(called.parameters).min(arguments.len()),
        };
        self.call_script(function, arguments[..wanted].iter().copied())
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

    fn call_script<'a>(
        &mut self,
        function: &Value,
        arguments: impl Iterator<Item = &'a Value>,
    ) -> Result<Value, Trap> {
        self.enter_native()?;
        let (floor, at, handlers) = (self.depth, self.stack.len(), self.handlers.len());
        self.stack.push_copy(function);
        arguments.for_each(|argument| self.stack.push_copy(argument));
        let result = match self.start_call(at, self.stack.len() - at - 1, None) {
            Ok(Flow::Call) => self.run(floor, handlers),
            Ok(_) => Ok(()),
            Err(trap) => Err(trap),
        };
        self.native_depth -= 1;
        self.stack.set_top(at);
        result.map(|()| self.stack.take(at))
    }

    /// Starts a call of the function at a place of the stack, with so many arguments behind it. A
    /// script function gets a frame, anything else runs at once; the result replaces the function.
    pub(super) fn start_call(
        &mut self,
        at: usize,
        arguments: usize,
        receiver: Option<&Value>,
    ) -> Result<Flow, Trap> {
        match &self.stack[at] {
            Value::Closure(id) => {
                let id = *id;
                let index = self.heap.closure(id).function;
                self.enter(index, Captured::Closure(id), at, arguments)?;
                Ok(Flow::Call)
            }
            Value::Frozen(Data::Function(function)) => {
                let captured = match function.captures.is_empty() {
                    true => Captured::Nothing,
                    false => Captured::Frozen(function.clone()),
                };
                self.enter(function.function, captured, at, arguments)?;
                Ok(Flow::Call)
            }
            other => {
                let other = other.clone();
                self.call_other(&other, at, arguments, receiver)?;
                Ok(Flow::Next)
            }
        }
    }

    /// Calls what is no script function.
    fn call_other(
        &mut self,
        function: &Value,
        at: usize,
        arguments: usize,
        receiver: Option<&Value>,
    ) -> Result<(), Trap> {
        let taken = self.stack.arguments(at + 1, arguments);
        let result = match function {
            Value::Native(native) => {
                self.call_native(*native, receiver.unwrap_or(&Value::UNDEFINED), &taken)?
            }
            Value::Host(host) => self.host.call(self, *host, &taken)?,
            Value::Frozen(Data::Address(address)) => {
                self.host.call_address(self, address, &taken)?
            }
            other => return Err(self.not_a_function(other, None)),
        };
        self.stack[at] = result;
        Ok(())
    }

    /// Calls a built-in with arguments from a place of the stack on, where the result goes.
    pub(super) fn call_native_at(
        &mut self,
        native: NativeIndex,
        at: usize,
        arguments: usize,
    ) -> Result<(), Trap> {
        let taken = self.stack.arguments(at, arguments);
        let result = self.call_native(native, &Value::UNDEFINED, &taken)?;
        self.stack[at] = result;
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
        for value in std::iter::once(receiver).chain(arguments) {
            if let Value::Host(host) = value
                && !native.takes_host
            {
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
            let taken = self.stack.arguments(at + 1, arguments);
            self.stack[at] = self.call_native(native, &receiver, &taken)?;
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
