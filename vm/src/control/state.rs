//! `withState` and `modifyState`: values that live as long as their block.
//!
//! The initialiser and the updater are script functions. State keeps every value but functions; its
//! size is bounded for the worker as a whole.

use super::instruction::{BlockIndex, OperandIndex};
use super::{Flow, Run};
use crate::codes;
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
        let value = self.call(&function, &[], Purpose::State)?;
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
        let state = self.value_of(handle)?;
        let next = match message {
            None => self.call(&function, &[state], Purpose::State)?,
            Some(message) => {
                let message = self.value_of(message)?;
                let next = self.functions.call_twice(&function, &message, &state);
                next.map_err(|error| self.at_command(error))?
            }
        };
        let slot = self.slot_of(handle)?;
        self.check_state(&next, Some(slot))?;
        match self.next.branch.stack.get_mut(slot) {
            Some(Slot::State(state)) => *state = next,
            _ => return Err(ScriptError::corrupt("a state is changed that is not open")),
        }
        self.advance()
    }

    /// Refuses functions in state, and state that is too large; `replaced` is the slot that will be overwritten.
    fn check_state(&self, value: &Data, replaced: Option<usize>) -> Result<(), ScriptError> {
        if value.shape().has_function {
            let what = "state cannot hold a function: keep the data that it needs, and the function in the script";
            return Err(self.at_command(ScriptError::new(codes::NOT_A_MESSAGE, what)));
        }
        let others = self
            .next
            .branch
            .stack
            .iter()
            .enumerate()
            .filter(|(at, _)| Some(*at) != replaced);
        let bytes = others.fold(
            u64::from(value.shape().byte_count),
            |sum, (_, slot)| match slot {
                Slot::State(state) => sum + u64::from(state.shape().byte_count),
                _ => sum,
            },
        );
        let limits = self.functions.limits();
        if bytes > limits.state_bytes {
            return Err(self.at_command(ScriptError::limit(Limit::StateBytes, limits)));
        }
        Ok(())
    }
}
