//! Blocks and loops: entering, leaving, beginning again.
//!
//! A frame for each open block; a value on the stack for each that keeps one. Leaving a block drops
//! everything that was opened inside it.

use super::branches::address_in;
use super::instruction::{BlockIndex, OperandIndex};
use super::{Flow, Run};
use crate::error::ScriptError;
use crate::machine::is_truthy;
use crate::worker::Slot;

impl Run<'_> {
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
        let branch = self.branch_mut();
        branch.frames.push(block);
        branch.stack.extend(value);
        branch.instruction = start;
        Ok(Flow::Next)
    }

    /// Leaves a block and everything inside it.
    pub(super) fn leave(&mut self, block: BlockIndex) -> Result<Flow, ScriptError> {
        let (exit, base) = self.close_inside(block, 0)?;
        self.branch_mut().instruction = exit;
        self.functions.host().truncate_slots(base);
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
        let start = self.block(block)?.start;
        let (_, base) = self.close_inside(block, 1)?;
        self.branch_mut().instruction = start;
        self.functions.host().truncate_slots(base);
        Ok(Flow::Next)
    }

    /// Begins a block that keeps a value again, with another value.
    pub(super) fn repeat_with(
        &mut self,
        block: BlockIndex,
        value: Slot,
    ) -> Result<Flow, ScriptError> {
        self.repeat(block)?;
        if let Some(handle) = self.block(block)?.kind.handle() {
            self.functions.host().push_slot(handle, address_in(&value));
        }
        self.branch_mut().stack.push(value);
        Ok(Flow::Next)
    }

    /// Drops everything that was opened inside a block, and but for the first `kept` frames the block
    /// itself. Gives where the block is left to, and how many values are left on the stack.
    fn close_inside(
        &mut self,
        block: BlockIndex,
        kept: usize,
    ) -> Result<(u32, usize), ScriptError> {
        let definition = self.block(block)?;
        let (exit, base) = (definition.exit, definition.base as usize);
        let open = self.owner_of(block);
        let (owner, depth) =
            open.ok_or_else(|| ScriptError::corrupt("a block that is not open is left"))?;
        if owner != self.current {
            self.drop_inside(owner)?;
        }
        let offset = self.offset_of(owner)?;
        let branch = &mut self.next.branches.to_mut()[owner];
        branch.frames.truncate(depth + kept);
        branch.stack.truncate(base.saturating_sub(offset));
        while let Some(undo) = branch.undos.last()
            && !branch.frames.contains(&undo.saga)
        {
            branch.undos.pop();
        }
        Ok((exit, base))
    }
}
