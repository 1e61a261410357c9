//! Whether a program can have made a worker: its branches, waits, open blocks and values.
//!
//! Decoding comes before it, the machine after it, which then need not doubt what it finds.

use super::SnapshotError;
use crate::control::instruction::{Block, BlockIndex, BlockKind, Instruction};
use crate::control::item_of;
use crate::data::Data;
use crate::limits::{Limit, Limits};
use crate::program::{Program, WorkerDefinition};
use crate::reactive::{Knowledge, Said};
use crate::worker::{Branch, Phase, Slot, Undo, Wait, Worker};

type Checked = Result<(), SnapshotError>;

const fn unfit(what: &'static str) -> SnapshotError {
    SnapshotError::Unfit(what)
}

/// Checks a worker against its program.
pub(super) fn check(worker: &Worker, program: &Program, limits: &Limits) -> Checked {
    let definition = program.definition(worker.definition);
    let definition = definition.ok_or(unfit("it has no such definition"))?;
    plain(&worker.config)?;
    if worker.branches.is_empty() {
        return Err(unfit("it has no branch"));
    }
    let mut state_bytes = 0;
    for (index, branch) in worker.branches.iter().enumerate() {
        check_wait(worker, branch, definition)?;
        check_place(worker, index, definition)?;
        check_values(
            &branch.frames,
            &branch.stack,
            &definition.code.blocks,
            &mut state_bytes,
        )?;
        check_undos(branch, definition, &mut state_bytes)?;
    }
    if state_bytes > limits.state_bytes {
        return Err(SnapshotError::TooLarge(Limit::StateBytes.message(limits)));
    }
    Ok(())
}

/// A branch stands inside the branch that opened it, in the blocks around its instruction.
fn check_place(worker: &Worker, index: usize, definition: &WorkerDefinition) -> Checked {
    let branch = &worker.branches[index];
    let around = |branch: &Branch| {
        let layout = &definition.layout;
        definition.code.blocks_around(layout, branch.instruction)
    };
    let mut outer = Vec::new();
    match (branch.parent, index.checked_sub(1)) {
        (None, None) => {}
        (Some(parent), Some(before)) => {
            check_siblings(worker, index, parent as usize, before)?;
            outer = around(&worker.branches[parent as usize]);
        }
        _ => {
            return Err(unfit(
                "its first branch stands in another, or another in none",
            ));
        }
    }
    let next = worker.branches.get(index + 1);
    let is_open = next.is_some_and(|next| next.parent == Some(index as u32));
    if is_open != (branch.wait == Wait::Branches) {
        return Err(unfit("a branch waits for branches that are not there"));
    }
    let around = around(branch);
    if around.strip_prefix(outer.as_slice()) != Some(branch.frames.as_slice()) {
        return Err(unfit(
            "its open blocks are not those around its instruction",
        ));
    }
    let first = branch.frames.first();
    let first = first.and_then(|block| definition.code.blocks.get(block.0 as usize));
    let is_branch = first.is_some_and(|block| block.kind == BlockKind::Branch);
    if branch.parent.is_some() && !is_branch {
        return Err(unfit("a branch has not begun as one"));
    }
    Ok(())
}

/// Branches stand behind the one that opened them, those of one parallel in the order of the text.
fn check_siblings(worker: &Worker, index: usize, parent: usize, before: usize) -> Checked {
    let first = |at: usize| worker.branches[at].frames.first();
    let mut at = before;
    while at != parent {
        match worker.branches[at].parent {
            Some(next) if next as usize == parent && first(at) >= first(index) => {
                return Err(unfit("its branches are out of order"));
            }
            Some(next) if (next as usize) < at => at = next as usize,
            _ => return Err(unfit("a branch does not stand behind its parent")),
        }
    }
    if worker.branches[parent].wait == Wait::Branches {
        Ok(())
    } else {
        Err(unfit("a branch stands in one that has opened none"))
    }
}

/// A branch stands where it can wait for what it waits for.
fn check_wait(worker: &Worker, branch: &Branch, definition: &WorkerDefinition) -> Checked {
    let at = branch.instruction as usize;
    let instruction = definition.code.instructions.get(at);
    let instruction = instruction.ok_or(unfit("it stands outside the code"))?;
    let fits = match (worker.phase, instruction, &branch.wait) {
        (Phase::New, _, Wait::Ready) => branch.instruction == 0,
        (Phase::Ended, _, Wait::Ready)
        | (Phase::Ended | Phase::Waiting, Instruction::ParallelJoin { .. }, Wait::Branches) => true,
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
        (
            Phase::Waiting,
            Instruction::BlockEnterValue { timeout, .. },
            Wait::Value { watch, timer },
        ) => *watch < worker.calls && timer.is_some() == timeout.is_some(),
        (Phase::Waiting, Instruction::React { .. }, Wait::Sources(knowledge)) => {
            check_knowledge(knowledge, worker)?;
            true
        }
        _ => false,
    };
    let timer_is_known = branch.wait.timers().all(|timer| timer < worker.timers);
    if fits && timer_is_known {
        Ok(())
    } else {
        Err(unfit("it does not stand at a wait"))
    }
}

/// What a reactive function knows is plain, and about sources that it has numbered.
fn check_knowledge(knowledge: &Knowledge, worker: &Worker) -> Checked {
    let mut above = 0;
    for known in &knowledge.sources {
        if known.watch < above || known.watch >= worker.calls {
            return Err(unfit("its sources are out of order"));
        }
        above = known.watch + 1;
        plain(&known.source)?;
        known.said.as_ref().map_or(Ok(()), plain_said)?;
    }
    let result = knowledge.result.as_ref();
    result.map_or(Ok(()), |result| plain_said(&result.said))
}

fn plain_said(said: &Said) -> Checked {
    let (Said::Value(value) | Said::Error(value)) = said;
    plain(value)
}

/// Recorded undos stand in open sagas of their branch, with what the blocks between kept.
fn check_undos(branch: &Branch, definition: &WorkerDefinition, state_bytes: &mut u64) -> Checked {
    let blocks = &definition.code.blocks;
    let kind = |block: &BlockIndex| blocks.get(block.0 as usize).map(|block| &block.kind);
    let mut total = 0;
    let mut depth = 0;
    for undo in &branch.undos {
        let open = branch.frames.iter().position(|frame| *frame == undo.saga);
        let open = open.filter(|open| *open >= depth);
        depth = open.ok_or(unfit("an undo belongs to a saga that is not open"))?;
        let is_its_own = kind(&undo.block) == Some(&BlockKind::Undo { saga: undo.saga });
        let start = blocks.get(undo.block.0 as usize).map(|block| block.start);
        let start = start.filter(|_| is_its_own);
        let start = start.ok_or(unfit("an undo stands in another saga"))?;
        let around = definition.code.blocks_around(&definition.layout, start);
        let inside = around.iter().skip_while(|block| **block != undo.saga);
        let inside = inside.skip(1).take_while(|block| **block != undo.block);
        if !inside.eq(undo.frames.iter()) {
            return Err(unfit("an undo has other blocks around it"));
        }
        check_values(&undo.frames, &undo.stack, blocks, &mut 0)?;
        total += Undo::own_bytes(&undo.frames, &undo.stack);
        if undo.total_bytes != total {
            return Err(unfit("an undo has another size"));
        }
    }
    *state_bytes += total;
    Ok(())
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
    *state_bytes += slot.kept_bytes();
    match (kind, slot) {
        (BlockKind::State { .. }, Slot::State(value)) => plain(value),
        (BlockKind::Each { .. }, Slot::Items { items, at }) => match item_of(items, *at) {
            Some(_) => plain(items),
            None => Err(unfit("a loop has come to an item that is not there")),
        },
        (
            BlockKind::Message { .. },
            Slot::Message {
                body,
                sender: Data::Undefined | Data::Address(_),
                ..
            },
        ) => plain(body),
        (BlockKind::Failure { .. }, Slot::Failure(value)) => plain(value),
        (BlockKind::Saga { .. }, Slot::Saga { failure }) => {
            let value = failure.as_ref().and_then(|error| error.value.as_ref());
            value.map_or(Ok(()), plain)
        }
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
