//! Turns of a local run: giving inputs, carrying out effects, failures and restarts.
//!
//! A failing turn's message is a dead letter; the instance rests and goes on as its options say.

use super::instances::{Instance, Resume};
use super::routing::{Item, left_behind};
use super::{LocalEvent, LocalRun, LocalStatus};
use crate::data::{Address, Data};
use crate::error::ScriptError;
use crate::options::RestartFrom;
use crate::turn::{Effect, Input, Intent, Note, Notes, Outcome, TurnContext, turn};
use crate::worker::Worker;

/// Something that happens at a time.
pub(super) struct Alarm {
    pub(super) address: Address,
    /// Which life of the instance it belongs to.
    pub(super) lives: u64,
    pub(super) kind: AlarmKind,
}

/// What happens.
pub(super) enum AlarmKind {
    /// A timer of the worker.
    Timer(u64),
    /// The rest after a failure is over.
    Restart,
    /// It may have received nothing for as long as its option `idle` says.
    Idle,
    /// A reactive function has had no reader for a minute.
    Unread,
}

impl LocalRun<'_> {
    /// Gives messages from the mailbox as long as the instance takes them. One that it does not want yet
    /// is passed over until it has taken something else.
    pub(super) fn drain_mailbox(&mut self, address: &Address) {
        while let Some(instance) = self
            .instances
            .get_mut(address)
            .filter(|instance| instance.is_ready())
        {
            let at = instance.offered;
            let Some(letter) = instance.mailbox.remove(at) else {
                return;
            };
            if !self.run_turn(address, &letter.input())
                && let Some(instance) = self.instances.get_mut(address)
            {
                instance.mailbox.insert(at, letter);
                instance.offered = at + 1;
            }
        }
    }

    /// Something is due.
    pub(super) fn ring(&mut self, alarm: &Alarm) {
        let Some(instance) = self.instances.get_mut(&alarm.address) else {
            return;
        };
        if instance.lives != alarm.lives || !instance.is_alive() {
            return;
        }
        match alarm.kind {
            AlarmKind::Timer(timer) => {
                self.give(&alarm.address, Input::Timer { timer });
            }
            AlarmKind::Unread => self.end_unread(&alarm.address),
            AlarmKind::Restart => match instance.resting.take() {
                Some(Resume::AtWait(inputs)) => self.resume(&alarm.address, inputs),
                Some(Resume::AtStart) => self.start_again(&alarm.address),
                None => {}
            },
            AlarmKind::Idle => self.end_if_idle(&alarm.address),
        }
        self.drain_mailbox(&alarm.address);
    }

    /// Gives a timer or reply, which passes the mailbox; while the instance rests it waits for the end of
    /// that.
    pub(super) fn give(&mut self, address: &Address, input: Input) {
        let Some(instance) = self.instances.get_mut(address) else {
            return;
        };
        match (&mut instance.resting, input) {
            (None, input) => {
                self.run_turn(address, &input);
            }
            (Some(Resume::AtWait(inputs)), input) => {
                // What was told before is not what the source is.
                if let Input::Told { watch: new, .. } = &input {
                    inputs
                        .retain(|kept| !matches!(kept, Input::Told { watch, .. } if watch == new));
                }
                inputs.push(input);
            }
            (Some(Resume::AtStart), Input::Reply { body, .. }) => self.late(address, body),
            (Some(Resume::AtStart), _) => {}
        }
    }

    fn late(&mut self, to: &Address, message: Data) {
        self.events.push(LocalEvent::Late {
            at_ms: self.clock_ms,
            to: to.clone(),
            message,
        });
    }

    /// Gives what has waited for the end of a rest. Where a turn fails, the rest waits again.
    fn resume(&mut self, address: &Address, inputs: Vec<Input>) {
        for input in inputs {
            let Some(instance) = self.instances.get_mut(address) else {
                return;
            };
            if instance.is_alive() {
                self.give(address, input);
            } else if let Input::Reply { body, .. } = input {
                self.dead_letter(address.clone(), body, left_behind());
            }
        }
    }

    fn start_again(&mut self, address: &Address) {
        let Some(instance) = self.instances.get(address) else {
            return;
        };
        let lives = instance.lives + 1;
        let config = instance.worker.config().clone();
        let outbox = instance.worker.outbox().cloned();
        let Some(worker) = self.new_worker(address, lives) else {
            return;
        };
        self.unsubscribe_all(address);
        if let Some(instance) = self.instances.get_mut(address) {
            instance.worker = worker;
            instance.lives = lives;
        }
        self.watch_idle(address);
        self.run_turn(address, &Input::Start { config, outbox });
    }

    /// Runs one turn and carries out what it did. False where the worker does not want the message yet.
    pub(super) fn run_turn(&mut self, address: &Address, input: &Input) -> bool {
        self.turns += 1;
        let number = self.next_number();
        let hash = self.hash(&[b"turn", &number.to_le_bytes()]);
        let mut seed = [0; 16];
        seed.copy_from_slice(&hash[..16]);
        let now_ms = self.options.now_ms.saturating_add(self.clock_ms);
        let Some(instance) = self.instances.get_mut(address) else {
            return true;
        };
        let before = instance.worker.clone();
        let limits = &self.options.limits;
        let context = TurnContext {
            now_ms,
            seed,
            limits,
        };
        let turn = turn(&self.program, &mut instance.worker, input.clone(), &context);
        if turn.outcome == Outcome::Kept {
            return false;
        }
        if turn.offers_again {
            instance.offered = 0;
        }
        let lives = instance.lives;
        if let (true, Input::Reply { body, .. }) = (turn.notes.contains(&Note::Late), input) {
            self.late(address, body.clone());
        }
        self.note(address, turn.notes);
        for effect in turn.effects {
            self.carry_out(address, lives, effect);
        }
        match turn.outcome {
            Outcome::Kept | Outcome::Waiting => {
                if let Some(instance) = self.instances.get_mut(address) {
                    instance.failures = 0;
                }
            }
            Outcome::Completed { result } => {
                self.finish_run(address, LocalStatus::Completed, result, None);
            }
            Outcome::KilledSelf => {
                self.finish_run(address, LocalStatus::Killed, Data::Undefined, None);
            }
            Outcome::Failed { error } => self.failed(address, &before, input, error),
            Outcome::Trapped { error } => {
                if let Input::Message { body, .. } = input {
                    self.dead_letter(address.clone(), body.clone(), error.clone());
                }
                self.failed(address, &before, input, error);
            }
        }
        self.tell(address);
        true
    }

    fn note(&mut self, address: &Address, notes: Notes) {
        let at_ms = self.clock_ms;
        for note in notes {
            if let Note::Console(line) = note {
                self.events.push(LocalEvent::Console {
                    at_ms,
                    worker: address.clone(),
                    line,
                });
            }
        }
    }

    fn carry_out(&mut self, from: &Address, lives: u64, effect: Effect) {
        match effect {
            Effect::Send {
                to,
                message,
                intent,
            } => self.dispatch(from, to, message, intent),
            Effect::Spawn {
                child,
                config,
                outbox,
                watch,
                ..
            } => {
                let watcher = watch.then(|| from.clone());
                self.queue.push_back(Item::Start {
                    address: child,
                    config,
                    outbox,
                    watcher,
                });
            }
            Effect::Kill { target } => self.queue.push_back(Item::Kill { target }),
            Effect::SetTimer { timer, at_ms } => {
                let due_ms = at_ms.saturating_sub(self.options.now_ms);
                let number = self.next_number();
                let alarm = Alarm {
                    address: from.clone(),
                    lives,
                    kind: AlarmKind::Timer(timer),
                };
                self.timers.insert((due_ms, number), alarm);
            }
            Effect::Subscribe { watch, to, request } => self.subscribe(from, watch, to, request),
            Effect::Unsubscribe { watch } => self.unsubscribe(from, watch),
            Effect::CancelTimer { timer } => {
                self.timers.retain(|_, alarm| {
                    alarm.address != *from
                        || !matches!(alarm.kind, AlarmKind::Timer(known) if known == timer)
                });
            }
        }
    }

    /// A turn failed: the instance goes on later, or stays failed.
    fn failed(&mut self, address: &Address, before: &Worker, input: &Input, error: ScriptError) {
        let Some(definition) = self.program.worker(&address.name) else {
            return;
        };
        let at_ms = self.clock_ms;
        let Some(instance) = self.instances.get_mut(address) else {
            return;
        };
        instance.failures += 1;
        let started = !matches!(input, Input::Start { .. });
        let rest_ms = definition
            .options
            .restart
            .rest_after_ms(instance.failures)
            .filter(|_| started);
        let restarts_at_ms = rest_ms.map(|rest_ms| at_ms.saturating_add(rest_ms));
        self.events.push(LocalEvent::Failed {
            at_ms,
            worker: address.clone(),
            error: error.clone(),
            restarts_at_ms,
        });
        let Some(due_ms) = restarts_at_ms else {
            if let Input::Reply { body, .. } = input {
                self.dead_letter(address.clone(), body.clone(), error.clone());
            }
            self.finish_run(address, LocalStatus::Failed, Data::Undefined, Some(error));
            return;
        };
        instance.worker = instance.worker.resumed_at(before);
        instance.resting = Some(match definition.options.restart.from {
            RestartFrom::Start => Resume::AtStart,
            RestartFrom::Wait => Resume::AtWait(match input {
                Input::Timer { .. } | Input::Reply { .. } | Input::Told { .. } => {
                    vec![input.clone()]
                }
                _ => Vec::new(),
            }),
        });
        let lives = instance.lives;
        let number = self.next_number();
        let alarm = Alarm {
            address: address.clone(),
            lives,
            kind: AlarmKind::Restart,
        };
        self.timers.insert((due_ms, number), alarm);
    }

    /// A run is over: its timers are cancelled, its mailbox becomes dead letters, its watcher is told.
    pub(super) fn finish_run(
        &mut self,
        address: &Address,
        status: LocalStatus,
        result: Data,
        error: Option<ScriptError>,
    ) {
        self.timers.retain(|_, alarm| alarm.address != *address);
        self.unsubscribe_all(address);
        let Some(instance) = self.instances.get_mut(address) else {
            return;
        };
        instance.status = status;
        let resting = instance.resting.take();
        instance.result = result;
        instance.error = error;
        let notice = exit_notice(address, instance);
        let mut left: Vec<Data> = Vec::new();
        if let Some(Resume::AtWait(inputs)) = resting {
            left.extend(inputs.into_iter().filter_map(reply_in));
        }
        let mailbox = std::mem::take(&mut instance.mailbox);
        left.extend(mailbox.into_iter().map(|letter| letter.body));
        if let Some(watcher) = instance.watcher.take() {
            self.queue.push_back(Item::Deliver {
                to: watcher,
                sender: Some(address.clone()),
                body: notice,
                intent: Intent::Tell,
            });
        }
        for body in left {
            self.dead_letter(address.clone(), body, left_behind());
        }
        self.tell(address);
    }
}

fn reply_in(input: Input) -> Option<Data> {
    match input {
        Input::Reply { body, .. } => Some(body),
        _ => None,
    }
}

/// What a parent that watches is told: `{ type: "exit", child, status, result?, error? }`.
fn exit_notice(address: &Address, instance: &Instance) -> Data {
    let status = instance.status.as_str();
    let mut properties: Vec<(&str, Data)> = vec![
        ("type", Data::from("exit")),
        ("child", Data::from(address.clone())),
        ("status", Data::from(status)),
    ];
    if !matches!(instance.result, Data::Undefined) {
        properties.push(("result", instance.result.clone()));
    }
    if let Some(error) = &instance.error {
        let kept = error
            .value
            .clone()
            .filter(|value| !matches!(value, Data::Undefined | Data::Error(_)));
        let shown = || {
            Data::object_from([
                ("code", Data::from(error.code.as_str())),
                ("message", Data::from(error.message.as_str())),
            ])
        };
        properties.push(("error", kept.unwrap_or_else(|| shown().unwrap_or_default())));
    }
    Data::object(
        properties
            .into_iter()
            .map(|(key, value)| (key.into(), value))
            .collect(),
    )
    .unwrap_or_default()
}
