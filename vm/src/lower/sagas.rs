//! `saga` and `compensate`: a block that undoes its steps, and the undos.
//!
//! An undo stands behind its step and is passed over; it can leave nothing that is around it.

use super::assembler::Assembler;
use super::{LowerError, command};
use crate::control::instruction::{BlockKind, Instruction};
use crate::source::Span;
use crate::tree::{Command, Handle};

/// Runs the body, and undoes its steps when it fails.
pub(super) fn saga(
    assembler: &mut Assembler<'_>,
    (handle, body): (Handle, &Command),
    span: Span,
) -> Result<(), LowerError> {
    let block = assembler.open(BlockKind::Saga { handle }, None, span, |block| {
        Instruction::SagaEnter { block }
    });
    command(assembler, body)?;
    assembler.close(Instruction::BlockBreak { block }, span);
    Ok(())
}

/// Runs a step, and records how it is undone.
pub(super) fn compensate(
    assembler: &mut Assembler<'_>,
    body: &Command,
    undo: &Command,
    span: Span,
) -> Result<(), LowerError> {
    let saga = assembler.saga(span)?;
    command(assembler, body)?;
    let block = assembler.open(BlockKind::Undo { saga }, None, span, |undo| {
        Instruction::UndoRecord { undo }
    });
    command(assembler, undo)?;
    assembler.close(Instruction::UndoEnd { undo: block }, span);
    Ok(())
}
