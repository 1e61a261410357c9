//! `sequence`, `whenState`, `whileLoop`, `forEach`, `delay`, `complete`, `fail`.
//!
//! Factories are kept and called when the tree is expanded.

use super::super::arguments::Arguments;
use super::super::tables::{Action, Recipe};
use crate::data::Data;
use crate::error::Trap;
use crate::value::Value;

type Arg<'x, 'a, 's, 'm, 'p> = &'x mut Arguments<'a, 's, 'm, 'p>;

pub(super) fn sequence<'p>(arguments: &Arguments<'_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let body = arguments.required(0, "an array of commands, or a function that returns one")?;
    if arguments.values.len() > 1 {
        return Err(arguments.refuse_with(
            format!(
                "`sequence` takes one array, got {} arguments",
                arguments.values.len()
            ),
            "put the commands into an array: `sequence([send(…), delay(…)])`",
        ));
    }
    Ok(arguments
        .stage
        .tables
        .borrow_mut()
        .command(Action::Sequence { body }, arguments.span))
}

pub(super) fn while_loop<'p>(arguments: &Arguments<'_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let body = arguments.required(0, "a command, or a function that returns one")?;
    Ok(arguments
        .stage
        .tables
        .borrow_mut()
        .command(Action::While { body }, arguments.span))
}

pub(super) fn for_each<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let given = arguments.required(0, "an array, or a ref to one")?;
    let items = arguments.operand(&given)?;
    let fits = match &items {
        Recipe::Constant(Data::Array(_)) | Recipe::Array(_) => !super::has_function(&items),
        _ => super::is_ref(&given),
    };
    if !fits {
        let got = arguments.describe(&given);
        return Err(arguments.refuse_with(
            format!("`forEach` needs an array of values, or a ref to one, got {got}"),
            "write `forEach(readState(handle, value => value.items), item => …)`",
        ));
    }
    let body = arguments.required(1, "a command, or a function from the item to one")?;
    if let Value::Closure(id) = &body {
        let function = arguments.machine.heap.closure(*id).function();
        if arguments.machine.code.function(function).length > 1 {
            return Err(arguments.refuse_with(
                "`forEach` gives its function an item and no more",
                "where the place matters, make pairs of the items: `forEach(readState(list, l => [...l.entries()]), entry => …)`",
            ));
        }
    }
    let action = Action::ForEach { items, body };
    Ok(arguments
        .stage
        .tables
        .borrow_mut()
        .command(action, arguments.span))
}

pub(super) fn when_state<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let condition = arguments.required(0, "a ref as its condition")?;
    let condition = arguments.operand(&condition)?;
    if matches!(condition, Recipe::Function(_)) {
        return Err(arguments.refuse_with(
            "the condition of `whenState` is a function, which would always count as true",
            "say what it reads: `whenState(readState(handle, value => …), …)`",
        ));
    }
    let then = arguments.required(1, "a command for the case that its condition holds")?;
    let otherwise = arguments.optional(2);
    let action = Action::WhenState {
        condition,
        then,
        otherwise,
    };
    Ok(arguments
        .stage
        .tables
        .borrow_mut()
        .command(action, arguments.span))
}

pub(super) fn delay<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let value = arguments.required(0, "a time in milliseconds, or a ref that gives one")?;
    let milliseconds = arguments.operand(&value)?;
    let valid = match &milliseconds {
        Recipe::Constant(Data::Number(number)) => !number.is_nan(),
        Recipe::Host(_) => super::is_ref(&value),
        _ => false,
    };
    if !valid {
        let got = arguments.describe(&value);
        return Err(arguments.refuse(format!("`delay` needs a time in milliseconds, got {got}")));
    }
    Ok(arguments
        .stage
        .tables
        .borrow_mut()
        .command(Action::Delay { milliseconds }, arguments.span))
}

pub(super) fn complete<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let result = end_value(arguments)?;
    Ok(arguments
        .stage
        .tables
        .borrow_mut()
        .command(Action::Complete { result }, arguments.span))
}

pub(super) fn fail<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Value<'p>, Trap> {
    let error = end_value(arguments)?;
    Ok(arguments
        .stage
        .tables
        .borrow_mut()
        .command(Action::Fail { error }, arguments.span))
}

fn end_value<'p>(arguments: Arg<'_, '_, '_, '_, 'p>) -> Result<Recipe, Trap> {
    let value = arguments
        .values
        .first()
        .cloned()
        .unwrap_or(Value::Undefined);
    let recipe = arguments.operand(&value)?;
    if super::has_function(&recipe) {
        let name = arguments.name;
        return Err(arguments.refuse_with(
            format!("`{name}` got a function where it takes a value"),
            format!("say what it reads: `{name}(readState(handle, value => …))`"),
        ));
    }
    Ok(recipe)
}
