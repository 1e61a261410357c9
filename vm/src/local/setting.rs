//! Sources whose values are set from outside, in place of what does not run here: states of other workers,
//! reactive functions, services.
//!
//! What is set is told as the source would tell it, and stays: whoever reads the source later is told it too.
//! A reactive function that is set is computed no more. Only tests set sources.

use std::collections::{BTreeMap, BTreeSet};

use super::instances::Instance;
use super::routing::Item;
use super::{LocalError, LocalRun, LocalStatus};
use crate::data::{Address, Data};
use crate::reactive::{Part, Said, Source, Told, instance_key};
use crate::turn::{CallId, Intent};

/// What was set so far.
#[derive(Default)]
pub(super) struct SetSources {
    /// What is told, and its version.
    told: BTreeMap<Address, BTreeMap<Part, (Data, u64)>>,
    /// Services with the request and the answer.
    answers: Vec<(Address, Data, Data)>,
}

impl SetSources {
    /// What was set of a source, and its version.
    pub(super) fn told(&self, source: &Address, part: &Part) -> Option<(Data, u64)> {
        self.told.get(source)?.get(part).cloned()
    }

    fn answer(&self, service: &Address, request: &Data) -> Option<&Data> {
        let mut answers = self.answers.iter();
        let found = answers.find(|(known, asked, _)| known == service && asked == request);
        found.map(|(_, _, answer)| answer)
    }
}

/// Why a source cannot be set.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Nobody reads it.
    NotRead,
    /// It is a state of a worker that runs here, which says it itself.
    RunsHere,
    /// Services answer values.
    NoError,
    /// A clock goes with time.
    Clock,
    /// The turns that followed do not end.
    Run(LocalError),
}

impl LocalRun<'_> {
    /// Sets what a source says. An equal value changes nothing; another one has a later version.
    pub(crate) fn set_source(&mut self, source: Source, said: Said) -> Result<(), Refused> {
        match (source, said) {
            (Source::State { of, name }, said) => {
                let of = self.source_address(of);
                self.set_told(&of, Part::State(name), Told::value(Data::Undefined), said)?;
            }
            (Source::Result { of, arguments }, said) => {
                let of = Address::keyed(of.name, instance_key(&arguments));
                let chain = vec![of.to_string()];
                let told = Told { said: None, chain };
                self.set_told(&of, Part::Result, told, said)?;
            }
            (Source::Effect { service, request }, Said::Value(answer)) => {
                self.set_answer(&service, &request, &answer)?;
            }
            (Source::Effect { .. }, Said::Error(_)) => return Err(Refused::NoError),
            (Source::Clock { .. }, _) => return Err(Refused::Clock),
        }
        self.settle().map_err(Refused::Run)
    }

    fn set_told(
        &mut self,
        of: &Address,
        part: Part,
        mut told: Told,
        said: Said,
    ) -> Result<(), Refused> {
        let read = self.readers.parts.get(of);
        if !read.is_some_and(|parts| parts.contains_key(&part)) {
            return Err(Refused::NotRead);
        }
        let is_state = matches!(part, Part::State(_));
        if is_state && self.instances.contains_key(of) {
            return Err(Refused::RunsHere);
        }
        told.said = Some(said);
        let body = told.to_data();
        let (before, version) = self.told_by(of, &part);
        if before == body && self.set.told(of, &part).is_some() {
            return Ok(());
        }
        let set = self.set.told.entry(of.clone()).or_default();
        set.insert(part, (body, version + 1));
        // A function is computed no more: what it read is let go.
        if !is_state && self.instances.get(of).is_some_and(Instance::is_alive) {
            self.finish_run(of, LocalStatus::Completed, Data::Undefined, None);
        } else {
            self.tell(of);
        }
        Ok(())
    }

    fn set_answer(
        &mut self,
        service: &Address,
        request: &Data,
        answer: &Data,
    ) -> Result<(), Refused> {
        let mut askers = Vec::new();
        for (address, instance) in self.alive() {
            let effects = instance.worker.effects().into_iter();
            let asked = effects.filter(|(_, source, _)| {
                matches!(source, Source::Effect { service: of, request: asked } if of == service && asked == request)
            });
            askers.extend(asked.map(|(call, ..)| (address.clone(), call)));
        }
        if askers.is_empty() {
            return Err(Refused::NotRead);
        }
        if self.set.answer(service, request) == Some(answer) {
            return Ok(());
        }
        let answers = &mut self.set.answers;
        answers.retain(|(known, asked, _)| known != service || asked != request);
        answers.push((service.clone(), request.clone(), answer.clone()));
        for (address, call) in askers {
            self.give_answer(address, service, call, answer.clone());
        }
        Ok(())
    }

    /// Answers a question of a reactive function as it was set. False where it was not.
    pub(super) fn answer_as_set(
        &mut self,
        from: &Address,
        service: &Address,
        request: &Data,
        call: CallId,
    ) -> bool {
        let definition = self.program.worker(&from.name);
        if !definition.is_some_and(|definition| definition.options.reactive) {
            return false;
        }
        let Some(answer) = self.set.answer(service, request).cloned() else {
            return false;
        };
        self.give_answer(from.clone(), service, call, answer);
        true
    }

    fn give_answer(&mut self, to: Address, service: &Address, call: CallId, body: Data) {
        self.queue.push_back(Item::Deliver {
            to,
            sender: Some(service.clone()),
            body,
            intent: Intent::Answer(call),
        });
    }

    fn alive(&self) -> impl Iterator<Item = (&Address, &Instance)> {
        let all = self.instances.iter();
        all.filter(|(_, instance)| instance.is_alive())
    }

    /// The sources that are read, as a script writes them; clocks aside.
    pub(crate) fn sources(&self) -> BTreeSet<String> {
        let mut sources = BTreeSet::new();
        for (of, parts) in &self.readers.parts {
            sources.extend(parts.keys().map(|part| part_label(of, part)));
        }
        for (_, instance) in self.alive() {
            let effects = instance.worker.effects().into_iter();
            sources.extend(effects.map(|(_, source, _)| label(&source)));
        }
        sources
    }
}

/// A source as a script writes it, with texts for addresses.
pub(crate) fn label(source: &Source) -> String {
    match source {
        Source::State { of, name } => part_label(of, &Part::State(name.clone())),
        Source::Result { of, arguments } => {
            let of = Address::keyed(of.name.clone(), instance_key(arguments));
            part_label(&of, &Part::Result)
        }
        Source::Effect { service, request } => {
            format!(
                "effect({}, {})",
                quoted(&service.to_string()),
                request.to_json()
            )
        }
        Source::Clock { period_ms } => format!("clock({period_ms})"),
    }
}

fn part_label(of: &Address, part: &Part) -> String {
    match part {
        Part::State(name) => format!("stateOf({}, {})", quoted(&of.to_string()), quoted(name)),
        Part::Result => {
            let key = of.key.as_ref().map(ToString::to_string);
            let key = key.unwrap_or_default();
            let list = key.strip_prefix('[').and_then(|key| key.strip_suffix(']'));
            format!("{}({})", of.name, list.unwrap_or(&key))
        }
    }
}

fn quoted(text: &str) -> String {
    Data::from(text).to_json()
}
