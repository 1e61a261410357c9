//! Makes a turn's effects into stamped messages, spawns, kills, output and timers.
//!
//! Before it: `turn`. After it: the shard's own queue, channels, the output, the timer index.
//! Guarantees: effects keep their order; an id is made of run, step and place in the step, so that
//! it is never repeated and the same on every replica. Leaves to others: handing over.

use transport::{Address, MessageId, ShardId, Stamp};
use vm::{CallId, Intent};

use super::hot::Instance;
use super::timers::TimerKind;
use super::turn::Given;
use super::{Shard, ShardError};
use crate::codes;
use crate::engine::{Effect, Target};
use crate::hash::Parts;
use crate::limits::PARCEL_BYTES_MAX;
use crate::message::{Body, Kill, Message, Parcel, Spawn};
use crate::record::{Failure, InstanceRecord, TimerRecord};

/// What history keeps of a turn's effects.
pub(crate) struct Performed {
    pub count: u32,
    pub hash: [u8; 16],
}

impl Shard {
    pub(crate) fn perform(
        &mut self,
        instance: &mut Instance,
        given: &Given,
        effects: Vec<Effect>,
    ) -> Result<Performed, ShardError> {
        let count = effects.len() as u32;
        let hash = effects_hash(&effects);
        for (ordinal, effect) in effects.into_iter().enumerate() {
            let record = &mut instance.record;
            match effect {
                Effect::SetTimer { timer, at_ms } => {
                    self.set_timer(record, timer, at_ms, &given.stamp);
                }
                Effect::CancelTimer { timer } => self.cancel_timer(record, timer),
                effect => {
                    let stamp = self.effect_stamp(record, &given.stamp, ordinal as u32);
                    self.send_effect(record, stamp, given.hops + 1, effect)?;
                }
            }
        }
        Ok(Performed { count, hash })
    }

    fn effect_stamp(&mut self, record: &InstanceRecord, cause: &Stamp, ordinal: u32) -> Stamp {
        let run = self.run_origin(record.run_number);
        let time = self.tick();
        let id = MessageId::derived(cause.root, &run.message(record.step, ordinal), time);
        cause.caused(id, time)
    }

    fn send_effect(
        &mut self,
        record: &mut InstanceRecord,
        stamp: Stamp,
        hops: u32,
        effect: Effect,
    ) -> Result<(), ShardError> {
        match effect {
            Effect::Send { to, body, intent } => {
                let to = match to {
                    Some(to) => resolve(record, &to).map(Some),
                    None => Ok(record.outbox.clone()),
                };
                match to {
                    Ok(Some(to)) => self.send_body(record, (stamp, hops), to, (body, intent)),
                    Ok(None) => self.emit(record, stamp, body),
                    Err(cause) => self.undeliverable(record, stamp, body, cause),
                }
            }
            Effect::Spawn {
                child,
                worker,
                config,
                outbox,
                watch,
            } => {
                let child = match resolve(record, &child) {
                    Ok(child) => child,
                    Err(cause) => return self.undeliverable(record, stamp, config, cause),
                };
                let outbox = outbox.and_then(|outbox| resolve(record, &outbox).ok());
                self.send(Parcel::Spawn(Spawn {
                    stamp,
                    child,
                    program: record.program,
                    worker,
                    config,
                    outbox,
                    watcher: watch.then(|| record.address.clone()),
                    hops,
                }))
            }
            Effect::Kill { target } => match resolve(record, &target) {
                Ok(target) => self.send(Parcel::Kill(Kill {
                    stamp,
                    from: Some(record.address.clone()),
                    target,
                })),
                Err(cause) => self.undeliverable(record, stamp, Body::default(), cause),
            },
            Effect::Subscribe { watch, to, request } => {
                let source = resolve(record, &to);
                self.read_source(record, (stamp, hops), watch, source, request)
            }
            Effect::Unsubscribe { watch } => self.leave_source(record, stamp, watch),
            Effect::SetTimer { .. } | Effect::CancelTimer { .. } => Ok(()),
        }
    }

    fn send_body(
        &mut self,
        record: &InstanceRecord,
        (stamp, hops): (Stamp, u32),
        to: Address,
        (body, intent): (Body, Intent),
    ) -> Result<(), ShardError> {
        self.send(Parcel::Message(Message {
            stamp,
            from: Some(record.address.clone()),
            to,
            program: None,
            hops,
            body,
            intent,
        }))
    }

    /// A target that no address can be made of.
    fn undeliverable(
        &mut self,
        record: &InstanceRecord,
        stamp: Stamp,
        body: Body,
        cause: Failure,
    ) -> Result<(), ShardError> {
        let message = Message {
            stamp,
            from: Some(record.address.clone()),
            to: record.address.clone(),
            program: None,
            hops: 0,
            body,
            intent: Intent::Tell,
        };
        self.dead_letter(message, cause, None)
    }

    /// Puts a parcel into the channel to another shard. What is too large to travel would block the
    /// channel for ever.
    pub(crate) fn send_to(&mut self, target: ShardId, parcel: &Parcel) -> Result<(), ShardError> {
        let Ok(bytes) = parcel.encode() else {
            return self.too_large(parcel, PARCEL_BYTES_MAX);
        };
        let incarnation = self.incarnation_of(target);
        self.channels
            .put(&mut *self.store, target, incarnation, bytes);
        Ok(())
    }

    fn set_timer(&mut self, record: &mut InstanceRecord, timer: u64, due_ms: u64, cause: &Stamp) {
        self.cancel_timer(record, timer);
        record.timers.push(TimerRecord {
            timer,
            due_ms,
            cause: cause.clone(),
        });
        self.timers.set(
            &mut *self.store,
            TimerKind::Worker,
            record.slot,
            timer,
            due_ms,
            &record.address,
        );
    }

    fn cancel_timer(&mut self, record: &mut InstanceRecord, timer: u64) {
        let Some(at) = record.timers.iter().position(|set| set.timer == timer) else {
            return;
        };
        let set = record.timers.remove(at);
        self.timers.cancel(
            &mut *self.store,
            TimerKind::Worker,
            record.slot,
            timer,
            set.due_ms,
        );
    }
}

/// The address that a script's target means: names are looked up in the worker's own namespace.
fn resolve(record: &InstanceRecord, target: &Target) -> Result<Address, Failure> {
    Address::new(
        record.address.namespace().clone(),
        target.name.as_str(),
        target.key.as_deref(),
    )
    .map_err(|error| Failure::new(codes::BAD_ADDRESS, error.to_string()))
}

/// What history keeps of effects to compare them with: a hash, zeros for none.
pub(crate) fn effects_hash(effects: &[Effect]) -> [u8; 16] {
    if effects.is_empty() {
        return [0; 16];
    }
    let mut parts = Parts::new();
    for effect in effects {
        hash_effect(&mut parts, effect);
    }
    parts.finish()
}

fn hash_effect(parts: &mut Parts, effect: &Effect) {
    let mut part = |tag: u8, bytes: &[u8]| parts.part(tag, bytes);
    match effect {
        Effect::Send { to, body, intent } => {
            part(1, &target_bytes(to.as_ref()));
            part(2, body.bytes());
            match intent {
                Intent::Tell => {}
                Intent::Ask(call) => part(12, &call_bytes(call)),
                Intent::Answer(call) => part(13, &call_bytes(call)),
                Intent::Subscribe(call) | Intent::Unsubscribe(call) | Intent::Emit(call, _) => {
                    part(14, &call_bytes(call));
                }
            }
        }
        Effect::Spawn {
            child,
            worker,
            config,
            outbox,
            watch,
        } => {
            part(3, &target_bytes(Some(child)));
            part(4, worker.as_bytes());
            part(5, config.bytes());
            part(6, &target_bytes(outbox.as_ref()));
            part(7, &[u8::from(*watch)]);
        }
        Effect::Kill { target } => part(8, &target_bytes(Some(target))),
        Effect::SetTimer { timer, at_ms } => {
            part(9, &timer.to_le_bytes());
            part(10, &at_ms.to_le_bytes());
        }
        Effect::CancelTimer { timer } => part(11, &timer.to_le_bytes()),
        Effect::Subscribe { watch, to, request } => {
            part(15, &watch.to_le_bytes());
            part(16, &target_bytes(Some(to)));
            part(17, request.bytes());
        }
        Effect::Unsubscribe { watch } => part(18, &watch.to_le_bytes()),
    }
}

fn call_bytes(call: &CallId) -> [u8; 24] {
    let mut bytes = [0; 24];
    bytes[..16].copy_from_slice(&call.run);
    bytes[16..].copy_from_slice(&call.number.to_le_bytes());
    bytes
}

fn target_bytes(target: Option<&Target>) -> Vec<u8> {
    let Some(target) = target else {
        return Vec::new();
    };
    let mut bytes = vec![1 + u8::from(target.key.is_some())];
    bytes.extend_from_slice(&(target.name.len() as u32).to_le_bytes());
    bytes.extend_from_slice(target.name.as_bytes());
    bytes.extend_from_slice(target.key.as_deref().unwrap_or("").as_bytes());
    bytes
}
