//! `forEach`: a loop over an array that is read once.
//!
//! The items are kept as long as the loop is open, so that what happens to the state they came from
//! changes nothing.

use super::instruction::{BlockIndex, OperandIndex};
use super::{Flow, Run};
use crate::codes;
use crate::data::Data;
use crate::error::ScriptError;
use crate::freeze::Purpose;
use crate::value::Value;
use crate::worker::Slot;

impl Run<'_> {
    /// Opens a loop over the items of an array, where it has some.
    pub(super) fn enter_each(
        &mut self,
        block: BlockIndex,
        items: OperandIndex,
    ) -> Result<Flow, ScriptError> {
        let value = self.evaluate(items)?;
        if !matches!(value, Value::Array(_) | Value::Frozen(Data::Array(_))) {
            let what = format!("`forEach` needs an array, got {}", self.describe(&value));
            return Err(self.at_command(ScriptError::new(codes::NOT_AN_ARRAY, what)));
        }
        let items = self.freeze(&value, Purpose::State)?;
        if item_of(&items, 0).is_none() {
            self.branch_mut().instruction = self.block(block)?.exit;
            return Ok(Flow::Next);
        }
        self.check_kept(u64::from(items.shape().byte_count))?;
        self.enter(block, Some(Slot::Items { items, at: 0 }))
    }

    /// Goes on with the next item, or leaves the loop.
    pub(super) fn next_item(&mut self, block: BlockIndex) -> Result<Flow, ScriptError> {
        let place = self.block(block)?.base as usize;
        let Some(Slot::Items { items, at }) = self.slot(place)? else {
            return Err(ScriptError::corrupt("a loop over items is not open"));
        };
        let at = at + 1;
        if item_of(items, at).is_none() {
            return self.leave(block);
        }
        let items = items.clone();
        self.repeat_with(block, Slot::Items { items, at })
    }
}

/// The item at a place of an array.
pub(crate) fn item_of(items: &Data, at: u32) -> Option<&Data> {
    match items {
        Data::Array(array) => array.items().get(at as usize),
        _ => None,
    }
}
