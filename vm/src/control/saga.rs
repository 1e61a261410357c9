//! `saga` and `compensate`: undoing what was done when what comes later fails.
//!
//! A finished step records its undo with the saga around it: where the undo stands, and what the blocks
//! between the two kept then. When a failure leaves the saga, the recorded undos run in reverse, each
//! with what it kept; then the failure goes on. An undo that fails itself is noted, and the next one
//! runs. A saga that ends without a failure forgets its undos.

use super::instruction::{BlockIndex, BlockKind};
use super::{End, Flow, Run};
use crate::error::ScriptError;
use crate::turn::Note;
use crate::worker::{Slot, Undo};

impl Run<'_> {
    /// Opens a saga.
    pub(super) fn enter_saga(&mut self, block: BlockIndex) -> Result<Flow, ScriptError> {
        self.enter(block, Some(Slot::Saga { failure: None }))
    }

    /// Records an undo, and goes on behind it.
    pub(super) fn record_undo(&mut self, undo: BlockIndex) -> Result<Flow, ScriptError> {
        let definition = self.block(undo)?;
        let BlockKind::Undo { saga } = definition.kind else {
            return Err(ScriptError::corrupt("an undo is recorded that is none"));
        };
        let (owner, _) = self.owner_of(saga).ok_or_else(not_open)?;
        let mut frames = Vec::new();
        for block in self.open_blocks() {
            if block == saga {
                break;
            }
            frames.push(block);
        }
        frames.reverse();
        let first = self.block(saga)?.base as usize + 1;
        let mut stack = Vec::new();
        for place in first..definition.base as usize {
            stack.extend(self.slot(place)?.cloned());
        }
        let before = self.next.branches[owner].undos.last();
        let before = before.map_or(0, |undo| undo.total_bytes);
        let own = Undo::own_bytes(&frames, &stack);
        self.check_kept(own)?;
        self.next.branches.to_mut()[owner].undos.push(Undo {
            saga,
            block: undo,
            frames,
            stack,
            total_bytes: before + own,
        });
        self.branch_mut().instruction = definition.exit;
        Ok(Flow::Next)
    }

    /// Whether a saga has something to undo.
    pub(super) fn has_undos(&self, saga: BlockIndex) -> bool {
        let owner = self.owner_of(saga);
        owner.is_some_and(|(owner, _)| {
            let last = self.next.branches[owner].undos.last();
            last.is_some_and(|undo| undo.saga == saga)
        })
    }

    /// A failure is leaving a saga: its undos run first.
    pub(super) fn compensate(
        &mut self,
        saga: BlockIndex,
        error: ScriptError,
    ) -> Result<Option<End>, ScriptError> {
        let failure = Some(Box::new(error));
        self.repeat_with(saga, Slot::Saga { failure })?;
        self.next_undo(saga)
    }

    /// An undo has ended: the next one runs, or the failure goes on.
    pub(super) fn end_undo(&mut self, undo: BlockIndex) -> Result<Flow, ScriptError> {
        let BlockKind::Undo { saga } = self.block(undo)?.kind else {
            return Err(ScriptError::corrupt("an undo ends that is none"));
        };
        Ok(self.next_undo(saga)?.map_or(Flow::Next, Flow::Stop))
    }

    /// An undo has failed: that is noted, and it counts as ended.
    pub(super) fn drop_undo(
        &mut self,
        undo: BlockIndex,
        error: &ScriptError,
    ) -> Result<(), ScriptError> {
        let what = format!("an undo failed: {}: {}", error.code, error.message);
        self.notes.push(Note::Console(what));
        self.repeat(undo)?;
        self.branch_mut().instruction = self.block(undo)?.end - 1;
        Ok(())
    }

    /// Runs the last undo that is left of a saga. Where none is, the failure goes on outside.
    fn next_undo(&mut self, saga: BlockIndex) -> Result<Option<End>, ScriptError> {
        let (owner, depth) = self.owner_of(saga).ok_or_else(not_open)?;
        let place = self.block(saga)?.base as usize;
        let kept = place - self.offset_of(owner)? + 1;
        if !self.has_undos(saga) {
            let failure = match self.slot_mut(place)? {
                Some(Slot::Saga { failure }) => failure.take(),
                _ => None,
            };
            let failure = failure.ok_or_else(|| ScriptError::corrupt("a saga has not failed"))?;
            return self.raise_outside(saga, *failure);
        }
        let branch = &mut self.next.branches.to_mut()[owner];
        let undo = branch.undos.pop().ok_or_else(not_open)?;
        branch.frames.truncate(depth + 1);
        branch.frames.extend(undo.frames);
        branch.frames.push(undo.block);
        branch.stack.truncate(kept);
        branch.stack.extend(undo.stack);
        self.make_current(owner)?;
        self.branch_mut().instruction = self.block(undo.block)?.start;
        Ok(None)
    }
}

fn not_open() -> ScriptError {
    ScriptError::corrupt("a saga is not open")
}
