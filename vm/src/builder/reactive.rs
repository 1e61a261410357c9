//! Reactive functions, and the sources that a worker waits for.

use super::expression::{Expr, Node};
use super::operand::{Kind, Operand};
use super::print::is_worker_name;

/// A function of sources, which is computed again when one of them changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Reactive {
    pub(super) name: String,
    pub(super) parameters: Vec<u32>,
    pub(super) body: Expr,
}

/// What a reactive function reads.
#[derive(Debug)]
pub struct Reader(());

/// A source that a worker waits for: see [`Worker::wait_for_value`](super::Worker::wait_for_value).
#[derive(Clone, Debug, PartialEq)]
pub struct Source(pub(super) Operand);

/// A reactive function: `name` is what it is read by, the function computes it from its arguments and sources.
pub fn reactive<const N: usize, T: Into<Expr>>(
    name: &str,
    body: impl FnOnce(&Reader, [Expr; N]) -> T,
) -> Reactive {
    let mut number = 0;
    let parameters = [(); N].map(|()| {
        number += 1;
        number
    });
    let arguments = parameters.map(|number| Expr::of(Node::Variable(number)));
    Reactive {
        name: name.to_owned(),
        parameters: parameters.to_vec(),
        body: body(&Reader(()), arguments).into(),
    }
}

/// The result of a reactive function, of this module or another: `Exposure("ann")`.
pub fn value_of<const N: usize>(name: &str, arguments: [Operand; N]) -> Source {
    Source(Operand(Kind::Value(name.to_owned(), arguments.into())))
}

/// The state that a worker has named, `undefined` where there is none: `stateOf(worker("Account", id), "balance")`.
pub fn state_of(of: impl Into<Operand>, name: &str) -> Source {
    Source(Operand(Kind::StateOf(Box::new(of.into()), name.to_owned())))
}

impl Reader {
    /// The state that the instance of a key has named, `undefined` where there is none.
    pub fn state_of(&self, worker: &str, key: impl Into<Expr>, name: &str) -> Expr {
        let address = call(global("worker"), vec![worker.into(), key.into()]);
        get("stateOf", vec![address, name.into()])
    }

    /// The same of a worker without keys.
    pub fn state_of_one(&self, worker: &str, name: &str) -> Expr {
        get("stateOf", vec![named(worker), name.into()])
    }

    /// The result of another reactive function, of this module or another.
    pub fn value_of<const N: usize>(&self, name: &str, arguments: [Expr; N]) -> Expr {
        call(global("get"), vec![call(named(name), arguments.into())])
    }

    /// What a service answers; it is asked once for each request.
    pub fn effect(&self, service: &str, request: impl Into<Expr>) -> Expr {
        get("effect", vec![named(service), request.into()])
    }

    /// The time, in steps of so many milliseconds, 100 at least.
    pub fn clock(&self, milliseconds: u32) -> Expr {
        get("clock", vec![milliseconds.into()])
    }
}

/// `get(source(…))`
fn get(source: &str, arguments: Vec<Expr>) -> Expr {
    call(global("get"), vec![call(global(source), arguments)])
}

fn call(function: Expr, arguments: Vec<Expr>) -> Expr {
    Expr::of(Node::Call(function, arguments))
}

fn global(name: &str) -> Expr {
    Expr::of(Node::Global(name.to_owned()))
}

/// The address of a worker, service or reactive function.
fn named(name: &str) -> Expr {
    if is_worker_name(name) {
        global(name)
    } else {
        call(global("worker"), vec![name.into()])
    }
}
