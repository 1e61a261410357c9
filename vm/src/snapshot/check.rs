//! Whether a program can have made a worker: its branches, waits, open blocks and values.
//!
//! Decoding comes before it, the machine after it, which then need not doubt what it finds.

use super::SnapshotError;
use crate::control::instruction::{Block, BlockIndex, BlockKind, Instruction};
use crate::data::Data;
use crate::limits::{Limit, Limits};
use crate::program::{Program, WorkerDefinition};
use crate::worker::{Branch, Phase, Slot, Wait, Worker};

type Checked = Result<(), SnapshotError>;

const fn unfit(what: &'static str) -> SnapshotError {
    SnapshotError::Unfit(what)
}

/// Checks a worker against its program.
pub(super) fn check(worker: &Worker, program: &Program, limits: &Limits) -> Checked {
    let definition = program.definition(worker.definition);
    let definition = definition.ok_or(unfit("it has no such definition"))?;
    plain(&worker.config)?;
    let [branch] = worker.branches.as_slice() else {
        return Err(unfit("it has more than one branch, or none"));
    };
    if branch.parent.is_some() {
        return Err(unfit("its first branch stands in another"));
    }
    let mut state_bytes = 0;
    check_wait(worker, branch, definition)?;
    let around = definition
        .code
        .blocks_around(&definition.layout, branch.instruction);
    if branch.frames != around {
        return Err(unfit(
            "its open blocks are not those around its instruction",
        ));
    }
    check_values(
        &branch.frames,
        &branch.stack,
        &definition.code.blocks,
        &mut state_bytes,
    )?;
    if state_bytes > limits.state_bytes {
        return Err(SnapshotError::TooLarge(Limit::StateBytes.message(limits)));
    }
    Ok(())
}

/// A branch stands where it can wait for what it waits for.
fn check_wait(worker: &Worker, branch: &Branch, definition: &WorkerDefinition) -> Checked {
    let at = branch.instruction as usize;
    let instruction = definition.code.instructions.get(at);
    let instruction = instruction.ok_or(unfit("it stands outside the code"))?;
    let fits = match (worker.phase, instruction, &branch.wait) {
        (Phase::New, _, Wait::Ready) => branch.instruction == 0,
        (Phase::Ended, _, Wait::Ready) => true,
        (Phase::Waiting, Instruction::BlockEnterAwait { timeout, .. }, Wait::Message { timer }) => {
            timer.is_some() == timeout.is_some()
        }
        (
            Phase::Waiting,
            Instruction::Delay { .. } | Instruction::AttemptBegin { .. },
            Wait::Time { .. },
        ) => true,
        (
            Phase::Waiting,
            Instruction::ActorCall { timeout, retry, .. },
            Wait::Reply { call, timer },
        ) => {
            if let Some(question) = &call.question {
                plain(&question.message)?;
            }
            call.number < worker.calls
                && timer.is_some() == timeout.is_some()
                && call.question.is_some() == retry.is_some()
                && (!call.rests || retry.is_some())
        }
        _ => false,
    };
    let timer_is_known = branch
        .wait
        .timer()
        .is_none_or(|timer| timer < worker.timers);
    if fits && timer_is_known {
        Ok(())
    } else {
        Err(unfit("it does not stand at a wait"))
    }
}

/// The values on a stack are those that the open blocks keep.
fn check_values(
    frames: &[BlockIndex],
    stack: &[Slot],
    blocks: &[Block],
    state_bytes: &mut u64,
) -> Checked {
    let kinds = frames
        .iter()
        .filter_map(|frame| blocks.get(frame.0 as usize))
        .map(|block| &block.kind);
    let kinds: Vec<&BlockKind> = kinds.filter(|kind| kind.handle().is_some()).collect();
    if kinds.len() != stack.len() {
        return Err(unfit("its stack has another height"));
    }
    for (kind, slot) in kinds.into_iter().zip(stack) {
        check_value(kind, slot, state_bytes)?;
    }
    Ok(())
}

fn check_value(kind: &BlockKind, slot: &Slot, state_bytes: &mut u64) -> Checked {
    match (kind, slot) {
        (BlockKind::State { .. }, Slot::State(value)) => {
            *state_bytes += u64::from(value.shape().byte_count);
            plain(value)
        }
        (
            BlockKind::Message { .. },
            Slot::Message {
                body,
                sender: Data::Undefined | Data::Address(_),
                ..
            },
        ) => plain(body),
        (BlockKind::Failure { .. }, Slot::Failure(value)) => plain(value),
        (BlockKind::Child { .. }, Slot::Child(Data::Address(_)))
        | (BlockKind::Attempt { .. }, Slot::Attempt { .. }) => Ok(()),
        _ => Err(unfit("a value on its stack is of another kind")),
    }
}

/// Values that a worker keeps hold no functions and no unresolved addresses.
fn plain(value: &Data) -> Checked {
    let shape = value.shape();
    if shape.has_function || shape.has_symbolic {
        return Err(unfit("a value holds a function or an unresolved address"));
    }
    Ok(())
}
