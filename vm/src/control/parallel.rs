//! `parallel` and `race`: branches of one worker, and how they end.
//!
//! The branch that opens them waits at its join until all have ended, or the first one of a race has.
//! Branches begin in order, each running until it waits. Whatever leaves the block (the end of a race,
//! a jump, a failure) cancels the branches in it, with their timers; replies to their calls come late.

use smallvec::smallvec;

use super::instruction::{BlockIndex, BlockKind};
use super::{Flow, Run};
use crate::error::ScriptError;
use crate::worker::{Branch, Wait};

impl Run<'_> {
    /// Opens a branch for each block, and waits for them.
    pub(super) fn enter_parallel(
        &mut self,
        block: BlockIndex,
        branches: &[BlockIndex],
    ) -> Result<Flow, ScriptError> {
        self.enter(block, None)?;
        let parent = self.current as u32;
        let mut opened = Vec::with_capacity(branches.len());
        for block in branches {
            opened.push(Branch {
                instruction: self.block(*block)?.start,
                frames: smallvec![*block],
                parent: Some(parent),
                ..Branch::default()
            });
        }
        let first = self.current + 1;
        for later in &mut self.next.branches.to_mut()[first..] {
            if let Some(known) = &mut later.parent
                && *known > parent
            {
                *known += opened.len() as u32;
            }
        }
        self.next.branches.to_mut().splice(first..first, opened);
        Ok(self.wait(Wait::Branches))
    }

    /// The current branch has ended: so has what opened it, where it was the last one or this is a race.
    pub(super) fn end_branch(&mut self) -> Result<Flow, ScriptError> {
        let Some(parent) = self.branch().parent else {
            return Err(ScriptError::corrupt("a branch ends that nothing opened"));
        };
        let parent = parent as usize;
        let innermost = self.next.branches[parent].frames.last();
        let innermost = innermost.ok_or_else(|| ScriptError::corrupt("a parallel is not open"))?;
        if self.block(*innermost)?.kind == (BlockKind::Parallel { race: true }) {
            self.drop_inside(parent)?;
            return Ok(Flow::Next);
        }
        let at = self.current;
        self.remove(at, at + 1);
        self.make_current(parent)?;
        let children = self.end_of(parent) - parent - 1;
        if children == 0 {
            self.branch_mut().wait = Wait::Ready;
        }
        Ok(Flow::Next)
    }

    /// Cancels all branches inside a branch, which then is the current one and runs.
    pub(super) fn drop_inside(&mut self, branch: usize) -> Result<(), ScriptError> {
        let end = self.end_of(branch);
        for inner in branch + 1..end {
            let ended = std::mem::take(&mut self.next.branches.to_mut()[inner].wait);
            self.forget_wait(&ended);
        }
        self.remove(branch + 1, end);
        self.make_current(branch)?;
        self.branch_mut().wait = Wait::Ready;
        Ok(())
    }

    /// The place behind the last branch inside a branch: they stand together behind it.
    fn end_of(&self, branch: usize) -> usize {
        let inside = |inner: &&Branch| inner.parent.is_some_and(|parent| parent as usize >= branch);
        let behind = self.next.branches[branch + 1..].iter();
        branch + 1 + behind.take_while(inside).count()
    }

    fn remove(&mut self, from: usize, until: usize) {
        self.next.branches.to_mut().drain(from..until);
        for later in &mut self.next.branches.to_mut()[from..] {
            if let Some(parent) = &mut later.parent
                && *parent as usize >= until
            {
                *parent -= (until - from) as u32;
            }
        }
    }
}
