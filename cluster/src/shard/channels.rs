//! Channels between shards: numbered without gaps at the source, one watermark at the target.
//!
//! Before it: effects with a target elsewhere, and parcels from elsewhere. After it: the pump, and
//! the run queue. Guarantees: a parcel keeps its number until it is acknowledged; the target takes
//! each number once, in order. Leaves to others: carrying, repeating, acknowledging.

use std::collections::BTreeMap;

use bytes::Bytes;
use transport::{Incarnation, ShardId};

use super::ShardError;
use super::meta::linked;
use crate::action::{Action, ChannelBatch};
use crate::keys;
use crate::query::decode;
use crate::record::OutboundRecord;
use crate::store::{StateRead, StateStore};

/// A channel's two ends.
type Ends = (ShardId, Incarnation);

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
        store.put(
            &keys::parcel(target, target_incarnation, record.next),
            parcel.clone(),
        );
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

    /// Writes the records that changed, and announces what was put in.
    pub(crate) fn write(&mut self, store: &mut dyn StateStore, actions: &mut Vec<Action>) {
        for (ends, outbound) in &mut self.outbound {
            if !std::mem::take(&mut outbound.changed) {
                continue;
            }
            store.put(
                &keys::outbound(ends.0, ends.1),
                keys::encode_record(&outbound.record),
            );
            let parcels = std::mem::take(&mut outbound.fresh);
            if !parcels.is_empty() {
                actions.push(Action::Send(ChannelBatch {
                    target: ends.0,
                    target_incarnation: ends.1,
                    first: outbound.record.next - parcels.len() as u64,
                    parcels,
                }));
            }
        }
    }

    /// The channels that still owe something, with the first number owed.
    pub(crate) fn owed(&self) -> impl Iterator<Item = (Ends, u64)> {
        let open = self
            .outbound
            .iter()
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
