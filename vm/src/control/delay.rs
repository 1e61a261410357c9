//! `delay`: a wait for a timer, during which the mailbox keeps messages.
//!
//! The host arms the timer and gives it back as an input. A timer that the worker does not wait for is
//! ignored with a note.

use super::instruction::OperandIndex;
use super::{End, Flow, Run};
use crate::codes;
use crate::error::ScriptError;
use crate::turn::{Effect, Note};

/// The longest delay: 100 years of 365.25 days, in milliseconds.
pub(crate) const DELAY_MAX_MS: f64 = 100.0 * 365.25 * 24.0 * 3600.0 * 1000.0;

impl Run<'_> {
    /// Sets a timer and waits for it.
    pub(super) fn delay(&mut self, milliseconds: OperandIndex) -> Result<Flow, ScriptError> {
        let value = self.evaluate(milliseconds)?;
        let Some(number) = value.as_number() else {
            return Err(self.delay_error(&format!(
                "its time is {}, not a number",
                self.describe(&value)
            )));
        };
        if number.is_nan() {
            return Err(self.delay_error("its time is NaN"));
        }
        if number > DELAY_MAX_MS {
            return Err(self.delay_error("its time is longer than 100 years"));
        }
        let timer = self.next.timers;
        self.next.timers += 1;
        let wait_ms = if number > 0.0 {
            number.ceil() as u64
        } else {
            0
        };
        self.effects.push(Effect::SetTimer {
            timer,
            at_ms: self.now_ms.saturating_add(wait_ms),
        });
        self.next.branch.timer = Some(timer);
        Ok(Flow::Stop(End::Waiting))
    }

    /// Goes on after the delay when the timer is the one that it waits for.
    pub(super) fn take_timer(&mut self, timer: u64) -> bool {
        if self.next.branch.timer != Some(timer) {
            self.notes.push(Note::Ignored);
            return false;
        }
        self.next.branch.timer = None;
        self.next.branch.instruction += 1;
        true
    }

    fn delay_error(&self, what: &str) -> ScriptError {
        self.at_command(ScriptError::new(
            codes::DELAY_TIME,
            format!("`delay` needs milliseconds from 0 to 100 years: {what}"),
        ))
    }
}
