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
        CommandKind::WaitFor {
            predicate,
            handle,
            then,
            timeout,
        } => waits::wait_for(
            assembler,
            predicate,
            (*handle, then),
            timeout.as_ref(),
            span,
        ),
        CommandKind::Call {
            target,
            message,
            handle,
            then,
            timeout,
            retry,
        } => {
            let call = waits::Call {
                target,
                message,
                timeout: timeout.as_ref(),
                retry: *retry,
            };
            waits::call(assembler, &call, (*handle, then), span)
        }
        CommandKind::Reply { handle, message } => simple::reply(assembler, *handle, message, span),
        CommandKind::When {
            predicate,
            matched,
            otherwise,
        } => waits::when(
            assembler,
            predicate,
            (matched.0, &matched.1),
            (otherwise.0, &otherwise.1),
            span,
        ),
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
        CommandKind::Attempt {
            handle,
            body,
            retry,
            otherwise,
        } => {
            let otherwise = otherwise.as_ref().map(|(handle, then)| (*handle, &**then));
            attempts::attempt(assembler, (*handle, body), *retry, otherwise, span)
        }
        CommandKind::Parallel { race, branches } => {
            parallel::parallel(assembler, *race, branches, span)
        }
        CommandKind::ForEach {
            items,
            handle,
            body,
        } => loops::for_each(assembler, items, (*handle, body), span),
        CommandKind::Spawn {
            worker,
            config,
            handle,
            watch,
            then,
        } => {
            let child = state::Child {
                worker: *worker,
                handle: *handle,
                watch: *watch,
            };
            state::spawn(assembler, &child, config, then, span)
        }
    }
}
