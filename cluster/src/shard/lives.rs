//! Lives of shards: a shard begins a new one when it goes on from one replica that was left, or from a
//! backup. Then each channel from and to it is closed as it was, and what its target has not taken goes
//! on in a new one.
//!
//! Before it: the commands `BeginLife`, `Meet` and `Met`. After it: the channels, numbered anew.
//! Guarantees: a parcel that its target took is not sent again, one that it did not take is not lost,
//! whichever of the two ends began a new life, and when; nothing of an old life is taken after its end
//! was told. Leaves to others: asking (the driver), and what the lost part of a log did.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use transport::{Incarnation, ShardId};

use super::{Shard, ShardError};
use crate::action::Action;
use crate::agreement::Agreement;
use crate::codes;
use crate::command::{Meet, Met, Taken};
use crate::keys;
use crate::outcome::{Outcome, Refusal};
use crate::query::decode;
use crate::store::StateRead;

/// The life in which every shard is made.
pub(crate) const FIRST: Incarnation = Incarnation(1);

/// What a shard knows of lives beside its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lives {
    /// Those of other shards, where it is not the first.
    known: BTreeMap<ShardId, Incarnation>,
    /// How far channels were taken in earlier lives of this shard: source, its life, this one's.
    closed: BTreeMap<(ShardId, Incarnation, Incarnation), u64>,
    /// Shards that were not told of this one's new life yet.
    pub(crate) unmet: BTreeMap<ShardId, Unmet>,
}

/// The channel to a shard that knows an earlier life of this one. It rests until they have met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unmet {
    /// The life in which its parcels were numbered.
    life: Incarnation,
    /// The first number that was given in no such life.
    end: u64,
}

impl Lives {
    pub(crate) fn read(store: &dyn StateRead) -> Result<Lives, ShardError> {
        match store.get(&[keys::LIVES])? {
            Some(bytes) => Ok(decode(&[keys::LIVES], &bytes)?),
            None => Ok(Lives::default()),
        }
    }

    /// The life of another shard.
    pub(crate) fn of(&self, shard: ShardId) -> Incarnation {
        self.known.get(&shard).copied().unwrap_or(FIRST)
    }

    /// How far channels from `source` were taken, with those that are taken by life `own` now.
    pub(crate) fn taken(
        &self,
        source: ShardId,
        own: Incarnation,
        now: impl Iterator<Item = (Incarnation, u64)>,
    ) -> Vec<Taken> {
        let closed = self.closed.iter().filter(|((of, ..), _)| *of == source);
        let closed = closed.map(|((_, life, target_life), through)| Taken {
            life: *life,
            target_life: *target_life,
            through: *through,
        });
        let now = now.map(|(life, through)| Taken {
            life,
            target_life: own,
            through,
        });
        closed.chain(now).collect()
    }

    /// Whether the channel to a shard rests.
    pub(crate) fn rests(&self, shard: ShardId) -> bool {
        self.unmet.contains_key(&shard)
    }
}

/// How far a channel between these lives of its two ends was taken.
fn through(taken: &[Taken], life: Incarnation, target_life: Incarnation) -> u64 {
    let mut known = taken.iter();
    let known = known.find(|one| (one.life, one.target_life) == (life, target_life));
    known.map_or(0, |one| one.through)
}

impl Shard {
    /// The life that this shard is to begin, where that is not yet in its log.
    #[must_use]
    pub fn awaits_life(&self) -> bool {
        self.awaited > self.identity.incarnation
    }

    pub(crate) fn begin_life(&mut self, life: Incarnation) {
        let old = self.identity.incarnation;
        if life <= old {
            return;
        }
        for shard in (0..self.identity.shard_count).map(ShardId) {
            if shard != self.identity.shard {
                let end = self.channels.next((shard, self.lives.of(shard)));
                let unmet = Unmet { life: old, end };
                self.lives.unmet.entry(shard).or_insert(unmet);
            }
        }
        for ((source, life), through) in self.channels.close_inbound(&mut *self.store) {
            self.lives.closed.insert((source, life, old), through);
        }
        self.identity.incarnation = life;
        self.meta.identity = self.identity;
        // Whoever chose this replica has decided which state is right.
        self.agreement = Agreement {
            unit: self.agreement.unit,
            chain: self.agreement.chain,
            ..Agreement::default()
        };
        let record = keys::encode_record(&self.agreement);
        self.store.put(&[keys::AGREEMENT], record);
        self.keep_lives();
        let unmet = self.lives.unmet.keys();
        self.actions.extend(unmet.map(|shard| Action::Meet(*shard)));
    }

    /// Another shard began a new life.
    pub(crate) fn meet(&mut self, meet: &Meet) -> Result<Outcome, ShardError> {
        let (source, own) = (meet.source, self.identity.incarnation);
        if meet.target_incarnation != own || meet.incarnation < self.lives.of(source) {
            return Ok(Outcome::Refused(Refusal::new(
                codes::WRONG_INCARNATION,
                format!(
                    "incarnation {} of shard {source} wants to meet incarnation {} of shard {}, \
                     which is {own} and has met {}",
                    meet.incarnation,
                    meet.target_incarnation,
                    self.identity.shard,
                    self.lives.of(source)
                ),
            )));
        }
        let mut forgotten = 0;
        if meet.incarnation > self.lives.of(source) {
            forgotten = self.renumber(source, meet.incarnation, &meet.taken)?;
        }
        let now = self.channels.inbound_of(source);
        let taken = self.lives.taken(source, own, now);
        Ok(Outcome::Met(Met {
            target: self.identity.shard,
            target_incarnation: own,
            taken,
            forgotten,
        }))
    }

    /// Another shard has learned of this one's new life.
    pub(crate) fn met(&mut self, met: &Met) -> Result<(), ShardError> {
        if self.lives.rests(met.target) {
            self.renumber(met.target, met.target_incarnation, &met.taken)?;
        }
        Ok(())
    }

    /// Moves what `shard` has not taken into the channel to its life `life`. Returns how many parcels
    /// it had acknowledged that it does not know of any more.
    fn renumber(
        &mut self,
        shard: ShardId,
        life: Incarnation,
        taken: &[Taken],
    ) -> Result<u64, ShardError> {
        let unmet = self.lives.unmet.remove(&shard);
        let numbered_in = unmet.map_or(self.identity.incarnation, |unmet| unmet.life);
        let from = (shard, self.lives.of(shard));
        let through = through(taken, numbered_in, from.1);
        let end = unmet.map_or(u64::MAX, |unmet| unmet.end);
        let forgotten = self.channels.acked_beyond(from, through);
        let keeps = |number: u64| number > through || number >= end;
        self.channels
            .renumber(&mut *self.store, from, (shard, life), keeps)?;
        self.lives.known.insert(shard, life);
        self.keep_lives();
        Ok(forgotten)
    }

    fn keep_lives(&mut self) {
        let record = keys::encode_record(&self.lives);
        self.store.put(&[keys::LIVES], record);
    }
}
