//! `sequence` and `whenState`: blocks that keep no value.
//!
//! A sequence is a block only where some `done()` leaves it.

use super::assembler::Assembler;
use super::{LowerError, command};
use crate::control::instruction::{BlockKind, Instruction};
use crate::source::Span;
use crate::tree::{Command, CommandKind, Label, Operand};

/// Each in order.
pub(super) fn sequence(
    assembler: &mut Assembler<'_>,
    exit: Option<Label>,
    body: &[Command],
    span: Span,
) -> Result<(), LowerError> {
    let Some(label) = exit else {
        return body
            .iter()
            .try_for_each(|element| command(assembler, element));
    };
    let block = assembler.open(BlockKind::Plain, Some(label), span, |block| {
        Instruction::BlockEnter { block }
    });
    body.iter()
        .try_for_each(|element| command(assembler, element))?;
    assembler.close(Instruction::BlockBreak { block }, span);
    Ok(())
}

/// One of two, by the truth of a value.
pub(super) fn when_state(
    assembler: &mut Assembler<'_>,
    condition: &Operand,
    then: &Command,
    otherwise: &Command,
    span: Span,
) -> Result<(), LowerError> {
    let plain = |block| Instruction::BlockEnter { block };
    let has_otherwise = !matches!(otherwise.kind, CommandKind::Noop);
    let whole = has_otherwise.then(|| assembler.open(BlockKind::Plain, None, span, plain));
    let matched = assembler.open(BlockKind::Plain, None, span, plain);
    let condition = assembler.operand(condition, span)?;
    assembler.emit(
        Instruction::BlockBreakIf {
            block: matched,
            condition,
            truth: false,
        },
        span,
    );
    command(assembler, then)?;
    assembler.close(
        Instruction::BlockBreak {
            block: whole.unwrap_or(matched),
        },
        span,
    );
    if let Some(whole) = whole {
        command(assembler, otherwise)?;
        assembler.close(Instruction::BlockBreak { block: whole }, span);
    }
    Ok(())
}
