//! Runs the queue: each command has a budget, and what is left waits for the next command.
//!
//! Before it: commands, which push jobs. After it: `deliver` and `turn`.
//! Guarantees: the budget is counted for a command, never for an entry, so that how commands were
//! batched changes nothing. Leaves to others: proposing `Continue`.

use super::queue::Job;
use super::{Shard, ShardError};
use crate::message::Parcel;

impl Shard {
    pub(crate) fn push(&mut self, job: Job) {
        self.queue.push(&mut self.meta, job);
    }

    /// Runs jobs until none is left or the command's budget is spent.
    pub(crate) fn run_queue(&mut self) -> Result<(), ShardError> {
        while self.spent < self.limits.command_instructions {
            let Some(job) = self.queue.pop(&mut *self.store) else {
                return Ok(());
            };
            self.spent = self
                .spent
                .saturating_add(self.limits.delivery_instructions.max(1));
            self.run_job(job)?;
        }
        Ok(())
    }

    fn run_job(&mut self, job: Job) -> Result<(), ShardError> {
        match job {
            Job::Parcel(parcel) => self.run_parcel(parcel),
            Job::Wake(instance) => self.wake(&instance),
            Job::Timer {
                instance,
                timer,
                cause,
            } => self.fire(&instance, timer, &cause),
            Job::Rested(instance) => self.rested(&instance),
            Job::Service(service) => self.service_rested(&service),
            Job::Retire { instance, ended_ms } => self.retire(&instance, ended_ms),
            Job::Idle(instance) => self.end_if_idle(&instance),
            Job::Tick(name) => self.tick_schedule(&name),
            reading @ (Job::Unread(_) | Job::Renew(_)) => self.run_reading(reading),
        }
    }

    fn run_parcel(&mut self, parcel: Parcel) -> Result<(), ShardError> {
        match parcel {
            Parcel::Message(message) => self.deliver(message),
            Parcel::Spawn(spawn) => self.spawn(spawn),
            Parcel::Kill(kill) => self.kill(kill),
        }
    }
}
