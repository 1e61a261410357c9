//! `delay`, and the timers of all waits.
//!
//! The host arms a timer and gives it back as an input. A timer that the worker does not wait for is
//! ignored with a note. During a delay the mailbox keeps messages.

use super::instruction::{Instruction, OperandIndex};
use super::{End, Flow, Run};
use crate::codes;
use crate::error::ScriptError;
use crate::turn::{Effect, Note};
use crate::worker::Wait;

/// The longest delay: 100 years of 365.25 days, in milliseconds.
pub(crate) const DELAY_MAX_MS: f64 = 100.0 * 365.25 * 24.0 * 3600.0 * 1000.0;

impl Run<'_> {
    /// Sets a timer and waits for it.
    pub(super) fn delay(&mut self, milliseconds: OperandIndex) -> Result<Flow, ScriptError> {
        let rest_ms = self.milliseconds(milliseconds, "`delay`")?;
        let timer = self.set_timer(rest_ms);
        Ok(self.wait(Wait::Time { timer }))
    }

    /// A new timer of this run.
    pub(super) fn set_timer(&mut self, rest_ms: u64) -> u64 {
        let timer = self.next.timers;
        self.next.timers += 1;
        self.effects.push(Effect::SetTimer {
            timer,
            at_ms: self.now_ms.saturating_add(rest_ms),
        });
        timer
    }

    /// An operand that is a time in milliseconds: rounded up, and 0 where it is negative.
    pub(super) fn milliseconds(
        &mut self,
        milliseconds: OperandIndex,
        needs: &str,
    ) -> Result<u64, ScriptError> {
        let value = self.evaluate(milliseconds)?;
        let what = match value.as_number() {
            Some(number) if number <= 0.0 => return Ok(0),
            Some(number) if number <= DELAY_MAX_MS => return Ok(number.ceil() as u64),
            Some(number) if number.is_nan() => "its time is NaN".to_owned(),
            Some(_) => "its time is longer than 100 years".to_owned(),
            None => format!("its time is {}, not a number", self.describe(&value)),
        };
        Err(self.at_command(ScriptError::new(
            codes::DELAY_TIME,
            format!("{needs} needs milliseconds from 0 to 100 years: {what}"),
        )))
    }

    /// Gives a timer to the branch that waits for it.
    pub(super) fn take_timer(&mut self, timer: u64) -> Result<Option<End>, ScriptError> {
        let mut branches = self.next.branches.iter();
        let Some(at) = branches.position(|branch| branch.wait.timers().any(|set| set == timer))
        else {
            self.notes.push(Note::Ignored);
            return Ok(None);
        };
        self.switch(at)?;
        let wait = std::mem::take(&mut self.branch_mut().wait);
        let definition = self.definition;
        let instruction = self.branch().instruction as usize;
        let taken = match (wait, definition.code.instructions.get(instruction)) {
            (
                Wait::Message { .. },
                Some(Instruction::BlockEnterAwait {
                    timeout: Some(timeout),
                    ..
                }),
            ) => self.time_is_over(timeout, "no message that matches came in time"),
            (
                Wait::Reply { call, .. },
                Some(Instruction::ActorCall {
                    timeout: Some(timeout),
                    retry,
                    ..
                }),
            ) => self.call_timed_out(call, timeout, *retry),
            (
                Wait::Value { watch, .. },
                Some(Instruction::BlockEnterValue {
                    timeout: Some(timeout),
                    ..
                }),
            ) => {
                self.effects.push(Effect::Unsubscribe { watch });
                self.time_is_over(timeout, "no value that matches came in time")
            }
            (Wait::Sources(knowledge), Some(Instruction::React { function })) => {
                return self.tick(knowledge, timer, *function);
            }
            (Wait::Time { .. }, _) => {
                self.branch_mut().instruction += 1;
                Ok(None)
            }
            _ => Err(ScriptError::corrupt("a timer of a wait that has none")),
        };
        taken.or_else(|error| self.raise(error, false))
    }
}
