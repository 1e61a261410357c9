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
pub(super) enum Flow {
    /// The next instruction of the innermost call follows.
    Next,
    /// The innermost call goes on elsewhere.
    Jump(u32),
    /// Another call is the innermost one now.
    Call,
    /// The innermost call ends with this value.
    Return(Value),
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
        if let Value::Host(host) = function {
            return self.host.call(self, *host, arguments);
        }
        self.enter_native()?;
        let result = match function {
            Value::Native(native) => self.call_native(*native, receiver, arguments),
            _ => self.call_script(function, arguments),
        };
        self.native_depth -= 1;
        result
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

    fn call_script(&mut self, function: &Value, arguments: &[Value]) -> Result<Value, Trap> {
        let (floor, height, handlers) = (self.callers.len(), self.stack.len(), self.handlers.len());
        self.stack.push(function.clone());
        self.stack.extend_from_slice(arguments);
        let result = match self.start_call(arguments.len(), None) {
            Ok(Flow::Call) => self.run(floor, handlers),
            Ok(_) => Ok(self.pop()),
            Err(trap) => Err(trap),
        };
        self.stack.truncate(height);
        result
    }

    /// Starts a call. The stack holds the function and, above it, the arguments: a script function
    /// gets a frame, anything else runs at once and leaves its result instead.
    pub(super) fn start_call(
        &mut self,
        arguments: usize,
        receiver: Option<&Value>,
    ) -> Result<Flow, Trap> {
        let at = self.stack.len() - arguments - 1;
        match &self.stack[at] {
            Value::Closure(id) => {
                let id = *id;
                let index = self.heap.closure(id).function;
                self.enter(index, Captured::Closure(id), arguments)?;
                Ok(Flow::Call)
            }
            Value::Frozen(Data::Function(function)) => {
                let function = function.clone();
                self.enter(function.function, Captured::Frozen(function), arguments)?;
                Ok(Flow::Call)
            }
            other => {
                let other = other.clone();
                self.call_other(&other, at, receiver)?;
                Ok(Flow::Next)
            }
        }
    }

    /// Calls what is no script function with the arguments above a place of the stack; the result
    /// takes their place and that of the function.
    fn call_other(
        &mut self,
        function: &Value,
        at: usize,
        receiver: Option<&Value>,
    ) -> Result<(), Trap> {
        let taken: SmallVec<[Value; 4]> = self.stack.drain(at + 1).collect();
        self.stack.drop_top();
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
        self.stack.push(result);
        Ok(())
    }

    /// Calls a built-in with arguments from the stack.
    pub(super) fn call_native_from_stack(
        &mut self,
        native: NativeIndex,
        arguments: usize,
    ) -> Result<(), Trap> {
        let at = self.stack.len() - arguments;
        let taken: SmallVec<[Value; 4]> = self.stack.drain(at).collect();
        let result = self.call_native(native, &Value::UNDEFINED, &taken)?;
        self.stack.push(result);
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

    /// `receiver arguments…`: looks the method up and starts the call.
    pub(super) fn call_method(&mut self, key: u32, arguments: usize) -> Result<Flow, Trap> {
        let at = self.stack.len() - arguments - 1;
        let receiver = self.stack[at].clone();
        let function = self.property_by_key(&receiver, key)?;
        if !function.is_function() && !matches!(function, Value::Host(_)) {
            let name = self.code.keys[key as usize].clone();
            return Err(self.not_a_function(&receiver, Some(&name)));
        }
        self.stack[at] = function;
        self.start_call(arguments, Some(&receiver))
    }

    /// `receiver function arguments…`
    pub(super) fn call_with_receiver_from_stack(&mut self, arguments: usize) -> Result<Flow, Trap> {
        let at = self.stack.len() - arguments - 2;
        let receiver = self.stack.remove(at);
        self.start_call(arguments, Some(&receiver))
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
