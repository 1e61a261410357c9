//! `withState` and `modifyState`: values that live as long as their block.
//!
//! The initialiser and the updater are script functions. State keeps every value but functions; its
//! size is bounded for the worker as a whole.

use super::instruction::{BlockIndex, OperandIndex};
use super::{Flow, Run};
use crate::data::Data;
use crate::error::ScriptError;
use crate::freeze::Purpose;
use crate::limits::Limit;
use crate::tree::Handle;
use crate::worker::Slot;

impl Run<'_> {
    /// Opens a block with the state that its initialiser makes.
    pub(super) fn enter_state(
        &mut self,
        block: BlockIndex,
        initial: OperandIndex,
    ) -> Result<Flow, ScriptError> {
        let function = self.function(initial, "the initialiser of `withState`")?;
        let value = self.call(&function, &[])?;
        let value = self.freeze(&value, Purpose::State)?;
        self.check_state(&value, None)?;
        self.enter(block, Some(Slot::State(value)))
    }

    /// Replaces a state.
    pub(super) fn update(
        &mut self,
        handle: Handle,
        updater: OperandIndex,
        message: Option<Handle>,
    ) -> Result<Flow, ScriptError> {
        let function = self.function(updater, "the updater of `modifyState`")?;
        let state = self.functions.value(self.value_of(handle)?);
        let function = match message {
            None => function,
            Some(message) => {
                let message = self.functions.value(self.value_of(message)?);
                self.call(&function, &[message])?
            }
        };
        let next = self.call(&function, &[state])?;
        let next = self.freeze(&next, Purpose::State)?;
        let slot = self.slot_of(handle)?;
        self.check_state(&next, Some(handle))?;
        match self.slot_mut(slot)? {
            Some(Slot::State(state)) => *state = next,
            _ => return Err(ScriptError::corrupt("a state is changed that is not open")),
        }
        self.advance()
    }

    /// Refuses state that is too large; the state of `replaced` will be overwritten.
    fn check_state(&self, value: &Data, replaced: Option<Handle>) -> Result<(), ScriptError> {
        let more = u64::from(value.shape().byte_count);
        let replaced = match replaced {
            Some(handle) => self.slot(self.slot_of(handle)?)?,
            None => None,
        };
        let less = replaced.map_or(0, Slot::kept_bytes);
        self.check_kept(more.saturating_sub(less))
    }

    /// Refuses to keep more when the worker keeps too much then.
    pub(super) fn check_kept(&self, more: u64) -> Result<(), ScriptError> {
        let branches = self.next.branches.iter();
        let bytes = branches.fold(more, |sum, branch| sum + branch.kept_bytes());
        let limits = self.functions.limits();
        if bytes > limits.state_bytes {
            return Err(self.at_command(ScriptError::limit(Limit::StateBytes, limits)));
        }
        Ok(())
    }
}
