//! The form in which functions run: steps on registers, made of their instructions.
//!
//! Before: `Code::link`, once the verifier has accepted the instructions. After: the machine. The
//! instructions are a stack machine's: small, easy to make and to verify, and the form that is kept.
//! Steps name their operands, so that a step does the work of two or three instructions.
//! Guarantees: a step knows which instructions it stands for, so that counts, limits and places of
//! errors are those of the instructions, whatever became one step.

mod builder;
mod translate;

use crate::bytecode::{FunctionIndex, Instruction};

pub(crate) use translate::translate;

/// A register of a call: a slot, or behind them an operand by its height.
pub(crate) type Register = u16;

/// A function as steps.
#[derive(Clone, Debug)]
pub(crate) struct Steps {
    pub(crate) steps: Vec<Step>,
    /// For each step, the instructions that it stands for.
    pub(crate) origins: Vec<Origin>,
    /// Where the flow turns, of steps for which that is not their place, by step.
    pub(crate) turns: Vec<Turn>,
    /// Registers of a call.
    pub(crate) registers: u32,
    /// The registers that are slots.
    pub(crate) slots: u16,
    /// The slots that arguments fill.
    pub(crate) parameters: u16,
    /// Whether the slot behind them takes the rest of the arguments as an array.
    pub(crate) has_rest: bool,
    /// Keys that one step reads after another.
    pub(crate) paths: Vec<Box<[u32]>>,
    /// Which function of the code it is.
    pub(crate) index: FunctionIndex,
}

/// The instructions of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The first of them.
    pub(crate) start: u32,
    /// Behind the last of them.
    pub(crate) end: u32,
    /// The one that an error of the step is about.
    pub(crate) place: u32,
}

/// The instruction by which a step turns the flow, where the step does the work of others as well. What was
/// used up to there, and a trap because that is too much, are about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) step: u32,
    /// Behind the instruction.
    pub(crate) end: u32,
    pub(crate) place: u32,
}

/// Where a step may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) step: u32,
    /// The instructions up to the end of this step, less those before the target: see `meter`.
    pub(crate) skipped: i32,
}

/// One step. `to` is written last, so that it may be one of the operands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    Undefined {
        to: Register,
    },
    Null {
        to: Register,
    },
    Boolean {
        to: Register,
        value: bool,
    },
    Integer {
        to: Register,
        number: i32,
    },
    Constant {
        to: Register,
        constant: u32,
    },
    /// Copies.
    Move {
        to: Register,
        from: Register,
    },
    GetCapture {
        to: Register,
        capture: u16,
        name: u32,
    },
    GetCell {
        to: Register,
        slot: u16,
        name: u32,
    },
    GetChecked {
        to: Register,
        slot: u16,
        name: u32,
    },

    Add {
        to: Register,
        left: Register,
        right: Register,
    },
    Subtract {
        to: Register,
        left: Register,
        right: Register,
    },
    Multiply {
        to: Register,
        left: Register,
        right: Register,
    },
    Divide {
        to: Register,
        left: Register,
        right: Register,
    },
    Remainder {
        to: Register,
        left: Register,
        right: Register,
    },
    BitAnd {
        to: Register,
        left: Register,
        right: Register,
    },
    BitOr {
        to: Register,
        left: Register,
        right: Register,
    },
    /// Any other operator: where the result goes, and the operands.
    Arithmetic(Instruction, Register, Register, Register),
    AddInteger {
        to: Register,
        left: Register,
        number: i32,
    },
    SubtractInteger {
        to: Register,
        left: Register,
        number: i32,
    },
    MultiplyInteger {
        to: Register,
        left: Register,
        number: i32,
    },
    DivideInteger {
        to: Register,
        left: Register,
        number: i32,
    },
    RemainderInteger {
        to: Register,
        left: Register,
        number: i32,
    },
    BitAndInteger {
        to: Register,
        left: Register,
        number: i32,
    },
    BitOrInteger {
        to: Register,
        left: Register,
        number: i32,
    },
    /// Any other operator with a small number on the right.
    ArithmeticInteger(Operator, Register, Register, i32),
    Increment {
        to: Register,
        from: Register,
    },
    Decrement {
        to: Register,
        from: Register,
    },

    /// A part of a template as a text.
    Text {
        to: Register,
        from: Register,
    },
    Not {
        to: Register,
        from: Register,
    },
    /// Where the result goes, and the operands.
    Compare(Comparison, Register, Register, Register),
    /// The same, with a small number on the right.
    CompareInteger(Comparison, Register, Register, i32),
    /// Whether to be true when equal, where the result goes, the operand, and the constant.
    EqualConstant(bool, Register, Register, u32),
    /// The same of a property: the object, its key, and the constant.
    PropertyEqual(bool, Register, Register, u32, u32),
    /// A property of an object.
    GetProperty {
        to: Register,
        object: Register,
        key: u32,
    },
    /// A property of a property of …
    GetPath {
        to: Register,
        object: Register,
        path: u32,
    },
    GetElement {
        to: Register,
        object: Register,
        key: Register,
    },

    Jump(Target),
    // Jumps on a condition: whether it is to hold, the operands, the target.
    JumpIf(bool, Register, Target),
    JumpIfNullish(bool, Register, Target),
    JumpIfDefined(Register, Target),
    JumpEqualConstant(bool, Register, u32, Target),
    // Jumps on a comparison, which is named where the step does not tell all: `>` is `<` in reverse.
    JumpLess(bool, Comparison, Register, Register, Target),
    JumpLessOrEqual(bool, Comparison, Register, Register, Target),
    JumpEqual(bool, Comparison, Register, Register, Target),
    JumpLessInteger(bool, Register, i32, Target),
    JumpLessOrEqualInteger(bool, Register, i32, Target),
    JumpGreaterInteger(bool, Register, i32, Target),
    JumpGreaterOrEqualInteger(bool, Register, i32, Target),
    /// `===`
    JumpEqualInteger(bool, Register, i32, Target),
    /// The next value of an iterator; on to the target where there is one or not, as `when` says.
    IterateNext {
        when: bool,
        to: Register,
        slot: u16,
        target: Target,
    },

    /// The function is in `at`, its arguments behind it; the result replaces it. `counted` is how many
    /// instructions lie before its end.
    Call {
        at: Register,
        arguments: u16,
        counted: u32,
    },
    /// The receiver is in `at`, the arguments behind it.
    CallMethod {
        at: Register,
        arguments: u16,
        key: u32,
    },
    /// The receiver is in `at`, the function behind it, the arguments behind both.
    CallWithReceiver {
        at: Register,
        arguments: u16,
    },
    /// The arguments begin at `at`, where the result goes.
    CallNative {
        at: Register,
        arguments: u16,
        native: u32,
    },
    /// The same with one argument, of a function of one number.
    CallNumber {
        at: Register,
        native: u32,
    },
    Return {
        from: Register,
        counted: u32,
    },
    // Returns what becomes of its operands.
    ReturnAdd {
        left: Register,
        right: Register,
        counted: u32,
    },
    ReturnSubtract {
        left: Register,
        right: Register,
        counted: u32,
    },
    ReturnMultiply {
        left: Register,
        right: Register,
        counted: u32,
    },
    ReturnProperty {
        object: Register,
        key: u32,
        counted: u32,
    },

    /// A throw from here on puts the thrown value into a register and goes on at the target.
    PushHandler {
        register: Register,
        target: Target,
    },
    /// Any other instruction, on operands that stand at their heights.
    Stack {
        instruction: Instruction,
        height: u16,
    },
}

/// Operators whose right side is often a small number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Subtract,
    Multiply,
    Divide,
    Remainder,
    BitAnd,
    BitOr,
    BitXor,
    ShiftLeft,
    ShiftRight,
    ShiftRightUnsigned,
}

/// Comparisons of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    StrictEqual,
    StrictNotEqual,
    Equal,
    NotEqual,
}

impl Steps {
    /// Of a function that is not there: outside of any call.
    pub(crate) const NOTHING: Steps = Steps {
        steps: Vec::new(),
        origins: Vec::new(),
        turns: Vec::new(),
        registers: 0,
        slots: 0,
        parameters: 0,
        has_rest: false,
        paths: Vec::new(),
        index: FunctionIndex(u32::MAX),
    };
}

impl Operator {
    fn of(instruction: Instruction) -> Option<Operator> {
        Some(match instruction {
            Instruction::Subtract => Operator::Subtract,
            Instruction::Multiply => Operator::Multiply,
            Instruction::Divide => Operator::Divide,
            Instruction::Remainder => Operator::Remainder,
            Instruction::BitAnd => Operator::BitAnd,
            Instruction::BitOr => Operator::BitOr,
            Instruction::BitXor => Operator::BitXor,
            Instruction::ShiftLeft => Operator::ShiftLeft,
            Instruction::ShiftRight => Operator::ShiftRight,
            Instruction::ShiftRightUnsigned => Operator::ShiftRightUnsigned,
            _ => return None,
        })
    }

    pub(crate) fn instruction(self) -> Instruction {
        match self {
            Operator::Subtract => Instruction::Subtract,
            Operator::Multiply => Instruction::Multiply,
            Operator::Divide => Instruction::Divide,
            Operator::Remainder => Instruction::Remainder,
            Operator::BitAnd => Instruction::BitAnd,
            Operator::BitOr => Instruction::BitOr,
            Operator::BitXor => Instruction::BitXor,
            Operator::ShiftLeft => Instruction::ShiftLeft,
            Operator::ShiftRight => Instruction::ShiftRight,
            Operator::ShiftRightUnsigned => Instruction::ShiftRightUnsigned,
        }
    }
}

impl Comparison {
    fn of(instruction: Instruction) -> Option<Comparison> {
        Some(match instruction {
            Instruction::Less => Comparison::Less,
            Instruction::LessOrEqual => Comparison::LessOrEqual,
            Instruction::Greater => Comparison::Greater,
            Instruction::GreaterOrEqual => Comparison::GreaterOrEqual,
            Instruction::StrictEqual => Comparison::StrictEqual,
            Instruction::StrictNotEqual => Comparison::StrictNotEqual,
            Instruction::Equal => Comparison::Equal,
            Instruction::NotEqual => Comparison::NotEqual,
            _ => return None,
        })
    }

    pub(crate) fn instruction(self) -> Instruction {
        match self {
            Comparison::Less => Instruction::Less,
            Comparison::LessOrEqual => Instruction::LessOrEqual,
            Comparison::Greater => Instruction::Greater,
            Comparison::GreaterOrEqual => Instruction::GreaterOrEqual,
            Comparison::StrictEqual => Instruction::StrictEqual,
            Comparison::StrictNotEqual => Instruction::StrictNotEqual,
            Comparison::Equal => Instruction::Equal,
            Comparison::NotEqual => Instruction::NotEqual,
        }
    }

    /// Whether it is the opposite of an equality.
    pub(crate) fn is_negated(self) -> bool {
        matches!(self, Comparison::StrictNotEqual | Comparison::NotEqual)
    }

    /// Whether a step that says less has its operands in reverse.
    pub(crate) fn is_reversed(self) -> bool {
        matches!(self, Comparison::Greater | Comparison::GreaterOrEqual)
    }

    /// Of two numbers. Without jumps: which comparison it is cannot be foreseen.
    #[inline(always)]
    pub(crate) fn holds(self, left: f64, right: f64) -> bool {
        const LESS: u8 = 1;
        const EQUAL: u8 = 2;
        const GREATER: u8 = 4;
        const UNORDERED: u8 = 8;
        let wanted = match self {
            Comparison::Less => LESS,
            Comparison::LessOrEqual => LESS | EQUAL,
            Comparison::Greater => GREATER,
            Comparison::GreaterOrEqual => GREATER | EQUAL,
            Comparison::StrictEqual | Comparison::Equal => EQUAL,
            Comparison::StrictNotEqual | Comparison::NotEqual => LESS | GREATER | UNORDERED,
        };
        let (less, equal, greater) = (left < right, left == right, left > right);
        let found = u8::from(less) * LESS
            + u8::from(equal) * EQUAL
            + u8::from(greater) * GREATER
            + u8::from(!(less | equal | greater)) * UNORDERED;
        wanted & found != 0
    }
}

impl Step {
    /// The register that it writes, where it has the choice.
    fn to_mut(&mut self) -> Option<&mut Register> {
        match self {
            Step::Undefined { to }
            | Step::Null { to }
            | Step::Boolean { to, .. }
            | Step::Integer { to, .. }
            | Step::Constant { to, .. }
            | Step::Move { to, .. }
            | Step::GetCapture { to, .. }
            | Step::GetCell { to, .. }
            | Step::GetChecked { to, .. }
            | Step::Add { to, .. }
            | Step::Subtract { to, .. }
            | Step::Multiply { to, .. }
            | Step::Divide { to, .. }
            | Step::Remainder { to, .. }
            | Step::BitAnd { to, .. }
            | Step::BitOr { to, .. }
            | Step::Arithmetic(_, to, ..)
            | Step::AddInteger { to, .. }
            | Step::SubtractInteger { to, .. }
            | Step::MultiplyInteger { to, .. }
            | Step::DivideInteger { to, .. }
            | Step::RemainderInteger { to, .. }
            | Step::BitAndInteger { to, .. }
            | Step::BitOrInteger { to, .. }
            | Step::ArithmeticInteger(_, to, ..)
            | Step::Increment { to, .. }
            | Step::Decrement { to, .. }
            | Step::Text { to, .. }
            | Step::Not { to, .. }
            | Step::Compare(_, to, ..)
            | Step::CompareInteger(_, to, ..)
            | Step::EqualConstant(_, to, ..)
            | Step::PropertyEqual(_, to, ..)
            | Step::IterateNext { to, .. }
            | Step::GetProperty { to, .. }
            | Step::GetPath { to, .. }
            | Step::GetElement { to, .. } => Some(to),
            _ => None,
        }
    }

    /// A return of what it writes to a register, where there is a step for that.
    fn returned(self, from: Register, counted: u32) -> Option<Step> {
        Some(match self {
            Step::Add { to, left, right } if to == from => Step::ReturnAdd {
                left,
                right,
                counted,
            },
            Step::Subtract { to, left, right } if to == from => Step::ReturnSubtract {
                left,
                right,
                counted,
            },
            Step::Multiply { to, left, right } if to == from => Step::ReturnMultiply {
                left,
                right,
                counted,
            },
            Step::GetProperty { to, object, key } if to == from => Step::ReturnProperty {
                object,
                key,
                counted,
            },
            _ => return None,
        })
    }

    /// Whether it neither turns the flow nor calls.
    fn is_plain(self) -> bool {
        !matches!(
            self,
            Step::Call { .. }
                | Step::CallMethod { .. }
                | Step::CallWithReceiver { .. }
                | Step::CallNative { .. }
                | Step::CallNumber { .. }
                | Step::Return { .. }
                | Step::ReturnAdd { .. }
                | Step::ReturnSubtract { .. }
                | Step::ReturnMultiply { .. }
                | Step::ReturnProperty { .. }
                | Step::PushHandler { .. }
                | Step::Stack { .. }
        )
    }

    /// The same jump on the opposite condition; nothing where it always jumps, or never.
    fn inverted(mut self) -> Option<Step> {
        match &mut self {
            Step::JumpIf(when, ..)
            | Step::JumpIfNullish(when, ..)
            | Step::JumpEqualConstant(when, ..)
            | Step::JumpLess(when, ..)
            | Step::JumpLessOrEqual(when, ..)
            | Step::JumpEqual(when, ..)
            | Step::JumpLessInteger(when, ..)
            | Step::JumpLessOrEqualInteger(when, ..)
            | Step::JumpGreaterInteger(when, ..)
            | Step::JumpGreaterOrEqualInteger(when, ..)
            | Step::JumpEqualInteger(when, ..)
            | Step::IterateNext { when, .. } => *when = !*when,
            _ => return None,
        }
        Some(self)
    }

    /// Where it may jump to.
    fn target_mut(&mut self) -> Option<&mut Target> {
        match self {
            Step::Jump(target)
            | Step::JumpIf(.., target)
            | Step::JumpIfNullish(.., target)
            | Step::JumpIfDefined(.., target)
            | Step::JumpEqualConstant(.., target)
            | Step::JumpLess(.., target)
            | Step::JumpLessOrEqual(.., target)
            | Step::JumpEqual(.., target)
            | Step::JumpLessInteger(.., target)
            | Step::JumpLessOrEqualInteger(.., target)
            | Step::JumpGreaterInteger(.., target)
            | Step::JumpGreaterOrEqualInteger(.., target)
            | Step::JumpEqualInteger(.., target)
            | Step::IterateNext { target, .. }
            | Step::PushHandler { target, .. } => Some(target),
            _ => None,
        }
    }
}

impl Target {
    /// An instruction, until it is known which step it begins.
    fn instruction(at: u32) -> Target {
        Target {
            step: at,
            skipped: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_take_16_bytes() {
        assert_eq!(std::mem::size_of::<Step>(), 16);
    }
}
