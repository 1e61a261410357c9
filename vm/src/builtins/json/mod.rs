//! `JSON`: `parse` and `stringify`.
//!
//! Before: the machine. After: text, or fresh values that a script may change.
//! Guarantees: as ECMAScript; walks over values of the heap keep their own stack, so that callbacks
//! inside callbacks use none of the node's; an address is written as `{ "$address": "NAME/KEY" }`.

mod parse;
mod stringify;
mod thaw;

pub(super) use stringify::to_json;
pub(super) use thaw::{new_object, thaw};

use super::Family;
use super::support::natives;

pub(super) static FAMILY: Family = Family {
    natives: natives! {
        "JSON.parse" / 2 => parse::parse;
        "JSON.stringify" / 3 => stringify::stringify;
    },
    constants: &[],
};
