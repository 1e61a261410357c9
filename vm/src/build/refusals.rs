//! What is said when a script uses a command, ref or address as if it were a value.
//!
//! Each refusal shows what to write instead, made from the script's own words where they are simple.

use super::stage::Stage;
use super::tables::{Kind, RefSpec};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::host::Misuse;
use crate::source::Span;
use crate::text::Text;
use crate::value::HostRef;

/// The refusal of a use of a build-stage value.
pub(super) fn misuse<'p>(
    stage: &Stage<'_, 'p>,
    value: HostRef,
    misuse: &Misuse,
    span: Span,
) -> Diagnostic {
    let what = noun(stage, value);
    let (code, did) = match misuse {
        Misuse::Call => (codes::HOST_MISUSE, "is called".to_owned()),
        Misuse::Property(key) => (
            codes::HOST_MISUSE,
            format!("has no property `{key}` when the script is deployed"),
        ),
        Misuse::Element => (
            codes::HOST_MISUSE,
            "has no elements when the script is deployed".to_owned(),
        ),
        Misuse::Write => (codes::HOST_MISUSE, "cannot be written to".to_owned()),
        Misuse::Delete => (codes::HOST_MISUSE, "has no properties to delete".to_owned()),
        Misuse::Operator(operator) => {
            (codes::HOST_MISUSE, format!("is an operand of `{operator}`"))
        }
        Misuse::Condition => (codes::HOST_MISUSE, "is a condition".to_owned()),
        Misuse::Template => (codes::HOST_MISUSE, "is made into text".to_owned()),
        Misuse::Spread => (codes::HOST_MISUSE, "is spread or taken apart".to_owned()),
        Misuse::Argument(native) => (codes::HOST_MISUSE, format!("is given to `{native}`")),
        Misuse::Kept => (
            codes::REF_CAPTURED,
            "is used by a function that runs later".to_owned(),
        ),
    };
    let diagnostic = Diagnostic::error(code, span, format!("{what} {did}"));
    match Kind::of(value) {
        Some(Kind::Ref) => diagnostic
            .with_note("it stands for a value that exists only in a running worker")
            .with_hint(ref_rewrite(stage, value, misuse, span)),
        Some(Kind::Place) => diagnostic
            .with_note("it stands for an address that exists only in a running worker")
            .with_hint("send it, keep it in state, or compare it in a function that runs later"),
        Some(Kind::Command) => diagnostic
            .with_note("a command is only a description of a step: it has no result")
            .with_hint("put it into a sequence, or return it from a factory"),
        Some(Kind::Worker) => diagnostic.with_hint("give it to `send` or `spawn`, or export it"),
        Some(Kind::Loop) => diagnostic.with_hint("use `loop.break()` or `loop.continue()`"),
        Some(Kind::Jump) => {
            diagnostic.with_hint("call it: `done()`, `loop.break()`, `loop.continue()`")
        }
        _ => diagnostic.with_hint("call it"),
    }
}

/// What a build-stage value is called.
pub(super) fn noun<'p>(stage: &Stage<'_, 'p>, value: HostRef) -> String {
    let tables = stage.tables.borrow();
    let noun = match Kind::of(value) {
        Some(Kind::Function) => {
            let name = super::names::AMBIENT
                .get(value.index() as usize)
                .copied()
                .unwrap_or_default();
            return format!("the function `{name}`");
        }
        Some(Kind::Command) => "a command",
        Some(Kind::Ref) => match tables.refs.get(value.index() as usize) {
            Some(RefSpec::State(_)) => "the handle of a state",
            Some(RefSpec::Message(_)) => "the handle of a message",
            Some(RefSpec::Item(_)) => "the item of a `forEach`",
            Some(RefSpec::Failure(_)) => "the error of an `attempt`",
            Some(RefSpec::Config) => "`config`",
            Some(RefSpec::Read { .. }) => "the result of `readState`",
            Some(RefSpec::Compute { .. }) => "the result of `computeState`",
            Some(RefSpec::Closest { name, .. }) => return format!("the handle `{name}`"),
            None => "a ref",
        },
        Some(Kind::Place) => "the address of a running worker",
        Some(Kind::Worker) => "a worker",
        Some(Kind::Loop) => "the loop",
        Some(Kind::Jump) => "a function that makes a command",
        Some(Kind::Helper) | None => "a function of the language",
    };
    noun.to_owned()
}

/// What to write instead of using a ref as a value.
fn ref_rewrite<'p>(stage: &Stage<'_, 'p>, value: HostRef, misuse: &Misuse, span: Span) -> String {
    let text = stage.text(span);
    let is_config = matches!(
        stage.tables.borrow().refs.get(value.index() as usize),
        Some(RefSpec::Config)
    );
    let fallback = if is_config { "config" } else { "handle" };
    let name = if is_config {
        "config"
    } else {
        operand_name(text).unwrap_or(fallback)
    };
    let parameter = parameter_for(name);
    match misuse {
        Misuse::Property(key) if is_array_method(key) => {
            format!(
                "write `readState({name}, {parameter} => {parameter}.{key}(…))`, or for a command for each item `forEach({name}, item => …)`"
            )
        }
        Misuse::Property(key) => {
            format!("write `readState({name}, {parameter} => {parameter}.{key})`")
        }
        Misuse::Element => format!("write `readState({name}, {parameter} => {parameter}[…])`"),
        Misuse::Condition => format!("write `whenState({name}, …, …)`"),
        Misuse::Operator(_) if is_comparison(misuse) => {
            format!("write `whenState(readState({name}, {parameter} => …), …, …)`")
        }
        Misuse::Operator(operator) => {
            format!("write `readState({name}, {parameter} => {parameter} {operator} …)`")
        }
        Misuse::Template => {
            format!("write `readState({name}, {parameter} => `…${{{parameter}}}…`)`")
        }
        Misuse::Spread => {
            format!("write `readState({name}, {parameter} => ({{ ...{parameter} }}))`")
        }
        Misuse::Kept => kept_hint(name, parameter),
        Misuse::Write | Misuse::Delete => {
            format!("write `modifyState({name}, {parameter} => ({{ ...{parameter}, … }}))`")
        }
        Misuse::Call | Misuse::Argument(_) => {
            format!("write `readState({name}, {parameter} => …)`")
        }
    }
}

/// How a function that runs later gets what a ref stands for: it is made by another, which is given that.
pub(super) fn kept_hint(name: &str, parameter: &str) -> String {
    format!(
        "write `computeState([{name}], {parameter} => value => …)`: a function that is given `{parameter}` \
         and returns the one that runs, as `modifyState(state, computeState([{name}], {parameter} => \
         state => …))`"
    )
}

fn is_array_method(key: &Text) -> bool {
    matches!(
        key.as_ascii(),
        Some("map" | "forEach" | "filter" | "reduce" | "flatMap" | "find" | "some" | "every")
    )
}

fn is_comparison(misuse: &Misuse) -> bool {
    matches!(
        misuse,
        Misuse::Operator(
            "===" | "!==" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "instanceof"
        )
    )
}

/// The identifier that an expression begins with, or that a template or spread holds, where it is one
/// that is used as a value.
fn operand_name(text: &str) -> Option<&str> {
    let text = text.strip_prefix("...").unwrap_or(text);
    let text = text
        .strip_prefix("`")
        .and_then(|text| text.split_once("${"))
        .map_or(text, |(_, inside)| inside);
    let is_part =
        |character: char| character.is_alphanumeric() || character == '_' || character == '$';
    let end = text
        .find(|character| !is_part(character))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let is_word = name.starts_with(|character: char| character.is_alphabetic() || character == '_');
    let is_function = matches!(
        name,
        "readState"
            | "computeState"
            | "modifyState"
            | "send"
            | "call"
            | "reply"
            | "spawn"
            | "when"
            | "waitFor"
            | "typeof"
            | "void"
            | "delete"
            | "const"
            | "let"
    );
    let is_parameter = rest.trim_start().starts_with("=>");
    (is_word && !is_function && !is_parameter).then_some(name)
}

/// A short parameter name for a handle: `paymentHandle` gives `payment`.
pub(crate) fn parameter_for(name: &str) -> &str {
    match name.strip_suffix("Handle") {
        Some(stem) if !stem.is_empty() => stem,
        _ if name == "config" => "c",
        _ if name == "handle" => "value",
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_the_expression() {
        assert_eq!(operand_name("own.id"), Some("own"));
        assert_eq!(operand_name("`a ${own.id}`"), Some("own"));
        assert_eq!(operand_name("...own"), Some("own"));
        assert_eq!(operand_name("own => 1"), None);
        assert_eq!(operand_name("readState(a, b)"), None);
        assert_eq!(parameter_for("paymentHandle"), "payment");
    }
}
