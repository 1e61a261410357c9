//! `parallel` and `race`: a block whose inner blocks are branches.
//!
//! The join comes first, then the branches one behind the other; the block is left to its end.

use super::assembler::Assembler;
use super::{LowerError, command};
use crate::control::instruction::{BlockKind, Instruction};
use crate::source::Span;
use crate::tree::Command;

/// Runs the branches side by side.
pub(super) fn parallel(
    assembler: &mut Assembler<'_>,
    race: bool,
    commands: &[Command],
    span: Span,
) -> Result<(), LowerError> {
    if commands.is_empty() {
        return Ok(());
    }
    let at = assembler.here() as usize;
    let block = assembler.open(BlockKind::Parallel { race }, None, span, |block| {
        Instruction::ParallelEnter {
            block,
            branches: Vec::new(),
        }
    });
    assembler.emit(Instruction::ParallelJoin { block }, span);
    let mut opened = Vec::with_capacity(commands.len());
    for element in commands {
        let branch = assembler.begin(BlockKind::Branch, None);
        command(assembler, element)?;
        assembler.close(Instruction::BranchEnd { block: branch }, element.span);
        opened.push(branch);
    }
    assembler.end();
    if let Instruction::ParallelEnter { branches, .. } = &mut assembler.code.instructions[at] {
        *branches = opened;
    }
    Ok(())
}
