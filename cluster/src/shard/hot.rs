//! Instances in memory: decoded, changed there, written once for an entry that changed them.
//!
//! Before it: turns, which take an instance out and put it back. After it: the store.
//! Guarantees: a cache only; what is read is what was written; nothing depends on what is in it; between
//! two entries it takes no more memory than it was given. Leaves to others: what the record means.

use bytes::Bytes;
use transport::Address;

use super::ShardError;
use super::meta::Meta;
use super::places::Places;
use crate::engine::Run;
use crate::hash;
use crate::keys;
use crate::large::{self, PIECE_BYTES};
use crate::query::decode;
use crate::record::InstanceRecord;
use crate::store::StateStore;

/// An instance in memory.
pub(crate) struct Instance {
    /// What is stored. While `run` is there, its snapshot is only made when it is written.
    pub record: InstanceRecord,
    /// The decoded run.
    pub run: Option<Box<dyn Run>>,
    /// The hash of the record as it is stored.
    folded: Option<u128>,
    /// In how many pieces it is stored.
    pieces: u32,
    /// About how much memory it takes, in bytes, since it was last read or written.
    weight: usize,
    /// Whether it was used since the last sweep.
    used: bool,
}

/// Where an instance that was taken out goes back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place(usize);

/// The cache.
#[derive(Default)]
pub(crate) struct Hot {
    places: Places<Box<Instance>>,
    changed: Vec<usize>,
    hand: usize,
    /// The weights of all instances.
    bytes: usize,
}

/// Bytes of memory of an instance beside what its record and run hold: the structures themselves, their
/// place in the index, what the allocator leaves between them.
const WEIGHT_ITSELF: usize = size_of::<Instance>() + 512;

/// How many bytes a decoded run takes for each byte of its encoding: 5.4 to 6.1 were measured of small
/// workers (`cargo bench -p vm -- memory`), less of long texts.
const WEIGHT_OF_RUN_BYTE: usize = 6;

/// About how much memory an instance takes whose record and run have so many bytes.
const fn weight(record_bytes: usize, run_bytes: usize) -> usize {
    WEIGHT_ITSELF + record_bytes + run_bytes.saturating_mul(WEIGHT_OF_RUN_BYTE)
}

impl Instance {
    pub(crate) fn new(record: InstanceRecord) -> Box<Instance> {
        Box::new(Instance {
            record,
            run: None,
            folded: None,
            pieces: 0,
            weight: 0,
            used: true,
        })
    }

    /// Whether it can take a message now.
    pub(crate) fn is_open(&self) -> bool {
        !self.record.holds_still() && self.run.as_ref().is_some_and(|run| run.accepts_messages())
    }
}

impl Hot {
    /// Takes an instance out, from memory or the store. It must be put back.
    pub(crate) fn take(
        &mut self,
        address: &Address,
        store: &dyn StateStore,
    ) -> Result<Option<(Place, Box<Instance>)>, ShardError> {
        if let Some(at) = self.places.find(hash::address(address), address) {
            let instance = self.places.content(at).take();
            return Ok(instance.map(|instance| (Place(at), instance)));
        }
        let key = keys::instance(address);
        let Some((bytes, pieces)) = large::get(store, &key)? else {
            return Ok(None);
        };
        let mut instance = Instance::new(decode(&key, &bytes)?);
        instance.folded = Some(hash::record(&bytes));
        instance.pieces = pieces;
        let run_bytes = instance.record.snapshot.as_ref().map_or(0, Bytes::len);
        instance.weight = weight(bytes.len(), run_bytes);
        self.bytes += instance.weight;
        Ok(Some((self.place(address.clone()), instance)))
    }

    /// A place for an instance that is not there yet.
    pub(crate) fn place(&mut self, address: Address) -> Place {
        Place(self.places.add(hash::address(&address), address))
    }

    /// Gives a place back that no instance came into.
    pub(crate) fn forget(&mut self, place: Place) {
        self.places.free(place.0);
    }

    /// Puts an instance back; `changed` means that it is to be written.
    pub(crate) fn put(&mut self, place: Place, mut instance: Box<Instance>, changed: bool) {
        instance.used = true;
        *self.places.content(place.0) = Some(instance);
        if changed && self.changed.last() != Some(&place.0) {
            self.changed.push(place.0);
        }
    }

    /// Forgets an instance that was taken out and will not be written again.
    pub(crate) fn remove(
        &mut self,
        place: Place,
        instance: &Instance,
        store: &mut dyn StateStore,
        meta: &mut Meta,
    ) {
        meta.fold(instance.folded, None);
        let key = keys::instance(&instance.record.address);
        large::delete(store, &key, instance.pieces);
        self.bytes -= instance.weight;
        self.places.free(place.0);
    }

    /// About how much memory the instances take, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Writes what changed, each instance once, and folds it into the shard's hash.
    pub(crate) fn write(&mut self, store: &mut dyn StateStore, meta: &mut Meta) {
        self.changed.sort_unstable();
        self.changed.dedup();
        for at in self.changed.drain(..) {
            let Some(instance) = self.places.content(at).as_mut() else {
                continue;
            };
            if let Some(run) = &instance.run {
                instance.record.snapshot = Some(run.snapshot());
            }
            let run_bytes = instance.record.snapshot.as_ref().map_or(0, Bytes::len);
            let bytes = keys::encode_record(&instance.record);
            self.bytes -= instance.weight;
            instance.weight = weight(bytes.len(), run_bytes);
            self.bytes += instance.weight;
            if instance.run.is_some() {
                instance.record.snapshot = None;
            }
            let hash = hash::record(&bytes);
            meta.fold(instance.folded, Some(hash));
            instance.folded = Some(hash);
            let key = keys::instance(&instance.record.address);
            instance.pieces = large::put(store, &key, bytes, instance.pieces, PIECE_BYTES);
        }
    }

    /// Forgets instances that were not used for a while, until those left take at most `bytes_max` bytes.
    /// Call it after [`Hot::write`].
    pub(crate) fn evict(&mut self, bytes_max: usize) {
        let mut looked_at = 0;
        while self.bytes > bytes_max && looked_at < 2 * self.places.len() {
            looked_at += 1;
            self.hand = (self.hand + 1) % self.places.len();
            let Some(instance) = self.places.content(self.hand).as_mut() else {
                continue;
            };
            if std::mem::take(&mut instance.used) {
                continue;
            }
            self.bytes -= instance.weight;
            self.places.free(self.hand);
        }
    }
}
