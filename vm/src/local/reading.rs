//! Sources of a local run: who reads what of whom, and telling them what it has become.
//!
//! Turns subscribe; after each turn those who read something of the worker are told where it differs. A
//! reactive function is started by its first reader, and ends a minute after its last has gone.

use std::collections::BTreeMap;

use super::instances::Instance;
use super::routing::Item;
use super::turns::{Alarm, AlarmKind};
use super::{DEFAULT_KEY, LocalRun, LocalStatus};
use crate::codes;
use crate::data::{Address, Data};
use crate::reactive::{Part, told_error};
use crate::turn::{CallId, Input};

/// How long a reactive function stays without a reader, in virtual milliseconds.
const UNREAD_MS: u64 = 60_000;

/// Who reads what.
#[derive(Default)]
pub(super) struct Readers {
    /// By source and part: what was told last, and whom.
    pub(super) parts: BTreeMap<Address, BTreeMap<Part, Told>>,
    /// By reader and number: what it reads.
    reads: BTreeMap<(Address, u64), (Address, Part)>,
}

#[derive(Default)]
pub(super) struct Told {
    last: Data,
    readers: Vec<(Address, CallId)>,
}

/// A subscription on its way to the source.
pub(super) struct Request {
    pub(super) source: Address,
    pub(super) request: Data,
    pub(super) reader: Address,
    pub(super) watch: CallId,
}

/// What was told, on its way to the reader.
pub(super) struct News {
    pub(super) reader: Address,
    pub(super) watch: CallId,
    pub(super) body: Data,
    pub(super) version: u64,
    pub(super) source: Address,
}

impl LocalRun<'_> {
    /// A worker begins to read something.
    pub(super) fn subscribe(&mut self, reader: &Address, number: u64, to: Address, request: Data) {
        let Some(instance) = self.instances.get(reader) else {
            return;
        };
        let run = instance.worker.identity().run;
        let source = self.source_address(to);
        let Some(part) = Part::requested(&request) else {
            return;
        };
        let read = (source.clone(), part);
        self.readers.reads.insert((reader.clone(), number), read);
        self.queue.push_back(Item::Subscribe(Request {
            source,
            request,
            reader: reader.clone(),
            watch: CallId { run, number },
        }));
    }

    /// The instance that a source's address means.
    pub(super) fn source_address(&self, of: Address) -> Address {
        match (&of.key, self.program.worker(&of.name)) {
            (None, Some(worker)) if !worker.options.keyed() => Address::keyed(of.name, DEFAULT_KEY),
            _ => of,
        }
    }

    /// A worker reads something no more.
    pub(super) fn unsubscribe(&mut self, reader: &Address, number: u64) {
        if let Some((source, part)) = self.readers.reads.remove(&(reader.clone(), number)) {
            let reader = reader.clone();
            self.queue.push_back(Item::Unsubscribe {
                source,
                part,
                reader,
                number,
            });
        }
    }

    /// A worker's run is over: it reads nothing.
    pub(super) fn unsubscribe_all(&mut self, reader: &Address) {
        let reads = self.readers.reads.keys();
        let of_reader = reads.filter(|(known, _)| known == reader);
        for number in of_reader.map(|(_, number)| *number).collect::<Vec<_>>() {
            self.unsubscribe(reader, number);
        }
    }

    /// The source learns of a reader, and tells it what it is now.
    pub(super) fn add_reader(&mut self, request: Request) {
        let Some(part) = Part::requested(&request.request) else {
            return;
        };
        let definition = self.program.worker(&request.source.name);
        let is_reactive = definition.is_some_and(|definition| definition.options.reactive);
        let alive = self
            .instances
            .get(&request.source)
            .is_some_and(Instance::is_alive);
        let is_set = self.set.told(&request.source, &part).is_some();
        if is_reactive && part == Part::Result && !alive && !is_set {
            let arguments = Part::arguments(&request.request);
            self.start(&request.source, arguments, None, None);
        }
        let (body, version) = self.told_by(&request.source, &part);
        let parts = self
            .readers
            .parts
            .entry(request.source.clone())
            .or_default();
        let told = parts.entry(part).or_default();
        told.last = body.clone();
        told.readers.push((request.reader.clone(), request.watch));
        self.queue.push_back(Item::Told(News {
            reader: request.reader,
            watch: request.watch,
            body,
            version,
            source: request.source,
        }));
    }

    /// The source learns that a reader has gone.
    pub(super) fn drop_reader(
        &mut self,
        source: &Address,
        part: &Part,
        reader: &Address,
        number: u64,
    ) {
        let Some(parts) = self.readers.parts.get_mut(source) else {
            return;
        };
        if let Some(told) = parts.get_mut(part) {
            told.readers
                .retain(|(known, watch)| known != reader || watch.number != number);
            if told.readers.is_empty() {
                parts.remove(part);
            }
        }
        if !parts.is_empty() {
            return;
        }
        self.readers.parts.remove(source);
        let definition = self.program.worker(&source.name);
        if !definition.is_some_and(|definition| definition.options.reactive) {
            return;
        }
        let (due_ms, number) = (self.clock_ms.saturating_add(UNREAD_MS), self.next_number());
        if let Some(instance) = self.instances.get_mut(source) {
            instance.unread_since_ms = self.clock_ms;
            let lives = instance.lives;
            let address = source.clone();
            let kind = AlarmKind::Unread;
            self.timers.insert(
                (due_ms, number),
                Alarm {
                    address,
                    lives,
                    kind,
                },
            );
        }
    }

    /// A reactive function may have had no reader for long enough.
    pub(super) fn end_unread(&mut self, address: &Address) {
        let is_read = self.readers.parts.contains_key(address);
        let since_ms = self
            .instances
            .get(address)
            .map(|instance| instance.unread_since_ms);
        let is_over =
            since_ms.is_some_and(|since| since.saturating_add(UNREAD_MS) <= self.clock_ms);
        if !is_read && is_over {
            self.finish_run(address, LocalStatus::Completed, Data::Undefined, None);
        }
    }

    /// Tells those who read something of an instance where it differs from what was told last.
    pub(super) fn tell(&mut self, source: &Address) {
        let Some(parts) = self.readers.parts.get(source) else {
            return;
        };
        let parts: Vec<Part> = parts.keys().cloned().collect();
        for part in parts {
            let (body, version) = self.told_by(source, &part);
            let told = self.readers.parts.get_mut(source);
            let Some(told) = told.and_then(|parts| parts.get_mut(&part)) else {
                continue;
            };
            if told.last == body {
                continue;
            }
            told.last = body.clone();
            for (reader, watch) in &told.readers {
                self.queue.push_back(Item::Told(News {
                    reader: reader.clone(),
                    watch: *watch,
                    body: body.clone(),
                    version,
                    source: source.clone(),
                }));
            }
        }
    }

    /// Gives a reader what was told.
    pub(super) fn give_news(&mut self, news: News) {
        let reads = self
            .readers
            .reads
            .contains_key(&(news.reader.clone(), news.watch.number));
        if !reads
            || !self
                .instances
                .get(&news.reader)
                .is_some_and(Instance::is_alive)
        {
            return;
        }
        let input = Input::Told {
            watch: news.watch,
            body: news.body,
            version: news.version,
            source: Some(news.source),
        };
        self.give(&news.reader, input);
        self.drain_mailbox(&news.reader);
    }

    pub(super) fn told_by(&self, source: &Address, part: &Part) -> (Data, u64) {
        if let Some(set) = self.set.told(source, part) {
            return set;
        }
        if let Some(instance) = self.instances.get(source) {
            let body = instance
                .worker
                .told(&self.program, part, &self.options.limits);
            return (body, instance.worker.step());
        }
        let body = match part {
            Part::State(_) => Data::object_from([("value", Data::Undefined)]).unwrap_or_default(),
            Part::Result => {
                let what = format!("there is no reactive function `{}`", source.name);
                told_error(codes::UNREADABLE.code, &what)
            }
        };
        (body, 0)
    }
}
