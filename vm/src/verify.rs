//! Checks code before it runs: what the compiler made, and above all what came from outside.
//!
//! Before: a program decoded from the log or the bus. After: the machine, which relies on every index
//! and on the height of the stack. Guarantees: accepted code never reads outside its tables, slots,
//! captures or operands, whatever values it works on; `stack_max` is right.
//! How: indices are checked one by one; the height of the operand stack and of the open handlers is
//! followed along every way through a function, and must be the same wherever ways meet.

use thiserror::Error;

use crate::bytecode::{CaptureSource, Code, Function, Instruction};
use crate::data::{Capture, Data};

/// Functions may not keep more operands than this at once.
const STACK_MAX: i64 = 60_000;

/// Why code is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// An index leads outside its table.
    #[error("function {function}, instruction {instruction}: an index leads outside its table")]
    Index {
        /// Which function.
        function: u32,
        /// Which instruction.
        instruction: u32,
    },
    /// The height of the stack differs between two ways to an instruction, or does not fit it.
    #[error("function {function}, instruction {instruction}: the stack does not fit")]
    Stack {
        /// Which function.
        function: u32,
        /// Which instruction.
        instruction: u32,
    },
    /// A function keeps more than the stack may hold.
    #[error("function {function}: it keeps too many values at once")]
    Operands {
        /// Which function.
        function: u32,
    },
    /// A function whose slots, captures or places contradict each other.
    #[error("function {function}: its parts contradict each other")]
    Function {
        /// Which function.
        function: u32,
    },
    /// A constant or cell refers to a function or cell that is not there.
    #[error("a constant refers to something that is not there")]
    Constant,
}

/// The heights before an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Heights {
    operands: i64,
    handlers: i64,
}

/// Checks all functions and fills in their `stack_max`.
pub fn verify(code: &mut Code) -> Result<(), VerifyError> {
    if code.functions.is_empty() {
        return Err(VerifyError::Function { function: 0 });
    }
    let keys = code.keys.len();
    if code
        .templates
        .iter()
        .flatten()
        .any(|key| *key as usize >= keys)
    {
        return Err(VerifyError::Constant);
    }
    for data in code.constants.iter().chain(&code.cells) {
        verify_data(code, data)?;
    }
    for index in 0..code.functions.len() {
        let (stack_max, _) = verify_function(code, index as u32)?;
        code.functions[index].stack_max = stack_max;
    }
    Ok(())
}

/// How many operands there are before each instruction of a verified function; `None` where it is
/// never reached.
pub(crate) fn heights(code: &Code, index: u32) -> Result<Vec<Option<u32>>, VerifyError> {
    let (_, heights) = verify_function(code, index)?;
    let operands = |height: Heights| height.operands as u32;
    Ok(heights
        .into_iter()
        .map(|known| known.map(operands))
        .collect())
}

/// Checks that a value refers only to functions and cells of the code, with as many captures as
/// each function reads. For values that come from outside with the code: state, captures.
pub fn verify_data(code: &Code, data: &Data) -> Result<(), VerifyError> {
    if !data.shape().has_function {
        return Ok(());
    }
    match data {
        Data::Array(array) => {
            let named = array.named().into_iter().flat_map(|named| named.iter());
            let parts = named.map(|(_, value)| value);
            let mut parts = array.items().iter().chain(parts);
            parts.try_for_each(|item| verify_data(code, item))
        }
        Data::Object(object) => object
            .properties()
            .iter()
            .try_for_each(|(_, value)| verify_data(code, value)),
        Data::Error(error) => error
            .properties()
            .iter()
            .try_for_each(|(_, value)| verify_data(code, value)),
        Data::Set(set) => set
            .values()
            .iter()
            .try_for_each(|value| verify_data(code, value)),
        Data::Map(map) => map.entries().iter().try_for_each(|(key, value)| {
            verify_data(code, key)?;
            verify_data(code, value)
        }),
        Data::Function(function) => {
            let known = code
                .functions
                .get(function.function.0 as usize)
                .ok_or(VerifyError::Constant)?;
            if known.captures.len() != function.captures.len() {
                return Err(VerifyError::Constant);
            }
            function
                .captures
                .iter()
                .try_for_each(|capture| match capture {
                    Capture::Cell(cell) if (*cell as usize) < code.cells.len() => Ok(()),
                    Capture::Cell(_) => Err(VerifyError::Constant),
                    Capture::Value(value) => verify_data(code, value),
                })
        }
        _ => Ok(()),
    }
}

/// The most operands that a function keeps, and the heights before each instruction.
fn verify_function(code: &Code, index: u32) -> Result<(u16, Vec<Option<Heights>>), VerifyError> {
    let function = &code.functions[index as usize];
    let parameters = u32::from(function.parameters) + u32::from(function.has_rest);
    let places_ascend = function.places.windows(2).all(|pair| pair[0].0 < pair[1].0);
    if parameters > u32::from(function.slots) || !places_ascend || function.instructions.is_empty()
    {
        return Err(VerifyError::Function { function: index });
    }
    let mut heights: Vec<Option<Heights>> = vec![None; function.instructions.len()];
    let mut open = vec![(
        0usize,
        Heights {
            operands: 0,
            handlers: 0,
        },
    )];
    let mut highest = 0;
    while let Some((at, height)) = open.pop() {
        let stack_error = VerifyError::Stack {
            function: index,
            instruction: at as u32,
        };
        let instruction = *function.instructions.get(at).ok_or(stack_error.clone())?;
        match heights[at] {
            Some(known) if known == height => continue,
            Some(_) => return Err(stack_error),
            None => heights[at] = Some(height),
        }
        if !indices_fit(code, function, instruction) {
            return Err(VerifyError::Index {
                function: index,
                instruction: at as u32,
            });
        }
        let (pops, pushes) = effect(code, instruction);
        if height.operands < pops {
            return Err(stack_error);
        }
        let mut next = Heights {
            operands: height.operands - pops + pushes,
            ..height
        };
        highest = highest.max(next.operands).max(height.operands);
        if highest > STACK_MAX {
            return Err(VerifyError::Operands { function: index });
        }
        if let Some(target) = instruction.target() {
            open.push((target as usize, at_target(instruction, height)));
        }
        match instruction {
            Instruction::Return | Instruction::Throw | Instruction::Jump(_) => continue,
            Instruction::PushHandler(_) => next.handlers += 1,
            Instruction::PopHandler if height.handlers == 0 => return Err(stack_error),
            Instruction::PopHandler => next.handlers -= 1,
            _ => {}
        }
        open.push((at + 1, next));
    }
    if highest + i64::from(function.slots) > i64::from(u16::MAX) {
        return Err(VerifyError::Operands { function: index });
    }
    Ok((highest as u16, heights))
}

/// The heights where a jump goes, from those before it.
fn at_target(instruction: Instruction, before: Heights) -> Heights {
    let change = match instruction {
        Instruction::JumpIfFalse(_)
        | Instruction::JumpIfTrue(_)
        | Instruction::JumpIfNullish(_) => -1,
        // The thrown value is pushed.
        Instruction::PushHandler(_) => 1,
        _ => 0,
    };
    Heights {
        operands: before.operands + change,
        ..before
    }
}

/// How many operands an instruction takes and leaves where it does not jump.
pub(crate) fn effect(code: &Code, instruction: Instruction) -> (i64, i64) {
    use Instruction::*;
    match instruction {
        ObjectLiteral(template) => (
            code.templates.get(template as usize).map_or(0, Vec::len) as i64,
            1,
        ),
        ObjectRest(keys) => (i64::from(keys) + 1, 1),
        NewArray(items) => (i64::from(items), 1),
        Template(parts) => (i64::from(parts), 1),
        Call(arguments) | CallMethod { arguments, .. } => (i64::from(arguments) + 1, 1),
        CallWithReceiver(arguments) => (i64::from(arguments) + 2, 1),
        CallNative { arguments, .. } => (i64::from(arguments), 1),
        Duplicate | GetMethod(_) => (1, 2),
        DuplicatePair => (2, 4),
        Swap | GetElementMethod => (2, 2),
        SetElement | DefineElement | CallWithReceiverSpread => (3, 1),
        _ if takes_nothing(instruction) => (0, 1),
        _ if leaves_nothing(instruction) => (1, 0),
        _ if takes_two(instruction) => (2, 1),
        ClearSlot(_) | MakeCell(_) | ClearCell(_) | RenewCell(_) | Jump(_) | PushHandler(_)
        | PopHandler | IncrementSlot(_) => (0, 0),
        // The others turn one operand into one.
        _ => (1, 1),
    }
}

/// Pushes one value and takes none.
fn takes_nothing(instruction: Instruction) -> bool {
    use Instruction::*;
    let is_constant = matches!(
        instruction,
        Undefined
            | Null
            | True
            | False
            | Integer(_)
            | Constant(_)
            | Native(_)
            | Ambient(_)
            | Shorthand(_)
    );
    let is_variable = matches!(
        instruction,
        GetSlot(_)
            | GetSlotChecked { .. }
            | GetCell { .. }
            | GetCapture { .. }
            | GetSlotProperty { .. }
    );
    let is_new = matches!(instruction, Closure(_) | Callee | NewObject);
    let is_step = matches!(
        instruction,
        IterateNext { .. } | IterateNextOrUndefined(_) | IterateRest(_)
    );
    is_constant || is_variable || is_new || is_step
}

/// Takes one value and pushes none.
fn leaves_nothing(instruction: Instruction) -> bool {
    use Instruction::*;
    let is_variable = matches!(
        instruction,
        SetSlot(_) | SetSlotChecked { .. } | SetCell { .. } | InitCell(_) | SetCapture { .. }
    );
    let is_jump = matches!(
        instruction,
        JumpIfFalse(_)
            | JumpIfTrue(_)
            | JumpIfFalseKeep(_)
            | JumpIfTrueKeep(_)
            | JumpIfNotNullishKeep(_)
            | JumpIfDefinedKeep(_)
    );
    is_variable || is_jump || matches!(instruction, Pop | Return | Throw)
}

/// Takes two values and pushes one.
fn takes_two(instruction: Instruction) -> bool {
    use Instruction::*;
    let is_arithmetic = matches!(
        instruction,
        Add | Subtract
            | Multiply
            | Divide
            | Remainder
            | Power
            | BitAnd
            | BitOr
            | BitXor
            | ShiftLeft
            | ShiftRight
            | ShiftRightUnsigned
    );
    let is_comparison = matches!(
        instruction,
        StrictEqual
            | StrictNotEqual
            | Equal
            | NotEqual
            | Less
            | LessOrEqual
            | Greater
            | GreaterOrEqual
            | In
    );
    let is_property = matches!(
        instruction,
        GetElement | SetProperty(_) | DeleteElement | DefineProperty(_) | SpreadObject
    );
    let is_array = matches!(instruction, ArrayPush | ArraySpread | CallSpread);
    is_arithmetic || is_comparison || is_property || is_array
}

/// Whether every index of an instruction leads into its table.
fn indices_fit(code: &Code, function: &Function, instruction: Instruction) -> bool {
    use Instruction::*;
    let slot_fits = |slot: u16| slot < function.slots;
    let key_fits = |key: u32| (key as usize) < code.keys.len();
    let target_fits = instruction
        .target()
        .is_none_or(|target| (target as usize) < function.instructions.len());
    let own = match instruction {
        Constant(at) | StrictEqualConstant(at) | StrictNotEqualConstant(at) => {
            (at as usize) < code.constants.len()
        }
        Native(at) | CallNative { native: at, .. } => (at as usize) < code.natives.len(),
        Ambient(at) => (at as usize) < code.ambients.len(),
        ObjectLiteral(at) => (at as usize) < code.templates.len(),
        GetSlot(slot)
        | SetSlot(slot)
        | TeeSlot(slot)
        | ClearSlot(slot)
        | MakeCell(slot)
        | ClearCell(slot)
        | RenewCell(slot)
        | InitCell(slot)
        | IncrementSlot(slot)
        | IterateNextOrUndefined(slot)
        | IterateRest(slot)
        | IterateNext { slot, .. } => slot_fits(slot),
        GetSlotChecked { slot, name }
        | SetSlotChecked { slot, name }
        | GetCell { slot, name }
        | SetCell { slot, name } => slot_fits(slot) && key_fits(name),
        GetCapture { capture, name } | SetCapture { capture, name } => {
            usize::from(capture) < function.captures.len() && key_fits(name)
        }
        GetSlotProperty { slot, key } => slot_fits(slot) && key_fits(key),
        Shorthand(key)
        | GetProperty(key)
        | GetMethod(key)
        | SetProperty(key)
        | DeleteProperty(key)
        | DefineProperty(key)
        | InstanceOf(key)
        | CallMethod { key, .. } => key_fits(key),
        Closure(made) => code.functions.get(made as usize).is_some_and(|made| {
            made.captures.iter().all(|source| match source {
                CaptureSource::Slot(slot) => slot_fits(*slot),
                CaptureSource::Capture(capture) => usize::from(*capture) < function.captures.len(),
            })
        }),
        _ => true,
    };
    own && target_fits
}

#[cfg(test)]
mod tests;
