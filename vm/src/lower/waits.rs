//! `waitFor`, `call` and `when`: blocks that keep a received message.
//!
//! The two branches of `when` stand one behind the other; each is left to the end of the second. So do
//! the continuation of a wait and what is done when its time is over.

use super::assembler::Assembler;
use super::{LowerError, command};
use crate::control::instruction::{BlockIndex, BlockKind, Instruction, Retry, Timeout as Flat};
use crate::source::Span;
use crate::tree::{Command, Handle, Operand, Timeout};

/// Waits for a message that matches.
pub(super) fn wait_for(
    assembler: &mut Assembler<'_>,
    predicate: &Operand,
    (handle, then): (Handle, &Command),
    timeout: Option<&Timeout>,
    span: Span,
) -> Result<(), LowerError> {
    let predicate = assembler.operand(predicate, span)?;
    let at = assembler.here() as usize;
    let flat = timeout_operand(assembler, timeout, span)?;
    let block = assembler.open(BlockKind::Message { handle }, None, span, |block| {
        Instruction::BlockEnterAwait {
            block,
            predicate,
            otherwise: None,
            timeout: flat,
        }
    });
    command(assembler, then)?;
    assembler.close(Instruction::BlockBreak { block }, span);
    late(assembler, at, block, timeout, span)
}

/// What is known of a call but its reply.
pub(super) struct Call<'t> {
    pub(super) target: &'t Operand,
    pub(super) message: &'t Operand,
    pub(super) timeout: Option<&'t Timeout>,
    pub(super) retry: Option<Retry>,
}

/// Sends a message and waits for the reply.
pub(super) fn call(
    assembler: &mut Assembler<'_>,
    call: &Call<'_>,
    (handle, then): (Handle, &Command),
    span: Span,
) -> Result<(), LowerError> {
    let target = assembler.operand(call.target, span)?;
    let message = assembler.operand(call.message, span)?;
    let timeout = timeout_operand(assembler, call.timeout, span)?;
    let at = assembler.here() as usize;
    let retry = call.retry;
    let block = assembler.open(BlockKind::Message { handle }, None, span, |block| {
        Instruction::ActorCall {
            block,
            target,
            message,
            timeout,
            retry,
        }
    });
    command(assembler, then)?;
    assembler.close(Instruction::BlockBreak { block }, span);
    late(assembler, at, block, call.timeout, span)
}

/// The operand of a timeout; its block is lowered later.
fn timeout_operand(
    assembler: &mut Assembler<'_>,
    timeout: Option<&Timeout>,
    span: Span,
) -> Result<Option<Flat>, LowerError> {
    let Some(timeout) = timeout else {
        return Ok(None);
    };
    let milliseconds = assembler.operand(&timeout.milliseconds, span)?;
    Ok(Some(Flat {
        milliseconds,
        otherwise: None,
    }))
}

/// What is done when the time of the wait at `at` is over; it stands behind the block of the wait, and
/// both are left to its end.
fn late(
    assembler: &mut Assembler<'_>,
    at: usize,
    block: BlockIndex,
    timeout: Option<&Timeout>,
    span: Span,
) -> Result<(), LowerError> {
    let Some(otherwise) = timeout.and_then(|timeout| timeout.otherwise.as_ref()) else {
        return Ok(());
    };
    let late = assembler.begin(BlockKind::Plain, None);
    command(assembler, otherwise)?;
    assembler.close(Instruction::BlockBreak { block: late }, span);
    assembler.exits_here(block);
    if let Instruction::BlockEnterAwait {
        timeout: Some(timeout),
        ..
    }
    | Instruction::ActorCall {
        timeout: Some(timeout),
        ..
    } = &mut assembler.code.instructions[at]
    {
        timeout.otherwise = Some(late);
    }
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
            timeout: None,
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
