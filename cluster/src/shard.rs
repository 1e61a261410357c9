//! A shard: the deterministic state machine of one raft group.
//!
//! Before it: the group, which gives it committed entries in order. After it: the leader's driver,
//! which carries out the actions. Guarantees: `apply` is the only mutator and is closed over the
//! shard's own state, so equal entries give equal state on every replica.
//! Leaves to others: raft, durability (the store's units), everything outside the process.

mod answers;
mod apply;
mod channels;
mod cuts;
mod deliver;
mod doors;
mod effects;
mod ends;
mod hot;
mod idempotency;
mod idle;
mod jobs;
mod lives;
mod mailbox;
mod meta;
mod notes;
mod pauses;
mod places;
mod programs;
mod pruning;
mod queue;
mod requests;
mod retirement;
mod runs;
mod schedules;
mod services;
mod sources;
mod subscriptions;
mod timers;
mod turn;

use std::sync::Arc;

use transport::{Address, ClusterId, HybridTime, Incarnation, MessageId, ShardId};

pub use cuts::LackError;
pub(crate) use deliver::{MADE_KEY_PREFIX, made_key};
pub(crate) use effects::effects_hash;
pub(crate) use lives::Lives;
pub(crate) use meta::Meta;
pub(crate) use queue::Job;

use crate::action::{Action, ChannelBatch};
use crate::agreement::Agreement;
use crate::engine::Engine;
use crate::engine::script::ScriptEngine;
use crate::keys;
use crate::limits::{CHANNEL_BATCH_BYTES, ShardLimits};
use crate::outcome::{Progress, Refusal, StateHash};
use crate::query::{self, decode};
use crate::store::{Pair, StateRead, StateStore, StoreError, successor};

/// Which shard this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ShardIdentity {
    /// Its cluster.
    pub cluster: ClusterId,
    /// Its number.
    pub shard: ShardId,
    /// Which life of it.
    pub incarnation: Incarnation,
    /// Shards of the cluster.
    pub shard_count: u32,
}

/// Why a shard cannot be opened or go on. Its group stops on this node.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record that this version cannot read.
    #[error(transparent)]
    Query(#[from] query::QueryError),
    /// The store holds another shard, or the shard of another cluster.
    #[error("E-shard-identity: the store holds {found:?}, this should be {expected:?}")]
    Identity {
        /// What the store says.
        found: Box<ShardIdentity>,
        /// What was asked for.
        expected: Box<ShardIdentity>,
    },
}

/// The state of one shard over its store.
pub struct Shard {
    pub(crate) identity: ShardIdentity,
    pub(crate) store: Box<dyn StateStore>,
    pub(crate) meta: meta::Meta,
    pub(crate) limits: ShardLimits,
    pub(crate) agreement: Agreement,
    pub(crate) hot: hot::Hot,
    pub(crate) hot_bytes_max: usize,
    pub(crate) queue: queue::RunQueue,
    pub(crate) channels: channels::Channels,
    pub(crate) doors: doors::Doors,
    pub(crate) expiry: idempotency::NextExpiry,
    pub(crate) timers: timers::Timers,
    pub(crate) programs: programs::Programs,
    pub(crate) services: services::Services,
    pub(crate) sources: sources::Sources,
    /// No record of a message that is no step is older: lets most commands skip the look.
    pub(crate) oldest_message_ms: u64,
    pub(crate) lives: lives::Lives,
    /// The number of the last cut; 0 before the first.
    pub(crate) last_cut: u64,
    /// The life that the shard is to be in, once that is in its log.
    pub(crate) awaited: Incarnation,
    pub(crate) observed: bool,
    // Of the entry and command that are being applied.
    pub(crate) now_ms: u64,
    pub(crate) entropy: [u8; 16],
    pub(crate) spent: u64,
    pub(crate) actions: Vec<Action>,
    pub(crate) watched: Option<Watched>,
    #[cfg(feature = "mutants")]
    pub(crate) mutant: Option<Mutant>,
}

/// A door request whose progress its command reports.
pub(crate) struct Watched {
    message: MessageId,
    instance: Option<Address>,
    progress: Progress,
    /// Whether its sender hears that it was turned away.
    is_told: bool,
    /// Why the request is turned away after all.
    refusal: Option<Refusal>,
}

/// A seeded bug: proof that the simulation finds it.
#[cfg(feature = "mutants")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// Takes parcels of a channel again.
    SkipChannelDedup,
    /// Takes requests of a door again.
    SkipDoorDedup,
    /// Forgets the rest of the run queue when an entry ends.
    ForgetQueue,
    /// Mixes something of the replica into chance.
    ForeignEntropy(u8),
    /// Forgets parcels of a channel before they are acknowledged.
    AckEarly,
    /// Restores a backup without what came between its state and its cut.
    ForgetTail,
}

#[cfg(feature = "mutants")]
fn every_shard() -> std::sync::MutexGuard<'static, Option<Mutant>> {
    static EVERY_SHARD: std::sync::Mutex<Option<Mutant>> = std::sync::Mutex::new(None);
    let locked = EVERY_SHARD.lock();
    locked.unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Shard {
    /// Reads the state from the store; empty where nothing was applied yet. Runs scripts. A store of
    /// an earlier life than `identity` names is opened as it is: [`Shard::awaits_life`] then.
    ///
    /// # Errors
    ///
    /// The store's, a corrupt record, or a store of another shard.
    pub fn open(identity: ShardIdentity, store: Box<dyn StateStore>) -> Result<Shard, ShardError> {
        Shard::open_with(identity, store, Arc::new(ScriptEngine))
    }

    /// As [`Shard::open`], with another engine than that of scripts.
    ///
    /// # Errors
    ///
    /// As of [`Shard::open`].
    pub fn open_with(
        identity: ShardIdentity,
        store: Box<dyn StateStore>,
        engine: Arc<dyn Engine>,
    ) -> Result<Shard, ShardError> {
        let meta = match store.get(&[keys::META])? {
            Some(bytes) => decode(&[keys::META], &bytes)?,
            // A log begins with the first life, whichever it has come to.
            None => meta::Meta::new(ShardIdentity {
                incarnation: lives::FIRST,
                ..identity
            }),
        };
        let in_life = |incarnation: Incarnation| ShardIdentity {
            incarnation,
            ..meta.identity
        };
        if in_life(identity.incarnation) != identity {
            return Err(ShardError::Identity {
                found: Box::new(meta.identity),
                expected: Box::new(identity),
            });
        }
        let limits: ShardLimits = match store.get(&[keys::LIMITS])? {
            Some(bytes) => decode(&[keys::LIMITS], &bytes)?,
            None => ShardLimits::default(),
        };
        Ok(Shard {
            identity: meta.identity,
            awaited: identity.incarnation,
            lives: lives::Lives::read(&*store)?,
            last_cut: query::last_cut(&*store)?,
            hot: hot::Hot::default(),
            hot_bytes_max: crate::limits::HOT_BYTES,
            queue: queue::RunQueue::load(&*store)?,
            channels: channels::Channels::load(&*store)?,
            doors: doors::Doors::load(&*store)?,
            expiry: idempotency::NextExpiry::default(),
            timers: timers::Timers::load(&*store)?,
            programs: programs::Programs::load(engine, &*store)?,
            services: services::Services::load(&*store, limits.service_window)?,
            sources: sources::Sources::load(&*store)?,
            agreement: Agreement::read(&*store)?,
            oldest_message_ms: 0,
            observed: false,
            now_ms: meta.time_ms,
            entropy: [0; 16],
            spent: 0,
            actions: Vec::new(),
            watched: None,
            #[cfg(feature = "mutants")]
            mutant: *every_shard(),
            meta,
            limits,
            store,
        })
    }

    /// Whether turns and ends of runs are told as actions. Only a leader's are of use, and they
    /// cost; everything else is told always.
    pub fn observe(&mut self, observed: bool) {
        self.observed = observed;
    }

    /// How many bytes of memory the instances may take that stay decoded, from the next entry on.
    /// Nothing but speed depends on it.
    pub fn keep_hot(&mut self, bytes_max: usize) {
        self.hot_bytes_max = bytes_max;
    }

    /// About how many bytes of memory they take.
    #[must_use]
    pub fn hot_bytes(&self) -> usize {
        self.hot.bytes()
    }

    /// Seeds a bug in every shard that this process opens from now on: for whoever does not open
    /// them itself.
    #[cfg(feature = "mutants")]
    pub fn mutate_all(mutant: Option<Mutant>) {
        *every_shard() = mutant;
    }

    /// Seeds a bug.
    #[cfg(feature = "mutants")]
    pub fn mutate(&mut self, mutant: Option<Mutant>) {
        self.mutant = mutant;
    }

    /// What a new leader owes: derived from state, so that no action of an earlier leader is needed.
    ///
    /// # Errors
    ///
    /// The store's, or a corrupt record.
    pub fn rebuild_actions(&self) -> Result<Vec<Action>, ShardError> {
        let mut actions = Vec::new();
        if self.agreement.is_stopped() || self.awaits_life() {
            return Ok(actions);
        }
        actions.extend(self.lives.unmet.keys().map(|shard| Action::Meet(*shard)));
        for ((target, incarnation), first) in self.channels.owed(&self.lives) {
            let batch: Option<ChannelBatch> = query::channel(
                &*self.store,
                target,
                incarnation,
                first,
                CHANNEL_BATCH_BYTES,
            )?;
            actions.extend(batch.map(Action::Send));
        }
        actions.extend(self.services.owed());
        if let Some(at_ms) = timers::earliest_ms(&*self.store)? {
            actions.push(Action::Timer { at_ms });
        }
        if !self.queue.is_empty() {
            actions.push(Action::Continue);
        }
        Ok(actions)
    }

    /// The hash of the state, equal on all replicas that applied the same entries.
    #[must_use]
    pub fn state_hash(&self) -> StateHash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&keys::encode_record(&self.meta));
        hasher.update(&keys::encode_record(&self.limits));
        hasher.update(&keys::encode_record(&self.agreement));
        hasher.update(&keys::encode_record(&self.lives));
        if self.last_cut > 0 {
            hasher.update(&keys::encode_record(&self.last_cut));
        }
        self.channels.hash(&mut hasher);
        self.programs.hash(&mut hasher);
        self.services.hash(&mut hasher);
        for job in self.queue.jobs() {
            hasher.update(&keys::encode_record(job));
        }
        StateHash(*hasher.finalize().as_bytes())
    }

    /// Which shard this is.
    #[must_use]
    pub fn identity(&self) -> &ShardIdentity {
        &self.identity
    }

    /// The limits in force.
    #[must_use]
    pub fn limits(&self) -> &ShardLimits {
        &self.limits
    }

    /// The last verdict of its replicas on its state.
    #[must_use]
    pub fn agreement(&self) -> &Agreement {
        &self.agreement
    }

    /// Shard time of the last entry, in milliseconds.
    #[must_use]
    pub fn time_ms(&self) -> u64 {
        self.meta.time_ms
    }

    /// The store, for the adapter's own keys and for closing units.
    pub fn store_mut(&mut self) -> &mut dyn StateStore {
        &mut *self.store
    }

    /// The store, for reading.
    #[must_use]
    pub fn store(&self) -> &dyn StateStore {
        &*self.store
    }

    /// Gives the store back, to install a snapshot into it and open it anew.
    #[must_use]
    pub fn into_store(self) -> Box<dyn StateStore> {
        self.store
    }

    pub(crate) fn shard_of(&self, address: &Address) -> ShardId {
        crate::address::shard_of(address, self.identity.shard_count)
    }

    /// Which life of another shard channels go to. All shards are in their first until one is
    /// recovered or split, which this state then learns by a command.
    fn incarnation_of(&self, shard: ShardId) -> Incarnation {
        self.lives.of(shard)
    }

    /// The next hybrid time.
    pub(crate) fn tick(&mut self) -> HybridTime {
        self.meta.hybrid = self.meta.hybrid.tick(self.now_ms);
        self.meta.hybrid
    }

    fn progress_is(&mut self, message: MessageId, progress: impl FnOnce() -> Progress) {
        if let Some(watched) = &mut self.watched
            && watched.message == message
        {
            watched.progress = progress();
        }
    }

    fn progress_at(&mut self, message: MessageId, instance: &Address, progress: Progress) {
        if let Some(watched) = &mut self.watched
            && watched.message == message
        {
            watched.instance = Some(instance.clone());
            watched.progress = progress;
        }
    }

    #[cfg(feature = "mutants")]
    pub(crate) fn is_mutant(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }
}

/// All pairs of a family.
fn scan_all(store: &dyn StateRead, family: u8) -> Result<Vec<Pair>, StoreError> {
    scan_range(store, vec![family], &[family + 1])
}

/// All pairs of a range, read in pages.
fn scan_range(
    store: &dyn StateRead,
    mut from: Vec<u8>,
    until: &[u8],
) -> Result<Vec<Pair>, StoreError> {
    const PAGE: usize = 1000;
    let mut pairs: Vec<Pair> = Vec::new();
    loop {
        let page = store.scan(&from, Some(until), PAGE)?;
        let last = page.len() < PAGE;
        pairs.extend(page);
        match pairs.last() {
            Some((key, _)) if !last => from = successor(key),
            _ => return Ok(pairs),
        }
    }
}
