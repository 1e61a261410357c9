//! Checks control code before it runs: targets, nesting, operands, handles.
//!
//! Before it: lowering, or bytes from the log. After it: the machine, which then never meets a wrong
//! index, a block left that is not open, or a handle outside its block. Functions inside operands are
//! checked by the verifier of the expression level.

use super::code::{ControlCode, Layout};
use super::instruction::{
    Block, BlockIndex, BlockKind, Instruction, Operand, OperandIndex, Timeout,
};
use crate::tree::Handle;

/// What is wrong with control code; never the fault of a script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("control code at instruction {instruction}: {what}")]
pub(crate) struct ControlError {
    /// Where.
    pub(crate) instruction: u32,
    /// What.
    pub(crate) what: &'static str,
}

/// How deep operands may nest; lowering stays below it.
pub(crate) const OPERAND_DEPTH_MAX: u32 = 256;

/// Checks the code of one worker of a program with `worker_count` workers.
pub(crate) fn verify(code: &ControlCode, worker_count: usize) -> Result<Layout, ControlError> {
    let count = code.instructions.len();
    if count == 0 || count >= u32::MAX as usize || code.spans.len() != count {
        return Err(error(
            0,
            "it has no instructions, or places for another number of them",
        ));
    }
    let handles = handles(code)?;
    let mut layout = Layout {
        innermost: Vec::with_capacity(count),
        handles,
    };
    check_blocks(code)?;
    check_operands(&code.operands)?;
    let mut open: Vec<BlockIndex> = Vec::new();
    for at in 0..count as u32 {
        while open.last().is_some_and(|block| end_of(code, *block) <= at) {
            open.pop();
        }
        for opened in opened_at(code, at) {
            if code.blocks[opened.0 as usize].parent != open.last().copied() {
                return Err(error(at, "a block does not stand in its parent"));
            }
            open.push(opened);
        }
        layout.innermost.push(open.last().copied());
    }
    for at in 0..count as u32 {
        Checker {
            code,
            layout: &layout,
            worker_count,
            at,
        }
        .check()?;
    }
    Ok(layout)
}

fn error(instruction: u32, what: &'static str) -> ControlError {
    ControlError { instruction, what }
}

fn end_of(code: &ControlCode, block: BlockIndex) -> u32 {
    code.blocks
        .get(block.0 as usize)
        .map_or(0, |block| block.end)
}

/// The blocks whose inside begins at an instruction, outermost first. Blocks are numbered in the order of their starts.
fn opened_at(code: &ControlCode, at: u32) -> impl Iterator<Item = BlockIndex> {
    let first = code.blocks.partition_point(|block| block.start < at);
    let last = code.blocks.partition_point(|block| block.start <= at);
    (first..last).map(|index| BlockIndex(index as u32))
}

fn handles(code: &ControlCode) -> Result<Vec<(Handle, BlockIndex)>, ControlError> {
    let indexed = code.blocks.iter().enumerate();
    let mut handles: Vec<(Handle, BlockIndex)> = indexed
        .filter_map(|(index, block)| {
            block
                .kind
                .handle()
                .map(|handle| (handle, BlockIndex(index as u32)))
        })
        .collect();
    handles.sort_unstable();
    if handles.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err(error(0, "a handle belongs to two blocks"));
    }
    Ok(handles)
}

fn check_blocks(code: &ControlCode) -> Result<(), ControlError> {
    let count = code.instructions.len() as u32;
    let mut start = 0;
    for (index, block) in code.blocks.iter().enumerate() {
        // An entering instruction stands before the first instruction inside; one that leaves is the last.
        let ordered = 0 < block.start && start <= block.start && block.start < block.end;
        if !ordered || block.end > count || block.exit >= count {
            return Err(error(
                block.start,
                "a block has no extent, or ends outside the code",
            ));
        }
        start = block.start;
        check_parent(code, index, block)?;
        let last = &code.instructions[block.end as usize - 1];
        let leaves = matches!(
            last,
            Instruction::BlockBreak { .. }
                | Instruction::LoopContinue { .. }
                | Instruction::LoopExit { .. }
                | Instruction::BranchEnd { .. }
                | Instruction::EachNext { .. }
        );
        if !leaves {
            return Err(error(
                block.end - 1,
                "a block does not end with an instruction that leaves it",
            ));
        }
    }
    match code.instructions.last() {
        Some(Instruction::TaskComplete { .. } | Instruction::TaskFail { .. }) => Ok(()),
        _ => Err(error(
            count - 1,
            "the code does not end with the end of the run",
        )),
    }
}

fn check_parent(code: &ControlCode, index: usize, block: &Block) -> Result<(), ControlError> {
    let Some(parent) = block.parent else {
        return if block.kind == BlockKind::Branch {
            Err(error(block.start, "a branch stands outside a parallel"))
        } else if block.base == 0 {
            Ok(())
        } else {
            Err(error(block.start, "an outermost block has a wrong base"))
        };
    };
    let Some(outer) = code
        .blocks
        .get(parent.0 as usize)
        .filter(|_| (parent.0 as usize) < index)
    else {
        return Err(error(block.start, "a block comes before its parent"));
    };
    let base = outer.base + u32::from(outer.kind.handle().is_some());
    if block.start < outer.start || block.end > outer.end || block.base != base {
        return Err(error(block.start, "a block does not fit its parent"));
    }
    let is_branch = block.kind == BlockKind::Branch;
    if is_branch != matches!(outer.kind, BlockKind::Parallel { .. }) {
        return Err(error(
            block.start,
            "a branch stands outside a parallel, or something else inside one",
        ));
    }
    Ok(())
}

struct Checker<'a> {
    code: &'a ControlCode,
    layout: &'a Layout,
    worker_count: usize,
    at: u32,
}

impl Checker<'_> {
    fn check(&self) -> Result<(), ControlError> {
        let innermost = self.layout.innermost[self.at as usize];
        if let Some(block) = innermost
            && matches!(self.block(block)?.kind, BlockKind::Parallel { .. })
            && self.code.instructions[self.at as usize] != (Instruction::ParallelJoin { block })
        {
            return Err(self.error("it stands in a parallel but in none of its branches"));
        }
        match &self.code.instructions[self.at as usize] {
            Instruction::Noop => Ok(()),
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
                let message = |kind: &BlockKind| matches!(kind, BlockKind::Message { .. });
                self.enters(*block, message)?;
                self.timeout(timeout.as_ref())?;
                otherwise.map_or(Ok(()), |otherwise| {
                    self.enters_elsewhere(otherwise, message)
                })
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
                let definition = self.block(*block)?;
                let is_parallel = matches!(definition.kind, BlockKind::Parallel { .. });
                if !is_parallel || definition.start != self.at {
                    return Err(self.error("it waits for branches elsewhere"));
                }
                self.exits(definition)
            }
            Instruction::BranchEnd { block } => {
                if self.block(*block)?.kind != BlockKind::Branch || innermost != Some(*block) {
                    return Err(self.error("it ends a branch that is not its own"));
                }
                Ok(())
            }
            Instruction::AttemptEnter { block } => self.attempt(*block),
            Instruction::AttemptBegin { block } => {
                let definition = self.block(*block)?;
                let is_attempt = matches!(definition.kind, BlockKind::Attempt { .. });
                if !is_attempt || definition.start != self.at {
                    return Err(self.error("it begins an attempt elsewhere"));
                }
                Ok(())
            }
            Instruction::ActorCall {
                block,
                target,
                message,
                timeout,
                ..
            } => {
                self.operand(*target)?;
                self.operand(*message)?;
                self.timeout(timeout.as_ref())?;
                self.enters(*block, |kind| matches!(kind, BlockKind::Message { .. }))
            }
            Instruction::ActorReply { handle, message } => {
                self.operand(*message)?;
                self.kind_of(*handle, |kind| matches!(kind, BlockKind::Message { .. }))
            }
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
            Instruction::StateUpdate {
                handle,
                updater,
                message,
            } => {
                self.operand(*updater)?;
                self.kind_of(*handle, |kind| matches!(kind, BlockKind::State { .. }))?;
                message.map_or(Ok(()), |handle| {
                    self.kind_of(handle, |kind| matches!(kind, BlockKind::Message { .. }))
                })
            }
            Instruction::ActorSend { target, message } => {
                self.operand(*target).and_then(|()| self.operand(*message))
            }
            Instruction::ActorKill { target } => self.operand(*target),
            Instruction::Delay { milliseconds } => self.operand(*milliseconds),
            Instruction::TaskComplete { result } => self.operand(*result),
            Instruction::TaskFail { error } => self.operand(*error),
        }
        .and_then(|()| self.falls_through())
    }

    /// What comes next must stand in the same blocks, where the instruction does not jump.
    fn falls_through(&self) -> Result<(), ControlError> {
        let goes_on = matches!(
            self.code.instructions[self.at as usize],
            Instruction::Noop
                | Instruction::AttemptBegin { .. }
                | Instruction::BlockBreakIf { .. }
                | Instruction::StateUpdate { .. }
                | Instruction::ActorSend { .. }
                | Instruction::ActorReply { .. }
                | Instruction::ActorKill { .. }
                | Instruction::Delay { .. }
        );
        let next = self.layout.innermost.get(self.at as usize + 1);
        if goes_on && next != Some(&self.layout.innermost[self.at as usize]) {
            return Err(self.error("it goes on into another block"));
        }
        Ok(())
    }

    fn error(&self, what: &'static str) -> ControlError {
        error(self.at, what)
    }

    fn block(&self, block: BlockIndex) -> Result<&Block, ControlError> {
        self.code
            .blocks
            .get(block.0 as usize)
            .ok_or_else(|| self.error("it names a block that is not there"))
    }

    /// The block is opened here and begins at the next instruction.
    fn enters(
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
    fn enters_elsewhere(
        &self,
        index: BlockIndex,
        kind: impl Fn(&BlockKind) -> bool,
    ) -> Result<(), ControlError> {
        let block = self.block(index)?;
        if !kind(&block.kind) {
            return Err(self.error("it opens a block of another kind"));
        }
        if block.parent != self.layout.innermost[self.at as usize] {
            return Err(self.error("it opens a block that stands elsewhere"));
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
    fn leaves(&self, index: BlockIndex, is_loop: bool) -> Result<(), ControlError> {
        let block = self.block(index)?;
        let is_branching = matches!(block.kind, BlockKind::Parallel { .. } | BlockKind::Branch);
        if is_loop != (block.kind == BlockKind::Loop) || is_branching {
            return Err(self.error("it leaves a block of another kind"));
        }
        if !self.is_open(index) {
            return Err(self.error("it leaves a block that is not open"));
        }
        self.exits(block)
    }

    fn exits(&self, block: &Block) -> Result<(), ControlError> {
        if self.layout.innermost.get(block.exit as usize) != Some(&block.parent) {
            return Err(self.error("a block is left into another block"));
        }
        Ok(())
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

    fn is_open(&self, index: BlockIndex) -> bool {
        let mut next = self.layout.innermost[self.at as usize];
        while let Some(block) = next {
            if block == index {
                return true;
            }
            next = self
                .code
                .blocks
                .get(block.0 as usize)
                .and_then(|block| block.parent);
        }
        false
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

    fn operand(&self, index: OperandIndex) -> Result<(), ControlError> {
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

/// Parts come before what they are parts of, so that there are no cycles; the depth is bounded.
fn check_operands(operands: &[Operand]) -> Result<(), ControlError> {
    let mut depths: Vec<u32> = Vec::with_capacity(operands.len());
    for operand in operands {
        let mut depth = 1;
        for part in operand.parts() {
            let Some(inner) = depths.get(part.0 as usize) else {
                return Err(error(0, "an operand comes before its parts"));
            };
            depth = depth.max(inner + 1);
        }
        if depth > OPERAND_DEPTH_MAX {
            return Err(error(0, "an operand is nested too deep"));
        }
        depths.push(depth);
    }
    Ok(())
}
