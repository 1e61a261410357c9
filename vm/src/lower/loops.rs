//! `whileLoop`, `forEach`, and what leaves or repeats: `loop.break()`, `loop.continue()`, `done()`.
//!
//! A loop is a block that begins again at its end.

use super::assembler::Assembler;
use super::{LowerError, command};
use crate::control::instruction::{BlockKind, Instruction};
use crate::source::Span;
use crate::tree::{Command, Handle, Label, Operand};

/// Repeats the body until it leaves the loop.
pub(super) fn repeated(
    assembler: &mut Assembler<'_>,
    label: Label,
    body: &Command,
    span: Span,
) -> Result<(), LowerError> {
    let block = assembler.open(BlockKind::Loop, Some(label), span, |block| {
        Instruction::LoopEnter { block }
    });
    command(assembler, body)?;
    assembler.close(Instruction::LoopContinue { block }, span);
    Ok(())
}

/// Runs the body for each item of an array.
pub(super) fn for_each(
    assembler: &mut Assembler<'_>,
    items: &Operand,
    (handle, body): (Handle, &Command),
    span: Span,
) -> Result<(), LowerError> {
    let items = assembler.operand(items, span)?;
    let block = assembler.open(BlockKind::Each { handle }, None, span, |block| {
        Instruction::EachEnter { block, items }
    });
    command(assembler, body)?;
    assembler.close(Instruction::EachNext { block }, span);
    Ok(())
}

/// Leaves a sequence or loop.
pub(super) fn leave(
    assembler: &mut Assembler<'_>,
    label: Label,
    span: Span,
) -> Result<(), LowerError> {
    let block = assembler.labelled(label, span)?;
    let is_loop = assembler.is_loop(block);
    let instruction = if is_loop {
        Instruction::LoopExit { block }
    } else {
        Instruction::BlockBreak { block }
    };
    assembler.emit(instruction, span);
    Ok(())
}

/// Begins a loop again.
pub(super) fn repeat(
    assembler: &mut Assembler<'_>,
    label: Label,
    span: Span,
) -> Result<(), LowerError> {
    let block = assembler.labelled(label, span)?;
    assembler.emit(Instruction::LoopContinue { block }, span);
    Ok(())
}
