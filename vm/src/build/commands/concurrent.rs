//! `parallel` and `race`: branches of one worker.
//!
//! They take an array of commands, or a function that returns one.

use super::super::arguments::Arguments;
use super::super::tables::Action;
use crate::error::Trap;
use crate::value::Value;

pub(super) fn branches<'p>(
    arguments: &Arguments<'_, '_, '_, 'p>,
    race: bool,
) -> Result<Value<'p>, Trap> {
    let branches = arguments.required(0, "an array of commands, or a function that returns one")?;
    Ok(arguments
        .stage
        .tables
        .borrow_mut()
        .command(Action::Parallel { race, branches }, arguments.span))
}
