//! `waitFor`, `call`, `waitForValue` and `when`: blocks that keep a received message.
//!
//! The two branches of `when` stand one behind the other; each is left to the end of the second. So do
//! the continuation of a wait and what is done when its time is over.

use super::assembler::Assembler;
use super::{LowerError, command};
use crate::control::instruction::{BlockIndex, BlockKind, Instruction, Timeout as Flat};
use crate::source::Span;
use crate::tree::{Call, Timeout, WaitFor, WaitForValue, When};

/// Waits for a message that matches.
pub(super) fn wait_for(
    assembler: &mut Assembler<'_>,
    wait: &WaitFor,
    span: Span,
) -> Result<(), LowerError> {
    let predicate = assembler.operand(&wait.predicate, span)?;
    let handle = wait.then.handle;
    let timeout = wait.timeout.as_ref();
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
    command(assembler, &wait.then.command)?;
    assembler.close(Instruction::BlockBreak { block }, span);
    late(assembler, at, block, timeout, span)
}

/// Sends a message and waits for the reply.
pub(super) fn call(
    assembler: &mut Assembler<'_>,
    call: &Call,
    span: Span,
) -> Result<(), LowerError> {
    let target = assembler.operand(&call.target, span)?;
    let message = assembler.operand(&call.message, span)?;
    let timeout = timeout_operand(assembler, call.timeout.as_ref(), span)?;
    let at = assembler.here() as usize;
    let (retry, handle) = (call.retry, call.then.handle);
    let block = assembler.open(BlockKind::Message { handle }, None, span, |block| {
        Instruction::ActorCall {
            block,
            target,
            message,
            timeout,
            retry,
        }
    });
    command(assembler, &call.then.command)?;
    assembler.close(Instruction::BlockBreak { block }, span);
    late(assembler, at, block, call.timeout.as_ref(), span)
}

/// Waits for a value of a source that matches.
pub(super) fn wait_for_value(
    assembler: &mut Assembler<'_>,
    wait: &WaitForValue,
    span: Span,
) -> Result<(), LowerError> {
    let source = assembler.operand(&wait.source, span)?;
    let predicate = assembler.operand(&wait.predicate, span)?;
    let timeout = timeout_operand(assembler, wait.timeout.as_ref(), span)?;
    let at = assembler.here() as usize;
    let handle = wait.then.handle;
    let block = assembler.open(BlockKind::Message { handle }, None, span, |block| {
        Instruction::BlockEnterValue {
            block,
            source,
            predicate,
            timeout,
        }
    });
    command(assembler, &wait.then.command)?;
    assembler.close(Instruction::BlockBreak { block }, span);
    late(assembler, at, block, wait.timeout.as_ref(), span)
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
    }
    | Instruction::BlockEnterValue {
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
    when: &When,
    span: Span,
) -> Result<(), LowerError> {
    let (matched, otherwise) = (&when.matched, &when.otherwise);
    let predicate = assembler.operand(&when.predicate, span)?;
    let at = assembler.here() as usize;
    let first = assembler.open(
        BlockKind::Message {
            handle: matched.handle,
        },
        None,
        span,
        |block| Instruction::BlockEnterAwait {
            block,
            predicate,
            otherwise: None,
            timeout: None,
        },
    );
    command(assembler, &matched.command)?;
    assembler.close(Instruction::BlockBreak { block: first }, span);
    let second = assembler.begin(
        BlockKind::Message {
            handle: otherwise.handle,
        },
        None,
    );
    command(assembler, &otherwise.command)?;
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
