//! Checks control code before it runs: targets, nesting, operands, handles.
//!
//! Before it: lowering, or bytes from the log. After it: the machine, which then never meets a wrong
//! index, a block left that is not open, or a handle outside its block. Functions inside operands are
//! checked by the verifier of the expression level.

mod checker;
mod nesting;
#[cfg(test)]
mod tests;

use super::code::{ControlCode, Layout};
use super::instruction::{Block, BlockIndex, BlockKind, Instruction, Operand};
use crate::tree::Handle;
use checker::Checker;

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
                | Instruction::UndoEnd { .. }
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
