//! A worker that does what its messages say, for tests and simulations of the core without scripts.
//!
//! Before it: tests, which write messages as lists of [`Do`]. After it: the shard, as with scripts.
//! Guarantees: an engine like any other (pure, total, undone turns), about as fast as can be.
//! Leaves to others: the language.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use transport::Address;

use super::{Context, Effect, End, Engine, Input, Program, Ran, Run, Target, WorkerFacts};
use crate::message::Body;
use crate::record::Failure;

/// One thing that a model worker does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Do {
    /// The key of the instance that takes this message, for keyed workers.
    Key(String),
    /// Adds to its count.
    Add(i64),
    /// Sends to a name and perhaps a key.
    Send(String, Option<String>, Vec<Do>),
    /// Sends to its outbox.
    Emit(Vec<Do>),
    /// Sends to who sent this.
    Reply(Vec<Do>),
    /// Spawns a child of its own worker, watched or not, and sends it something.
    Spawn(bool, Vec<Do>),
    /// Ends an instance.
    Kill(String, String),
    /// Takes no messages for so many milliseconds, then does this.
    Delay(u64, Vec<Do>),
    /// Ends with its count as result.
    Complete,
    /// Fails; what it did stands.
    Fail,
    /// A script error: undone.
    Trap,
    /// A bug in the engine.
    Panic,
    /// Ends itself.
    KillSelf,
    /// Uses so many instructions.
    Work(u64),
}

impl Do {
    /// A message that says this.
    #[must_use]
    pub fn body(list: &[Do]) -> Body {
        Body::from_bytes(crate::keys::encode_record(list))
    }
}

impl Do {
    /// What a message says; none where it is no list.
    #[must_use]
    pub fn read(body: &Body) -> Option<Vec<Do>> {
        read(body).ok()
    }
}

/// One worker of a model program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelWorker {
    /// Its name.
    pub name: String,
    /// See [`WorkerFacts`].
    pub daemon: bool,
    /// See [`WorkerFacts`].
    pub keyed: bool,
    /// Failures in a row that it survives.
    pub restarts: u32,
    /// See [`WorkerFacts`].
    pub idle_ms: Option<u64>,
    /// When its runs are started.
    pub schedule: Option<vm::schedule::Schedule>,
}

/// A program of model workers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelProgram {
    /// Its workers, all exported.
    pub workers: Vec<ModelWorker>,
}

impl ModelProgram {
    /// Its bytes, for `Install`.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        crate::keys::encode_record(self)
    }
}

/// The engine of model programs.
#[derive(Clone, Copy, Debug, Default)]
pub struct ModelEngine;

impl Engine for ModelEngine {
    fn load(&self, bytes: &[u8]) -> Result<Arc<dyn Program>, String> {
        let program: ModelProgram =
            crate::keys::decode_record(bytes).map_err(|error| error.to_string())?;
        Ok(Arc::new(program))
    }
}

impl Program for ModelProgram {
    fn worker(&self, name: &str) -> Option<WorkerFacts> {
        let worker = self.workers.iter().find(|worker| worker.name == name)?;
        Some(WorkerFacts {
            exported: true,
            daemon: worker.daemon,
            keyed: worker.keyed,
            reused: worker.daemon || worker.keyed,
            restarts: worker.restarts > 0,
            restarts_from_start: false,
            idle_ms: worker.idle_ms,
            retention_ms: None,
            reactive: false,
        })
    }

    fn exported(&self) -> Vec<String> {
        let names = self.workers.iter().map(|worker| worker.name.clone());
        names.collect()
    }

    fn key_of(
        &self,
        _worker: &str,
        body: &Body,
        _limits: &vm::limits::Limits,
    ) -> Result<String, Failure> {
        match read(body)?.first() {
            Some(Do::Key(key)) => Ok(key.clone()),
            _ => Err(Failure::new("model", "the message has no key")),
        }
    }

    fn rest_after_ms(&self, worker: &str, failures: u32) -> Option<u64> {
        let worker = self.workers.iter().find(|known| known.name == worker)?;
        (failures <= worker.restarts).then_some(100)
    }

    fn schedule(&self, worker: &str) -> Option<&vm::schedule::Schedule> {
        let mut workers = self.workers.iter();
        workers
            .find(|known| known.name == worker)?
            .schedule
            .as_ref()
    }

    fn start(&self, worker: &str, address: &Address, run: [u8; 16]) -> Option<Box<dyn Run>> {
        self.worker(worker)?;
        Some(Box::new(ModelRun {
            worker: worker.to_owned(),
            key: address.key().unwrap_or("").to_owned(),
            run,
            ..ModelRun::default()
        }))
    }

    fn resume(&self, snapshot: &[u8]) -> Result<Box<dyn Run>, String> {
        let run: ModelRun =
            crate::keys::decode_record(snapshot).map_err(|error| error.to_string())?;
        Ok(Box::new(run))
    }
}

/// A run of a model worker: a count, and what it waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRun {
    worker: String,
    key: String,
    run: [u8; 16],
    /// What `Add` added up to.
    pub count: i64,
    spawns: u64,
    timers: u64,
    delay: Option<(u64, Vec<Do>)>,
}

fn read(body: &Body) -> Result<Vec<Do>, Failure> {
    if body.bytes().is_empty() {
        return Ok(Vec::new());
    }
    crate::keys::decode_record(body.bytes())
        .map_err(|error| Failure::new("model", error.to_string()))
}

fn give_way() {
    panic!("a model worker was asked to panic")
}

impl ModelRun {
    /// Reads a snapshot, for tests that look at counts.
    #[must_use]
    pub fn read(snapshot: &[u8]) -> Option<ModelRun> {
        crate::keys::decode_record(snapshot).ok()
    }

    fn perform(
        &mut self,
        list: &[Do],
        from: Option<&Address>,
        now_ms: u64,
        ran: &mut Ran,
    ) -> Result<(), Failure> {
        for (at, step) in list.iter().enumerate() {
            ran.instructions += 1;
            match step {
                Do::Key(_) => {}
                Do::Add(amount) => self.count = self.count.wrapping_add(*amount),
                Do::Work(instructions) => ran.instructions += instructions,
                Do::Complete => {
                    let result = Do::body(&[Do::Add(self.count)]);
                    ran.end = End::Completed(result);
                    return Ok(());
                }
                Do::Fail => {
                    ran.end = End::Failed(Failure::new("model-fail", "asked to fail"));
                    return Ok(());
                }
                Do::Trap => return Err(Failure::new("model-trap", "asked to trap")),
                Do::Panic => give_way(),
                Do::KillSelf => {
                    ran.end = End::KilledSelf;
                    return Ok(());
                }
                Do::Delay(after_ms, then) => {
                    self.timers += 1;
                    let rest = then.iter().chain(&list[at + 1..]).cloned().collect();
                    self.delay = Some((self.timers, rest));
                    ran.effects.push(Effect::SetTimer {
                        timer: self.timers,
                        at_ms: now_ms.saturating_add(*after_ms),
                    });
                    return Ok(());
                }
                send => self.effect(send, from, ran),
            }
        }
        Ok(())
    }

    fn effect(&mut self, step: &Do, from: Option<&Address>, ran: &mut Ran) {
        let send = |to: Option<Target>, list: &[Do]| Effect::Send {
            to,
            body: Do::body(list),
            intent: vm::Intent::Tell,
        };
        match step {
            Do::Send(name, key, list) => {
                let to = Target {
                    name: name.clone(),
                    key: key.clone(),
                };
                ran.effects.push(send(Some(to), list));
            }
            Do::Emit(list) => ran.effects.push(send(None, list)),
            Do::Reply(list) => {
                let Some(from) = from else { return };
                let to = Target {
                    name: from.name().to_owned(),
                    key: from.key().map(str::to_owned),
                };
                ran.effects.push(send(Some(to), list));
            }
            Do::Spawn(watch, list) => {
                self.spawns += 1;
                let mut seed = self.run.to_vec();
                seed.extend_from_slice(&self.spawns.to_le_bytes());
                let hash = blake3::hash(&seed).to_hex();
                let child = Target {
                    name: self.worker.clone(),
                    key: Some(format!("~{}", &hash.as_str()[..16])),
                };
                let parent = Target {
                    name: self.worker.clone(),
                    key: Some(self.key.clone()),
                };
                ran.effects.push(Effect::Spawn {
                    child: child.clone(),
                    worker: self.worker.clone(),
                    config: Body::default(),
                    outbox: Some(parent),
                    watch: *watch,
                });
                ran.effects.push(send(Some(child), list));
            }
            Do::Kill(name, key) => ran.effects.push(Effect::Kill {
                target: Target {
                    name: name.clone(),
                    key: Some(key.clone()),
                },
            }),
            _ => unreachable!("perform handles everything else"),
        }
    }

    fn go(
        &mut self,
        input: Input<'_>,
        context: &Context<'_>,
        ran: &mut Ran,
    ) -> Result<(), Failure> {
        match input {
            // Its lists read nothing of others.
            Input::Told { .. } => Ok(()),
            Input::Start { config, .. } => {
                let list = read(config)?;
                self.perform(&list, None, context.now_ms, ran)
            }
            Input::Message { body, from, .. } | Input::Reply { body, from, .. } => {
                // An exit notice is a value of the language, not a list.
                let list = read(body).unwrap_or_default();
                self.perform(&list, from, context.now_ms, ran)
            }
            Input::Timer { timer } => match self.delay.take() {
                Some((waiting, list)) if waiting == timer => {
                    self.perform(&list, None, context.now_ms, ran)
                }
                other => {
                    self.delay = other;
                    Ok(())
                }
            },
        }
    }
}

impl Run for ModelRun {
    fn turn(&mut self, input: Input<'_>, context: &Context<'_>) -> Ran {
        let mut ran = Ran {
            end: End::Waiting,
            effects: Vec::new(),
            dropped: false,
            late: false,
            offers_again: false,
            console: Vec::new(),
            instructions: 1,
        };
        let mut next = self.clone();
        match next.go(input, context, &mut ran) {
            Ok(()) => *self = next,
            Err(failure) => {
                ran.effects.clear();
                ran.end = End::Trapped(failure);
            }
        }
        ran
    }

    fn accepts_messages(&self) -> bool {
        self.delay.is_none()
    }

    fn awaits(&self, _: vm::CallId) -> bool {
        false
    }

    fn snapshot(&self) -> Bytes {
        crate::keys::encode_record(self)
    }

    fn copy(&self) -> Box<dyn Run> {
        Box::new(self.clone())
    }

    fn go_back_to(&mut self, before: &dyn Run) {
        if let Some(before) = before.as_any().downcast_ref::<ModelRun>() {
            let (spawns, timers) = (self.spawns, self.timers);
            *self = before.clone();
            (self.spawns, self.timers) = (spawns, timers);
        }
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
