//! `attempt`: a block in which failures are caught.
//!
//! What is done with the error stands behind the attempt; both are left to its end.

use super::assembler::Assembler;
use super::{LowerError, command};
use crate::control::instruction::{BlockKind, Instruction};
use crate::source::Span;
use crate::tree::Attempt;

/// Runs the body, and `otherwise` when it fails.
pub(super) fn attempt(
    assembler: &mut Assembler<'_>,
    attempt: &Attempt,
    span: Span,
) -> Result<(), LowerError> {
    let kind = BlockKind::Attempt {
        handle: attempt.handle,
        retry: attempt.retry,
        otherwise: None,
    };
    let block = assembler.open(kind, None, span, |block| Instruction::AttemptEnter {
        block,
    });
    assembler.emit(Instruction::AttemptBegin { block }, span);
    command(assembler, &attempt.body)?;
    assembler.close(Instruction::BlockBreak { block }, span);
    let Some(then) = &attempt.otherwise else {
        return Ok(());
    };
    let handle = then.handle;
    let failure = assembler.begin(BlockKind::Failure { handle }, None);
    command(assembler, &then.command)?;
    assembler.close(Instruction::BlockBreak { block: failure }, span);
    assembler.exits_here(block);
    if let BlockKind::Attempt { otherwise, .. } = &mut assembler.code.blocks[block.0 as usize].kind
    {
        *otherwise = Some(failure);
    }
    Ok(())
}
