//! Timers in shard time, in one index ordered by due time.
//!
//! Before it: effects, failures, services, ends. After it: `TimerFired`, which takes what is due.
//! Guarantees: a timer fires once, in the order of due times; the index is the only truth, and
//! what is kept beside it in memory only says when to look.
//! Leaves to others: waking up (the leader's driver), the owners' own records.

use transport::Address;

use super::ShardError;
use crate::keys;
use crate::query::decode;
use crate::store::{StateRead, StateStore};

/// Whose a timer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum TimerKind {
    /// A worker set it.
    Worker = 1,
    /// An instance rests after a failure.
    Rest = 2,
    /// A service rests after a silence.
    Service = 3,
    /// What an ended run left may go.
    Retire = 4,
    /// An instance may have received nothing for too long.
    Idle = 5,
    /// A time of a schedule has come.
    Tick = 6,
    /// A reactive function has had no reader for a while.
    Unread = 7,
}

/// A timer that is due.
pub(crate) struct Due {
    /// Whose it is.
    pub kind: TimerKind,
    /// The worker's number of it; when the run ended for `Retire`; 0 for other kinds.
    pub timer: u64,
    /// When it was due.
    pub due_ms: u64,
    /// The instance, service or scheduled name.
    pub owner: Address,
}

/// The index, and a lower bound of the earliest due time in it.
#[derive(Default)]
pub(crate) struct Timers {
    earliest_ms: Option<u64>,
    announce: bool,
}

impl Timers {
    pub(crate) fn load(store: &dyn StateRead) -> Result<Timers, ShardError> {
        let mut timers = Timers::default();
        timers.look(store)?;
        Ok(timers)
    }

    pub(crate) fn set(
        &mut self,
        store: &mut dyn StateStore,
        kind: TimerKind,
        slot: u64,
        timer: u64,
        due_ms: u64,
        owner: &Address,
    ) {
        store.put(
            &keys::timer(due_ms, kind as u8, slot, timer),
            keys::encode_record(owner),
        );
        if self.earliest_ms.is_none_or(|earliest| due_ms < earliest) {
            self.earliest_ms = Some(due_ms);
            self.announce = true;
        }
    }

    pub(crate) fn cancel(
        &self,
        store: &mut dyn StateStore,
        kind: TimerKind,
        slot: u64,
        timer: u64,
        due_ms: u64,
    ) {
        store.delete(&keys::timer(due_ms, kind as u8, slot, timer));
    }

    /// Takes what is due at `now_ms`, at most `limit`, earliest first.
    pub(crate) fn take_due(
        &mut self,
        store: &mut dyn StateStore,
        now_ms: u64,
        limit: u64,
    ) -> Result<Vec<Due>, ShardError> {
        let until = keys::timer(now_ms.saturating_add(1), 0, 0, 0);
        let page = store.scan(&[keys::TIMER], Some(&until), limit as usize)?;
        let mut due = Vec::with_capacity(page.len());
        for (key, bytes) in &page {
            store.delete(key);
            due.extend(read(key, decode(key, bytes)?));
        }
        self.look(store)?;
        Ok(due)
    }

    /// Looks for the earliest, and announces it anew.
    fn look(&mut self, store: &dyn StateRead) -> Result<(), ShardError> {
        self.earliest_ms = earliest_ms(store)?;
        self.announce = self.earliest_ms.is_some();
        Ok(())
    }

    /// When the leader is to propose `TimerFired`, where that changed.
    pub(crate) fn announced(&mut self) -> Option<u64> {
        std::mem::take(&mut self.announce)
            .then_some(self.earliest_ms)
            .flatten()
    }
}

/// When the earliest timer is due.
pub(crate) fn earliest_ms(store: &dyn StateRead) -> Result<Option<u64>, ShardError> {
    let first = store.scan(&[keys::TIMER], Some(&[keys::TIMER + 1]), 1)?;
    Ok(first.first().and_then(|(key, _)| number_at(key, 1)))
}

/// The inverse of [`keys::timer`].
pub(super) fn read(key: &[u8], owner: Address) -> Option<Due> {
    let kind = match key.get(9)? {
        1 => TimerKind::Worker,
        2 => TimerKind::Rest,
        3 => TimerKind::Service,
        4 => TimerKind::Retire,
        5 => TimerKind::Idle,
        6 => TimerKind::Tick,
        7 => TimerKind::Unread,
        _ => return None,
    };
    Some(Due {
        kind,
        timer: number_at(key, 18)?,
        due_ms: number_at(key, 1)?,
        owner,
    })
}

fn number_at(key: &[u8], at: usize) -> Option<u64> {
    let bytes = key.get(at..at + 8)?.try_into().ok()?;
    Some(u64::from_be_bytes(bytes))
}
