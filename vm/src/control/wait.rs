//! `waitFor` and `when`: taking a message.
//!
//! A predicate decides. What no one takes is dropped with a note, which history shows.

use super::Run;
use super::instruction::Instruction;
use crate::data::{Address, Data};
use crate::error::ScriptError;
use crate::machine::is_truthy;
use crate::turn::Note;
use crate::value::Value;
use crate::worker::Slot;

impl Run<'_> {
    /// Gives a message to the wait. Says whether instructions are to be run after it.
    pub(super) fn take_message(
        &mut self,
        body: Data,
        sender: Option<Address>,
    ) -> Result<bool, ScriptError> {
        let at = self.next.branch.instruction as usize;
        let instruction = self.definition.code.instructions.get(at);
        let Some(Instruction::BlockEnterAwait {
            block,
            predicate,
            otherwise,
        }) = instruction
        else {
            return Err(ScriptError::keeps_messages());
        };
        self.functions
            .charge_instruction()
            .map_err(|error| self.at_command(error))?;
        let function = self.function(*predicate, "the predicate of a wait")?;
        let matched = self.call(&function, &[Value::Frozen(body.clone())])?;
        let matched = is_truthy(&matched);
        let sender = sender.map_or(Data::Undefined, Data::from);
        let taken = Slot::Message { body, sender };
        match (matched, otherwise) {
            (true, _) => self.enter(*block, Some(taken))?,
            (false, Some(otherwise)) => self.enter(*otherwise, Some(taken))?,
            (false, None) => {
                self.notes.push(Note::Dropped);
                return Ok(false);
            }
        };
        Ok(true)
    }
}
