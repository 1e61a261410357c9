//! Requests through a door: known or new, and remembered with their answer.
//!
//! Before it: the door's commands. After it: the same answer for every repetition.
//! Guarantees: a request has its effect once, by the door's sequence and by the client's key.
//! Leaves to others: what a request does.

use transport::{Address, MessageId};

use super::doors::Known;
use super::{Shard, ShardError, Watched, idempotency};
use crate::codes;
use crate::command::DoorHeader;
use crate::outcome::{Outcome, Progress, Receipt, Refusal};
use crate::record::Failure;

impl Shard {
    /// Runs a request unless it is known. `act` has the request's effect or refuses it.
    pub(crate) fn request(
        &mut self,
        door: &DoorHeader,
        target: &Address,
        act: impl FnOnce(&mut Shard) -> Result<Option<Refusal>, ShardError>,
    ) -> Result<Outcome, ShardError> {
        if self.shard_of(target) != self.identity.shard {
            return Ok(Outcome::Refused(Refusal::new(
                codes::WRONG_SHARD,
                format!(
                    "{target} belongs to shard {}, this is shard {}",
                    self.shard_of(target),
                    self.identity.shard
                ),
            )));
        }
        self.own_request(door, Some(target), act)
    }

    /// As [`Shard::request`], for a request that names something of this very shard.
    pub(crate) fn own_request(
        &mut self,
        door: &DoorHeader,
        target: Option<&Address>,
        act: impl FnOnce(&mut Shard) -> Result<Option<Refusal>, ShardError>,
    ) -> Result<Outcome, ShardError> {
        let width = self.limits.door_window;
        let known = self.doors.known(&*self.store, door.origin, width)?;
        #[cfg(feature = "mutants")]
        let known = match self.is_mutant(super::Mutant::SkipDoorDedup) {
            true => Known::New,
            false => known,
        };
        if let Known::Answered(outcome) = known {
            return Ok(repeated(outcome));
        }
        let idempotency = door.idempotency.as_ref().zip(target);
        let scope =
            idempotency.map(|(idempotency, target)| idempotency::scope(target, &idempotency.key));
        if let (Some(scope), Some(idempotency)) = (&scope, &door.idempotency) {
            self.expiry.sweep(&mut *self.store, self.now_ms)?;
            let known = idempotency::known(&*self.store, scope, idempotency, self.now_ms)?;
            if let Some(outcome) = known {
                let outcome = repeated(outcome);
                self.remember(door, &outcome);
                return Ok(outcome);
            }
        }
        let outcome = self.act(door, target, act)?;
        self.remember(door, &outcome);
        let accepted = matches!(outcome, Outcome::Accepted(_));
        if let (Some(scope), Some(idempotency), true) = (scope, &door.idempotency, accepted) {
            let expires_ms = self.now_ms.saturating_add(self.limits.idempotency_ms);
            idempotency::remember(
                &mut *self.store,
                &mut self.meta,
                &scope,
                idempotency.digest,
                expires_ms,
                &outcome,
            )?;
            self.expiry.note(expires_ms);
        }
        Ok(outcome)
    }

    fn act(
        &mut self,
        door: &DoorHeader,
        target: Option<&Address>,
        act: impl FnOnce(&mut Shard) -> Result<Option<Refusal>, ShardError>,
    ) -> Result<Outcome, ShardError> {
        self.meta.hybrid = self.meta.hybrid.merge(door.stamp.time, self.now_ms);
        self.watched = Some(Watched {
            message: door.stamp.id,
            instance: target.filter(|target| target.key().is_some()).cloned(),
            progress: Progress::Queued,
            is_told: true,
            refusal: None,
        });
        let refusal = act(self)?;
        let mut watched = self.watched.take();
        let later = watched.as_mut().and_then(|watched| watched.refusal.take());
        Ok(match (refusal.or(later), watched) {
            (Some(refusal), _) => Outcome::Refused(refusal),
            (None, Some(watched)) => Outcome::Accepted(Receipt {
                message: door.stamp.id,
                instance: watched.instance,
                progress: watched.progress,
                duplicate: false,
            }),
            (None, None) => Outcome::Done,
        })
    }

    fn remember(&mut self, door: &DoorHeader, outcome: &Outcome) {
        self.doors.remember(
            &mut *self.store,
            &mut self.meta,
            door.origin,
            self.limits.door_window,
            outcome,
        );
    }

    /// The refusal of a door while too much waits here already.
    pub(crate) fn busy(&self) -> Option<Refusal> {
        (self.queue.len() > self.limits.queue_soft).then(|| Refusal {
            code: codes::BUSY.to_owned(),
            message: format!(
                "{} deliveries wait in shard {} (limit `queue_soft`); try again later",
                self.queue.len(),
                self.identity.shard
            ),
            retry_after_ms: Some(1000),
        })
    }

    /// The refusal of a door while too much waits for one instance.
    pub(crate) fn mailbox_busy(
        &mut self,
        address: &Address,
    ) -> Result<Option<Refusal>, ShardError> {
        if address.key().is_none() {
            return Ok(None);
        }
        let Some((place, instance)) = self.take(address)? else {
            return Ok(None);
        };
        let waiting = instance.record.mailbox.waiting;
        self.hot.put(place, instance, false);
        Ok((waiting >= self.limits.mailbox_soft).then(|| Refusal {
            code: codes::BUSY.to_owned(),
            message: format!(
                "{waiting} messages wait for {address} (limit `mailbox_soft`); try again later"
            ),
            retry_after_ms: Some(1000),
        }))
    }

    /// Whether the instance runs; none where it never was.
    pub(crate) fn is_running(&mut self, address: &Address) -> Result<Option<bool>, ShardError> {
        let Some((place, instance)) = self.take(address)? else {
            return Ok(None);
        };
        let running = instance.record.status == crate::record::InstanceStatus::Running;
        self.hot.put(place, instance, false);
        Ok(Some(running))
    }

    /// Turns a watched request away, where the message is that of the request under way: its client hears of
    /// it. False for every other message.
    pub(crate) fn refuse_watched(&mut self, message: MessageId, cause: &Failure) -> bool {
        let watched = self.watched.as_mut();
        let is_it = |watched: &&mut Watched| watched.is_told && watched.message == message;
        let Some(watched) = watched.filter(is_it) else {
            return false;
        };
        watched.refusal = Some(Refusal::new(&cause.code, cause.message.clone()));
        true
    }

    /// Says whether the sender of a watched request hears of it.
    pub(crate) fn tell_watched(&mut self, is_told: bool) {
        if let Some(watched) = &mut self.watched {
            watched.is_told = is_told;
        }
    }

    /// Names the instance that a watched request was given to.
    pub(crate) fn watch_at(&mut self, instance: &Address) {
        if let Some(watched) = &mut self.watched {
            watched.instance = Some(instance.clone());
        }
    }

    /// Says that a watched request went on to another shard.
    pub(crate) fn watch_forwarded(&mut self) {
        if let Some(watched) = &mut self.watched {
            watched.progress = Progress::Forwarded;
        }
    }
}

fn repeated(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Accepted(receipt) => Outcome::Accepted(Receipt {
            duplicate: true,
            ..receipt
        }),
        other => other,
    }
}
