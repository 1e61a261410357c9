//! Blocks and loops: entering, leaving, beginning again.
//!
//! A frame for each open block; a value on the stack for each that keeps one. Leaving a block drops
//! everything that was opened inside it.

use super::instruction::{BlockIndex, OperandIndex};
use super::{Flow, Run};
use crate::data::Data;
use crate::error::ScriptError;
use crate::machine::is_truthy;
use crate::worker::Slot;

/// What stands for a value's symbolic address: the child, the sender of a message.
fn address_in(slot: &Slot) -> Data {
    match slot {
        Slot::Child(address) => address.clone(),
        Slot::Message { sender, .. } => sender.clone(),
        Slot::State(_) => Data::Undefined,
    }
}

impl Run<'_> {
    /// Tells the functions of this turn where output goes.
    pub(super) fn tell_outbox(&self) {
        self.functions.host().set_outbox(self.next.outbox.clone());
    }

    /// Tells the functions of this turn which addresses the worker knows.
    pub(super) fn tell_addresses(&self) -> Result<(), ScriptError> {
        self.tell_outbox();
        let host = self.functions.host();
        let mut values = self.next.branch.stack.iter();
        for frame in &self.next.branch.frames {
            if let Some(handle) = self.block(*frame)?.kind.handle()
                && let Some(value) = values.next()
            {
                host.push_slot(handle, address_in(value));
            }
        }
        Ok(())
    }

    /// Opens a block, with the value that it keeps.
    pub(super) fn enter(
        &mut self,
        block: BlockIndex,
        value: Option<Slot>,
    ) -> Result<Flow, ScriptError> {
        let definition = self.block(block)?;
        let start = definition.start;
        if let (Some(handle), Some(value)) = (definition.kind.handle(), &value) {
            self.functions.host().push_slot(handle, address_in(value));
        }
        let branch = &mut self.next.branch;
        branch.frames.push(block);
        branch.stack.extend(value);
        branch.instruction = start;
        Ok(Flow::Next)
    }

    /// Leaves a block and everything inside it.
    pub(super) fn leave(&mut self, block: BlockIndex) -> Result<Flow, ScriptError> {
        let definition = self.block(block)?;
        let (exit, base) = (definition.exit, definition.base);
        let depth = self.depth_of(block)?;
        let branch = &mut self.next.branch;
        branch.frames.truncate(depth);
        branch.stack.truncate(base as usize);
        branch.instruction = exit;
        self.functions.host().truncate_slots(base as usize);
        Ok(Flow::Next)
    }

    /// Leaves a block when a condition has the given truth.
    pub(super) fn leave_if(
        &mut self,
        block: BlockIndex,
        condition: OperandIndex,
        truth: bool,
    ) -> Result<Flow, ScriptError> {
        if is_truthy(&self.evaluate(condition)?) == truth {
            self.leave(block)
        } else {
            self.advance()
        }
    }

    /// Begins a loop again.
    pub(super) fn repeat(&mut self, block: BlockIndex) -> Result<Flow, ScriptError> {
        let definition = self.block(block)?;
        let (start, base) = (definition.start, definition.base);
        let depth = self.depth_of(block)?;
        let branch = &mut self.next.branch;
        branch.frames.truncate(depth + 1);
        branch.stack.truncate(base as usize);
        branch.instruction = start;
        self.functions.host().truncate_slots(base as usize);
        Ok(Flow::Next)
    }

    fn depth_of(&self, block: BlockIndex) -> Result<usize, ScriptError> {
        let open = self
            .next
            .branch
            .frames
            .iter()
            .rposition(|frame| *frame == block);
        open.ok_or_else(|| ScriptError::corrupt("a block that is not open is left"))
    }
}
