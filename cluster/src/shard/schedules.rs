//! Runs that the clock starts: the option `schedule` of a worker.
//!
//! Before it: `Activate`, which gives a name its schedule at the name's home, and the timer. After it: a
//! start like any other, of the instance whose key is the time.
//! Guarantees: each time of a schedule starts one run at most, through restarts and elections, because the
//! next time is part of the state; what was missed is told by shard time, never by a node's clock.
//! Leaves to others: reading crons (`vm`), waking up in time (the leader's driver).

use transport::Address;
use vm::schedule::{Missed, Schedule, tick_name};

use super::timers::TimerKind;
use super::{Shard, ShardError};
use crate::message::ProgramId;
use crate::record::Tick;

/// Runs that one job starts at most. The next missed time is due at once again.
const STARTS_PER_JOB: usize = 100;

impl Shard {
    /// Takes the timer of a name away, which another program or none serves now.
    pub(crate) fn unschedule(&mut self, tick: Option<Tick>) {
        if let Some(tick) = tick {
            self.timers.cancel(
                &mut *self.store,
                TimerKind::Tick,
                tick.slot,
                0,
                tick.next_ms,
            );
        }
    }

    /// Sets the timer of a name whose worker has a schedule.
    pub(crate) fn schedule(&mut self, name: &Address) -> Result<(), ShardError> {
        if self.shard_of(name) != self.identity.shard {
            return Ok(());
        }
        let Some((_, schedule)) = self.schedule_of(name)? else {
            return Ok(());
        };
        self.meta.slots += 1;
        self.next_tick(name, self.meta.slots, schedule.next_after(self.now_ms));
        Ok(())
    }

    fn schedule_of(&mut self, name: &Address) -> Result<Option<(ProgramId, Schedule)>, ShardError> {
        let serving = self.programs.serving(&*self.store, name)?;
        Ok(serving.and_then(|(id, program, _)| {
            let schedule = program.schedule(name.name())?;
            Some((id, schedule.clone()))
        }))
    }

    fn next_tick(&mut self, name: &Address, slot: u64, next_ms: Option<u64>) {
        let tick = next_ms.map(|next_ms| Tick { slot, next_ms });
        self.programs.set_tick(&mut *self.store, name, tick);
        if let Some(next_ms) = next_ms {
            self.timers
                .set(&mut *self.store, TimerKind::Tick, slot, 0, next_ms, name);
        }
    }

    /// A time of the schedule of a name has come: starts what is due, and waits for the next time.
    pub(crate) fn tick_schedule(&mut self, name: &Address) -> Result<(), ShardError> {
        let due = self.programs.tick(name);
        let Some(tick) = due.filter(|tick| tick.next_ms <= self.now_ms) else {
            return Ok(());
        };
        let Some((program, schedule)) = self.schedule_of(name)? else {
            return Ok(());
        };
        let grace_ms = self.limits.schedule_grace_ms;
        let due = due_times(&schedule, tick.next_ms, self.now_ms, grace_ms);
        for time_ms in &due {
            if let Ok(child) = name.with_key(tick_name(*time_ms)) {
                self.start_root(child, program);
            }
        }
        let done_until_ms = match due.last() {
            Some(last) if due.len() == STARTS_PER_JOB => *last,
            _ => self.now_ms,
        };
        self.next_tick(name, tick.slot, schedule.next_after(done_until_ms));
        Ok(())
    }
}

/// The times from `first_ms` on for which runs are started at `now_ms`, in order, [`STARTS_PER_JOB`] at most.
/// A time is missed where it is more than `grace_ms` ago.
fn due_times(schedule: &Schedule, first_ms: u64, now_ms: u64, grace_ms: u64) -> Vec<u64> {
    let first_ms = match schedule.missed {
        Missed::All => Some(first_ms),
        Missed::One => schedule.last_until(now_ms),
        Missed::Skip => {
            let in_time_ms = now_ms.saturating_sub(grace_ms).max(first_ms);
            schedule.next_after(in_time_ms.saturating_sub(1))
        }
    };
    std::iter::successors(first_ms, |time_ms| schedule.next_after(*time_ms))
        .take_while(|time_ms| *time_ms <= now_ms)
        .take(STARTS_PER_JOB)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: u64 = 3_600_000;

    fn due(missed: Missed, now_ms: u64) -> Vec<u64> {
        let schedule = Schedule::parse("0 * * * *", missed).unwrap();
        due_times(&schedule, HOUR_MS, now_ms, 60_000)
    }

    #[test]
    fn in_time_everything_is_started_once() {
        for missed in [Missed::Skip, Missed::One, Missed::All] {
            assert_eq!(due(missed, HOUR_MS), [HOUR_MS]);
            assert_eq!(due(missed, HOUR_MS + 60_000), [HOUR_MS]);
        }
    }

    #[test]
    fn what_was_missed_is_left_out_or_started_once_or_all() {
        let now_ms = 3 * HOUR_MS + 120_000;
        assert_eq!(due(Missed::Skip, now_ms), Vec::<u64>::new());
        assert_eq!(due(Missed::Skip, 3 * HOUR_MS + 10), [3 * HOUR_MS]);
        assert_eq!(due(Missed::One, now_ms), [3 * HOUR_MS]);
        assert_eq!(
            due(Missed::All, now_ms),
            [HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS]
        );
    }

    #[test]
    fn one_job_starts_a_bounded_number() {
        assert_eq!(due(Missed::All, 1000 * HOUR_MS).len(), STARTS_PER_JOB);
    }
}
