//! `attempt`: what is done when a command fails.
//!
//! The factory of `otherwise` gets a ref to the error.

use super::super::arguments::Arguments;
use super::super::tables::Action;
use super::timing;
use crate::error::Trap;
use crate::value::Value;

type Arg<'x, 'a, 's, 'm, 'p> = &'x mut Arguments<'a, 's, 'm, 'p>;

pub(super) fn attempt(arguments: Arg<'_, '_, '_, '_, '_>) -> Result<Value, Trap> {
    let body = arguments.required(0, "a command that may fail")?;
    let mut retry = None;
    let mut otherwise = None;
    if let Some(options) = arguments.optional(1) {
        for (option, value) in arguments.options(&options, &["otherwise", "retry"])? {
            match option.as_str() {
                _ if value.is_undefined() => {}
                "retry" => retry = Some(timing::tries(arguments, &value)?),
                _ => otherwise = Some(value),
            }
        }
    }
    if retry.is_none() && otherwise.is_none() {
        return Err(arguments.refuse_with(
            "`attempt` does not say what is done when its command fails",
            "write `attempt(…, { otherwise: error => … })`, with `noop()` for nothing, or `{ retry: { attempts: 3 } }`",
        ));
    }
    let action = Action::Attempt {
        body,
        retry,
        otherwise,
    };
    Ok(arguments
        .stage
        .tables
        .borrow_mut()
        .command(action, arguments.span))
}
