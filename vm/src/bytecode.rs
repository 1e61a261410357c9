//! The code of the expression level: instructions, functions, tables.
//!
//! Before: the compiler, or a decoded program that `verify` accepted. After: the machine.
//! Guarantees: plain data, serialisable, eight bytes an instruction; names of built-ins stand in it
//! as text, so that a program outlives the numbering of a binary.

use serde::{Deserialize, Serialize};

use crate::builtins::{self, NativeIndex};
use crate::data::{Data, Guess, PropertyTable};
use crate::source::{Sources, Span};
use crate::steps::{self, Steps};
use crate::text::Text;
use crate::value::Value;
use crate::verify;

/// Index of a function of the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FunctionIndex(pub u32);

/// Everything that a module compiles to, apart from its workers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Code {
    /// The scripts, for stacks and diagnostics.
    pub sources: Sources,
    /// All functions; the first is the module itself.
    pub functions: Vec<Function>,
    /// Constants: numbers, texts, addresses.
    pub constants: Vec<Data>,
    /// Property keys and names.
    pub keys: Vec<Text>,
    /// Names of the built-ins that are called or read, for example `Math.floor`.
    pub natives: Vec<String>,
    /// Names of the language that the host gives a value, for example `sequence`.
    pub ambients: Vec<Text>,
    /// Key lists of object literals.
    pub templates: Vec<Vec<u32>>,
    /// What the variables hold that functions of the run stage captured: filled at the end of the
    /// build stage, read by `Capture::Cell`.
    pub cells: Vec<Data>,
    /// Made from the tables above when the code is made or read.
    #[serde(skip)]
    pub(crate) links: Links,
}

/// A built-in of one number, as `Math.floor` is.
pub(crate) type OfOneNumber = fn(f64) -> f64;

/// What the tables of a code mean in this binary.
#[derive(Clone, Debug, Default)]
pub struct Links {
    /// The built-in of each entry of `natives`.
    pub(crate) natives: Vec<NativeIndex>,
    /// What they are where they are functions of one number.
    pub(crate) of_one_number: Vec<Option<OfOneNumber>>,
    /// Whether the keys of each template differ and are no indices.
    pub(crate) plain_templates: Vec<bool>,
    /// For each key, the method of that name of each built-in prototype.
    pub(crate) methods: Vec<builtins::Methods>,
    /// The keys, and where they were found last.
    pub(crate) names: Vec<(Text, Guess)>,
    /// The key `length`.
    pub(crate) length: Option<u32>,
    /// The functions in the form in which they run.
    pub(crate) steps: Vec<Steps>,
}

/// One function.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Function {
    /// For stacks and for `name`; empty where it has none.
    pub name: Text,
    /// The text of the function.
    pub span: Span,
    /// How many slots the arguments fill, without the rest parameter.
    pub parameters: u16,
    /// Whether the slot behind the parameters takes the rest of the arguments as an array.
    pub has_rest: bool,
    /// The parameters before the first that has a default.
    pub length: u16,
    /// How many slots there are, parameters included.
    pub slots: u16,
    /// Operands that its instructions keep at most, above its slots.
    pub stack_max: u16,
    /// Where each captured variable comes from when a closure is made.
    pub captures: Vec<CaptureSource>,
    /// Places that assign a captured variable: its index and where.
    pub assigned_captures: Vec<(u16, Span)>,
    /// Whether its body is nothing but another function (`a => b => …`).
    pub returns_function: bool,
    /// Its code.
    pub instructions: Vec<Instruction>,
    /// Where instructions stand in the source: from which instruction on, ascending.
    pub places: Vec<(u32, Span)>,
}

/// Where a captured variable comes from when a closure is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CaptureSource {
    /// A slot of the function that makes the closure; what it holds (a cell, or a value that never
    /// changes again) is taken.
    Slot(u16),
    /// One of its own captured variables.
    Capture(u16),
}

/// An instruction. Operands come from the stack, results go there. Stack pictures in the comments
/// show the top at the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Instruction {
    // Constants and the stack.
    /// `→ undefined`
    Undefined,
    /// `→ null`
    Null,
    /// `→ true`
    True,
    /// `→ false`
    False,
    /// `→ number`
    Integer(i32),
    /// `→ constant`
    Constant(u32),
    /// `→ built-in`
    Native(u32),
    /// `→ value`, as the host gives it for a name of the language.
    Ambient(u32),
    /// `→ value`, as the host gives it for the handle shorthand of that name.
    Shorthand(u32),
    /// `a →`
    Pop,
    /// `a → a a`
    Duplicate,
    /// `a b → a b a b`
    DuplicatePair,
    /// `a b → b a`
    Swap,

    // Variables.
    /// `→ value` of a slot that is known to be initialised.
    GetSlot(u16),
    /// `→ value`; throws where the declaration has not run. The key is the name.
    GetSlotChecked {
        /// Which slot.
        slot: u16,
        /// Its name.
        name: u32,
    },
    /// `a →`
    SetSlot(u16),
    /// `a → a`
    TeeSlot(u16),
    /// `a →`; throws where the declaration has not run.
    SetSlotChecked {
        /// Which slot.
        slot: u16,
        /// Its name.
        name: u32,
    },
    /// Marks a slot as not yet declared.
    ClearSlot(u16),
    /// Puts a new cell with the slot's value into the slot.
    MakeCell(u16),
    /// Puts a new, not yet declared cell into the slot.
    ClearCell(u16),
    /// Puts a new cell with the value of the slot's cell into the slot: the next round of a loop.
    RenewCell(u16),
    /// `→ value` of the cell in a slot; throws where the declaration has not run.
    GetCell {
        /// Which slot.
        slot: u16,
        /// Its name.
        name: u32,
    },
    /// `a →` into the cell of a slot; throws where the declaration has not run.
    SetCell {
        /// Which slot.
        slot: u16,
        /// Its name.
        name: u32,
    },
    /// `a →` into the cell of a slot, as its declaration.
    InitCell(u16),
    /// `→ value` of a captured variable.
    GetCapture {
        /// Which one.
        capture: u16,
        /// Its name.
        name: u32,
    },
    /// `a →` into a captured variable.
    SetCapture {
        /// Which one.
        capture: u16,
        /// Its name.
        name: u32,
    },
    /// `→ closure`
    Closure(u32),
    /// `→ function` that runs.
    Callee,

    // Properties.
    /// `→ value` of a property of what an initialised slot holds.
    GetSlotProperty {
        /// Which slot.
        slot: u16,
        /// Name of the property.
        key: u32,
    },
    /// `object → value`
    GetProperty(u32),
    /// `object → object value`, to call it with the object as receiver.
    GetMethod(u32),
    /// `object key → value`
    GetElement,
    /// `object key → object value`
    GetElementMethod,
    /// `object value → value`
    SetProperty(u32),
    /// `object key value → value`
    SetElement,
    /// `object → boolean`
    DeleteProperty(u32),
    /// `object key → boolean`
    DeleteElement,
    /// `key object → boolean`
    In,
    /// `value → boolean`: the class is a built-in, by its name among the keys.
    InstanceOf(u32),
    /// `→ object`
    NewObject,
    /// `values… → object`, with the keys of a template.
    ObjectLiteral(u32),
    /// `object value → object`
    DefineProperty(u32),
    /// `object key value → object`
    DefineElement,
    /// `object source → object`
    SpreadObject,
    /// `source keys… → object` with the properties of the source but those.
    ObjectRest(u16),
    /// `object → object`; throws where it is `undefined` or `null`.
    RequireObject,
    /// `items… → array`
    NewArray(u32),
    /// `array value → array`
    ArrayPush,
    /// `array iterable → array`
    ArraySpread,
    /// `key → key`, as a text or number that can be used twice.
    ToPropertyKey,

    // Calls.
    /// `function arguments… → result`
    Call(u16),
    /// `receiver arguments… → result`
    CallMethod {
        /// How many.
        arguments: u16,
        /// Name of the method.
        key: u32,
    },
    /// `receiver function arguments… → result`
    CallWithReceiver(u16),
    /// `arguments… → result`
    CallNative {
        /// How many.
        arguments: u16,
        /// Which built-in.
        native: u32,
    },
    /// `function array → result`
    CallSpread,
    /// `receiver function array → result`
    CallWithReceiverSpread,
    /// `value →`, and the function ends.
    Return,

    // Jumps.
    /// Goes on elsewhere.
    Jump(u32),
    /// `a →`
    JumpIfFalse(u32),
    /// `a →`
    JumpIfTrue(u32),
    /// `a → a` and jumps, or `a →`
    JumpIfFalseKeep(u32),
    /// `a → a` and jumps, or `a →`
    JumpIfTrueKeep(u32),
    /// `a → a` and jumps where it is neither `undefined` nor `null`, else `a →`
    JumpIfNotNullishKeep(u32),
    /// `a → a` and jumps where it is not `undefined`, else `a →`
    JumpIfDefinedKeep(u32),
    /// `a →` and jumps where it is `undefined` or `null`, else `a → a`
    JumpIfNullish(u32),

    // Operators.
    /// `a b → a + b`
    Add,
    /// `a b → a - b`
    Subtract,
    /// `a b → a * b`
    Multiply,
    /// `a b → a / b`
    Divide,
    /// `a b → a % b`
    Remainder,
    /// `a b → a ** b`
    Power,
    /// `a b → a & b`
    BitAnd,
    /// `a b → a | b`
    BitOr,
    /// `a b → a ^ b`
    BitXor,
    /// `a b → a << b`
    ShiftLeft,
    /// `a b → a >> b`
    ShiftRight,
    /// `a b → a >>> b`
    ShiftRightUnsigned,
    /// `a b → a === b`
    StrictEqual,
    /// `a b → a !== b`
    StrictNotEqual,
    /// `a → a === constant`
    StrictEqualConstant(u32),
    /// `a → a !== constant`
    StrictNotEqualConstant(u32),
    /// `a b → a == b`
    Equal,
    /// `a b → a != b`
    NotEqual,
    /// `a b → a < b`
    Less,
    /// `a b → a <= b`
    LessOrEqual,
    /// `a b → a > b`
    Greater,
    /// `a b → a >= b`
    GreaterOrEqual,
    /// `a → -a`
    Negate,
    /// `a → +a`
    ToNumber,
    /// `a → a + 1`
    Increment,
    /// `a → a - 1`
    Decrement,
    /// Adds 1 to what an initialised slot holds.
    IncrementSlot(u16),
    /// `a → a + number`
    AddInteger(i32),
    /// `a → !a`
    Not,
    /// `a → ~a`
    BitNot,
    /// `a → typeof a`
    TypeOf,
    /// `parts… → text`
    Template(u16),

    // Iteration. Iterators live in slots.
    /// `iterable → iterator`
    Iterate,
    /// `object → iterator` over its keys
    IterateKeys,
    /// `→ value`, or jumps where there is none.
    IterateNext {
        /// Slot of the iterator.
        slot: u16,
        /// Where to go on when it is at its end.
        target: u32,
    },
    /// `→ value`, `undefined` where there is none.
    IterateNextOrUndefined(u16),
    /// `→ array` of what is left.
    IterateRest(u16),

    // Errors.
    /// `value →`, thrown.
    Throw,
    /// Until `PopHandler`, a throw goes on at the target with the thrown value on the stack.
    PushHandler(u32),
    /// Ends the innermost handler.
    PopHandler,
}

impl Code {
    /// Whether a call of a built-in is one of a function of one number.
    pub(crate) fn is_of_one_number(&self, native: u32, arguments: u16) -> bool {
        let known = self.links.of_one_number.get(native as usize);
        arguments == 1 && matches!(known, Some(Some(_)))
    }

    /// A constant as a value.
    #[inline(always)]
    pub(crate) fn constant(&self, constant: u32) -> Value<'_> {
        Value::of(&self.constants[constant as usize])
    }

    /// Whether keys differ and are no indices: then an object has them in their order.
    fn is_plain(&self, keys: &[u32]) -> bool {
        let name = |key: &u32| self.keys.get(*key as usize);
        let differs = |at: usize| !keys[..at].iter().any(|key| name(key) == name(&keys[at]));
        let is_name = |key: &u32| name(key).is_some_and(|name| name.array_index().is_none());
        (0..keys.len()).all(differs) && keys.iter().all(is_name)
    }

    /// Looks up the tables in this binary and brings the functions into the form in which they run.
    /// To be called once the code is verified, before it runs; fails with the name of a built-in that
    /// this binary does not have.
    pub fn link(&mut self) -> Result<(), String> {
        let natives = self
            .natives
            .iter()
            .map(|name| builtins::find(name).ok_or_else(|| name.clone()));
        self.links.natives = natives.collect::<Result<_, _>>()?;
        let of_one_number = self.natives.iter();
        let of_one_number = of_one_number.map(|name| builtins::of_one_number(name));
        self.links.of_one_number = of_one_number.collect();
        let plain = self.templates.iter().map(|keys| self.is_plain(keys));
        self.links.plain_templates = plain.collect();
        self.links.methods = self.keys.iter().map(builtins::Methods::of).collect();
        let names = self.keys.iter().cloned();
        self.links.names = names.map(|name| (name, Guess::default())).collect();
        let length = self.keys.iter().position(|key| *key == *"length");
        self.links.length = length.map(|at| at as u32);
        let steps = (0..self.functions.len() as u32).map(|index| {
            let heights = verify::heights(self, index);
            let heights = heights.expect("linked code is verified");
            steps::translate(self, FunctionIndex(index), &heights)
        });
        self.links.steps = steps.collect();
        Ok(())
    }

    /// The property of a table that a key of this code names.
    #[inline(always)]
    pub(crate) fn property<'t, V: Clone>(
        &self,
        table: &'t PropertyTable<V>,
        key: u32,
    ) -> Option<&'t V> {
        let (name, guess) = &self.links.names[key as usize];
        table.get_near(name, guess)
    }

    /// The function at an index. The index comes from this code.
    pub fn function(&self, index: FunctionIndex) -> &Function {
        &self.functions[index.0 as usize]
    }
}

impl Instruction {
    /// Where it may jump to.
    pub fn target(&self) -> Option<u32> {
        match self {
            Instruction::Jump(target)
            | Instruction::JumpIfFalse(target)
            | Instruction::JumpIfTrue(target)
            | Instruction::JumpIfFalseKeep(target)
            | Instruction::JumpIfTrueKeep(target)
            | Instruction::JumpIfNotNullishKeep(target)
            | Instruction::JumpIfDefinedKeep(target)
            | Instruction::JumpIfNullish(target)
            | Instruction::PushHandler(target)
            | Instruction::IterateNext { target, .. } => Some(*target),
            _ => None,
        }
    }

    /// Sets where it may jump to; nothing where it does not jump.
    pub fn set_target(&mut self, to: u32) {
        match self {
            Instruction::Jump(target)
            | Instruction::JumpIfFalse(target)
            | Instruction::JumpIfTrue(target)
            | Instruction::JumpIfFalseKeep(target)
            | Instruction::JumpIfTrueKeep(target)
            | Instruction::JumpIfNotNullishKeep(target)
            | Instruction::JumpIfDefinedKeep(target)
            | Instruction::JumpIfNullish(target)
            | Instruction::PushHandler(target)
            | Instruction::IterateNext { target, .. } => *target = to,
            _ => {}
        }
    }
}

impl Function {
    /// The place in the source of an instruction.
    pub fn place(&self, instruction: u32) -> Span {
        let behind = self
            .places
            .partition_point(|(from, _)| *from <= instruction);
        behind
            .checked_sub(1)
            .map_or(self.span, |at| self.places[at].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_take_eight_bytes() {
        assert_eq!(std::mem::size_of::<Instruction>(), 8);
    }
}
