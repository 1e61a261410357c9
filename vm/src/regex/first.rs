//! What a match can begin with, so that the search can skip places.
//!
//! Before: a finished program. After: `matcher`. Guarantees: never leaves out a place where a match
//! can begin; what it cannot tell it says so (`None`).

use super::program::{Op, Program, Single};

/// One bit for each ASCII unit that a match can begin with. Other units always can.
pub(super) fn first(program: &Program) -> Option<u128> {
    let mut seen = vec![false; program.ops.len()];
    let mut open = vec![0u32];
    let mut bits = 0u128;
    while let Some(at) = open.pop() {
        if std::mem::replace(seen.get_mut(at as usize)?, true) {
            continue;
        }
        match program.ops[at as usize] {
            Op::One { single, .. } => bits |= ascii(program, single),
            Op::Run(run) => {
                let run = &program.runs[run as usize];
                bits |= ascii(program, run.single);
                if run.minimum == 0 {
                    open.push(at + 1);
                }
            }
            Op::Jump(target) => open.push(target),
            Op::Try(target) => open.extend([target, at + 1]),
            Op::Save(_) | Op::LoopInit(_) | Op::LoopRound(_) => open.push(at + 1),
            // Assertions only narrow what follows.
            Op::Begin { .. } | Op::Boundary { .. } => open.push(at + 1),
            Op::LoopEnter(index) => {
                let repeated = &program.loops[index as usize];
                open.push(at + 1);
                if repeated.minimum == 0 {
                    open.push(repeated.exit);
                }
            }
            Op::LoopEnd(index) => open.push(program.loops[index as usize].exit),
            Op::End { .. }
            | Op::Reference { .. }
            | Op::Look { .. }
            | Op::LookEnd { .. }
            | Op::Match => return None,
        }
    }
    (bits != u128::MAX).then_some(bits)
}

fn ascii(program: &Program, single: Single) -> u128 {
    match single {
        Single::Exactly(character) if character < 128 => 1 << character,
        Single::Exactly(_) => 0,
        Single::Class(class) => program.classes[class as usize].ascii,
        Single::Any => u128::MAX,
    }
}
