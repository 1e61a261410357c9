//! Built-in functions: the table of natives, and how they are found by name.
//!
//! Before: the compiler, which turns names into entries of the table; the machine, which calls them.
//! After: one file per family. Guarantees: names are stable and stand in programs; a native is a
//! plain function over the machine, metered by it, and never panics.
//!
//! Names: `parseInt` (global function), `Math.floor` (function of a namespace or constructor),
//! `Array.prototype.map` (method), `new Map` (constructor), `String` (a constructor as function).

mod array;
mod boolean;
mod clone;
mod console;
mod date;
mod errors;
mod functions;
mod json;
mod keyed;
mod math;
mod number;
mod object;
mod regexp;
mod string;
mod support;
mod uri;

pub(crate) use date::date_text;
pub(crate) use math::of_one_number;
pub(crate) use regexp::{expression_part, expression_text};

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::error::Trap;
use crate::machine::Machine;
use crate::text::Text;
use crate::value::Value;

/// A built-in: receives the receiver (`undefined` where there is none) and the arguments.
pub type NativeFunction =
    for<'p> fn(&mut Machine<'p>, &Value<'p>, &[Value<'p>]) -> Result<Value<'p>, Trap>;

/// One entry of the table.
#[derive(Debug)]
pub struct Native {
    /// Stable name.
    pub name: &'static str,
    /// Its `length`.
    pub length: u8,
    /// What it does.
    pub run: NativeFunction,
    /// Whether it may be given build-stage values (commands, refs, …), as array methods may: it
    /// moves them without looking inside. Where not, the machine refuses them before the call.
    pub takes_host: bool,
}

/// A constant of a namespace, for example `Math.PI`.
#[derive(Debug)]
pub struct Constant {
    /// Stable name.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
}

/// One family of built-ins: a file of this folder.
#[derive(Debug)]
pub struct Family {
    /// Functions.
    pub natives: &'static [Native],
    /// Constants.
    pub constants: &'static [Constant],
}

/// Index into the table of this binary. Not stable: programs hold names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NativeIndex(pub u64);

/// The built-in prototypes that methods are looked up in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prototype {
    /// Of every object.
    Object,
    /// Of functions.
    Function,
    /// Of arrays.
    Array,
    /// Of texts.
    String,
    /// Of numbers.
    Number,
    /// Of booleans.
    Boolean,
    /// Of errors.
    Error,
    /// Of `Map`.
    Map,
    /// Of `Set`.
    Set,
    /// Of `Date`.
    Date,
    /// Of regular expressions.
    RegExp,
    /// Of iterators.
    Iterator,
}

/// The method of one name of each prototype.
#[derive(Clone, Copy, Debug, Default)]
pub struct Methods([Option<NativeIndex>; Prototype::ALL.len()]);

/// All families, by folder. A new file of this folder is added here.
static FAMILIES: &[&[&Family]] = &[
    &array::FAMILIES,
    &date::FAMILIES,
    &keyed::FAMILIES,
    &number::FAMILIES,
    &object::FAMILIES,
    &regexp::FAMILIES,
    &string::FAMILIES,
    &[
        &boolean::FAMILY,
        &clone::FAMILY,
        &console::FAMILY,
        &errors::FAMILY,
        &functions::FAMILY,
        &json::FAMILY,
        &math::FAMILY,
        &math::OF_ONE_NUMBER,
        &uri::FAMILY,
    ],
];

static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::new);

struct Registry {
    natives: Vec<&'static Native>,
    /// Indices of `natives`, sorted by name.
    by_name: Vec<u16>,
    constants: Vec<&'static Constant>,
    /// From the name of a method to that of each prototype.
    methods: BTreeMap<&'static str, Methods>,
}

impl Registry {
    fn new() -> Registry {
        let families = || FAMILIES.iter().copied().flatten();
        let natives: Vec<&'static Native> = families().flat_map(|family| family.natives).collect();
        let mut by_name: Vec<u16> = (0..natives.len() as u16).collect();
        by_name.sort_by_key(|at| natives[*at as usize].name);
        let constants = families().flat_map(|family| family.constants).collect();
        Registry {
            methods: methods(&natives),
            natives,
            by_name,
            constants,
        }
    }
}

fn methods(natives: &[&'static Native]) -> BTreeMap<&'static str, Methods> {
    let mut methods: BTreeMap<&'static str, Methods> = BTreeMap::new();
    for (index, native) in natives.iter().enumerate() {
        let Some((class, name)) = native.name.split_once(".prototype.") else {
            continue;
        };
        let at = Prototype::ALL.iter().position(|it| it.name() == class);
        if let Some(at) = at {
            methods.entry(name).or_default().0[at] = Some(NativeIndex(index as u64));
        }
    }
    methods
}

impl Prototype {
    /// All prototypes, in the order of the enum.
    pub const ALL: [Prototype; 12] = [
        Prototype::Object,
        Prototype::Function,
        Prototype::Array,
        Prototype::String,
        Prototype::Number,
        Prototype::Boolean,
        Prototype::Error,
        Prototype::Map,
        Prototype::Set,
        Prototype::Date,
        Prototype::RegExp,
        Prototype::Iterator,
    ];

    /// Its name in scripts.
    pub fn name(self) -> &'static str {
        match self {
            Prototype::Object => "Object",
            Prototype::Function => "Function",
            Prototype::Array => "Array",
            Prototype::String => "String",
            Prototype::Number => "Number",
            Prototype::Boolean => "Boolean",
            Prototype::Error => "Error",
            Prototype::Map => "Map",
            Prototype::Set => "Set",
            Prototype::Date => "Date",
            Prototype::RegExp => "RegExp",
            Prototype::Iterator => "Iterator",
        }
    }
}

impl Methods {
    /// Finds the methods of a name.
    pub fn of(name: &Text) -> Methods {
        let Some(name) = name.as_ascii() else {
            return Methods::default();
        };
        REGISTRY.methods.get(name).copied().unwrap_or_default()
    }

    /// The method of a prototype, or else of every object.
    pub fn get(&self, prototype: Prototype) -> Option<NativeIndex> {
        self.0[prototype as usize].or(self.0[Prototype::Object as usize])
    }
}

/// Finds a built-in by its stable name.
pub fn find(name: &str) -> Option<NativeIndex> {
    let registry = &*REGISTRY;
    let found = registry
        .by_name
        .binary_search_by_key(&name, |at| registry.natives[*at as usize].name)
        .ok()?;
    Some(NativeIndex(u64::from(registry.by_name[found])))
}

/// The built-in at an index that `find` gave.
pub fn native(index: NativeIndex) -> &'static Native {
    REGISTRY.natives[index.0 as usize]
}

/// Finds a constant by its stable name.
pub fn constant(name: &str) -> Option<f64> {
    REGISTRY
        .constants
        .iter()
        .find(|constant| constant.name == name)
        .map(|constant| constant.value)
}

/// All names that are functions or constants, for guesses.
pub fn names() -> impl Iterator<Item = &'static str> {
    REGISTRY
        .natives
        .iter()
        .map(|native| native.name)
        .chain(REGISTRY.constants.iter().map(|constant| constant.name))
}

#[cfg(test)]
mod tests;
