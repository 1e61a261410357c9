//! The names of the language, and what is said about those that are not there yet.
//!
//! The compiler asks for each free identifier; the build stage gives the names their values.

use crate::compile::Names;

/// Names that stand for a function of the build stage.
pub(super) const AMBIENT: &[&str] = &[
    "act",
    "sequence",
    "send",
    "waitFor",
    "when",
    "whenState",
    "withState",
    "modifyState",
    "whileLoop",
    "spawn",
    "kill",
    "delay",
    "noop",
    "readState",
    "computeState",
    "worker",
    "sender",
    "call",
    "reply",
    "attempt",
    "parallel",
    "race",
    "forEach",
    "saga",
    "compensate",
    "reactive",
    "stateOf",
    "effect",
    "clock",
    "waitForValue",
];

/// What `act` gives its factory as second parameter.
pub(crate) const HELPERS: &[&str] = &["complete", "fail", "outbox", "config"];

/// The names of the language, for the compiler.
pub(super) struct Language;

impl Names for Language {
    fn is_ambient(&self, name: &str) -> bool {
        AMBIENT.contains(&name)
    }

    fn all(&self) -> &[&str] {
        AMBIENT
    }

    fn hint(&self, name: &str) -> Option<String> {
        if HELPERS.contains(&name) {
            return Some(format!(
                "take it from the second parameter of `act`: `act((self, {{ {name} }}) => …)`"
            ));
        }
        if name == "get" {
            return Some(
                "take it from the first parameter of `reactive`: `reactive((get, user) => …)`"
                    .to_owned(),
            );
        }
        if name == "done" {
            return Some(
                "take it from the parameter of `sequence`: `sequence(({ done }) => […])`"
                    .to_owned(),
            );
        }
        (name == "self").then(|| "it is the first parameter of `act`: `act(self => …)`".to_owned())
    }
}
