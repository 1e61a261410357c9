//! `waitFor` and `when`: taking a message, or giving up after a time.
//!
//! A message is offered to the branches in order. A predicate decides. It is dropped, with a note which
//! history shows, when every branch waits for a message and none takes it; while one of them waits for
//! something else, it stays in the mailbox.

use super::code::ControlCode;
use super::instruction::{BlockIndex, Instruction, Operand, OperandIndex, Timeout};
use super::{End, Flow, Run};
use crate::codes;
use crate::data::{Address, Data};
use crate::error::ScriptError;
use crate::machine::is_truthy;
use crate::turn::{CallId, Note};
use crate::worker::{Branch, Slot, Wait};

/// Whether a branch can take a message.
fn listens(branch: &Branch) -> bool {
    matches!(branch.wait, Wait::Message { .. })
}

/// Whether a branch may want a message at a later time.
fn may_listen_later(branch: &Branch) -> bool {
    matches!(
        branch.wait,
        Wait::Time { .. } | Wait::Reply { .. } | Wait::Value { .. }
    )
}

/// Whether messages that nobody wanted have to be offered again after a turn: some branch waits for a
/// message where none did before, or decides by what may have changed; or none is left that might want
/// one later, so that they are to be dropped.
pub(crate) fn offers_again(code: &ControlCode, before: &[Branch], after: &[Branch]) -> bool {
    if before.iter().any(may_listen_later) && !after.iter().any(may_listen_later) {
        return true;
    }
    let old = before.iter().filter(|branch| listens(branch));
    let mut old = old.map(|branch| branch.instruction).peekable();
    // Branches stand in the order of the text, so both lists ascend.
    after.iter().filter(|branch| listens(branch)).any(|branch| {
        while old.next_if(|known| *known < branch.instruction).is_some() {}
        old.peek() != Some(&branch.instruction) || !decides_alone(code, branch.instruction)
    })
}

/// Whether the predicate of a wait is a function that is always the same.
fn decides_alone(code: &ControlCode, instruction: u32) -> bool {
    match code.instructions.get(instruction as usize) {
        Some(Instruction::BlockEnterAwait { predicate, .. }) => {
            let predicate = code.operands.get(predicate.0 as usize);
            matches!(predicate, Some(Operand::Value(_)))
        }
        _ => false,
    }
}

impl Run<'_> {
    /// Waits for a message, for a time where the command says so.
    pub(super) fn listen(&mut self, timeout: Option<Timeout>) -> Result<Flow, ScriptError> {
        let rest_ms = self.time_of(timeout)?;
        let timer = rest_ms.map(|rest_ms| self.set_timer(rest_ms));
        Ok(self.wait(Wait::Message { timer }))
    }

    /// Offers a message to the branches that wait for one.
    pub(super) fn take_message(
        &mut self,
        body: Data,
        sender: Option<Address>,
        call: Option<CallId>,
    ) -> Result<Option<End>, ScriptError> {
        let mut offered = 0;
        for at in 0..self.next.branches.len() {
            if !listens(&self.next.branches[at]) {
                continue;
            }
            offered += 1;
            self.switch(at)?;
            match self.wanted(&body) {
                Ok(None) => {}
                Ok(Some(block)) => {
                    self.end_wait();
                    let sender = sender.map_or(Data::Undefined, Data::from);
                    self.enter(block, Some(Slot::Message { body, sender, call }))?;
                    return Ok(None);
                }
                Err(error) => return self.raise(error, false),
            }
        }
        if offered == 0 {
            return Err(ScriptError::keeps_messages());
        }
        if !self.next.branches.iter().any(may_listen_later) {
            self.notes.push(Note::Dropped);
            return Ok(None);
        }
        Ok(Some(End::Kept))
    }

    /// The block that the wait of the current branch opens with a message, where it takes it.
    fn wanted(&mut self, body: &Data) -> Result<Option<BlockIndex>, ScriptError> {
        let definition = self.definition;
        let at = self.branch().instruction as usize;
        let Some(Instruction::BlockEnterAwait {
            block,
            predicate,
            otherwise,
            ..
        }) = definition.code.instructions.get(at)
        else {
            return Err(ScriptError::corrupt("it waits where there is no wait"));
        };
        self.functions
            .charge_instruction()
            .map_err(|error| self.at_command(error))?;
        Ok(if self.matches(*predicate, body)? {
            Some(*block)
        } else {
            *otherwise
        })
    }

    fn matches(&mut self, predicate: OperandIndex, body: &Data) -> Result<bool, ScriptError> {
        let function = self.function(predicate, "the predicate of a wait")?;
        let matched = self.call(&function, &[self.functions.value(body.clone())])?;
        Ok(is_truthy(&matched))
    }

    /// A wait has lasted as long as it may.
    pub(super) fn time_is_over(
        &mut self,
        timeout: &Timeout,
        what: &str,
    ) -> Result<Option<End>, ScriptError> {
        match timeout.otherwise {
            Some(otherwise) => {
                self.enter(otherwise, None)?;
                Ok(None)
            }
            None => {
                let error = self.at_command(ScriptError::new(codes::TIMED_OUT, what));
                self.raise(error, true)
            }
        }
    }
}
