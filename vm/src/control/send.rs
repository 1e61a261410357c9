//! `send`, and turning values into targets and messages.
//!
//! A message is normalised when it is sent. A target is an address; a worker value has become its name
//! at the build stage.

use super::instruction::OperandIndex;
use super::{Flow, Run};
use crate::codes;
use crate::data::{Address, Data};
use crate::error::ScriptError;
use crate::freeze::Purpose;
use crate::limits::Limit;
use crate::turn::{Effect, Intent, Target, is_outbox_of};
use crate::value::Value;

impl<'a> Run<'a> {
    /// Sends a message.
    pub(super) fn send(
        &mut self,
        target: OperandIndex,
        message: OperandIndex,
    ) -> Result<Flow, ScriptError> {
        let target = self.evaluate(target)?;
        let to = self.target(&target, "send")?;
        let value = self.evaluate(message)?;
        let message = self.normalise(&value)?;
        self.count_send()?;
        let intent = Intent::Tell;
        self.effects.push(Effect::Send {
            to,
            message,
            intent,
        });
        self.advance()
    }

    /// The address in a value that stands for a target.
    pub(super) fn address(&self, value: &Value<'a>, command: &str) -> Result<Address, ScriptError> {
        if let Value::Frozen(Data::Address(address)) = value {
            return Ok(Address::clone(address));
        }
        let what = format!(
            "`{command}` needs the address of a worker, got {}",
            self.describe(value)
        );
        Err(self.at_command(ScriptError::new(codes::NOT_AN_ADDRESS, what)))
    }

    /// The address, or the outbox where it is this root's own.
    pub(super) fn target(&self, value: &Value<'a>, command: &str) -> Result<Target, ScriptError> {
        let address = self.address(value, command)?;
        let is_own = |address| is_outbox_of(address, &self.identity.address);
        let own_outbox = self.next.outbox.is_none() && is_own(&address);
        Ok(if own_outbox {
            Target::Outbox
        } else {
            Target::Address(address)
        })
    }

    /// Counts one message, spawn or kill.
    pub(super) fn count_send(&mut self) -> Result<(), ScriptError> {
        self.sends += 1;
        let limits = self.functions.limits();
        if self.sends > limits.turn_sends {
            return Err(self.at_command(ScriptError::limit(Limit::TurnSends, limits)));
        }
        Ok(())
    }

    /// A value as it travels: as `JSON.parse(JSON.stringify(value))` would make it.
    pub(super) fn normalise(&mut self, value: &Value<'a>) -> Result<Data, ScriptError> {
        let message = self.freeze(value, Purpose::Message)?;
        let limits = self.functions.limits();
        if u64::from(message.shape().byte_count) > limits.message_bytes {
            return Err(self.at_command(ScriptError::limit(Limit::MessageBytes, limits)));
        }
        let charged = self.functions.charge_bytes(message.shape().byte_count);
        charged.map_err(|error| self.at_command(error))?;
        Ok(message)
    }
}
