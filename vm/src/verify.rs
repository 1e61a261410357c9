//! Checks code that came from outside before it runs.
//!
//! Before: a program decoded from the log or the bus. After: the machine, which relies on every index
//! and on the height of the stack. Guarantees: accepted code never reads outside its tables, slots,
//! captures or operands, whatever values it works on.

use thiserror::Error;

/// Why code is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// An index leads outside its table.
    #[error("function {function}, instruction {instruction}: an index leads outside its table")]
    Index {
        /// Which function.
        function: u32,
        /// Which instruction.
        instruction: u32,
    },
    /// The height of the stack differs between two ways to an instruction, or is too low.
    #[error("function {function}, instruction {instruction}: the stack does not fit")]
    Stack {
        /// Which function.
        function: u32,
        /// Which instruction.
        instruction: u32,
    },
    /// A built-in that this binary does not have.
    #[error("the program uses `{0}`, which this version does not have")]
    UnknownNative(String),
    /// A table is larger than allowed.
    #[error("the program is larger than the limits allow")]
    TooLarge,
}
