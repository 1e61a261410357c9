//! What commands are given: constants, handles, addresses, and refs that read them.

use serde_json::Value;

use super::expression::Expr;

/// A state, a received message, a child or an item of a list, while its block is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle(pub(super) u32);

/// A loop that is open: what leaves it or begins it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loop(pub(super) u32);

/// A sequence that is open: what leaves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sequence(pub(super) u32);

/// What a command is given: a constant, or something that is known only in a running worker.
#[derive(Clone, Debug, PartialEq)]
pub struct Operand(pub(super) Kind);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Constant(Value),
    Handle(u32),
    /// `self`
    Myself,
    /// `outbox` or `config`
    Helper(&'static str),
    /// A name that the script need not say more of.
    Service(String),
    Instance(String, Box<Operand>),
    Sender(u32),
    /// The result of a reactive function, as a source.
    Value(String, Vec<Operand>),
    /// A state that has a name, as a source.
    StateOf(Box<Operand>, String),
    /// Sources, parameters, and what is computed from them.
    Read(Box<Operand>, u32, Expr),
    Compute(Vec<Operand>, Vec<u32>, Expr),
    /// A literal with such parts.
    Object(Vec<(String, Operand)>),
    List(Vec<Operand>),
}

/// The address of a worker or service by its name.
pub fn service(name: &str) -> Operand {
    Operand(Kind::Service(name.to_owned()))
}

/// The address of an instance: `NAME/KEY`.
pub fn instance(name: &str, key: impl Into<Operand>) -> Operand {
    Operand(Kind::Instance(name.to_owned(), Box::new(key.into())))
}

impl Operand {
    /// An object whose parts may be known only in a running worker.
    pub fn object<const N: usize>(parts: [(&str, Operand); N]) -> Operand {
        let parts = parts
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        Operand(Kind::Object(parts.collect()))
    }

    /// A list of such parts.
    pub fn list(items: impl IntoIterator<Item = Operand>) -> Operand {
        Operand(Kind::List(items.into_iter().collect()))
    }
}

impl From<Handle> for Operand {
    fn from(handle: Handle) -> Operand {
        Operand(Kind::Handle(handle.0))
    }
}

macro_rules! constants {
    ($($kind:ty),*) => {
        $(impl From<$kind> for Operand {
            fn from(value: $kind) -> Operand {
                Operand(Kind::Constant(Value::from(value)))
            }
        })*
    };
}

constants!(i32, u32, f64, bool, &str, String, Value);
