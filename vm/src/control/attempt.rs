//! `attempt`: what happens when a command fails inside one.
//!
//! A failure leaves everything up to the nearest attempt that has something left to do: another try
//! after a rest, or `otherwise`. What was sent and what state outside it has become stands. Limits are
//! not caught: a turn that has used up what it may cannot go on. Without an attempt a script error
//! undoes the turn, and `fail` ends the run.

use super::instruction::{BlockIndex, BlockKind};
use super::{End, Flow, Run};
use crate::codes;
use crate::data::Data;
use crate::error::ScriptError;
use crate::worker::{Slot, Wait};

/// What an open block does with a failure.
#[derive(Clone, Copy)]
enum Remedy {
    /// Another try.
    Retry,
    /// The block that gets the error.
    Otherwise(BlockIndex),
    /// A saga runs its undos, then the failure goes on.
    Undo,
    /// It was an undo that failed: the next one runs.
    DropUndo,
}

impl Run<'_> {
    /// Opens an attempt.
    pub(super) fn enter_attempt(&mut self, block: BlockIndex) -> Result<Flow, ScriptError> {
        self.enter(block, Some(Slot::Attempt { failures: 0 }))
    }

    /// Begins a try: at once the first time, after a rest each other time.
    pub(super) fn begin_attempt(&mut self, block: BlockIndex) -> Result<Flow, ScriptError> {
        let failures = self.failures_in(block)?;
        match &self.block(block)?.kind {
            BlockKind::Attempt {
                retry: Some(retry), ..
            } if failures > 0 => {
                let timer = self.set_timer(retry.backoff.rest_ms(failures));
                Ok(self.wait(Wait::Time { timer }))
            }
            _ => self.advance(),
        }
    }

    /// Leaves everything up to the nearest attempt or saga that can do something about a failure, and
    /// goes on there. `chosen` says that the script failed by itself. Where nothing can be done, the run
    /// ends or the turn is undone.
    pub(super) fn raise(
        &mut self,
        error: ScriptError,
        chosen: bool,
    ) -> Result<Option<End>, ScriptError> {
        if !can_be_caught(&error) {
            return Err(error);
        }
        match self.remedy(None)? {
            Some((block, remedy)) => self.apply(block, remedy, error),
            None if chosen => Ok(Some(End::Failed(error))),
            None => Err(error),
        }
    }

    /// Goes on with a failure outside a saga whose undos have run. What they did stands.
    pub(super) fn raise_outside(
        &mut self,
        saga: BlockIndex,
        error: ScriptError,
    ) -> Result<Option<End>, ScriptError> {
        match self.remedy(Some(saga))? {
            Some((block, remedy)) => self.apply(block, remedy, error),
            None => Ok(Some(End::Failed(error))),
        }
    }

    fn apply(
        &mut self,
        block: BlockIndex,
        remedy: Remedy,
        error: ScriptError,
    ) -> Result<Option<End>, ScriptError> {
        self.end_wait();
        match remedy {
            Remedy::Retry => {
                let failures = self.failures_in(block)? + 1;
                self.repeat_with(block, Slot::Attempt { failures })?;
            }
            Remedy::Otherwise(otherwise) => {
                self.leave(block)?;
                self.enter(otherwise, Some(Slot::Failure(error_value(&error))))?;
            }
            Remedy::Undo => return self.compensate(block, error),
            Remedy::DropUndo => self.drop_undo(block, &error)?,
        }
        Ok(None)
    }

    /// The innermost open block that can do something, and what. Only blocks outside `outside` count.
    fn remedy(
        &self,
        outside: Option<BlockIndex>,
    ) -> Result<Option<(BlockIndex, Remedy)>, ScriptError> {
        let mut open = self.open_blocks().into_iter();
        if let Some(outside) = outside {
            open.find(|block| *block == outside);
        }
        for block in open {
            let remedy = match &self.block(block)?.kind {
                BlockKind::Attempt {
                    retry, otherwise, ..
                } => {
                    let failures = self.failures_in(block)?;
                    let again = retry.is_some_and(|retry| failures + 1 < retry.attempts);
                    match otherwise {
                        _ if again => Some(Remedy::Retry),
                        otherwise => otherwise.map(Remedy::Otherwise),
                    }
                }
                BlockKind::Saga { .. } if self.has_undos(block) => Some(Remedy::Undo),
                BlockKind::Undo { .. } => Some(Remedy::DropUndo),
                _ => None,
            };
            if let Some(remedy) = remedy {
                return Ok(Some((block, remedy)));
            }
        }
        Ok(None)
    }

    fn failures_in(&self, attempt: BlockIndex) -> Result<u32, ScriptError> {
        match self.slot(self.block(attempt)?.base as usize)? {
            Some(Slot::Attempt { failures }) => Ok(*failures),
            _ => Err(ScriptError::corrupt("an attempt is not open")),
        }
    }
}

/// Limits hold for the turn as a whole, and a worker that does not fit its program cannot go on.
fn can_be_caught(error: &ScriptError) -> bool {
    let is_limit = error.code.starts_with("E04");
    !is_limit && error.code != codes::CORRUPT_WORKER.code
}

/// What a script sees of a failure: the value that it failed with or threw, else an object that says
/// what happened.
fn error_value(error: &ScriptError) -> Data {
    let mut properties: Vec<(&str, Data)> = Vec::new();
    let mut message = Data::from(error.message.as_str());
    let mut code = Data::from(error.code.as_str());
    match &error.value {
        Some(Data::Error(thrown)) => {
            properties.push(("name", Data::from(thrown.kind.name())));
            if let Some(own) = thrown.properties().get(&"message".into()) {
                message = own.clone();
            }
            if let Some(own @ Data::Text(_)) = thrown.properties().get(&"code".into()) {
                code = own.clone();
            }
        }
        Some(Data::Undefined) | None => {}
        Some(value) if value.shape().has_function || value.shape().has_symbolic => {}
        Some(value) => return value.clone(),
    }
    properties.push(("message", message));
    properties.push(("code", code));
    let properties = properties.into_iter();
    Data::object(properties.map(|(key, value)| (key.into(), value)).collect()).unwrap_or_default()
}
