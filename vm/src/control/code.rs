//! The control code of one worker: instructions, blocks, operands, and where each came from.
//!
//! Lowering makes it, the program holds it, `control` runs it. What is derived from it (which block is
//! innermost at an instruction, where a handle's value stands) is computed when a program is made or
//! decoded, by the verifier.

use super::instruction::{Block, BlockIndex, Instruction, Operand};
use crate::source::Span;
use crate::tree::Handle;
use serde::{Deserialize, Serialize};

/// The control code of one worker.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ControlCode {
    /// Run from the first on.
    pub(crate) instructions: Vec<Instruction>,
    /// For each instruction, the command that it comes from.
    pub(crate) spans: Vec<Span>,
    /// What the instructions open and leave.
    pub(crate) blocks: Vec<Block>,
    /// What the instructions are given.
    pub(crate) operands: Vec<Operand>,
}

/// What the verifier derives from control code.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Layout {
    /// For each instruction, the innermost block around it.
    pub(crate) innermost: Vec<Option<BlockIndex>>,
    /// For each handle of this worker, sorted, the block that keeps its value.
    pub(crate) handles: Vec<(Handle, BlockIndex)>,
}

impl Layout {
    /// The block that keeps the value of a handle.
    pub(crate) fn block_of(&self, handle: Handle) -> Option<BlockIndex> {
        let at = self
            .handles
            .binary_search_by_key(&handle, |(known, _)| *known)
            .ok()?;
        self.handles.get(at).map(|(_, block)| *block)
    }
}

impl ControlCode {
    /// The blocks around an instruction, outermost first.
    pub(crate) fn blocks_around(&self, layout: &Layout, instruction: u32) -> Vec<BlockIndex> {
        let mut chain = Vec::new();
        let mut next = layout
            .innermost
            .get(instruction as usize)
            .copied()
            .flatten();
        while let Some(block) = next {
            chain.push(block);
            next = self
                .blocks
                .get(block.0 as usize)
                .and_then(|block| block.parent);
        }
        chain.reverse();
        chain
    }
}
