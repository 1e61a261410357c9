//! Control code of loops over items, branches, attempts and sagas that no lowering makes is refused.

use super::verify;
use crate::control::code::ControlCode;
use crate::control::instruction::{BlockIndex, BlockKind, Instruction, Operand, OperandIndex};
use crate::limits::BuildLimits;
use crate::source::Source;
use crate::tree::Handle;

const B0: BlockIndex = BlockIndex(0);

/// The code of a worker whose root is a command.
fn code_of(command: &str) -> ControlCode {
    let script = format!("export const Worker = act((self, {{ outbox, fail }}) => {command})");
    let compiled =
        crate::compile(&Source::new("worker.js", script), &BuildLimits::default()).unwrap();
    compiled.program.workers().next().unwrap().code.clone()
}

fn refused(command: &str, change: impl FnOnce(&mut ControlCode)) -> String {
    let mut code = code_of(command);
    verify(&code, 1).unwrap();
    change(&mut code);
    verify(&code, 1).unwrap_err().to_string()
}

#[test]
fn branches_stand_in_their_parallel() {
    const PARALLEL: &str = "parallel([send(outbox, 1), send(outbox, 2)])";
    let missing = refused(PARALLEL, |code| {
        let Instruction::ParallelEnter { branches, .. } = &mut code.instructions[0] else {
            panic!("a parallel begins with its instruction");
        };
        branches.pop();
    });
    assert!(missing.contains("other branches"), "{missing}");
    let outside = refused(PARALLEL, |code| code.instructions[1] = Instruction::Noop);
    assert!(
        outside.contains("join") || outside.contains("branches"),
        "{outside}"
    );
    let wrong = refused(PARALLEL, |code| {
        code.instructions[3] = Instruction::BranchEnd {
            block: BlockIndex(2),
        };
    });
    assert!(wrong.contains("not its own"), "{wrong}");
    let left = refused(PARALLEL, |code| {
        code.instructions[3] = Instruction::BlockBreak {
            block: BlockIndex(1),
        };
    });
    assert!(left.contains("another kind"), "{left}");
    let plain = refused(PARALLEL, |code| code.blocks[1].kind = BlockKind::Plain);
    assert!(plain.contains("branch"), "{plain}");
}

#[test]
fn attempts_begin_with_their_first_try() {
    const ATTEMPT: &str = "attempt(fail(1), { otherwise: error => send(outbox, error) })";
    let skipped = refused(ATTEMPT, |code| code.instructions[1] = Instruction::Noop);
    assert!(skipped.contains("first try"), "{skipped}");
    let elsewhere = refused(ATTEMPT, |code| {
        code.instructions[2] = Instruction::AttemptBegin { block: B0 };
    });
    assert!(elsewhere.contains("elsewhere"), "{elsewhere}");
    let itself = refused(ATTEMPT, |code| {
        if let BlockKind::Attempt { otherwise, .. } = &mut code.blocks[0].kind {
            *otherwise = Some(B0);
        }
    });
    assert!(itself.contains("another kind"), "{itself}");
    let read = refused(ATTEMPT, |code| {
        let BlockKind::Attempt { handle, .. } = code.blocks[0].kind else {
            panic!("the first block is the attempt");
        };
        code.operands.push(Operand::Handle(handle));
        let error = OperandIndex(code.operands.len() as u32 - 1);
        code.instructions[2] = Instruction::TaskFail { error };
    });
    assert!(read.contains("something else"), "{read}");
}

#[test]
fn undos_stand_in_their_saga_and_leave_nothing() {
    const SAGA: &str =
        "sequence(({ done }) => [saga(compensate(send(outbox, 1), send(outbox, 2))), done()])";
    let undo = BlockIndex(2);
    let other = refused(SAGA, |code| {
        code.blocks[2].kind = BlockKind::Undo { saga: B0 }
    });
    assert!(other.contains("saga"), "{other}");
    let endless = refused(SAGA, |code| {
        code.instructions[5] = Instruction::BlockBreak { block: B0 };
    });
    assert!(
        endless.contains("not open") || endless.contains("does not end"),
        "{endless}"
    );
    let leaves = refused(SAGA, |code| {
        code.instructions[4] = Instruction::BlockBreak {
            block: BlockIndex(1),
        };
    });
    assert!(leaves.contains("not open"), "{leaves}");
    let left = refused(SAGA, |code| {
        code.instructions[4] = Instruction::BlockBreak { block: undo };
    });
    assert!(left.contains("another kind"), "{left}");
    let early = refused(SAGA, |code| {
        code.instructions[4] = Instruction::UndoEnd { undo };
    });
    assert!(early.contains("not its own"), "{early}");
}

#[test]
fn loops_over_items_are_loops_over_items() {
    const EACH: &str = "forEach([1], item => send(outbox, item))";
    let endless = refused(EACH, |code| {
        code.instructions[2] = Instruction::LoopContinue { block: B0 };
    });
    assert!(endless.contains("another kind"), "{endless}");
    let other = refused(EACH, |code| {
        code.blocks[0].kind = BlockKind::State {
            handle: Handle(0),
            name: None,
        };
    });
    assert!(other.contains("another kind"), "{other}");
}

#[test]
fn timeouts_lead_to_a_block_beside_their_wait() {
    const WAIT: &str =
        "sequence(({ done }) => [waitFor(m => m, { timeout: 1, otherwise: done() }), noop()])";
    let place = |code: &mut ControlCode| {
        let mut instructions = code.instructions.iter_mut();
        let found = instructions.find_map(|instruction| match instruction {
            Instruction::BlockEnterAwait {
                timeout: Some(timeout),
                ..
            } => Some(timeout),
            _ => None,
        });
        *found.unwrap()
    };
    let mut code = code_of(WAIT);
    let timeout = place(&mut code);
    let elsewhere = refused(WAIT, |code| {
        for instruction in &mut code.instructions {
            if let Instruction::BlockEnterAwait { timeout, .. } = instruction {
                *timeout = Some(crate::control::instruction::Timeout {
                    otherwise: Some(B0),
                    milliseconds: timeout.unwrap().milliseconds,
                });
            }
        }
    });
    assert!(elsewhere.contains("stands elsewhere"), "{elsewhere}");
    assert!(timeout.otherwise.is_some());
    let missing = refused(WAIT, |code| {
        for instruction in &mut code.instructions {
            if let Instruction::BlockEnterAwait {
                timeout: Some(timeout),
                ..
            } = instruction
            {
                timeout.milliseconds = OperandIndex(99);
            }
        }
    });
    assert!(missing.contains("operand"), "{missing}");
}
