//! What the machine asks of whoever runs it.
//!
//! Before: an instruction or built-in that needs something from outside: a name of the language, the
//! time, chance, an address. After: the build stage, or the turn. Guarantees: the machine itself has
//! no clock and no entropy; every use of a build-stage value that is not a call or a property goes
//! through `misuse`, which makes the right diagnostic.

use crate::codes;
use crate::data::{Address, Data, Symbolic};
use crate::error::Trap;
use crate::machine::Machine;
use crate::text::Text;
use crate::value::{HostRef, Value};

/// What a script did with a build-stage value that only a command may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// Called it.
    Call,
    /// Read the property of that name.
    Property(Text),
    /// Read an element by a computed key.
    Element,
    /// Wrote a property or element of it.
    Write,
    /// Deleted a property of it.
    Delete,
    /// Used it as an operand of that operator.
    Operator(&'static str),
    /// Used it as a condition (`if`, `?:`, `&&`, `||`, `!`, `while`).
    Condition,
    /// Put it into a template literal or made text of it.
    Template,
    /// Spread it, iterated it, or took it apart.
    Spread,
    /// Gave it to that built-in.
    Argument(&'static str),
    /// Kept it where only data may be: state, a message, a capture of the run stage.
    Kept,
}

/// What the machine asks of whoever runs it.
pub trait Host<'p> {
    /// The value of a name of the language, for example `sequence`.
    fn ambient(&self, machine: &mut Machine<'p>, name: &Text) -> Result<Value<'p>, Trap>;

    /// The value of a free identifier `…Handle`.
    fn shorthand(&self, machine: &mut Machine<'p>, name: &Text) -> Result<Value<'p>, Trap>;

    /// Calls a build-stage value.
    fn call(
        &self,
        machine: &mut Machine<'p>,
        callee: HostRef,
        arguments: &[Value<'p>],
    ) -> Result<Value<'p>, Trap>;

    /// Calls the address of a name: what a reactive function is for some arguments.
    fn call_address(
        &self,
        machine: &mut Machine<'p>,
        address: &Address,
        _: &[Value<'p>],
    ) -> Result<Value<'p>, Trap> {
        Err(machine.type_error(format!("the address {address} is not a function")))
    }

    /// Reads a property of a build-stage value, for example `loop.break`.
    fn property(
        &self,
        machine: &mut Machine<'p>,
        object: HostRef,
        key: &Text,
    ) -> Result<Value<'p>, Trap>;

    /// What is wrong with any other use of a build-stage value.
    fn misuse(&self, machine: &mut Machine<'p>, value: HostRef, misuse: Misuse) -> Trap;

    /// What a build-stage value is when a function of the run stage captures it, or when it is part of a
    /// constant: an address for workers, `self`, `outbox`, children and senders; `None` for all that
    /// exists only while commands are made, which is then a misuse (`Misuse::Kept`).
    fn keep(&self, _: HostRef) -> Option<Data> {
        None
    }

    /// The address that a symbolic one stands for in the running instance; `None` leaves it.
    fn resolve(&self, symbolic: Symbolic) -> Option<Data>;

    /// The time of the input in milliseconds since 1970, an error at the build stage.
    fn now_ms(&self) -> Result<f64, Trap>;

    /// The next 64 bits of chance, an error at the build stage.
    fn random_bits(&self) -> Result<u64, Trap>;

    /// Takes a line of `console.log`.
    fn print(&self, line: String);
}

/// A host that knows nothing: for pure functions such as `key`, and for tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoHost;

impl<'p> Host<'p> for NoHost {
    fn ambient(&self, _: &mut Machine<'p>, name: &Text) -> Result<Value<'p>, Trap> {
        Err(Trap::fatal(
            codes::STAGE,
            format!("`{name}` belongs to the build stage and cannot be used here"),
        ))
    }

    fn shorthand(&self, _: &mut Machine<'p>, name: &Text) -> Result<Value<'p>, Trap> {
        Err(Trap::fatal(
            codes::STAGE,
            format!("`{name}` is a handle of the build stage and cannot be used here"),
        ))
    }

    fn call(&self, _: &mut Machine<'p>, _: HostRef, _: &[Value<'p>]) -> Result<Value<'p>, Trap> {
        Err(Trap::fatal(codes::STAGE, "a command cannot be made here"))
    }

    fn property(&self, _: &mut Machine<'p>, _: HostRef, key: &Text) -> Result<Value<'p>, Trap> {
        Err(Trap::fatal(
            codes::STAGE,
            format!("`{key}` of a command cannot be read here"),
        ))
    }

    fn misuse(&self, _: &mut Machine<'p>, _: HostRef, _: Misuse) -> Trap {
        Trap::fatal(
            codes::HOST_MISUSE,
            "a command or ref cannot be used as a value",
        )
    }

    fn resolve(&self, _: Symbolic) -> Option<Data> {
        None
    }

    fn now_ms(&self) -> Result<f64, Trap> {
        Err(Trap::fatal(
            codes::STAGE,
            "there is no time here: the result must depend on the message alone",
        ))
    }

    fn random_bits(&self) -> Result<u64, Trap> {
        Err(Trap::fatal(
            codes::STAGE,
            "there is no chance here: the result must depend on the message alone",
        ))
    }

    fn print(&self, _: String) {}
}
