//! Who reads what of which instance, and what was told last.
//!
//! Before it: subscriptions of readers, and turns, which change what can be read. After it: what is told,
//! as messages to the readers. Guarantees: a reader is told what it reads when it subscribes and then
//! only what differs; what a turn costs depends on the readers of its own instance; an address need not
//! have an instance to be read. Leaves to others: what is said (`engine`), routing (`subscriptions`).

use std::collections::BTreeMap;

use bytes::Bytes;
use transport::{Address, Stamp};
use vm::reactive::{Part, told_error};
use vm::{CallId, Intent};

use super::hot::Instance;
use super::meta::Meta;
use super::{Shard, ShardError};
use crate::codes;
use crate::engine::Run;
use crate::keys;
use crate::limits::BODY_BYTES_MAX;
use crate::message::{Body, Message, Parcel};
use crate::query::{decode, number_of};
use crate::record::{InstanceStatus, ReaderRecord, WatchedRecord};
use crate::store::{StateRead, StateStore};

/// All that is read of the instances of this shard.
#[derive(Default)]
pub(crate) struct Sources {
    all: BTreeMap<Address, BTreeMap<Part, Watched>>,
}

/// One part of an instance that somebody reads.
struct Watched {
    record: WatchedRecord,
    /// Numbers of the readers.
    readers: BTreeMap<(Address, CallId), u64>,
}

/// What can be read, and the step that made it.
pub(crate) struct Said {
    pub body: Body,
    pub version: u64,
}

impl Sources {
    pub(crate) fn load(store: &dyn StateRead) -> Result<Sources, ShardError> {
        let mut sources = Sources::default();
        for (key, bytes) in super::scan_all(store, keys::WATCHED)? {
            if number_of(&key)? == 0 {
                let record: WatchedRecord = decode(&key, &bytes)?;
                let parts = sources.all.entry(record.source.clone()).or_default();
                let (part, readers) = (record.part.clone(), BTreeMap::new());
                parts.insert(part, Watched { record, readers });
                continue;
            }
            let reader: ReaderRecord = decode(&key, &bytes)?;
            let parts = sources.all.get_mut(&reader.source);
            if let Some(watched) = parts.and_then(|parts| parts.get_mut(&reader.part)) {
                let number = number_of(&key)?;
                watched
                    .readers
                    .insert((reader.reader, reader.watch), number);
            }
        }
        Ok(sources)
    }

    /// Whether somebody reads something of an address.
    pub(crate) fn is_read(&self, source: &Address) -> bool {
        self.all.contains_key(source)
    }

    /// What a part was asked for with, where somebody reads it.
    pub(crate) fn request(&self, source: &Address, part: &Part) -> Option<&Body> {
        let watched = self.all.get(source)?.get(part)?;
        Some(&watched.record.request)
    }

    /// The instances of a name of which somebody reads the result.
    pub(crate) fn results_of(&self, name: &Address) -> Vec<Address> {
        let named = self.all.range(name.clone()..).take_while(|(source, _)| {
            source.namespace() == name.namespace() && source.name() == name.name()
        });
        let results = named.filter(|(_, parts)| parts.contains_key(&Part::Result));
        results.map(|(source, _)| source.clone()).collect()
    }

    /// Adds a reader. False where it was there already.
    fn add(
        &mut self,
        store: &mut dyn StateStore,
        meta: &mut Meta,
        reader: &ReaderRecord,
        request: &Body,
    ) -> bool {
        let parts = self.all.entry(reader.source.clone()).or_default();
        let watched = parts.entry(reader.part.clone()).or_insert_with(|| Watched {
            record: WatchedRecord {
                source: reader.source.clone(),
                part: reader.part.clone(),
                request: request.clone(),
                next: 1,
                last: [0; 16],
            },
            readers: BTreeMap::new(),
        });
        let id = (reader.reader.clone(), reader.watch);
        if watched.readers.contains_key(&id) {
            return false;
        }
        let number = watched.record.next;
        watched.record.next += 1;
        watched.readers.insert(id, number);
        put(
            store,
            meta,
            &reader.source,
            &reader.part,
            number,
            keys::encode_record(reader),
        );
        watched.write(store, meta);
        true
    }

    /// Takes a reader away. True where it was the last of the source.
    fn remove(
        &mut self,
        store: &mut dyn StateStore,
        meta: &mut Meta,
        (source, part): (&Address, &Part),
        reader: &(Address, CallId),
    ) -> bool {
        let Some(parts) = self.all.get_mut(source) else {
            return false;
        };
        let Some(watched) = parts.get_mut(part) else {
            return false;
        };
        let Some(number) = watched.readers.remove(reader) else {
            return false;
        };
        delete(store, meta, source, part, number);
        if watched.readers.is_empty() {
            delete(store, meta, source, part, 0);
            parts.remove(part);
        }
        if parts.is_empty() {
            self.all.remove(source);
            return true;
        }
        false
    }

    fn count(&self, source: &Address) -> u64 {
        let parts = self.all.get(source).into_iter().flat_map(BTreeMap::values);
        parts.map(|watched| watched.readers.len() as u64).sum()
    }

    pub(crate) fn parts(&self, source: &Address) -> Vec<Part> {
        let parts = self.all.get(source);
        parts.map_or_else(Vec::new, |parts| parts.keys().cloned().collect())
    }

    /// Whether this is something else than was told last, which it is from now on.
    fn is_news(
        &mut self,
        store: &mut dyn StateStore,
        meta: &mut Meta,
        (source, part): (&Address, &Part),
        body: &Body,
    ) -> bool {
        let parts = self.all.get_mut(source);
        let Some(watched) = parts.and_then(|parts| parts.get_mut(part)) else {
            return false;
        };
        let hash = hash_of(body);
        if watched.record.last == hash {
            return false;
        }
        watched.record.last = hash;
        watched.write(store, meta);
        true
    }

    fn readers(&self, source: &Address, part: &Part) -> Vec<(Address, CallId)> {
        let parts = self.all.get(source);
        let watched = parts.and_then(|parts| parts.get(part));
        watched.map_or_else(Vec::new, |watched| {
            watched.readers.keys().cloned().collect()
        })
    }
}

impl Watched {
    fn write(&self, store: &mut dyn StateStore, meta: &mut Meta) {
        let record = &self.record;
        put(
            store,
            meta,
            &record.source,
            &record.part,
            0,
            keys::encode_record(record),
        );
    }
}

fn put(
    store: &mut dyn StateStore,
    meta: &mut Meta,
    source: &Address,
    part: &Part,
    number: u64,
    bytes: Bytes,
) {
    meta.link(keys::WATCHED, &bytes);
    store.put(&keys::watched(source, part, number), bytes);
}

fn delete(store: &mut dyn StateStore, meta: &mut Meta, source: &Address, part: &Part, number: u64) {
    let key = keys::watched(source, part, number);
    meta.link(keys::WATCHED, &key);
    store.delete(&key);
}

fn hash_of(body: &Body) -> [u8; 16] {
    let mut hash = [0; 16];
    hash.copy_from_slice(&blake3::hash(body.bytes()).as_bytes()[..16]);
    hash
}

/// An error that is told as a value.
pub(crate) fn error_body(code: &str, message: &str) -> Body {
    Body::from_data(told_error(code, message))
}

impl Shard {
    /// Adds a reader and tells it what the part is now.
    pub(crate) fn add_reader(
        &mut self,
        reader: &ReaderRecord,
        request: &Body,
        cause: &Stamp,
        hops: u32,
    ) -> Result<(), ShardError> {
        let (source, part) = (reader.source.clone(), reader.part.clone());
        let (to, watch) = (reader.reader.clone(), reader.watch);
        if self.sources.count(&source) >= self.limits.source_readers {
            let what = format!(
                "{} readers read {source} already (limit `source_readers`)",
                self.limits.source_readers
            );
            let body = error_body(codes::SOURCE_FULL, &what);
            let said = Said { body, version: 0 };
            return self.tell(&source, (&to, watch), &said, cause, hops);
        }
        let said = self.said_by(&source, &part)?;
        let (store, meta) = (&mut *self.store, &mut self.meta);
        self.sources.add(store, meta, reader, request);
        // Whoever read it before is told of the same change, if it was not told yet.
        self.tell_part(
            &source,
            &part,
            &said,
            cause,
            hops,
            Some(&(to.clone(), watch)),
        )?;
        self.tell(&source, (&to, watch), &said, cause, hops)
    }

    /// Takes a reader away. True where it was the last of its source.
    pub(crate) fn remove_reader(
        &mut self,
        source: &Address,
        part: &Part,
        reader: &(Address, CallId),
    ) -> bool {
        let (store, meta) = (&mut *self.store, &mut self.meta);
        self.sources.remove(store, meta, (source, part), reader)
    }

    /// After a turn or an end: tells the readers of an instance what has become of it.
    pub(crate) fn tell_readers(
        &mut self,
        instance: &Instance,
        run: &dyn Run,
        cause: &Stamp,
        hops: u32,
    ) -> Result<(), ShardError> {
        let source = &instance.record.address;
        for part in self.sources.parts(source) {
            let said = self.said_of(instance, run, &part);
            self.tell_part(source, &part, &said, cause, hops, None)?;
        }
        Ok(())
    }

    /// After the removal of an instance: tells its readers that there is nothing.
    pub(crate) fn tell_removed(
        &mut self,
        source: &Address,
        cause: &Stamp,
    ) -> Result<(), ShardError> {
        for part in self.sources.parts(source) {
            let said = Said {
                body: self.absent(source, &part),
                version: 0,
            };
            self.tell_part(source, &part, &said, cause, 0, None)?;
        }
        Ok(())
    }

    fn tell_part(
        &mut self,
        source: &Address,
        part: &Part,
        said: &Said,
        cause: &Stamp,
        hops: u32,
        except: Option<&(Address, CallId)>,
    ) -> Result<(), ShardError> {
        let (store, meta) = (&mut *self.store, &mut self.meta);
        if !self
            .sources
            .is_news(store, meta, (source, part), &said.body)
        {
            return Ok(());
        }
        for (reader, watch) in self.sources.readers(source, part) {
            if except != Some(&(reader.clone(), watch)) {
                self.tell(source, (&reader, watch), said, cause, hops)?;
            }
        }
        Ok(())
    }

    /// Tells one reader.
    pub(crate) fn tell(
        &mut self,
        source: &Address,
        (reader, watch): (&Address, CallId),
        said: &Said,
        cause: &Stamp,
        hops: u32,
    ) -> Result<(), ShardError> {
        self.spent = self.spent.saturating_add(self.limits.delivery_instructions);
        let stamp = self.own_stamp(Some(cause));
        self.send(Parcel::Message(Message {
            stamp,
            from: Some(source.clone()),
            to: reader.clone(),
            program: None,
            hops: hops.saturating_add(1),
            body: said.body.clone(),
            intent: Intent::Emit(watch, said.version),
        }))
    }

    /// What can be read of an address now.
    fn said_by(&mut self, source: &Address, part: &Part) -> Result<Said, ShardError> {
        let Some((place, mut instance)) = self.take(source)? else {
            let body = self.absent(source, part);
            return Ok(Said { body, version: 0 });
        };
        let said = match instance.record.status {
            InstanceStatus::Running => {
                self.load_run(&mut instance)?;
                let run = instance.run.as_ref();
                run.map(|run| self.said_of(&instance, &**run, part))
            }
            _ => {
                let program = self.program_of(&instance)?;
                let snapshot = instance.record.snapshot.as_ref();
                let run = snapshot.and_then(|snapshot| program.resume(snapshot).ok());
                run.map(|run| self.said_of(&instance, &*run, part))
            }
        };
        self.hot.put(place, instance, false);
        Ok(said.unwrap_or_else(|| Said {
            body: self.absent(source, part),
            version: 0,
        }))
    }

    fn said_of(&self, instance: &Instance, run: &dyn Run, part: &Part) -> Said {
        let record = &instance.record;
        let body = match (part, record.status) {
            (Part::Result, status) if status != InstanceStatus::Running => {
                let what = format!("{} is {}", record.address, status.as_str());
                error_body(codes::ENDED, &what)
            }
            _ => run.told(part, &self.limits.turn).unwrap_or_default(),
        };
        let body = match body.bytes().len() > BODY_BYTES_MAX {
            true => error_body(codes::TOO_LARGE, "the value is too large to be told"),
            false => body,
        };
        Said {
            body,
            version: record.step,
        }
    }

    /// What is said where there is no instance.
    fn absent(&self, source: &Address, part: &Part) -> Body {
        match part {
            Part::State(_) => Body::from_data(vm::reactive::told_nothing()),
            Part::Result => {
                let what = format!("there is no reactive function {}", source.name());
                error_body(vm::codes::UNREADABLE.code, &what)
            }
        }
    }
}
