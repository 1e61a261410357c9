//! Collects instructions, blocks and operands, and knows what is open at the current place.
//!
//! The families of lowering write through it. It numbers blocks in the order of their starts and fills
//! in their ends and exits.

use super::LowerError;
use crate::control::code::ControlCode;
use crate::control::instruction::{Block, BlockIndex, BlockKind, Instruction};
use crate::data::Data;
use crate::source::Span;
use crate::tree::{FunctionId, Handle, Label};

pub(super) struct Assembler<'a> {
    functions: &'a [Data],
    pub(super) code: ControlCode,
    /// Open blocks, outermost first, with the label of a sequence or loop.
    open: Vec<(BlockIndex, Option<Label>)>,
}

impl<'a> Assembler<'a> {
    /// An assembler for a tree whose functions are these.
    pub(super) fn new(functions: &'a [Data]) -> Assembler<'a> {
        Assembler {
            functions,
            code: ControlCode::default(),
            open: Vec::new(),
        }
    }

    /// A function of the tree.
    pub(super) fn function(&self, function: FunctionId) -> Data {
        self.functions
            .get(function.0 as usize)
            .cloned()
            .unwrap_or_default()
    }

    /// The finished code.
    pub(super) fn finish(self) -> ControlCode {
        self.code
    }

    /// Where the next instruction will stand.
    pub(super) fn here(&self) -> u32 {
        self.code.instructions.len() as u32
    }

    /// Adds an instruction.
    pub(super) fn emit(&mut self, instruction: Instruction, span: Span) -> usize {
        self.code.instructions.push(instruction);
        self.code.spans.push(span);
        self.code.instructions.len() - 1
    }

    /// Opens a block that begins behind the next instruction, which `opening` makes.
    pub(super) fn open(
        &mut self,
        kind: BlockKind,
        label: Option<Label>,
        span: Span,
        opening: impl FnOnce(BlockIndex) -> Instruction,
    ) -> BlockIndex {
        let block = BlockIndex(self.code.blocks.len() as u32);
        self.emit(opening(block), span);
        self.begin(kind, label)
    }

    /// Opens a block that begins here.
    pub(super) fn begin(&mut self, kind: BlockKind, label: Option<Label>) -> BlockIndex {
        let index = BlockIndex(self.code.blocks.len() as u32);
        let parent = self.open.last().map(|(block, _)| *block);
        let base = parent.map_or(0, |parent| {
            let outer = &self.code.blocks[parent.0 as usize];
            outer.base + u32::from(outer.kind.handle().is_some())
        });
        let start = self.here();
        self.code.blocks.push(Block {
            kind,
            parent,
            start,
            end: start,
            exit: start,
            base,
        });
        self.open.push((index, label));
        index
    }

    /// Ends the innermost block with the instruction that leaves it; it is left to here.
    pub(super) fn close(&mut self, last: Instruction, span: Span) {
        self.emit(last, span);
        self.end();
    }

    /// Ends the innermost block behind the block that was ended last; it is left to here.
    pub(super) fn end(&mut self) {
        let here = self.here();
        if let Some((block, _)) = self.open.pop() {
            let block = &mut self.code.blocks[block.0 as usize];
            block.end = here;
            block.exit = here;
        }
    }

    /// Makes a closed block leave to here.
    pub(super) fn exits_here(&mut self, block: BlockIndex) {
        self.code.blocks[block.0 as usize].exit = self.here();
    }

    /// The open block of a label.
    pub(super) fn labelled(&self, label: Label, span: Span) -> Result<BlockIndex, LowerError> {
        let found = self
            .open
            .iter()
            .rev()
            .find(|(_, known)| *known == Some(label));
        found
            .map(|(block, _)| *block)
            .ok_or(LowerError::LabelOutside { span, label })
    }

    /// Whether a block is a loop.
    pub(super) fn is_loop(&self, block: BlockIndex) -> bool {
        self.code.blocks[block.0 as usize].kind == BlockKind::Loop
    }

    /// Refuses a handle whose block is not open.
    pub(super) fn check_handle(&self, handle: Handle, span: Span) -> Result<(), LowerError> {
        let mut open = self
            .open
            .iter()
            .map(|(block, _)| &self.code.blocks[block.0 as usize]);
        if open.any(|block| block.kind.handle() == Some(handle)) {
            Ok(())
        } else {
            Err(LowerError::HandleOutside { span, handle })
        }
    }
}
