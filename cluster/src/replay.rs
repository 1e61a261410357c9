//! Runs the recorded inputs of an instance again and compares what they give with what was recorded.
//!
//! Before it: the history of an instance, step by step. After it: a verdict, for `replay` and checks.
//! Guarantees: nothing is changed and nothing leaves; the same engine and the same inputs as in
//! `shard/turn`. Leaves to others: reading the history and the programs.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use transport::{Address, RunId};
use vm::limits::Limits;

use crate::engine::{Context, End, Engine, Input, Program, Ran, Run};
use crate::message::ProgramId;
use crate::record::{HistoryRecord, TurnInput, TurnOutcome};
use crate::shard::effects_hash;

/// Why a history cannot be run again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// A program of the history is not there.
    #[error("E-unknown-program: step {step} ran the program {program}, which is not kept here")]
    Program {
        /// The step.
        step: u64,
        /// The program.
        program: ProgramId,
    },
    /// A program that this version does not run.
    #[error("E-bad-program: the program {program} cannot be run: {reason}")]
    Unreadable {
        /// The program.
        program: ProgramId,
        /// Why.
        reason: String,
    },
}

/// Runs steps again, in order.
pub struct Replay<'a> {
    engine: &'a dyn Engine,
    address: Address,
    limits: Limits,
    programs: BTreeMap<ProgramId, Arc<dyn Program>>,
    run: Option<(RunId, Box<dyn Run>)>,
    restarts: bool,
    turns: u64,
    first_difference: Option<u64>,
}

/// What came of a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Turns that were run again.
    pub turns: u64,
    /// The first step whose effects or outcome were not the recorded ones.
    pub first_difference: Option<u64>,
}

impl<'a> Replay<'a> {
    /// A replay of one instance with the limits that its turns ran under.
    #[must_use]
    pub fn new(engine: &'a dyn Engine, address: Address, limits: Limits) -> Replay<'a> {
        Replay {
            engine,
            address,
            limits,
            programs: BTreeMap::new(),
            run: None,
            restarts: false,
            turns: 0,
            first_difference: None,
        }
    }

    /// Makes a program known.
    ///
    /// # Errors
    ///
    /// `Unreadable` where this version does not run it.
    pub fn add_program(&mut self, program: ProgramId, bytes: &Bytes) -> Result<(), ReplayError> {
        let loaded = self.engine.load(bytes);
        let loaded = loaded.map_err(|reason| ReplayError::Unreadable { program, reason })?;
        self.programs.insert(program, loaded);
        Ok(())
    }

    /// Runs one recorded step. Steps before the first start that is still kept are passed over:
    /// what the run held then is not known.
    ///
    /// # Errors
    ///
    /// `Program` where its program was not made known.
    pub fn step(&mut self, step: u64, record: &HistoryRecord) -> Result<(), ReplayError> {
        if let TurnInput::Start {
            program, worker, ..
        } = &record.input
        {
            self.begin(step, record.run, *program, worker)?;
        }
        let Some((id, run)) = &mut self.run else {
            return Ok(());
        };
        let Some(input) = Input::of(&record.input).filter(|_| *id == record.run) else {
            return Ok(());
        };
        let before = self.restarts.then(|| run.copy());
        let context = Context {
            now_ms: record.time_ms,
            seed: record.seed,
            limits: &self.limits,
        };
        let ran = run.turn(input, &context);
        self.turns += 1;
        let same =
            effects_hash(&ran.effects) == record.effects_hash && is_same_end(&ran, &record.outcome);
        if !same && self.first_difference.is_none() {
            self.first_difference = Some(step);
        }
        if let (End::Failed(_), Some(before)) = (&ran.end, before) {
            run.go_back_to(&*before);
        }
        Ok(())
    }

    fn begin(
        &mut self,
        step: u64,
        run: RunId,
        program: ProgramId,
        worker: &str,
    ) -> Result<(), ReplayError> {
        let missing = ReplayError::Program { step, program };
        let known = self.programs.get(&program).ok_or_else(|| missing.clone())?;
        let started = known.start(worker, &self.address, run.0).ok_or(missing)?;
        self.restarts = known.worker(worker).is_some_and(|facts| facts.restarts);
        self.run = Some((run, started));
        Ok(())
    }

    /// What came of it so far.
    #[must_use]
    pub fn replayed(&self) -> Replayed {
        Replayed {
            turns: self.turns,
            first_difference: self.first_difference,
        }
    }
}

fn is_same_end(ran: &Ran, recorded: &TurnOutcome) -> bool {
    match (&ran.end, recorded) {
        (End::Waiting, TurnOutcome::Waiting) => !ran.dropped && !ran.late,
        (End::Waiting, TurnOutcome::Late) => ran.late,
        (End::Waiting, TurnOutcome::Dropped) => ran.dropped,
        (End::Completed(_), TurnOutcome::Completed) | (End::KilledSelf, TurnOutcome::Killed) => {
            true
        }
        (End::Failed(now), TurnOutcome::Failed(then))
        | (End::Trapped(now), TurnOutcome::Trapped(then)) => now == then,
        _ => false,
    }
}
