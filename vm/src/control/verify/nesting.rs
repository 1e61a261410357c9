//! Checks the instructions of loops over items, branches, attempts and sagas.
//!
//! Each of them belongs to a block of its kind and stands at a fixed place in it.

use super::ControlError;
use super::checker::Checker;
use crate::control::instruction::{BlockIndex, BlockKind, Instruction};

impl Checker<'_> {
    /// Instructions of blocks that enclose other commands in a special way.
    pub(super) fn nesting(&self) -> Result<(), ControlError> {
        match self.instruction() {
            Instruction::EachEnter { block, items } => {
                self.operand(*items)?;
                self.enters(*block, |kind| matches!(kind, BlockKind::Each { .. }))?;
                self.exits(self.block(*block)?)
            }
            Instruction::EachNext { block } => {
                if !matches!(self.block(*block)?.kind, BlockKind::Each { .. }) {
                    return Err(self.error("it goes on with the next item of another block"));
                }
                self.leaves(*block, false)
            }
            Instruction::ParallelEnter { block, branches } => self.parallel(*block, branches),
            Instruction::ParallelJoin { block } => {
                let is_parallel = |kind: &BlockKind| matches!(kind, BlockKind::Parallel { .. });
                self.begins(*block, is_parallel, "it waits for branches elsewhere")?;
                self.exits(self.block(*block)?)
            }
            Instruction::BranchEnd { block } => {
                let is_branch = |kind: &BlockKind| *kind == BlockKind::Branch;
                self.ends(*block, is_branch, "it ends a branch that is not its own")
            }
            Instruction::AttemptEnter { block } => self.attempt(*block),
            Instruction::AttemptBegin { block } => {
                let is_attempt = |kind: &BlockKind| matches!(kind, BlockKind::Attempt { .. });
                self.begins(*block, is_attempt, "it begins an attempt elsewhere")
            }
            Instruction::SagaEnter { block } => {
                self.enters(*block, |kind| matches!(kind, BlockKind::Saga { .. }))
            }
            Instruction::UndoRecord { undo } => self.undo(*undo),
            Instruction::UndoEnd { undo } => {
                let is_undo = |kind: &BlockKind| matches!(kind, BlockKind::Undo { .. });
                self.ends(*undo, is_undo, "it ends an undo that is not its own")
            }
            _ => Err(self.other_family()),
        }
    }

    /// The instruction is the first of a block of a kind.
    fn begins(
        &self,
        block: BlockIndex,
        kind: impl Fn(&BlockKind) -> bool,
        what: &'static str,
    ) -> Result<(), ControlError> {
        let definition = self.block(block)?;
        if kind(&definition.kind) && definition.start == self.at {
            Ok(())
        } else {
            Err(self.error(what))
        }
    }

    /// The instruction is the last of a block of a kind, and in no other block.
    fn ends(
        &self,
        block: BlockIndex,
        kind: impl Fn(&BlockKind) -> bool,
        what: &'static str,
    ) -> Result<(), ControlError> {
        let definition = self.block(block)?;
        let is_last = definition.end == self.at + 1 && self.innermost() == Some(block);
        if kind(&definition.kind) && is_last {
            Ok(())
        } else {
            Err(self.error(what))
        }
    }

    /// The undo belongs to the closest saga, has its own end, and the instruction goes on behind it.
    fn undo(&self, undo: BlockIndex) -> Result<(), ControlError> {
        self.enters(undo, |kind| matches!(kind, BlockKind::Undo { .. }))?;
        let definition = self.block(undo)?;
        self.exits(definition)?;
        let is_saga = |kind: Option<&BlockKind>| {
            matches!(kind, Some(BlockKind::Saga { .. } | BlockKind::Undo { .. }))
        };
        let closest = self.around().find(|block| is_saga(self.kind_at(*block)));
        let saga = closest.filter(|saga| definition.kind == (BlockKind::Undo { saga: *saga }));
        let saga = saga.and_then(|saga| self.kind_at(saga));
        let last = self.code.instructions.get(definition.end as usize - 1);
        if !matches!(saga, Some(BlockKind::Saga { .. }))
            || last != Some(&Instruction::UndoEnd { undo })
        {
            return Err(self.error("an undo does not stand in a saga, or does not end"));
        }
        Ok(())
    }

    /// The attempt begins behind its instruction; what it leads to stands beside it.
    fn attempt(&self, block: BlockIndex) -> Result<(), ControlError> {
        self.enters(block, |kind| matches!(kind, BlockKind::Attempt { .. }))?;
        let BlockKind::Attempt { otherwise, .. } = &self.block(block)?.kind else {
            return Ok(());
        };
        let begins = self.code.instructions.get(self.at as usize + 1);
        if begins != Some(&Instruction::AttemptBegin { block }) {
            return Err(self.error("an attempt does not begin with its first try"));
        }
        otherwise.map_or(Ok(()), |otherwise| {
            self.enters_elsewhere(otherwise, |kind| matches!(kind, BlockKind::Failure { .. }))
        })
    }

    /// All inner blocks of a parallel are its branches, and there are some.
    fn parallel(&self, block: BlockIndex, branches: &[BlockIndex]) -> Result<(), ControlError> {
        self.enters(block, |kind| matches!(kind, BlockKind::Parallel { .. }))?;
        let begins = self.code.instructions.get(self.at as usize + 1);
        if begins != Some(&Instruction::ParallelJoin { block }) {
            return Err(self.error("a parallel does not begin with its join"));
        }
        let blocks = self.code.blocks.iter().enumerate();
        let inner = blocks
            .filter(|(_, inner)| inner.parent == Some(block))
            .map(|(index, _)| BlockIndex(index as u32));
        if branches.is_empty() || !inner.eq(branches.iter().copied()) {
            return Err(self.error("it opens other branches than there are"));
        }
        Ok(())
    }
}
