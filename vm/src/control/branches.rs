//! The branches of a running worker: which one runs, what it sees, and which blocks are open to it.
//!
//! Every instruction runs in the current branch. A branch keeps only what it opened itself; the blocks
//! and values around it are those of the branch that opened it. Which branches there are is up to the
//! instructions.

use smallvec::{SmallVec, smallvec};

use super::instruction::BlockIndex;
use super::{Flow, Run};
use crate::data::Data;
use crate::error::ScriptError;
use crate::turn::Effect;
use crate::worker::{Branch, Slot, Wait};

/// What stands for a value's symbolic address: the child, the sender of a message.
pub(super) fn address_in(slot: &Slot) -> Data {
    match slot {
        Slot::Child(address) => address.clone(),
        Slot::Message { sender, .. } => sender.clone(),
        _ => Data::Undefined,
    }
}

impl Run<'_> {
    /// The branch that runs.
    pub(super) fn branch(&self) -> &Branch {
        &self.next.branches[self.current]
    }

    /// The branch that runs.
    pub(super) fn branch_mut(&mut self) -> &mut Branch {
        &mut self.next.branches.to_mut()[self.current]
    }

    /// Makes a branch that can run the current one. False where all of them wait.
    pub(super) fn select_ready(&mut self) -> Result<bool, ScriptError> {
        let is_ready = |branch: &Branch| matches!(branch.wait, Wait::Ready);
        if is_ready(self.branch()) {
            return Ok(true);
        }
        let Some(ready) = self.next.branches.iter().position(is_ready) else {
            return Ok(false);
        };
        self.switch(ready)?;
        Ok(true)
    }

    /// Makes another branch the current one.
    pub(super) fn switch(&mut self, to: usize) -> Result<(), ScriptError> {
        if to == self.current {
            return Ok(());
        }
        self.make_current(to)
    }

    /// Makes a branch the current one, whatever the number of the current one has come to mean.
    pub(super) fn make_current(&mut self, to: usize) -> Result<(), ScriptError> {
        self.current = to;
        self.functions.host().truncate_slots(0);
        self.tell_addresses()
    }

    /// The current branch waits from now on.
    pub(super) fn wait(&mut self, wait: Wait) -> Flow {
        self.branch_mut().wait = wait;
        Flow::Wait
    }

    /// The current branch waits no longer, and does not need its timer and its source any more.
    pub(super) fn end_wait(&mut self) {
        let ended = std::mem::take(&mut self.branch_mut().wait);
        self.forget_wait(&ended);
    }

    /// What a wait that has ended waited for is not needed any more.
    pub(super) fn forget_wait(&mut self, ended: &Wait) {
        if let Some(timer) = ended.timer() {
            self.effects.push(Effect::CancelTimer { timer });
        }
        if let Wait::Value { watch, .. } = ended {
            let watch = *watch;
            self.effects.push(Effect::Unsubscribe { watch });
        }
    }

    /// Tells the functions of this turn which addresses the current branch knows.
    pub(super) fn tell_addresses(&self) -> Result<(), ScriptError> {
        let host = self.functions.host();
        for at in self.chain() {
            let branch = &self.next.branches[at];
            let mut values = branch.stack.iter();
            for frame in &branch.frames {
                if let Some(handle) = self.block(*frame)?.kind.handle()
                    && let Some(value) = values.next()
                {
                    host.push_slot(handle, address_in(value));
                }
            }
        }
        Ok(())
    }

    /// The current branch and those around it, outermost first.
    fn chain(&self) -> SmallVec<[usize; 4]> {
        let mut chain = smallvec![self.current];
        let mut at = self.current;
        while let Some(parent) = self.next.branches[at].parent {
            at = parent as usize;
            chain.push(at);
        }
        chain.reverse();
        chain
    }

    /// The blocks that are open to the current branch, innermost first.
    pub(super) fn open_blocks(&self) -> Vec<BlockIndex> {
        let mut open: Vec<BlockIndex> = Vec::new();
        for at in self.chain().into_iter().rev() {
            open.extend(self.next.branches[at].frames.iter().rev());
        }
        open
    }

    /// The branch, among the current one and those around it, that has opened a block, and the place of
    /// the block among its frames. Nothing where the block is not open.
    pub(super) fn owner_of(&self, block: BlockIndex) -> Option<(usize, usize)> {
        let mut next = Some(self.current);
        while let Some(at) = next {
            let branch = &self.next.branches[at];
            if let Some(depth) = branch.frames.iter().rposition(|frame| *frame == block) {
                return Some((at, depth));
            }
            next = branch.parent.map(|parent| parent as usize);
        }
        None
    }

    /// How many values the branches around a branch keep: the place of its own first value.
    pub(super) fn offset_of(&self, branch: usize) -> Result<usize, ScriptError> {
        let branch = &self.next.branches[branch];
        match (branch.parent, branch.frames.first()) {
            (Some(_), Some(first)) => Ok(self.block(*first)?.base as usize),
            _ => Ok(0),
        }
    }

    /// The value at a place, as the current branch counts.
    pub(super) fn slot_mut(&mut self, place: usize) -> Result<Option<&mut Slot>, ScriptError> {
        let (branch, at) = self.holder_of(place)?;
        Ok(self.next.branches.to_mut()[branch].stack.get_mut(at))
    }

    /// The value at a place, as the current branch counts.
    pub(super) fn slot(&self, place: usize) -> Result<Option<&Slot>, ScriptError> {
        let (branch, at) = self.holder_of(place)?;
        Ok(self.next.branches[branch].stack.get(at))
    }

    fn holder_of(&self, place: usize) -> Result<(usize, usize), ScriptError> {
        let mut at = self.current;
        loop {
            let offset = self.offset_of(at)?;
            if let Some(inside) = place.checked_sub(offset) {
                return Ok((at, inside));
            }
            let parent = self.next.branches[at].parent;
            let parent = parent.ok_or_else(|| ScriptError::corrupt("a value is not there"))?;
            at = parent as usize;
        }
    }
}
