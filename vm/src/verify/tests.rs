//! Tests of the verifier: what it accepts and refuses, and that accepted code never panics.

use super::*;
use crate::bytecode::FunctionIndex;
use crate::limits::Limits;
use crate::source::Source;
use crate::test_support::{compile, run};

fn code(instructions: Vec<Instruction>) -> Code {
    let function = Function {
        slots: 1,
        instructions,
        ..Function::default()
    };
    Code {
        sources: Source::new("a.js", "").into(),
        functions: vec![function],
        ..Code::default()
    }
}

#[test]
fn sound_code_is_accepted_and_measured() {
    let mut code = code(vec![
        Instruction::Integer(1),
        Instruction::Duplicate,
        Instruction::Add,
        Instruction::Return,
    ]);
    verify(&mut code).unwrap();
    assert_eq!(code.functions[0].stack_max, 2);
}

#[test]
fn unsound_code_is_refused() {
    use Instruction::*;
    for instructions in [
        vec![],
        vec![Add, Return],
        vec![Integer(1)],
        vec![Jump(9)],
        vec![GetSlot(1), Return],
        vec![Constant(0), Return],
        vec![Closure(5), Return],
        vec![GetProperty(0), Return],
        vec![
            GetCapture {
                capture: 0,
                name: 0,
            },
            Return,
        ],
        // A loop that pushes in each round.
        vec![Integer(1), Jump(0)],
        vec![PopHandler, Undefined, Return],
        // One way pushes more than the other.
        vec![True, JumpIfFalse(3), True, True, Return],
    ] {
        assert!(
            verify(&mut code(instructions.clone())).is_err(),
            "{instructions:?}"
        );
    }
}

#[test]
fn captured_values_are_checked() {
    let mut code = code(vec![Instruction::Undefined, Instruction::Return]);
    code.cells
        .push(Data::function(FunctionIndex(7), Vec::new()).unwrap());
    assert_eq!(verify(&mut code), Err(VerifyError::Constant));
}

const VICTIM: &str = "
const make = (n, ...rest) => { let sum = n; for (const x of rest) sum += x; return () => sum++ };
const walk = ({ a = 1, ...others }, [b, , c = 'x'] = 'hey') => {
  let out = '';
  for (const key in others) { switch (key) { case 'q': out += others[key]; break; default: out += key } }
  try { if (b === 'h') throw { b }; out += missing.x } catch (e) { out += typeof e } finally { out += c }
  return [out, others?.q?.r ?? a, `<${out}>`, -b, !a, a in others, b instanceof Array];
};
const missing = undefined;
const counter = make(1, 2, 3);
const fs = []; for (let i = 0; i < 3; i++) { fs[i] = () => i * counter() }
const o = { x: 1, 2: 3, f() { return 5 } }; o.x += 2; o['y'] ??= 4; delete o.x;
export default [walk({ q: { r: 2 }, z: 1 }), fs[1](), counter(), o, o.f(...[1]), (function f(n) { return n ? f(n - 1) : 'end' })(4)];
";

/// A small generator of numbers from a seed (xorshift).
fn next(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

/// Instructions that the mutations draw from, with operands that are often just out of range.
fn random_instruction(state: &mut u64, known: &[Instruction]) -> Instruction {
    let mut instruction = known[next(state) as usize % known.len()];
    if next(state).is_multiple_of(3) {
        instruction.set_target(next(state) as u32 % 40);
    }
    match (&mut instruction, next(state) % 4) {
        (
            Instruction::GetSlot(slot) | Instruction::SetSlot(slot) | Instruction::InitCell(slot),
            0,
        ) => {
            *slot = next(state) as u16 % 12;
        }
        (Instruction::Call(arguments), 0) => *arguments = next(state) as u16 % 4,
        (Instruction::NewArray(items), 0) => *items = next(state) as u32 % 4,
        (Instruction::Closure(function), 0) => *function = next(state) as u32 % 12,
        _ => {}
    }
    instruction
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a randomised test takes its seed from the environment"
)]
fn accepted_code_never_panics() {
    let seed = std::env::var("TROUPE_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(20_261_123u64);
    println!("TROUPE_SEED={seed}");
    let mut state = seed.max(1);
    let module = compile(VICTIM).unwrap();
    let known: Vec<Instruction> = module
        .code
        .functions
        .iter()
        .flat_map(|function| function.instructions.clone())
        .collect();
    let limits = Limits {
        turn_instructions: 20_000,
        turn_allocated_bytes: 1 << 20,
        ..Limits::default()
    };
    assert!(run(&module, &limits).is_ok());
    let mut accepted = 0;
    for _ in 0..4000 {
        let mut mutant = compile_copy(&module);
        for _ in 0..1 + next(&mut state) % 3 {
            let function = next(&mut state) as usize % mutant.code.functions.len();
            let instructions = &mut mutant.code.functions[function].instructions;
            let at = next(&mut state) as usize % instructions.len();
            instructions[at] = random_instruction(&mut state, &known);
        }
        if verify(&mut mutant.code).is_ok() {
            accepted += 1;
            // Whatever it gives or throws: it must end, without a panic.
            let _ = run(&mutant, &limits);
        }
    }
    assert!(accepted > 100, "only {accepted} mutants were accepted");
}

fn compile_copy(module: &crate::compile::Module) -> crate::compile::Module {
    crate::compile::Module {
        code: module.code.clone(),
        exports: Vec::new(),
        names_used: Vec::new(),
        lints: Vec::new(),
        ignores: Vec::new(),
    }
}
