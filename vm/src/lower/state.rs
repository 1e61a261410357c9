//! `withState`, `modifyState` and `spawn`: blocks that keep a state or a child's address.
//!
//! The value is dropped where the block is left.

use super::assembler::Assembler;
use super::{LowerError, command};
use crate::control::instruction::{BlockKind, Instruction};
use crate::source::Span;
use crate::tree::{Command, Handle, Operand, Spawn};

/// A block with state of its own.
pub(super) fn with_state(
    assembler: &mut Assembler<'_>,
    initial: &Operand,
    (handle, name): (Handle, Option<String>),
    body: &Command,
    span: Span,
) -> Result<(), LowerError> {
    let initial = assembler.operand(initial, span)?;
    let block = assembler.open(BlockKind::State { handle, name }, None, span, |block| {
        Instruction::BlockEnterState { block, initial }
    });
    command(assembler, body)?;
    assembler.close(Instruction::BlockBreak { block }, span);
    Ok(())
}

/// Replaces a state.
pub(super) fn modify(
    assembler: &mut Assembler<'_>,
    handle: Handle,
    updater: &Operand,
    message: Option<Handle>,
    span: Span,
) -> Result<(), LowerError> {
    assembler.check_handle(handle, span)?;
    if let Some(message) = message {
        assembler.check_handle(message, span)?;
    }
    let updater = assembler.operand(updater, span)?;
    assembler.emit(
        Instruction::StateUpdate {
            handle,
            updater,
            message,
        },
        span,
    );
    Ok(())
}

/// Starts a child.
pub(super) fn spawn(
    assembler: &mut Assembler<'_>,
    spawn: &Spawn,
    span: Span,
) -> Result<(), LowerError> {
    let config = assembler.operand(&spawn.config, span)?;
    let (worker, watch, handle) = (spawn.worker, spawn.watch, spawn.then.handle);
    let block = assembler.open(BlockKind::Child { handle }, None, span, |block| {
        Instruction::ActorSpawn {
            block,
            worker,
            config,
            watch,
        }
    });
    command(assembler, &spawn.then.command)?;
    assembler.close(Instruction::BlockBreak { block }, span);
    Ok(())
}
