//! From the instructions of a verified function to its steps.
//!
//! Before: the verifier, which has found the height of the operands at each instruction. After:
//! `builder`, which knows where operands are. An instruction that only moves operands makes no step;
//! one that nothing is gained for becomes `Step::Stack`.

use super::builder::{Builder, Symbol};
use super::{Comparison, Operator, Origin, Step, Steps, Target};
use crate::bytecode::{Code, Function, FunctionIndex, Instruction};
use crate::data::Data;
use crate::verify;

/// The steps of a function whose operands have these heights (`None`: never reached).
pub(crate) fn translate(code: &Code, index: FunctionIndex, heights: &[Option<u32>]) -> Steps {
    let function = code.function(index);
    let instructions = &function.instructions;
    let mut builder = Builder::new(function.slots);
    let mut lands = vec![false; instructions.len()];
    for (at, instruction) in instructions.iter().enumerate() {
        if let (Some(_), Some(target)) = (heights[at], instruction.target()) {
            lands[target as usize] = true;
        }
    }
    let mut step_of = vec![0; instructions.len()];
    let mut flows = true;
    for (at, instruction) in instructions.iter().enumerate() {
        let Some(height) = heights[at] else {
            flows = false;
            continue;
        };
        if lands[at] && flows {
            builder.settle_all();
        }
        builder.at = at as u32;
        if lands[at] || !flows {
            builder.land(height as usize);
        }
        step_of[at] = builder.steps.len() as u32;
        match instruction {
            Instruction::Jump(to) => jump(&mut builder, function, &step_of, *to),
            instruction => one(&mut builder, code, *instruction),
        }
        flows = !matches!(
            instruction,
            Instruction::Jump(_) | Instruction::Return | Instruction::Throw
        );
    }
    for (step, origin) in builder.steps.iter_mut().zip(&builder.origins) {
        let Some(target) = step.target_mut() else {
            continue;
        };
        target.step = step_of[target.step as usize];
        let skipped_to = builder.origins[target.step as usize].start;
        target.skipped = origin.end as i32 - skipped_to as i32;
    }
    Steps {
        steps: builder.steps,
        origins: builder.origins,
        turns: builder.turns,
        registers: u32::from(function.slots) + u32::from(function.stack_max),
        slots: function.slots,
        parameters: function.parameters,
        has_rest: function.has_rest,
        paths: builder.paths,
        index,
    }
}

fn one(builder: &mut Builder, code: &Code, instruction: Instruction) {
    use Instruction::*;
    match instruction {
        Undefined => builder.symbols.push(Symbol::Undefined),
        Null => builder.symbols.push(Symbol::Null),
        True => builder.symbols.push(Symbol::Boolean(true)),
        False => builder.symbols.push(Symbol::Boolean(false)),
        Integer(number) => builder.symbols.push(Symbol::Integer(number)),
        Constant(constant) => builder.symbols.push(Symbol::Constant(constant)),
        GetSlot(slot) => builder.symbols.push(Symbol::Slot(slot)),
        Pop => drop(builder.symbols.pop()),
        Duplicate => duplicate(builder),
        SetSlot(slot) => builder.store(slot),
        TeeSlot(slot) => builder.store_and_keep(slot),
        IncrementSlot(slot) => {
            builder.symbols.push(Symbol::Slot(slot));
            unary(builder, |to, from| Step::Increment { to, from });
            builder.store(slot);
        }
        Increment => unary(builder, |to, from| Step::Increment { to, from }),
        Decrement => unary(builder, |to, from| Step::Decrement { to, from }),
        Template(1) => unary(builder, |to, from| Step::Text { to, from }),
        Not => unary(builder, |to, from| Step::Not { to, from }),
        AddInteger(number) => unary(builder, |to, left| Step::AddInteger { to, left, number }),
        GetCapture { capture, name } => {
            let to = builder.next_register();
            builder.emit_operand(Step::GetCapture { to, capture, name });
        }
        GetCell { slot, name } => {
            let to = builder.next_register();
            builder.emit_operand(Step::GetCell { to, slot, name });
        }
        GetSlotChecked { slot, name } => {
            let to = builder.next_register();
            builder.emit_operand(Step::GetChecked { to, slot, name });
        }
        GetSlotProperty { slot, key } => {
            builder.symbols.push(Symbol::Slot(slot));
            property(builder, key);
        }
        GetProperty(key) => property(builder, key),
        GetMethod(key) => {
            let height = builder.symbols.len();
            let object = builder.pop_register();
            let to = builder.register(height);
            let kept = if object == builder.register(height - 1) {
                Symbol::Here
            } else {
                Symbol::Slot(object)
            };
            builder.symbols.push(kept);
            builder.emit_operand(Step::GetProperty { to, object, key });
        }
        GetElement => {
            let (object, key) = builder.pop_two();
            let to = builder.next_register();
            builder.emit_operand(Step::GetElement { to, object, key });
        }
        StrictEqualConstant(constant) => equal_constant(builder, constant, true),
        StrictNotEqualConstant(constant) => equal_constant(builder, constant, false),
        _ if Comparison::of(instruction).is_some() => compare(builder, code, instruction),
        _ if Operator::of(instruction).is_some() || matches!(instruction, Add | Power) => {
            arithmetic(builder, instruction);
        }
        _ => flow(builder, code, instruction),
    }
}

fn duplicate(builder: &mut Builder) {
    let top = builder.symbols.len() - 1;
    match builder.symbols[top] {
        Symbol::Here => {
            let (from, to) = (builder.register(top), builder.next_register());
            builder.emit_operand(Step::Move { to, from });
        }
        symbol => builder.symbols.push(symbol),
    }
}

fn unary(builder: &mut Builder, step: impl FnOnce(u16, u16) -> Step) {
    let from = builder.pop_register();
    let to = builder.next_register();
    builder.emit_operand(step(to, from));
}

/// Reads a property; one of a property that was just read is read in the same step.
fn property(builder: &mut Builder, key: u32) {
    let from = builder.pop_register();
    let to = builder.next_register();
    let before = if from == to && builder.writes_last(from) {
        builder.last()
    } else {
        None
    };
    let (object, mut keys) = match before {
        Some(Step::GetProperty { object, key, .. }) => (object, vec![key]),
        // The path of the last step is the last path.
        Some(Step::GetPath { object, .. }) => {
            (object, builder.paths.pop().unwrap_or_default().into_vec())
        }
        _ => {
            builder.emit_operand(Step::GetProperty {
                to,
                object: from,
                key,
            });
            return;
        }
    };
    let first = builder.take_back();
    keys.push(key);
    let path = builder.paths.len() as u32;
    builder.paths.push(keys.into_boxed_slice());
    builder.emit_operand(Step::GetPath { to, object, path });
    // An error is about one of the keys: each is an instruction behind the first.
    builder.about(first.map_or(builder.at, |origin| origin.place));
}

fn equal_constant(builder: &mut Builder, constant: u32, wanted: bool) {
    let left = builder.pop_register();
    let to = builder.next_register();
    match builder.last() {
        Some(Step::GetProperty {
            to: read,
            object,
            key,
        }) if read == left && read == to => {
            let place = builder
                .take_back()
                .map_or(builder.at, |origin| origin.place);
            builder.emit_operand(Step::PropertyEqual(wanted, to, object, key, constant));
            builder.about(place);
        }
        _ => builder.emit_operand(Step::EqualConstant(wanted, to, left, constant)),
    }
}

fn compare(builder: &mut Builder, code: &Code, instruction: Instruction) {
    let comparison = Comparison::of(instruction).unwrap_or(Comparison::StrictEqual);
    if matches!(
        comparison,
        Comparison::StrictEqual | Comparison::StrictNotEqual
    ) && let Some(Symbol::Constant(constant)) = builder.symbols.last().copied()
        && matches!(&code.constants[constant as usize], Data::Text(text) if text.is_short())
    {
        builder.symbols.pop();
        return equal_constant(builder, constant, !comparison.is_negated());
    }
    if let Some(number) = builder.pop_integer() {
        let left = builder.pop_register();
        let to = builder.next_register();
        builder.emit_operand(Step::CompareInteger(comparison, to, left, number));
        return;
    }
    let (left, right) = builder.pop_two();
    let to = builder.next_register();
    builder.emit_operand(Step::Compare(comparison, to, left, right));
}

fn arithmetic(builder: &mut Builder, operator: Instruction) {
    if let Some(small) = Operator::of(operator)
        && let Some(number) = builder.pop_integer()
    {
        let left = builder.pop_register();
        let to = builder.next_register();
        builder.emit_operand(match small {
            Operator::Subtract => Step::SubtractInteger { to, left, number },
            Operator::Multiply => Step::MultiplyInteger { to, left, number },
            Operator::Divide => Step::DivideInteger { to, left, number },
            Operator::Remainder => Step::RemainderInteger { to, left, number },
            Operator::BitAnd => Step::BitAndInteger { to, left, number },
            Operator::BitOr => Step::BitOrInteger { to, left, number },
            other => Step::ArithmeticInteger(other, to, left, number),
        });
        return;
    }
    let (left, right) = builder.pop_two();
    let to = builder.next_register();
    builder.emit_operand(match operator {
        Instruction::Add => Step::Add { to, left, right },
        Instruction::Subtract => Step::Subtract { to, left, right },
        Instruction::Multiply => Step::Multiply { to, left, right },
        Instruction::Divide => Step::Divide { to, left, right },
        Instruction::Remainder => Step::Remainder { to, left, right },
        Instruction::BitAnd => Step::BitAnd { to, left, right },
        Instruction::BitOr => Step::BitOr { to, left, right },
        operator => Step::Arithmetic(operator, to, left, right),
    });
}

/// Ends the call with the topmost operand, so many instructions behind its first; the return itself stands at
/// a place.
fn return_step(builder: &mut Builder, counted: u32, place: u32) {
    let from = builder.pop_register();
    let last = builder.last().filter(|_| from == builder.next_register());
    match last.and_then(|step| step.returned(from, counted)) {
        // An error is about the operation, and so is what is counted then.
        Some(step) => {
            builder.replace_last(step);
            builder.turns_at(counted, place);
        }
        None => builder.emit_elsewhere(Step::Return { from, counted }, counted, place),
    }
}

/// The most steps of a condition that stand in a loop twice.
const CONDITION_MAX: u32 = 4;

/// Jumps always. What would follow at once is done instead where it is short: a return, or the condition
/// of a loop.
fn jump(builder: &mut Builder, function: &Function, step_of: &[u32], to: u32) {
    let at = builder.at;
    if function.instructions[to as usize] == Instruction::Return {
        return return_step(builder, at + 2, to);
    }
    builder.settle_all();
    let Some(steps) = (to < at)
        .then(|| condition(builder, step_of[to as usize], to))
        .flatten()
    else {
        builder.emit(Step::Jump(Target::instruction(to)));
        return;
    };
    // Counted as if they stood here, behind the jump.
    for (step, origin) in steps {
        let end = at + 1 + origin.end - to;
        let mut again = step;
        let exit = again.target_mut().copied();
        if let (Some(exit), Some(mut inverted)) = (exit, step.inverted())
            && let Some(target) = inverted.target_mut()
        {
            *target = Target::instruction(origin.end);
            builder.emit_elsewhere(inverted, end, origin.place);
            builder.turns_at(at + 1, at);
            builder.emit_elsewhere(Step::Jump(exit), end, origin.place);
        } else {
            builder.emit_elsewhere(again, end, origin.place);
        }
    }
}

/// The steps from one on up to a jump on a condition, where they are few and plain.
fn condition(builder: &Builder, from: u32, to: u32) -> Option<Vec<(Step, Origin)>> {
    let mut steps = Vec::new();
    for at in from..from + CONDITION_MAX {
        let (step, origin) = builder.step_at(at)?;
        if steps.is_empty() && origin.start != to {
            return None;
        }
        steps.push((step, origin));
        if step.inverted().is_some() {
            return Some(steps);
        }
        let jumps = { step }.target_mut().is_some();
        if jumps || !step.is_plain() {
            return None;
        }
    }
    None
}

/// Jumps on a condition, returns, and the others.
fn flow(builder: &mut Builder, code: &Code, instruction: Instruction) {
    use Instruction::*;
    let target = Target::instruction(instruction.target().unwrap_or(0));
    match instruction {
        JumpIfFalse(_) => jump_if(builder, false, target),
        JumpIfTrue(_) => jump_if(builder, true, target),
        JumpIfFalseKeep(_) => {
            jump_and_keep(builder, |from| Step::JumpIf(false, from, target));
        }
        JumpIfTrueKeep(_) => {
            jump_and_keep(builder, |from| Step::JumpIf(true, from, target));
        }
        JumpIfNotNullishKeep(_) => {
            jump_and_keep(builder, |from| Step::JumpIfNullish(false, from, target));
        }
        JumpIfDefinedKeep(_) => {
            jump_and_keep(builder, |from| Step::JumpIfDefined(from, target));
        }
        JumpIfNullish(_) => {
            builder.settle_all();
            let from = builder.register(builder.symbols.len() - 1);
            builder.emit(Step::JumpIfNullish(true, from, target));
        }
        IterateNext { slot, .. } => {
            builder.settle_all();
            let to = builder.next_register();
            let when = false;
            builder.emit_operand(Step::IterateNext {
                when,
                to,
                slot,
                target,
            });
        }
        Return => {
            let counted = builder.at + 1;
            return_step(builder, counted, builder.at);
        }
        PushHandler(_) => {
            builder.settle_all();
            let register = builder.next_register();
            builder.emit(Step::PushHandler { register, target });
        }
        _ => calls(builder, code, instruction),
    }
}

/// Calls, and what is left to the stack.
fn calls(builder: &mut Builder, code: &Code, instruction: Instruction) {
    use Instruction::*;
    match instruction {
        Call(arguments) => {
            let at = call(builder, usize::from(arguments) + 1);
            builder.emit_operand(Step::Call {
                at,
                arguments,
                counted: builder.at + 1,
            });
        }
        CallMethod { arguments, key } => {
            let at = call(builder, usize::from(arguments) + 1);
            builder.emit_operand(Step::CallMethod { at, arguments, key });
        }
        CallWithReceiver(arguments) => {
            let at = call(builder, usize::from(arguments) + 2);
            builder.emit_operand(Step::CallWithReceiver { at, arguments });
        }
        CallNative { arguments, native } => {
            let at = call(builder, usize::from(arguments));
            builder.emit_operand(match code.is_of_one_number(native, arguments) {
                true => Step::CallNumber { at, native },
                false => Step::CallNative {
                    at,
                    arguments,
                    native,
                },
            });
        }
        _ => on_stack(builder, code, instruction),
    }
}

/// Leaves an instruction to the stack.
fn on_stack(builder: &mut Builder, code: &Code, instruction: Instruction) {
    builder.settle_all();
    let before = builder.symbols.len();
    let height = before as u16;
    builder.emit(Step::Stack {
        instruction,
        height,
    });
    let (pops, pushes) = verify::effect(code, instruction);
    builder.symbols.truncate(before - pops as usize);
    (0..pushes).for_each(|_| builder.symbols.push(Symbol::Here));
}

/// Puts the operands of a call into their registers and takes so many; where the first of them is.
fn call(builder: &mut Builder, taken: usize) -> u16 {
    builder.settle_all();
    let kept = builder.symbols.len() - taken;
    builder.symbols.truncate(kept);
    builder.next_register()
}

fn jump_and_keep(builder: &mut Builder, step: impl FnOnce(u16) -> Step) {
    builder.settle_all();
    let from = builder.register(builder.symbols.len() - 1);
    builder.emit(step(from));
    builder.symbols.pop();
}

/// Jumps on a condition, together with the comparison that made it.
fn jump_if(builder: &mut Builder, wanted: bool, target: Target) {
    let from = builder.pop_register();
    let made_here = from == builder.next_register();
    let last = builder.last().filter(|_| made_here);
    let fused = match last {
        Some(Step::Compare(comparison, to, left, right)) if to == from => {
            Some(jump_compare(wanted, comparison, (left, right), target))
        }
        Some(Step::CompareInteger(comparison, to, left, number)) if to == from => {
            jump_compare_integer(wanted, comparison, (left, number), target)
        }
        Some(Step::EqualConstant(equal, to, left, constant)) if to == from => Some(
            Step::JumpEqualConstant(wanted == equal, left, constant, target),
        ),
        Some(Step::Not { to, from: negated }) if to == from => {
            Some(Step::JumpIf(!wanted, negated, target))
        }
        _ => None,
    };
    let Some(fused) = fused else {
        builder.settle_all();
        builder.emit(Step::JumpIf(wanted, from, target));
        return;
    };
    let place = builder
        .take_back()
        .map_or(builder.at, |origin| origin.place);
    builder.settle_all();
    builder.emit(fused);
    builder.about(place);
}

fn jump_compare(
    wanted: bool,
    comparison: Comparison,
    (left, right): (u16, u16),
    target: Target,
) -> Step {
    match comparison {
        Comparison::Less => Step::JumpLess(wanted, comparison, left, right, target),
        Comparison::Greater => Step::JumpLess(wanted, comparison, right, left, target),
        Comparison::LessOrEqual => Step::JumpLessOrEqual(wanted, comparison, left, right, target),
        Comparison::GreaterOrEqual => {
            Step::JumpLessOrEqual(wanted, comparison, right, left, target)
        }
        _ => {
            let wanted = wanted != comparison.is_negated();
            Step::JumpEqual(wanted, comparison, left, right, target)
        }
    }
}

/// `==` and `!=` with a number have no jump of their own.
fn jump_compare_integer(
    wanted: bool,
    comparison: Comparison,
    (left, number): (u16, i32),
    target: Target,
) -> Option<Step> {
    Some(match comparison {
        Comparison::Less => Step::JumpLessInteger(wanted, left, number, target),
        Comparison::LessOrEqual => Step::JumpLessOrEqualInteger(wanted, left, number, target),
        Comparison::Greater => Step::JumpGreaterInteger(wanted, left, number, target),
        Comparison::GreaterOrEqual => Step::JumpGreaterOrEqualInteger(wanted, left, number, target),
        Comparison::StrictEqual => Step::JumpEqualInteger(wanted, left, number, target),
        Comparison::StrictNotEqual => Step::JumpEqualInteger(!wanted, left, number, target),
        _ => return None,
    })
}
