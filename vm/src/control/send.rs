//! `send`, and turning values into targets and messages.
//!
//! A message is normalised when it is sent. A target is an address; a worker value has become its name
//! at the build stage.

use super::instruction::OperandIndex;
use super::{Flow, Run};
use crate::codes;
use crate::data::{Address, Data};
use crate::error::ScriptError;
use crate::limits::Limit;
use crate::run::describe;
use crate::turn::{Effect, Target, outbox_of};

impl Run<'_> {
    /// Sends a message.
    pub(super) fn send(
        &mut self,
        target: OperandIndex,
        message: OperandIndex,
    ) -> Result<Flow, ScriptError> {
        let target = self.evaluate(target)?;
        let to = self.target(&target, "send")?;
        let value = self.evaluate(message)?;
        let message = self.normalise(&value, "the message")?;
        self.count_send()?;
        self.effects.push(Effect::Send { to, message });
        self.advance()
    }

    /// The address in a value that stands for a target.
    pub(super) fn address(&self, value: &Data, command: &str) -> Result<Address, ScriptError> {
        if let Data::Address(address) = value {
            return Ok(Address::clone(address));
        }
        let what = format!(
            "`{command}` needs the address of a worker, got {}",
            describe(value)
        );
        Err(self.at_command(ScriptError::new(codes::NOT_AN_ADDRESS, what)))
    }

    /// The address, or the outbox where it is this root's own.
    fn target(&self, value: &Data, command: &str) -> Result<Target, ScriptError> {
        let address = self.address(value, command)?;
        let own_outbox = self.next.outbox.is_none() && address == outbox_of(&self.identity.address);
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
    pub(super) fn normalise(&mut self, value: &Data, what: &str) -> Result<Data, ScriptError> {
        if matches!(value, Data::Undefined) {
            let what = format!("{what} is undefined: use null, or an object");
            return Err(self.at_command(ScriptError::new(codes::NOT_A_MESSAGE, what)));
        }
        let message = self
            .functions
            .normalise(value)
            .map_err(|error| self.at_command(error))?;
        let bytes = u64::from(message.shape().byte_count);
        let limits = self.functions.limits();
        if bytes > limits.message_bytes {
            return Err(self.at_command(ScriptError::limit(Limit::MessageBytes, limits)));
        }
        self.functions
            .charge_bytes(bytes as usize)
            .map_err(|error| self.at_command(error))?;
        Ok(message)
    }
}
