//! Checks one instruction: what it opens, leaves and is given.
//!
//! The blocks themselves are checked before. What encloses other commands in a special way (loops over
//! items, branches, attempts, sagas) is checked in `nesting`.

use super::{ControlError, error};
use crate::control::code::{ControlCode, Layout};
use crate::control::instruction::{
    Block, BlockIndex, BlockKind, Instruction, Operand, OperandIndex, Timeout,
};
use crate::tree::Handle;

/// Checks one instruction.
pub(super) struct Checker<'a> {
    pub(super) code: &'a ControlCode,
    pub(super) layout: &'a Layout,
    pub(super) worker_count: usize,
    pub(super) at: u32,
}

impl Checker<'_> {
    pub(super) fn check(&self) -> Result<(), ControlError> {
        let innermost = self.innermost();
        if let Some(block) = innermost
            && matches!(self.block(block)?.kind, BlockKind::Parallel { .. })
            && *self.instruction() != (Instruction::ParallelJoin { block })
        {
            return Err(self.error("it stands in a parallel but in none of its branches"));
        }
        match self.instruction() {
            Instruction::Noop
            | Instruction::StateUpdate { .. }
            | Instruction::ActorSend { .. }
            | Instruction::ActorReply { .. }
            | Instruction::ActorKill { .. }
            | Instruction::Delay { .. }
            | Instruction::TaskComplete { .. }
            | Instruction::TaskFail { .. }
            | Instruction::React { .. } => self.simple(),
            Instruction::BlockEnter { .. }
            | Instruction::LoopEnter { .. }
            | Instruction::BlockEnterState { .. }
            | Instruction::BlockEnterAwait { .. }
            | Instruction::ActorCall { .. }
            | Instruction::BlockEnterValue { .. }
            | Instruction::ActorSpawn { .. } => self.opening(),
            Instruction::BlockBreak { .. }
            | Instruction::BlockBreakIf { .. }
            | Instruction::LoopExit { .. }
            | Instruction::LoopContinue { .. } => self.leaving(),
            Instruction::EachEnter { .. }
            | Instruction::EachNext { .. }
            | Instruction::ParallelEnter { .. }
            | Instruction::ParallelJoin { .. }
            | Instruction::BranchEnd { .. }
            | Instruction::AttemptEnter { .. }
            | Instruction::AttemptBegin { .. }
            | Instruction::SagaEnter { .. }
            | Instruction::UndoRecord { .. }
            | Instruction::UndoEnd { .. } => self.nesting(),
        }
        .and_then(|()| self.falls_through())
    }

    /// Instructions that open and leave nothing.
    fn simple(&self) -> Result<(), ControlError> {
        match self.instruction() {
            Instruction::Noop => Ok(()),
            Instruction::StateUpdate {
                handle,
                updater,
                message,
            } => {
                self.operand(*updater)?;
                self.kind_of(*handle, |kind| matches!(kind, BlockKind::State { .. }))?;
                message.map_or(Ok(()), |handle| self.message(handle))
            }
            Instruction::ActorSend { target, message } => {
                self.operand(*target).and_then(|()| self.operand(*message))
            }
            Instruction::ActorReply { handle, message } => {
                self.operand(*message)?;
                self.message(*handle)
            }
            Instruction::ActorKill { target } => self.operand(*target),
            Instruction::Delay { milliseconds } => self.operand(*milliseconds),
            Instruction::TaskComplete { result } => self.operand(*result),
            Instruction::TaskFail { error } => self.operand(*error),
            Instruction::React { function } if self.at == 0 => self.operand(*function),
            Instruction::React { .. } => {
                Err(self.error("a reactive function does not stand at the beginning"))
            }
            _ => Err(self.other_family()),
        }
    }

    /// Instructions that open a block with a value, or a plain one.
    fn opening(&self) -> Result<(), ControlError> {
        let message = |kind: &BlockKind| matches!(kind, BlockKind::Message { .. });
        match self.instruction() {
            Instruction::BlockEnter { block } => {
                self.enters(*block, |kind| *kind == BlockKind::Plain)
            }
            Instruction::LoopEnter { block } => {
                self.enters(*block, |kind| *kind == BlockKind::Loop)
            }
            Instruction::BlockEnterState { block, initial } => {
                self.operand(*initial)?;
                self.enters(*block, |kind| matches!(kind, BlockKind::State { .. }))
            }
            Instruction::BlockEnterAwait {
                block,
                predicate,
                otherwise,
                timeout,
            } => {
                self.operand(*predicate)?;
                self.enters(*block, message)?;
                self.timeout(timeout.as_ref())?;
                otherwise.map_or(Ok(()), |otherwise| {
                    self.enters_elsewhere(otherwise, message)
                })
            }
            Instruction::ActorCall {
                block,
                target,
                message: question,
                timeout,
                ..
            } => {
                self.operand(*target)?;
                self.operand(*question)?;
                self.timeout(timeout.as_ref())?;
                self.enters(*block, message)
            }
            Instruction::BlockEnterValue {
                block,
                source,
                predicate,
                timeout,
            } => {
                self.operand(*source)?;
                self.operand(*predicate)?;
                self.timeout(timeout.as_ref())?;
                self.enters(*block, message)
            }
            Instruction::ActorSpawn {
                block,
                worker,
                config,
                ..
            } => {
                self.operand(*config)?;
                if worker.0 as usize >= self.worker_count {
                    return Err(self.error("it spawns a worker that is not in the program"));
                }
                self.enters(*block, |kind| matches!(kind, BlockKind::Child { .. }))
            }
            _ => Err(self.other_family()),
        }
    }

    /// Instructions that leave a block or loop, or begin a loop again.
    fn leaving(&self) -> Result<(), ControlError> {
        match self.instruction() {
            Instruction::BlockBreak { block } => self.leaves(*block, false),
            Instruction::LoopExit { block } | Instruction::LoopContinue { block } => {
                self.leaves(*block, true)
            }
            Instruction::BlockBreakIf {
                block, condition, ..
            } => {
                self.operand(*condition)?;
                self.leaves(*block, false)
            }
            _ => Err(self.other_family()),
        }
    }

    pub(super) fn other_family(&self) -> ControlError {
        self.error("it is checked as an instruction of another family")
    }

    pub(super) fn instruction(&self) -> &Instruction {
        &self.code.instructions[self.at as usize]
    }

    pub(super) fn innermost(&self) -> Option<BlockIndex> {
        self.layout.innermost[self.at as usize]
    }

    fn message(&self, handle: Handle) -> Result<(), ControlError> {
        self.kind_of(handle, |kind| matches!(kind, BlockKind::Message { .. }))
    }

    /// What comes next must stand in the same blocks, where the instruction does not jump.
    fn falls_through(&self) -> Result<(), ControlError> {
        let goes_on = matches!(
            self.instruction(),
            Instruction::Noop
                | Instruction::AttemptBegin { .. }
                | Instruction::BlockBreakIf { .. }
                | Instruction::StateUpdate { .. }
                | Instruction::ActorSend { .. }
                | Instruction::ActorReply { .. }
                | Instruction::ActorKill { .. }
                | Instruction::Delay { .. }
                | Instruction::React { .. }
        );
        let next = self.layout.innermost.get(self.at as usize + 1);
        if goes_on && next != Some(&self.innermost()) {
            return Err(self.error("it goes on into another block"));
        }
        Ok(())
    }

    pub(super) fn error(&self, what: &'static str) -> ControlError {
        error(self.at, what)
    }

    pub(super) fn block(&self, block: BlockIndex) -> Result<&Block, ControlError> {
        self.code
            .blocks
            .get(block.0 as usize)
            .ok_or_else(|| self.error("it names a block that is not there"))
    }

    /// The block is opened here and begins at the next instruction.
    pub(super) fn enters(
        &self,
        index: BlockIndex,
        kind: impl Fn(&BlockKind) -> bool,
    ) -> Result<(), ControlError> {
        if self.block(index)?.start != self.at + 1 {
            return Err(self.error("a block does not begin behind the instruction that opens it"));
        }
        self.enters_elsewhere(index, kind)
    }

    /// The block is opened here and begins anywhere, in the same blocks as this instruction.
    pub(super) fn enters_elsewhere(
        &self,
        index: BlockIndex,
        kind: impl Fn(&BlockKind) -> bool,
    ) -> Result<(), ControlError> {
        let block = self.block(index)?;
        if !kind(&block.kind) {
            return Err(self.error("it opens a block of another kind"));
        }
        if block.parent != self.innermost() {
            return Err(self.error("it opens a block that stands elsewhere"));
        }
        Ok(())
    }

    /// The time of a wait, and the block that is opened when it is over.
    fn timeout(&self, timeout: Option<&Timeout>) -> Result<(), ControlError> {
        let Some(timeout) = timeout else {
            return Ok(());
        };
        self.operand(timeout.milliseconds)?;
        timeout.otherwise.map_or(Ok(()), |otherwise| {
            self.enters_elsewhere(otherwise, |kind| *kind == BlockKind::Plain)
        })
    }

    /// The block is open here, and its exit stands in its parent.
    pub(super) fn leaves(&self, index: BlockIndex, is_loop: bool) -> Result<(), ControlError> {
        let block = self.block(index)?;
        let is_other = matches!(
            block.kind,
            BlockKind::Parallel { .. } | BlockKind::Branch | BlockKind::Undo { .. }
        );
        if is_loop != (block.kind == BlockKind::Loop) || is_other {
            return Err(self.error("it leaves a block of another kind"));
        }
        let mut around = self.around();
        let found = around.find(|block| {
            *block == index || matches!(self.kind_at(*block), Some(BlockKind::Undo { .. }))
        });
        if found != Some(index) {
            return Err(self.error("it leaves a block that is not open"));
        }
        self.exits(block)
    }

    pub(super) fn exits(&self, block: &Block) -> Result<(), ControlError> {
        if self.layout.innermost.get(block.exit as usize) != Some(&block.parent) {
            return Err(self.error("a block is left into another block"));
        }
        Ok(())
    }

    /// The blocks around the instruction, innermost first.
    pub(super) fn around(&self) -> impl Iterator<Item = BlockIndex> {
        let parent = |block: &BlockIndex| self.code.blocks.get(block.0 as usize)?.parent;
        std::iter::successors(self.innermost(), parent)
    }

    pub(super) fn kind_at(&self, block: BlockIndex) -> Option<&BlockKind> {
        let block = self.code.blocks.get(block.0 as usize)?;
        Some(&block.kind)
    }

    fn is_open(&self, index: BlockIndex) -> bool {
        self.around().any(|block| block == index)
    }

    fn kind_of(
        &self,
        handle: Handle,
        kind: impl Fn(&BlockKind) -> bool,
    ) -> Result<(), ControlError> {
        let block = self
            .layout
            .block_of(handle)
            .filter(|block| self.is_open(*block));
        match block {
            Some(block) if kind(&self.block(block)?.kind) => Ok(()),
            _ => Err(self.error("a handle is used outside its block, or as something else")),
        }
    }

    pub(super) fn operand(&self, index: OperandIndex) -> Result<(), ControlError> {
        let operand = self.code.operands.get(index.0 as usize);
        match operand.ok_or_else(|| self.error("it names an operand that is not there"))? {
            Operand::Child(handle) => {
                self.kind_of(*handle, |kind| matches!(kind, BlockKind::Child { .. }))
            }
            Operand::Sender(handle) => {
                self.kind_of(*handle, |kind| matches!(kind, BlockKind::Message { .. }))
            }
            Operand::Handle(handle) => self.kind_of(*handle, BlockKind::is_readable),
            operand => operand
                .parts()
                .into_iter()
                .try_for_each(|part| self.operand(part)),
        }
    }
}
