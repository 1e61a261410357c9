//! Channels between shards: numbered without gaps at the source, one watermark at the target.
//!
//! Before it: effects with a target elsewhere, and parcels from elsewhere. After it: the pump, and
//! the run queue. Guarantees: a parcel keeps its number until it is acknowledged; the target takes
//! each number once, in order. Leaves to others: carrying, repeating, acknowledging.

use std::collections::BTreeMap;

use bytes::Bytes;
use transport::{Incarnation, ShardId};

use super::ShardError;
use super::lives::Lives;
use crate::action::{Action, ChannelBatch};
use crate::hash::linked;
use crate::keys;
use crate::query::decode;
use crate::record::OutboundRecord;
use crate::store::{StateRead, StateStore};

/// A channel's two ends.
pub(super) type Ends = (ShardId, Incarnation);

/// All channels from and to this shard.
#[derive(Default)]
pub(crate) struct Channels {
    outbound: BTreeMap<Ends, Outbound>,
    /// The number of the last parcel taken from each source.
    inbound: BTreeMap<Ends, u64>,
}

struct Outbound {
    record: OutboundRecord,
    /// Parcels put in by the entry that is being applied.
    fresh: Vec<Bytes>,
    changed: bool,
}

impl Channels {
    pub(crate) fn load(store: &dyn StateRead) -> Result<Channels, ShardError> {
        let mut channels = Channels::default();
        for (key, bytes) in super::scan_all(store, keys::OUTBOUND)? {
            let record: OutboundRecord = decode(&key, &bytes)?;
            let ends = (record.target, record.target_incarnation);
            let outbound = Outbound {
                record,
                fresh: Vec::new(),
                changed: false,
            };
            channels.outbound.insert(ends, outbound);
        }
        for (key, bytes) in super::scan_all(store, keys::INBOUND)? {
            let (source, incarnation, last) = decode(&key, &bytes)?;
            channels.inbound.insert((source, incarnation), last);
        }
        Ok(channels)
    }

    /// Puts a parcel into the channel to `target`.
    pub(crate) fn put(
        &mut self,
        store: &mut dyn StateStore,
        target: ShardId,
        target_incarnation: Incarnation,
        parcel: Bytes,
    ) {
        let ends = (target, target_incarnation);
        let outbound = self.outbound.entry(ends).or_insert_with(|| Outbound {
            record: OutboundRecord {
                target,
                target_incarnation,
                next: 1,
                acked: 0,
                chain: [0; 16],
            },
            fresh: Vec::new(),
            changed: true,
        });
        let record = &mut outbound.record;
        let key = keys::parcel(target, target_incarnation, record.next);
        store.put_new(&key, parcel.clone());
        record.next += 1;
        record.chain = linked(&record.chain, keys::PARCEL, &parcel);
        outbound.fresh.push(parcel);
        outbound.changed = true;
    }

    /// Forgets parcels that the target has. Acknowledgements may repeat and come late.
    pub(crate) fn acked(&mut self, store: &mut dyn StateStore, ends: Ends, through: u64) {
        let Some(outbound) = self.outbound.get_mut(&ends) else {
            return;
        };
        let record = &mut outbound.record;
        let through = through.min(record.next - 1);
        while record.acked < through {
            record.acked += 1;
            store.delete(&keys::parcel(ends.0, ends.1, record.acked));
            outbound.changed = true;
        }
    }

    /// The number that the channel from `source` takes next.
    pub(crate) fn expects(&self, source: Ends) -> u64 {
        self.inbound.get(&source).map_or(1, |last| last + 1)
    }

    /// Notes that everything up to `last` from `source` was taken.
    pub(crate) fn taken(&mut self, store: &mut dyn StateStore, source: Ends, last: u64) {
        self.inbound.insert(source, last);
        store.put(
            &keys::inbound(source.0, source.1),
            keys::encode_record(&(source.0, source.1, last)),
        );
    }

    /// The number of the next parcel of a channel.
    pub(crate) fn next(&self, ends: Ends) -> u64 {
        self.outbound.get(&ends).map_or(1, |one| one.record.next)
    }

    /// How many parcels after `through` the target of a channel has acknowledged.
    pub(crate) fn acked_beyond(&self, ends: Ends, through: u64) -> u64 {
        let acked = self.outbound.get(&ends).map_or(0, |one| one.record.acked);
        acked.saturating_sub(through)
    }

    /// The lives of `source` of which channels are taken, and how far.
    pub(crate) fn inbound_of(&self, source: ShardId) -> impl Iterator<Item = (Incarnation, u64)> {
        let of = self
            .inbound
            .iter()
            .filter(move |(ends, _)| ends.0 == source);
        of.map(|((_, life), through)| (*life, *through))
    }

    /// Forgets how far channels were taken, and says it: the sources number anew.
    pub(crate) fn close_inbound(&mut self, store: &mut dyn StateStore) -> BTreeMap<Ends, u64> {
        let closed = std::mem::take(&mut self.inbound);
        for ends in closed.keys() {
            store.delete(&keys::inbound(ends.0, ends.1));
        }
        closed
    }

    /// Closes a channel, and puts those of its parcels into another that `keeps` names, in order.
    pub(crate) fn renumber(
        &mut self,
        store: &mut dyn StateStore,
        from: Ends,
        to: Ends,
        keeps: impl Fn(u64) -> bool,
    ) -> Result<(), ShardError> {
        let Some(old) = self.outbound.remove(&from) else {
            return Ok(());
        };
        let (first, end) = (old.record.acked + 1, old.record.next);
        let first = keys::parcel(from.0, from.1, first);
        let held = super::scan_range(store, first, &keys::parcel(from.0, from.1, end))?;
        store.delete(&keys::outbound(from.0, from.1));
        for (key, _) in &held {
            store.delete(key);
        }
        for (key, parcel) in held {
            if keeps(crate::query::number_of(&key)?) {
                self.put(store, to.0, to.1, parcel);
            }
        }
        Ok(())
    }

    /// Writes the records that changed, and announces what was put in, except where the target has
    /// first to hear of a new life.
    pub(crate) fn write(
        &mut self,
        store: &mut dyn StateStore,
        lives: &Lives,
        cut: u64,
        actions: &mut Vec<Action>,
    ) {
        for (ends, outbound) in &mut self.outbound {
            if !std::mem::take(&mut outbound.changed) {
                continue;
            }
            store.put(
                &keys::outbound(ends.0, ends.1),
                keys::encode_record(&outbound.record),
            );
            let parcels = std::mem::take(&mut outbound.fresh);
            if !parcels.is_empty() && !lives.rests(ends.0) {
                actions.push(Action::Send(ChannelBatch {
                    target: ends.0,
                    target_incarnation: ends.1,
                    first: outbound.record.next - parcels.len() as u64,
                    parcels,
                    cut,
                }));
            }
        }
    }

    /// The channels that still owe something and do not rest, with the first number owed.
    pub(crate) fn owed(&self, lives: &Lives) -> impl Iterator<Item = (Ends, u64)> {
        let open = self
            .outbound
            .iter()
            .filter(|(ends, _)| !lives.rests(ends.0))
            .filter(|(_, outbound)| outbound.record.acked + 1 < outbound.record.next);
        open.map(|(ends, outbound)| (*ends, outbound.record.acked + 1))
    }

    /// What the state's hash sees of the channels.
    pub(crate) fn hash(&self, hasher: &mut blake3::Hasher) {
        for outbound in self.outbound.values() {
            hasher.update(&keys::encode_record(&outbound.record));
        }
        hasher.update(&keys::encode_record(&self.inbound));
    }
}
