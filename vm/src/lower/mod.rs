//! Lowering: from the tree of commands to the instructions of the control level.
//!
//! The build stage comes before it, the verifier and the program after it. Handles get their places on
//! the value stack by the nesting of blocks. What is refused here is a handle or a label that is used
//! outside its block.

mod assembler;
mod attempts;
mod branches;
mod loops;
mod operands;
mod parallel;
mod sagas;
mod simple;
mod state;
mod waits;

use crate::control::code::ControlCode;
use crate::data::Data;
use crate::source::Span;
use crate::tree::{Command, CommandKind, Handle, Label, Operand};
use assembler::Assembler;

/// Why a tree cannot be lowered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LowerError {
    /// A handle is used where its block is not open.
    #[error("the handle is used outside its block")]
    HandleOutside {
        /// The command that uses it.
        span: Span,
        /// Which.
        handle: Handle,
    },
    /// `done()`, `loop.break()` or `loop.continue()` outside its sequence or loop.
    #[error("the command refers to a sequence or loop that does not enclose it")]
    LabelOutside {
        /// The command.
        span: Span,
        /// Which.
        label: Label,
    },
    /// `compensate` outside a saga.
    #[error("the command records an undo, and no saga is around it")]
    SagaOutside {
        /// The command.
        span: Span,
    },
    /// An undo that leaves or repeats something around it.
    #[error("an undo leaves or repeats something around it")]
    LeavesUndo {
        /// The command.
        span: Span,
    },
}

/// Lowers the root command of a worker, with the functions of its module. `span` is the place of the worker itself.
pub(crate) fn lower(
    root: &Command,
    functions: &[Data],
    span: Span,
) -> Result<ControlCode, LowerError> {
    let mut assembler = Assembler::new(functions);
    command(&mut assembler, root)?;
    let result = assembler.operand(&Operand::Value(Data::Undefined), span)?;
    assembler.emit(
        crate::control::instruction::Instruction::TaskComplete { result },
        span,
    );
    Ok(assembler.finish())
}

fn command(assembler: &mut Assembler<'_>, command: &Command) -> Result<(), LowerError> {
    let span = command.span;
    match &command.kind {
        CommandKind::WaitForValue(wait) => waits::wait_for_value(assembler, wait, span),
        CommandKind::React { function } => simple::react(assembler, *function, span),
        CommandKind::Noop => Ok(()),
        CommandKind::Sequence { exit, body } => branches::sequence(assembler, *exit, body, span),
        CommandKind::Break { label } => loops::leave(assembler, *label, span),
        CommandKind::Continue { label } => loops::repeat(assembler, *label, span),
        CommandKind::While { label, body } => loops::repeated(assembler, *label, body, span),
        CommandKind::Send { target, message } => simple::send(assembler, target, message, span),
        CommandKind::Kill { target } => simple::kill(assembler, target, span),
        CommandKind::Delay { milliseconds } => simple::delay(assembler, milliseconds, span),
        CommandKind::Complete { result } => simple::complete(assembler, result, span),
        CommandKind::Fail { error } => simple::fail(assembler, error, span),
        CommandKind::WaitFor(wait) => waits::wait_for(assembler, wait, span),
        CommandKind::Call(call) => waits::call(assembler, call, span),
        CommandKind::Reply { handle, message } => simple::reply(assembler, *handle, message, span),
        CommandKind::When(when) => waits::when(assembler, when, span),
        CommandKind::WhenState {
            condition,
            then,
            otherwise,
        } => branches::when_state(assembler, condition, then, otherwise, span),
        CommandKind::WithState {
            initial,
            handle,
            name,
            body,
        } => state::with_state(assembler, initial, (*handle, name.clone()), body, span),
        CommandKind::ModifyState {
            handle,
            updater,
            message,
        } => state::modify(assembler, *handle, updater, *message, span),
        CommandKind::Attempt(attempt) => attempts::attempt(assembler, attempt, span),
        CommandKind::Parallel { race, branches } => {
            parallel::parallel(assembler, *race, branches, span)
        }
        CommandKind::Saga { handle, body } => sagas::saga(assembler, (*handle, body), span),
        CommandKind::Compensate { body, undo } => sagas::compensate(assembler, body, undo, span),
        CommandKind::ForEach {
            items,
            handle,
            body,
        } => loops::for_each(assembler, items, (*handle, body), span),
        CommandKind::Spawn(spawn) => state::spawn(assembler, spawn, span),
    }
}
