//! Control code that no lowering makes: the verifier refuses it, whoever made it.

use super::code::ControlCode;
use super::instruction::{Block, BlockIndex, BlockKind, Instruction, Operand, OperandIndex};
use super::verify::verify;
use crate::data::Data;
use crate::source::Span;
use crate::tree::Handle;

const B0: BlockIndex = BlockIndex(0);
const UNDEFINED: OperandIndex = OperandIndex(0);

fn code(instructions: Vec<Instruction>, blocks: Vec<Block>) -> ControlCode {
    let spans = vec![Span::default(); instructions.len()];
    let operands = vec![
        Operand::Value(Data::Undefined),
        Operand::Handle(Handle(0)),
        Operand::Array(vec![OperandIndex(3)]),
    ];
    ControlCode {
        instructions,
        spans,
        blocks,
        operands,
    }
}

fn state(start: u32, end: u32, exit: u32) -> Block {
    let kind = BlockKind::State {
        handle: Handle(0),
        name: None,
    };
    Block {
        kind,
        parent: None,
        start,
        end,
        exit,
        base: 0,
    }
}

/// `withState(…, h => send(h, h))`, without its last instruction.
fn sound() -> ControlCode {
    let send = Instruction::ActorSend {
        target: UNDEFINED,
        message: OperandIndex(1),
    };
    let instructions = vec![
        Instruction::BlockEnterState {
            block: B0,
            initial: UNDEFINED,
        },
        send,
        Instruction::BlockBreak { block: B0 },
        Instruction::TaskComplete { result: UNDEFINED },
    ];
    let mut code = code(instructions, vec![state(1, 3, 3)]);
    code.operands.pop();
    code
}

fn refused(change: impl FnOnce(&mut ControlCode)) -> String {
    let mut code = sound();
    change(&mut code);
    verify(&code, 1).unwrap_err().to_string()
}

#[test]
fn sound_code_is_accepted_with_its_layout() {
    let layout = verify(&sound(), 1).unwrap();
    assert_eq!(layout.innermost, [None, Some(B0), Some(B0), None]);
    assert_eq!(layout.block_of(Handle(0)), Some(B0));
    assert_eq!(layout.block_of(Handle(1)), None);
}

#[test]
fn indices_outside_their_tables_are_refused() {
    assert!(
        refused(|code| code.instructions[1] = Instruction::ActorKill {
            target: OperandIndex(9)
        })
        .contains("operand")
    );
    assert!(
        refused(|code| code.instructions[2] = Instruction::BlockBreak {
            block: BlockIndex(7)
        })
        .contains("block")
    );
    assert!(refused(|code| code.blocks[0].exit = 99).contains("outside the code"));
    assert!(refused(|code| code.blocks[0].end = 99).contains("outside the code"));
    assert!(
        refused(|code| code.operands.push(Operand::Array(vec![OperandIndex(2)])))
            .contains("before its parts")
    );
}

#[test]
fn handles_are_refused_outside_their_blocks() {
    let outside = refused(|code| {
        code.instructions[3] = Instruction::TaskComplete {
            result: OperandIndex(1),
        }
    });
    assert!(outside.contains("outside its block"), "{outside}");
    let update = Instruction::StateUpdate {
        handle: Handle(5),
        updater: UNDEFINED,
        message: None,
    };
    assert!(refused(|code| code.instructions[1] = update).contains("outside its block"));
}

#[test]
fn blocks_must_be_left_into_their_parents() {
    assert!(refused(|code| code.blocks[0].exit = 1).contains("into another block"));
    assert!(refused(|code| code.blocks[0].base = 1).contains("wrong base"));
    assert!(refused(|code| code.instructions[2] = Instruction::Noop).contains("does not end"));
    assert!(
        refused(|code| code.instructions[2] = Instruction::LoopContinue { block: B0 })
            .contains("another kind")
    );
    assert!(
        refused(|code| code.instructions[0] = Instruction::Noop).contains("into another block")
    );
}

#[test]
fn code_must_end() {
    assert!(refused(|code| code.instructions.clear()).contains("no instructions"));
    assert!(refused(|code| code.instructions[3] = Instruction::Noop).contains("end of the run"));
    assert!(refused(|code| code.spans.clear()).contains("places"));
}
