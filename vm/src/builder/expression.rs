//! Expressions as data: what functions of the run stage compute from their parameters.
//!
//! Parameters come from the builder; literals, arithmetic, comparison, fields, objects, lists, conditions and
//! calls of the language's built-ins put them together. An expression has the value that its script has.

use std::ops::{Add, Div, Mul, Neg, Not, Rem, Sub};
use std::rc::Rc;

use serde_json::Value;

/// An expression; cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr(pub(super) Rc<Node>);

#[derive(Debug, PartialEq)]
pub(super) enum Node {
    /// JSON.
    Literal(Value),
    /// A double that JSON has no text for, or `undefined`.
    Name(&'static str),
    /// A parameter of a function.
    Variable(u32),
    /// A built-in by its name, as `Math.max`.
    Global(String),
    Field(Expr, String),
    Item(Expr, Expr),
    Unary(&'static str, Expr),
    Binary(&'static str, Expr, Expr),
    Choose(Expr, Expr, Expr),
    List(Vec<Expr>),
    Object(Vec<Part>),
    Call(Expr, Vec<Expr>),
    /// The parameter of an arrow: each is the one of its own allocation.
    Local,
    /// A function of one parameter, inside an expression.
    Arrow(Expr, Expr),
}

/// A part of an object literal.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Part {
    Property(String, Expr),
    Spread(Expr),
}

/// An object literal.
///
/// ```
/// use vm::builder::{Expr, Object};
/// let object: Expr = Object::new().set("type", "hello").set("count", 2).into();
/// assert_eq!(object.to_string(), r#"{ type: "hello", count: 2 }"#);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object {
    parts: Vec<Part>,
}

impl Object {
    /// `{}`
    pub fn new() -> Object {
        Object::default()
    }

    /// Adds a property, or replaces it.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<Expr>) -> Object {
        self.parts
            .push(Part::Property(name.to_owned(), value.into()));
        self
    }

    /// Adds all properties of another object: `...other`.
    #[must_use]
    pub fn spread(mut self, other: impl Into<Expr>) -> Object {
        self.parts.push(Part::Spread(other.into()));
        self
    }
}

/// A list: `[a, b]`.
pub fn list(items: impl IntoIterator<Item = impl Into<Expr>>) -> Expr {
    Expr::of(Node::List(items.into_iter().map(Into::into).collect()))
}

/// Calls a built-in by its name: `apply("Math.max", [a, b])`, `apply("Date.now", [])`.
pub fn apply<const N: usize>(name: &str, arguments: [Expr; N]) -> Expr {
    global(name).apply(arguments)
}

/// A built-in by its name: `Math.PI`.
pub fn global(name: &str) -> Expr {
    Expr::of(Node::Global(name.to_owned()))
}

macro_rules! binary {
    ($($(#[$doc:meta])* $name:ident = $sign:literal;)*) => {
        $($(#[$doc])* pub fn $name(&self, other: impl Into<Expr>) -> Expr {
            Expr::of(Node::Binary($sign, self.clone(), other.into()))
        })*
    };
}

impl Expr {
    pub(super) fn of(node: Node) -> Expr {
        Expr(Rc::new(node))
    }

    /// `undefined`
    pub fn undefined() -> Expr {
        Expr::of(Node::Name("undefined"))
    }

    /// A property: `m.amount`.
    pub fn field(&self, name: &str) -> Expr {
        Expr::of(Node::Field(self.clone(), name.to_owned()))
    }

    /// A property or item whose name is computed: `m[key]`.
    pub fn item(&self, key: impl Into<Expr>) -> Expr {
        Expr::of(Node::Item(self.clone(), key.into()))
    }

    binary! {
        /// `===`
        equals = "===";
        /// `!==`
        differs = "!==";
        /// `<`
        less_than = "<";
        /// `<=`
        at_most = "<=";
        /// `>`
        greater_than = ">";
        /// `>=`
        at_least = ">=";
        /// `&&`
        and = "&&";
        /// `||`
        or = "||";
        /// `??`: the other where this is `undefined` or `null`.
        or_else = "??";
    }

    /// `this ? yes : no`
    pub fn choose(&self, yes: impl Into<Expr>, no: impl Into<Expr>) -> Expr {
        Expr::of(Node::Choose(self.clone(), yes.into(), no.into()))
    }

    /// Calls a method: `text.method("slice", [0.into(), 5.into()])`.
    pub fn method<const N: usize>(&self, name: &str, arguments: [Expr; N]) -> Expr {
        self.field(name).apply(arguments)
    }

    /// Calls a method with a function of one parameter: `items.each("filter", |item| …)`, and so `map`, `some`,
    /// `find`.
    pub fn each(&self, name: &str, function: impl FnOnce(Expr) -> Expr) -> Expr {
        let parameter = Expr::of(Node::Local);
        let body = function(parameter.clone());
        self.method(name, [Expr::of(Node::Arrow(parameter, body))])
    }

    fn apply<const N: usize>(&self, arguments: [Expr; N]) -> Expr {
        Expr::of(Node::Call(self.clone(), arguments.into()))
    }
}

impl From<Object> for Expr {
    fn from(object: Object) -> Expr {
        Expr::of(Node::Object(object.parts))
    }
}

impl From<&Expr> for Expr {
    fn from(expr: &Expr) -> Expr {
        expr.clone()
    }
}

impl From<f64> for Expr {
    fn from(number: f64) -> Expr {
        match serde_json::Number::from_f64(number) {
            Some(number) => Expr::of(Node::Literal(Value::Number(number))),
            None if number.is_nan() => Expr::of(Node::Name("NaN")),
            None if number > 0.0 => Expr::of(Node::Name("Infinity")),
            None => Expr::of(Node::Unary("-", Expr::of(Node::Name("Infinity")))),
        }
    }
}

macro_rules! literals {
    ($($kind:ty),*) => {
        $(impl From<$kind> for Expr {
            fn from(value: $kind) -> Expr {
                Expr::of(Node::Literal(Value::from(value)))
            }
        })*
    };
}

literals!(i32, u32, bool, &str, String, Value);

macro_rules! operators {
    ($($kind:ident $method:ident $sign:literal;)*) => {
        $(impl<T: Into<Expr>> $kind<T> for Expr {
            type Output = Expr;
            fn $method(self, other: T) -> Expr {
                Expr::of(Node::Binary($sign, self, other.into()))
            }
        }
        impl<T: Into<Expr>> $kind<T> for &Expr {
            type Output = Expr;
            fn $method(self, other: T) -> Expr {
                Expr::of(Node::Binary($sign, self.clone(), other.into()))
            }
        })*
    };
}

operators! {
    Add add "+";
    Sub sub "-";
    Mul mul "*";
    Div div "/";
    Rem rem "%";
}

impl Neg for Expr {
    type Output = Expr;

    fn neg(self) -> Expr {
        Expr::of(Node::Unary("-", self))
    }
}

impl Not for Expr {
    type Output = Expr;

    fn not(self) -> Expr {
        Expr::of(Node::Unary("!", self))
    }
}
