//! Regular expressions in a running machine: metered searches, and `lastIndex` of frozen ones.
//!
//! Before: `builtins/regexp`, property access. Guarantees: steps and bytes of a search are those of
//! the turn; a frozen regular expression (captured, or in state) begins each call of the run stage
//! with `lastIndex` 0, and keeps it by content, so that it does not matter which parts are shared.

use std::collections::BTreeMap;

use super::Machine;
use crate::codes;
use crate::data::ErrorKind;
use crate::error::Trap;
use crate::limits::Limit;
use crate::regex::{Budget, Captures, Exhausted, Flags, From, RegExpData, search};
use crate::text::Text;
use crate::value::Value;

/// `lastIndex` of frozen regular expressions, by pattern and flags, where it is not 0.
pub(super) type Places<'p> = BTreeMap<(Text, Flags), Value<'p>>;

/// Instructions that a search counts at least, for what it takes to begin one.
const SEARCH_INSTRUCTIONS: u64 = 4;

impl<'p> Machine<'p> {
    /// A new call of the run stage begins: frozen regular expressions start over.
    pub fn forget_places(&mut self) {
        if !self.places.is_empty() {
            self.places.clear();
        }
    }

    /// `lastIndex` of a frozen regular expression.
    pub(crate) fn frozen_place(&self, expression: &RegExpData) -> Value<'p> {
        if self.places.is_empty() {
            return Value::number(0.0);
        }
        let key = (expression.source().clone(), expression.flags());
        let place = self.places.get(&key).cloned();
        place.unwrap_or_else(|| Value::number(0.0))
    }

    pub(super) fn set_frozen_place(
        &mut self,
        expression: &RegExpData,
        place: Value<'p>,
    ) -> Result<(), Trap> {
        let key = (expression.source().clone(), expression.flags());
        if place.as_number() == Some(0.0) {
            self.places.remove(&key);
            return Ok(());
        }
        self.charge(64)?;
        self.places.insert(key, place);
        Ok(())
    }

    /// The first match at or behind a place, or at the place alone.
    pub(crate) fn search(
        &mut self,
        expression: &RegExpData,
        text: &Text,
        from: From,
    ) -> Result<Option<Captures>, Trap> {
        self.spend(SEARCH_INSTRUCTIONS + expression.source().len() as u64 / 16)?;
        let program = match expression.program() {
            Ok(program) => program,
            Err(error) => {
                let message = format!("Invalid regular expression: {error}");
                return Err(self.error(ErrorKind::SyntaxError, message));
            }
        };
        let (limits, used) = (self.limits, self.used());
        let mut budget = Budget {
            steps: limits.turn_regex_steps.saturating_sub(used.regex_steps),
            bytes: limits
                .turn_allocated_bytes
                .saturating_sub(used.allocated_bytes),
        };
        let before = budget;
        let found = search(program, text, from, &mut self.scratch, &mut budget);
        self.regex_steps += before.steps - budget.steps;
        self.allocated_bytes += before.bytes - budget.bytes;
        found.map_err(|exhausted| match exhausted {
            Exhausted::Steps => Trap::limit(codes::LIMIT_REGEX, Limit::TurnRegexSteps, self.limits),
            Exhausted::Bytes => {
                Trap::limit(codes::LIMIT_MEMORY, Limit::TurnAllocatedBytes, self.limits)
            }
        })
    }
}
