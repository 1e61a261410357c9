//! Programs and names as this shard knows them.
//!
//! Before it: `Install` and `Activate`. After it: runs, which keep the program they began with.
//! Guarantees: a program that was installed stays, in memory as long as it is asked for; names change only
//! by activations in order.
//! Leaves to others: verifying and executing (`engine`).

use std::collections::BTreeMap;
use std::sync::Arc;

use transport::{Address, Namespace};

use super::ShardError;
use crate::engine::{Engine, Program, WorkerFacts};
use crate::keys;
use crate::message::ProgramId;
use crate::query::decode;
use crate::record::{NameRecord, Tick};
use crate::store::{StateRead, StateStore};

/// What serves a name.
type Serving = (ProgramId, Arc<dyn Program>, WorkerFacts);

/// Programs beyond which those that nobody asked for lately are forgotten, and read again when they are
/// needed. A cache: nothing but speed depends on it.
const LOADED: usize = 64;

struct Loaded {
    program: Arc<dyn Program>,
    /// Whether it was asked for since programs were last forgotten.
    used: bool,
}

/// Loaded programs, and names.
pub(crate) struct Programs {
    engine: Arc<dyn Engine>,
    loaded: BTreeMap<ProgramId, Loaded>,
    names: BTreeMap<Namespace, BTreeMap<String, NameRecord>>,
}

impl Programs {
    pub(crate) fn load(
        engine: Arc<dyn Engine>,
        store: &dyn StateRead,
    ) -> Result<Programs, ShardError> {
        let mut programs = Programs {
            engine,
            loaded: BTreeMap::new(),
            names: BTreeMap::new(),
        };
        for (key, bytes) in super::scan_all(store, keys::NAME)? {
            let (namespace, name, record): (Namespace, String, NameRecord) = decode(&key, &bytes)?;
            programs
                .names
                .entry(namespace)
                .or_default()
                .insert(name, record);
        }
        Ok(programs)
    }

    /// Verifies a program and holds it.
    pub(crate) fn install(
        &mut self,
        store: &mut dyn StateStore,
        bytes: &bytes::Bytes,
    ) -> Result<ProgramId, String> {
        let program = self.engine.load(bytes)?;
        let id = ProgramId(*blake3::hash(bytes).as_bytes());
        self.hold(id, program);
        store.put(&keys::program(id), bytes.clone());
        Ok(id)
    }

    /// A program that was installed.
    pub(crate) fn get(
        &mut self,
        store: &dyn StateRead,
        id: ProgramId,
    ) -> Result<Option<Arc<dyn Program>>, ShardError> {
        if let Some(loaded) = self.loaded.get_mut(&id) {
            loaded.used = true;
            return Ok(Some(Arc::clone(&loaded.program)));
        }
        let key = keys::program(id);
        let Some(bytes) = store.get(&key)? else {
            return Ok(None);
        };
        let program = self
            .engine
            .load(&bytes)
            .map_err(|reason| crate::query::QueryError::Corrupt { key, reason })?;
        self.hold(id, Arc::clone(&program));
        Ok(Some(program))
    }

    fn hold(&mut self, id: ProgramId, program: Arc<dyn Program>) {
        if self.loaded.len() >= LOADED {
            self.loaded
                .retain(|_, loaded| std::mem::take(&mut loaded.used));
        }
        let used = true;
        self.loaded.insert(id, Loaded { program, used });
    }

    /// How many are decoded.
    #[cfg(test)]
    pub(crate) fn loaded(&self) -> usize {
        self.loaded.len()
    }

    /// The program that serves the name of an address.
    pub(crate) fn active(&self, address: &Address) -> Option<ProgramId> {
        let names = self.names.get(address.namespace())?;
        names.get(address.name())?.program
    }

    /// The names that programs serve.
    pub(crate) fn active_names(&self) -> impl Iterator<Item = (&Namespace, &String)> {
        let all = self.names.iter();
        all.flat_map(|(namespace, names)| {
            let served = names.iter().filter(|(_, record)| record.program.is_some());
            served.map(move |(name, _)| (namespace, name))
        })
    }

    /// Whether a worker served the name of an address, and none does now.
    pub(crate) fn is_taken_away(&self, address: &Address) -> bool {
        let names = self.names.get(address.namespace());
        let record = names.and_then(|names| names.get(address.name()));
        record.is_some_and(|record| record.program.is_none())
    }

    /// The program and worker that serve the name of an address.
    pub(crate) fn serving(
        &mut self,
        store: &dyn StateRead,
        address: &Address,
    ) -> Result<Option<Serving>, ShardError> {
        let Some(id) = self.active(address) else {
            return Ok(None);
        };
        let Some(program) = self.get(store, id)? else {
            return Ok(None);
        };
        let facts = program.worker(address.name());
        Ok(facts.map(|facts| (id, program, facts)))
    }

    /// The timer of the schedule of a name.
    pub(crate) fn tick(&self, address: &Address) -> Option<Tick> {
        let names = self.names.get(address.namespace())?;
        names.get(address.name())?.tick
    }

    /// Notes the timer of the schedule of a name.
    pub(crate) fn set_tick(
        &mut self,
        store: &mut dyn StateStore,
        address: &Address,
        tick: Option<Tick>,
    ) {
        let (namespace, name) = (address.namespace(), address.name());
        let names = self.names.get_mut(namespace);
        let Some(record) = names.and_then(|names| names.get_mut(name)) else {
            return;
        };
        record.tick = tick;
        store.put(
            &keys::name(namespace, name),
            keys::encode_record(&(namespace, name, *record)),
        );
    }

    /// Gives a name to a program, or takes it away. False where a later activation was applied.
    pub(crate) fn rename(
        &mut self,
        store: &mut dyn StateStore,
        namespace: &Namespace,
        name: &str,
        record: NameRecord,
    ) -> bool {
        let names = self.names.entry(namespace.clone()).or_default();
        if names
            .get(name)
            .is_some_and(|old| old.version > record.version)
        {
            return false;
        }
        names.insert(name.to_owned(), record);
        store.put(
            &keys::name(namespace, name),
            keys::encode_record(&(namespace, name, record)),
        );
        true
    }

    /// What the state's hash sees of the names. Programs are named by their content.
    pub(crate) fn hash(&self, hasher: &mut blake3::Hasher) {
        hasher.update(&keys::encode_record(&self.names));
    }
}
