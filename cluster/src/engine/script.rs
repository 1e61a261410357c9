//! The engine of scripts: `vm` behind the shard's view of an engine.
//!
//! Before it: the shard's turns. After it: `vm::turn`.
//! Guarantees: as of `vm`: pure, total, undone turns; bytes are verified before they run.
//! Leaves to others: everything that is not about scripts.

use std::sync::Arc;

use bytes::Bytes;
use transport::Address;
use vm::data::Address as ScriptAddress;
use vm::limits::Limits;
use vm::options::{RestartFrom, RestartPolicy, Reuse};
use vm::reactive::Part;

use super::{Context, Effect, End, Engine, Input, Program, Ran, Run, Target, WorkerFacts};
use crate::codes;
use crate::message::Body;
use crate::record::{Failure, StackLine};

/// Runs compiled scripts.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScriptEngine;

/// A verified program.
struct Script(Arc<vm::Program>);

/// A run of one of its workers.
struct ScriptRun {
    program: Arc<vm::Program>,
    worker: vm::Worker,
}

/// What the log holds was checked against the limits of its time; later ones must not refuse it.
fn no_limits() -> Limits {
    Limits {
        value_bytes: u32::MAX,
        value_depth: u16::MAX,
        state_bytes: u64::MAX,
        message_bytes: u64::MAX,
        program_bytes: u64::MAX,
        ..Limits::default()
    }
}

/// The program of an encoding that was installed.
///
/// # Errors
///
/// Bytes that are no program.
pub fn decode(program: &[u8]) -> Result<vm::Program, String> {
    vm::Program::decode(program, &no_limits()).map_err(|error| error.to_string())
}

/// The open `withState` blocks of a run, outermost first.
///
/// # Errors
///
/// Bytes that are no run of the program.
pub fn open_states(program: &vm::Program, snapshot: &[u8]) -> Result<Vec<vm::Data>, String> {
    let worker = vm::Worker::decode(snapshot, program, &no_limits());
    let worker = worker.map_err(|error| error.to_string())?;
    Ok(worker.open_states())
}

/// The result of a run of a reactive function, as people see it; none of another run.
///
/// # Errors
///
/// Bytes that are no run of the program.
pub fn shown_result(program: &vm::Program, snapshot: &[u8]) -> Result<Option<vm::Data>, String> {
    let worker = vm::Worker::decode(snapshot, program, &no_limits());
    Ok(worker.map_err(|error| error.to_string())?.shown_result())
}

impl Engine for ScriptEngine {
    fn load(&self, bytes: &[u8]) -> Result<Arc<dyn Program>, String> {
        Ok(Arc::new(Script(Arc::new(decode(bytes)?))))
    }
}

impl Program for Script {
    fn worker(&self, name: &str) -> Option<WorkerFacts> {
        let worker = self.0.worker(name)?;
        let options = &worker.options;
        Some(WorkerFacts {
            exported: worker.exported,
            daemon: options.daemon,
            keyed: options.keyed(),
            reused: options.reuse == Reuse::Restart,
            restarts: options.restart.policy == RestartPolicy::OnFailure,
            restarts_from_start: options.restart.from == RestartFrom::Start,
            idle_ms: options.idle_ms,
            retention_ms: options.retention_ms,
            reactive: options.reactive,
        })
    }

    fn exported(&self) -> Vec<String> {
        let exported = self.0.workers().filter(|worker| worker.exported);
        exported.map(|worker| worker.name.clone()).collect()
    }

    fn key_of(&self, worker: &str, body: &Body, limits: &Limits) -> Result<String, Failure> {
        let message = body
            .data()
            .map_err(|error| Failure::new(codes::BAD_BODY, error.to_string()))?;
        self.0
            .key_of(worker, &message, limits)
            .map_err(|error| failure(&error))
    }

    fn rest_after_ms(&self, worker: &str, failures: u32) -> Option<u64> {
        self.0
            .worker(worker)?
            .options
            .restart
            .rest_after_ms(failures)
    }

    fn schedule(&self, worker: &str) -> Option<&vm::schedule::Schedule> {
        self.0.worker(worker)?.options.schedule.as_ref()
    }

    fn start(&self, worker: &str, address: &Address, run: [u8; 16]) -> Option<Box<dyn Run>> {
        let identity = vm::Identity {
            address: script_address(address),
            run,
        };
        let worker = vm::Worker::new(&self.0, worker, identity).ok()?;
        let program = Arc::clone(&self.0);
        Some(Box::new(ScriptRun { program, worker }))
    }

    fn resume(&self, snapshot: &[u8]) -> Result<Box<dyn Run>, String> {
        let worker = vm::Worker::decode(snapshot, &self.0, &no_limits())
            .map_err(|error| error.to_string())?;
        let program = Arc::clone(&self.0);
        Ok(Box::new(ScriptRun { program, worker }))
    }
}

impl Run for ScriptRun {
    fn turn(&mut self, input: Input<'_>, context: &Context<'_>) -> Ran {
        let input = match script_input(input) {
            Ok(input) => input,
            Err(failure) => return Ran::trapped(failure),
        };
        let context = vm::TurnContext {
            now_ms: context.now_ms,
            seed: context.seed,
            limits: context.limits,
        };
        let turn = vm::turn(&self.program, &mut self.worker, input, &context);
        let mut ran = Ran {
            end: end(turn.outcome),
            effects: turn.effects.into_iter().map(effect).collect(),
            dropped: false,
            late: false,
            offers_again: turn.offers_again,
            console: Vec::new(),
            instructions: turn.used.instructions,
        };
        for note in turn.notes {
            match note {
                vm::Note::Dropped => ran.dropped = true,
                vm::Note::Late => ran.late = true,
                vm::Note::Console(line) => ran.console.push(line),
                vm::Note::Ignored => {}
            }
        }
        ran
    }

    fn accepts_messages(&self) -> bool {
        self.worker.accepts_messages()
    }

    fn awaits(&self, call: vm::CallId) -> bool {
        self.worker.calls().any(|known| known == call)
    }

    fn snapshot(&self) -> Bytes {
        Bytes::from(self.worker.encode(&self.program))
    }

    fn copy(&self) -> Box<dyn Run> {
        Box::new(ScriptRun {
            program: Arc::clone(&self.program),
            worker: self.worker.clone(),
        })
    }

    fn go_back_to(&mut self, before: &dyn Run) {
        if let Some(before) = before.as_any().downcast_ref::<ScriptRun>() {
            self.worker = self.worker.resumed_at(&before.worker);
        }
    }

    fn told(&self, part: &Part, limits: &Limits) -> Option<Body> {
        Some(Body::from_data(self.worker.told(
            &self.program,
            part,
            limits,
        )))
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

fn script_address(address: &Address) -> ScriptAddress {
    ScriptAddress {
        name: address.name().to_owned(),
        key: address.key().map(str::to_owned),
    }
}

fn script_input(input: Input<'_>) -> Result<vm::Input, Failure> {
    let data = |body: &Body| {
        body.data()
            .map_err(|error| Failure::new(codes::BAD_BODY, error.to_string()))
    };
    Ok(match input {
        Input::Start { config, outbox } => vm::Input::Start {
            config: data(config)?,
            outbox: outbox.map(script_address),
        },
        Input::Message { body, from, call } => vm::Input::Message {
            body: data(body)?,
            sender: from.map(script_address),
            call,
        },
        Input::Reply { call, body, from } => vm::Input::Reply {
            call,
            body: data(body)?,
            sender: from.map(script_address),
        },
        Input::Timer { timer } => vm::Input::Timer { timer },
        Input::Told {
            watch,
            body,
            version,
            from,
        } => vm::Input::Told {
            watch,
            body: data(body)?,
            version,
            source: from.map(script_address),
        },
    })
}

fn end(outcome: vm::Outcome) -> End {
    match outcome {
        vm::Outcome::Waiting => End::Waiting,
        vm::Outcome::Completed { result } => End::Completed(Body::from_data(result)),
        vm::Outcome::Failed { error } => End::Failed(failure(&error)),
        vm::Outcome::Trapped { error } => End::Trapped(failure(&error)),
        vm::Outcome::KilledSelf => End::KilledSelf,
        vm::Outcome::Kept => End::Kept,
    }
}

fn failure(error: &vm::ScriptError) -> Failure {
    let lines = error.stack.iter().map(|frame| StackLine {
        function: frame.function.clone(),
        file: frame.file.clone(),
        line: frame.line,
        column: frame.column,
    });
    Failure {
        code: error.code.clone(),
        message: error.message.clone(),
        stack: lines.collect(),
    }
}

fn effect(effect: vm::Effect) -> Effect {
    match effect {
        vm::Effect::Send {
            to,
            message,
            intent,
        } => Effect::Send {
            to: match to {
                vm::Target::Outbox => None,
                vm::Target::Address(address) => Some(target(address)),
            },
            body: Body::from_data(message),
            intent,
        },
        vm::Effect::Spawn {
            child,
            worker,
            config,
            outbox,
            watch,
        } => Effect::Spawn {
            child: target(child),
            worker,
            config: Body::from_data(config),
            outbox: outbox.map(target),
            watch,
        },
        vm::Effect::Kill { target: victim } => Effect::Kill {
            target: target(victim),
        },
        vm::Effect::SetTimer { timer, at_ms } => Effect::SetTimer { timer, at_ms },
        vm::Effect::CancelTimer { timer } => Effect::CancelTimer { timer },
        vm::Effect::Subscribe { watch, to, request } => Effect::Subscribe {
            watch,
            to: target(to),
            request: Body::from_data(request),
        },
        vm::Effect::Unsubscribe { watch } => Effect::Unsubscribe { watch },
    }
}

fn target(address: ScriptAddress) -> Target {
    Target {
        name: address.name,
        key: address.key,
    }
}
