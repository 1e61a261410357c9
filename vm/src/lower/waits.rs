//! `waitFor` and `when`: blocks that keep a received message.
//!
//! The two branches of `when` stand one behind the other; each is left to the end of the second.

use super::assembler::Assembler;
use super::{LowerError, command};
use crate::control::instruction::{BlockIndex, BlockKind, Instruction};
use crate::source::Span;
use crate::tree::{Command, Handle, Operand};

/// Waits for a message that matches.
pub(super) fn wait_for(
    assembler: &mut Assembler<'_>,
    predicate: &Operand,
    handle: Handle,
    then: &Command,
    span: Span,
) -> Result<(), LowerError> {
    let predicate = assembler.operand(predicate, span)?;
    let block = assembler.open(BlockKind::Message { handle }, None, span, |block| {
        Instruction::BlockEnterAwait {
            block,
            predicate,
            otherwise: None,
        }
    });
    command(assembler, then)?;
    assembler.close(Instruction::BlockBreak { block }, span);
    Ok(())
}

/// Takes one message and branches.
pub(super) fn when(
    assembler: &mut Assembler<'_>,
    predicate: &Operand,
    matched: (Handle, &Command),
    otherwise: (Handle, &Command),
    span: Span,
) -> Result<(), LowerError> {
    let predicate = assembler.operand(predicate, span)?;
    let at = assembler.here() as usize;
    let first = assembler.open(
        BlockKind::Message { handle: matched.0 },
        None,
        span,
        |block| Instruction::BlockEnterAwait {
            block,
            predicate,
            otherwise: None,
        },
    );
    command(assembler, matched.1)?;
    assembler.close(Instruction::BlockBreak { block: first }, span);
    let second = assembler.begin(
        BlockKind::Message {
            handle: otherwise.0,
        },
        None,
    );
    command(assembler, otherwise.1)?;
    assembler.close(Instruction::BlockBreak { block: second }, span);
    assembler.exits_here(first);
    set_otherwise(&mut assembler.code.instructions[at], second);
    Ok(())
}

fn set_otherwise(instruction: &mut Instruction, second: BlockIndex) {
    if let Instruction::BlockEnterAwait { otherwise, .. } = instruction {
        *otherwise = Some(second);
    }
}
