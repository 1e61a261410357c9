//! A reactive function: computed from its sources, again whenever one of them says something else.
//!
//! A turn stores what came and runs the function from the top over the known values. At the first unknown
//! one it stops and subscribes; when it comes to its end, sources that it did not read are unsubscribed.
//! A result that differs from the last goes to the output; the host tells it to those who read it.

use super::instruction::{Instruction, OperandIndex};
use super::value::subscription;
use super::{End, Flow, Run};
use crate::data::Data;
use crate::error::ScriptError;
use crate::freeze::Purpose;
use crate::limits::Limit;
use crate::reactive::{Knowledge, Known, Said, Settled, Source, Told, error_data};
use crate::run::Reading;
use crate::turn::{CallId, Effect, Intent, Target};
use crate::value::Value;
use crate::worker::Wait;

impl<'a> Run<'a> {
    /// Computes the function for the first time.
    pub(super) fn react(&mut self, function: OperandIndex) -> Result<Flow, ScriptError> {
        self.compute(Box::default(), function)
    }

    /// A clock has come to its next time.
    pub(super) fn tick(
        &mut self,
        mut knowledge: Box<Knowledge>,
        timer: u64,
        function: OperandIndex,
    ) -> Result<Option<End>, ScriptError> {
        let mut sources = knowledge.sources.iter_mut();
        if let Some(known) = sources.find(|known| known.timer == Some(timer)) {
            let source = Source::read(&known.source)?;
            if let Source::Clock { period_ms } = source {
                self.wind(known, period_ms);
            }
        }
        self.compute(knowledge, function)?;
        Ok(None)
    }

    /// A source has told something.
    pub(super) fn take_source(
        &mut self,
        watch: u64,
        told: Told,
        version: u64,
    ) -> Result<Option<End>, ScriptError> {
        let Wait::Sources(mut knowledge) = std::mem::take(&mut self.branch_mut().wait) else {
            return Err(ScriptError::corrupt("it reads no sources"));
        };
        let myself = self.identity.address.to_string();
        let known = knowledge.source_mut(watch);
        let changed = known.is_some_and(|known| known.take(told, version, &myself));
        self.compute_if(changed, knowledge)
    }

    /// A service has answered.
    pub(super) fn take_effect(
        &mut self,
        watch: u64,
        answer: Data,
    ) -> Result<Option<End>, ScriptError> {
        let Wait::Sources(mut knowledge) = std::mem::take(&mut self.branch_mut().wait) else {
            return Err(ScriptError::corrupt("it reads no sources"));
        };
        let known = knowledge.source_mut(watch);
        let changed = known.is_some_and(|known| {
            let version = known.version + 1;
            known.take(Told::value(answer), version, "")
        });
        self.compute_if(changed, knowledge)
    }

    fn compute_if(
        &mut self,
        changed: bool,
        knowledge: Box<Knowledge>,
    ) -> Result<Option<End>, ScriptError> {
        let definition = self.definition;
        let at = self.branch().instruction as usize;
        match definition.code.instructions.get(at) {
            Some(Instruction::React { function }) if changed => {
                self.compute(knowledge, *function)?;
            }
            _ => {
                self.wait(Wait::Sources(knowledge));
            }
        }
        Ok(None)
    }

    /// Runs the function until it has a result or waits for a source, and waits.
    fn compute(
        &mut self,
        mut knowledge: Box<Knowledge>,
        function: OperandIndex,
    ) -> Result<Flow, ScriptError> {
        loop {
            let (outcome, reading) = self.run_function(&knowledge, function)?;
            match reading.missing {
                None => self.settle(&mut knowledge, outcome, &reading.read),
                Some(source) => match self.open(&mut knowledge, source) {
                    Ok(true) => continue,
                    Ok(false) => {}
                    Err(error) => self.settle(&mut knowledge, Err(error), &reading.read),
                },
            }
            return Ok(self.wait(Wait::Sources(knowledge)));
        }
    }

    /// Runs the function once over what is known.
    fn run_function(
        &mut self,
        knowledge: &Knowledge,
        function: OperandIndex,
    ) -> Result<(Result<Data, ScriptError>, Reading), ScriptError> {
        let function = self.function(function, "a reactive function")?;
        let mut arguments = vec![self.functions.get()];
        let given = self.next.config.as_array().unwrap_or_default();
        arguments.extend(
            given
                .iter()
                .map(|given| self.functions.value(given.clone())),
        );
        let host = self.functions.host();
        host.begin_reading(Reading::of(knowledge));
        let outcome = self.call(&function, &arguments);
        let outcome = outcome.and_then(|value| match value.is_undefined() {
            true => Ok(Data::Undefined),
            false => self.normalise_result(&value),
        });
        Ok((outcome, host.end_reading()))
    }

    fn normalise_result(&mut self, value: &Value<'a>) -> Result<Data, ScriptError> {
        let result = self.freeze(value, Purpose::Message)?;
        let limits = self.functions.limits();
        // It travels with its chain and its versions.
        const AROUND_BYTES: u64 = 64 << 10;
        if u64::from(result.shape().byte_count) + AROUND_BYTES > limits.message_bytes {
            return Err(self.at_command(ScriptError::limit(Limit::MessageBytes, limits)));
        }
        Ok(result)
    }

    /// Begins to read a source. True where it is known at once.
    fn open(&mut self, knowledge: &mut Knowledge, source: Data) -> Result<bool, ScriptError> {
        // Where it is read already, it has not told anything yet.
        if knowledge.sources.iter().any(|known| known.source == source) {
            return Ok(false);
        }
        let limits = self.functions.limits();
        if knowledge.sources.len() >= limits.reactive_sources as usize {
            return Err(self.at_command(ScriptError::limit(Limit::ReactiveSources, limits)));
        }
        let read = Source::read(&source)?;
        let watch = self.next_watch()?;
        let mut known = Known {
            source,
            watch,
            timer: None,
            said: None,
            version: 0,
            chain: Vec::new(),
            is_cyclic: false,
        };
        match read {
            Source::Clock { period_ms } => self.wind(&mut known, period_ms),
            Source::Effect { service, request } => {
                let run = self.identity.run;
                self.effects.push(Effect::Send {
                    to: Target::Address(service),
                    message: request,
                    intent: Intent::Ask(CallId { run, number: watch }),
                });
            }
            other => {
                if let Some((to, request)) = subscription(other) {
                    self.effects.push(Effect::Subscribe { watch, to, request });
                }
            }
        }
        let is_known = known.said.is_some();
        knowledge.sources.push(known);
        Ok(is_known)
    }

    /// Sets a clock to the last multiple of its period, and its timer to the next.
    fn wind(&mut self, known: &mut Known, period_ms: u64) {
        let last_ms = self.now_ms - self.now_ms % period_ms;
        known.said = Some(Said::Value(Data::Number(last_ms as f64)));
        known.version = last_ms;
        known.timer = Some(self.set_timer(last_ms + period_ms - self.now_ms));
    }

    /// The function has come to its end: with a result, or an error, which is one.
    fn settle(
        &mut self,
        knowledge: &mut Knowledge,
        outcome: Result<Data, ScriptError>,
        read: &[bool],
    ) {
        let mut place = 0;
        let effects = &mut self.effects;
        knowledge.sources.retain(|known| {
            let is_read = read.get(place).copied().unwrap_or(false);
            place += 1;
            if !is_read {
                effects.extend(forgotten(known));
            }
            is_read
        });
        let said = match outcome {
            Ok(value) => Said::Value(value),
            Err(error) => Said::Error(error_data(&error)),
        };
        let used = knowledge.sources.iter();
        let used = used.map(|known| (known.watch, known.version)).collect();
        let before = knowledge.result.replace(Settled { said, used });
        let after = knowledge.result.as_ref();
        if before.as_ref().map(|result| &result.said) != after.map(|result| &result.said) {
            self.effects.push(Effect::Send {
                to: Target::Outbox,
                message: knowledge.shown(),
                intent: Intent::Tell,
            });
        }
    }
}

/// What is to be done about a source that is read no more. An answer that still comes is late.
fn forgotten(known: &Known) -> Option<Effect> {
    match (known.timer, Source::read(&known.source)) {
        (Some(timer), _) => Some(Effect::CancelTimer { timer }),
        (None, Ok(Source::Effect { .. }) | Err(_)) => None,
        (None, Ok(_)) => Some(Effect::Unsubscribe { watch: known.watch }),
    }
}
