//! Commands that are one instruction: `send`, `reply`, `kill`, `delay`, `complete`, `fail`, and all of a reactive
//! function.
//!
//! Their operands come first; nothing is opened.

use super::LowerError;
use super::assembler::Assembler;
use crate::control::instruction::Instruction;
use crate::source::Span;
use crate::tree::{FunctionId, Handle, Operand};

type Lowered = Result<(), LowerError>;

pub(super) fn send(
    assembler: &mut Assembler<'_>,
    target: &Operand,
    message: &Operand,
    span: Span,
) -> Lowered {
    let target = assembler.operand(target, span)?;
    let message = assembler.operand(message, span)?;
    assembler.emit(Instruction::ActorSend { target, message }, span);
    Ok(())
}

pub(super) fn reply(
    assembler: &mut Assembler<'_>,
    handle: Handle,
    message: &Operand,
    span: Span,
) -> Lowered {
    assembler.check_handle(handle, span)?;
    let message = assembler.operand(message, span)?;
    assembler.emit(Instruction::ActorReply { handle, message }, span);
    Ok(())
}

pub(super) fn react(assembler: &mut Assembler<'_>, function: FunctionId, span: Span) -> Lowered {
    let function = assembler.operand(&Operand::Function(function), span)?;
    assembler.emit(Instruction::React { function }, span);
    Ok(())
}

pub(super) fn kill(assembler: &mut Assembler<'_>, target: &Operand, span: Span) -> Lowered {
    let target = assembler.operand(target, span)?;
    assembler.emit(Instruction::ActorKill { target }, span);
    Ok(())
}

pub(super) fn delay(assembler: &mut Assembler<'_>, milliseconds: &Operand, span: Span) -> Lowered {
    let milliseconds = assembler.operand(milliseconds, span)?;
    assembler.emit(Instruction::Delay { milliseconds }, span);
    Ok(())
}

pub(super) fn complete(assembler: &mut Assembler<'_>, result: &Operand, span: Span) -> Lowered {
    let result = assembler.operand(result, span)?;
    assembler.emit(Instruction::TaskComplete { result }, span);
    Ok(())
}

pub(super) fn fail(assembler: &mut Assembler<'_>, error: &Operand, span: Span) -> Lowered {
    let error = assembler.operand(error, span)?;
    assembler.emit(Instruction::TaskFail { error }, span);
    Ok(())
}
