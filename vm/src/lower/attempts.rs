//! `attempt`: a block in which failures are caught.
//!
//! What is done with the error stands behind the attempt; both are left to its end.

use super::assembler::Assembler;
use super::{LowerError, command};
use crate::control::instruction::{BlockKind, Instruction, Retry};
use crate::source::Span;
use crate::tree::{Command, Handle};

/// Runs the body, and `otherwise` when it fails.
pub(super) fn attempt(
    assembler: &mut Assembler<'_>,
    (handle, body): (Handle, &Command),
    retry: Option<Retry>,
    otherwise: Option<(Handle, &Command)>,
    span: Span,
) -> Result<(), LowerError> {
    let kind = BlockKind::Attempt {
        handle,
        retry,
        otherwise: None,
    };
    let block = assembler.open(kind, None, span, |block| Instruction::AttemptEnter {
        block,
    });
    assembler.emit(Instruction::AttemptBegin { block }, span);
    command(assembler, body)?;
    assembler.close(Instruction::BlockBreak { block }, span);
    let Some((error, then)) = otherwise else {
        return Ok(());
    };
    let failure = assembler.begin(BlockKind::Failure { handle: error }, None);
    command(assembler, then)?;
    assembler.close(Instruction::BlockBreak { block: failure }, span);
    assembler.exits_here(block);
    if let BlockKind::Attempt { otherwise, .. } = &mut assembler.code.blocks[block.0 as usize].kind
    {
        *otherwise = Some(failure);
    }
    Ok(())
}
