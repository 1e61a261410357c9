//! What a reactive function knows: its sources, what they said last, and its result.
//!
//! `control/react` changes it, the snapshot keeps it. Its size is that of what is read.

use serde::{Deserialize, Serialize};

use super::source::{Source, instance_key};
use super::told::{Said, Told, error_of};
use crate::codes;
use crate::data::{Address, Data};

/// How many sources are shown with a result.
const SHOWN_SOURCES_MAX: usize = 100;

/// Characters of a source that are shown with a result.
const SHOWN_LABEL_MAX: usize = 100;

/// All that a reactive function knows between two turns.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Knowledge {
    /// In the order of subscription, so that numbers ascend.
    pub(crate) sources: Vec<Known>,
    pub(crate) result: Option<Settled>,
}

/// A source that is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// The source, as the script made it.
    pub(crate) source: Data,
    /// The number of the subscription or question within the run.
    pub(crate) watch: u64,
    /// Of a clock.
    pub(crate) timer: Option<u64>,
    pub(crate) said: Option<Said>,
    /// The step of the source that made it; of a clock, the time; of an effect, which answer it is.
    pub(crate) version: u64,
    /// The chain that it told.
    pub(crate) chain: Vec<String>,
    /// Whether the function itself was found in the chain.
    pub(crate) is_cyclic: bool,
}

/// A result, and the versions of the sources that it was made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Settled {
    pub(crate) said: Said,
    /// Numbers of subscriptions, with versions.
    pub(crate) used: Vec<(u64, u64)>,
}

impl Known {
    /// Takes what the source told. True where the function has to look at it.
    pub(crate) fn take(&mut self, told: Told, version: u64, myself: &str) -> bool {
        self.version = version;
        if told.chain.iter().any(|name| name == myself) {
            let mut cycle = vec![myself.to_owned()];
            let until = told.chain.iter().position(|name| name == myself);
            cycle.extend(told.chain.into_iter().take(until.unwrap_or(0) + 1));
            let message = format!("a cycle of reactive functions: {}", cycle.join(" → "));
            return self.find_cycle(&message);
        }
        // What another function of the cycle makes of the error does not show that the cycle is gone.
        if self.is_cyclic && !matches!(told.said, Some(Said::Value(_))) {
            return false;
        }
        self.is_cyclic = false;
        self.chain = told.chain;
        let changed = told.said.is_some() && self.said != told.said;
        if changed {
            self.said = told.said;
        }
        changed
    }

    /// What is read, in a few words.
    fn label(&self) -> String {
        match Source::read(&self.source) {
            Ok(Source::State { of, name }) => format!("{of} {name}"),
            Ok(Source::Result { of, arguments }) => {
                format!("{}/{}", of.name, instance_key(&arguments))
            }
            Ok(Source::Effect { service, request }) => format!("{service} {}", request.to_json()),
            Ok(Source::Clock { period_ms }) => format!("clock {period_ms}"),
            Err(_) => "?".to_owned(),
        }
    }

    fn find_cycle(&mut self, message: &str) -> bool {
        let was_cyclic = std::mem::replace(&mut self.is_cyclic, true);
        self.chain = Vec::new();
        if !was_cyclic {
            self.said = Some(Said::Error(error_of(codes::CYCLE, message)));
        }
        !was_cyclic
    }
}

impl Knowledge {
    /// What is told to those who read the function.
    pub(crate) fn told(&self, myself: &Address) -> Told {
        let longest = self.sources.iter().map(|known| &known.chain);
        let longest = longest.max_by_key(|chain| chain.len());
        let mut chain = vec![myself.to_string()];
        chain.extend(longest.into_iter().flatten().cloned());
        let result = self.result.as_ref();
        Told {
            said: result.map(|result| result.said.clone()),
            chain,
        }
    }

    /// The result as people see it: `{ value }` or `{ error }`, and `used`, the sources with the versions
    /// that it was made of. As a message is.
    pub(crate) fn shown(&self) -> Data {
        let mut properties: Vec<(&str, Data)> = Vec::with_capacity(2);
        let Some(result) = &self.result else {
            return Data::object_from([("sources", self.shown_sources(None))]).unwrap_or_default();
        };
        match &result.said {
            Said::Value(Data::Undefined) => {}
            Said::Value(value) => properties.push(("value", value.clone())),
            Said::Error(error) => properties.push(("error", shown_error(error))),
        }
        properties.push(("sources", self.shown_sources(Some(&result.used))));
        let properties = properties.into_iter();
        let shown = properties.map(|(key, value)| (key.into(), value));
        Data::object(shown.collect()).unwrap_or_default()
    }

    fn shown_sources(&self, used: Option<&[(u64, u64)]>) -> Data {
        let version_of = |known: &Known| match used {
            Some(used) => {
                let mut used = used.iter().filter(|(watch, _)| *watch == known.watch);
                used.next().map(|(_, version)| *version)
            }
            None => known.said.is_some().then_some(known.version),
        };
        let shown = self.sources.iter().take(SHOWN_SOURCES_MAX).map(|known| {
            let label = known.label();
            let name: String = label.chars().take(SHOWN_LABEL_MAX).collect();
            let name = Data::from(name.as_str());
            let version =
                version_of(known).map_or(Data::Null, |version| Data::Number(version as f64));
            Data::object_from([("source", name), ("version", version)]).unwrap_or_default()
        });
        Data::array(shown.collect()).unwrap_or_default()
    }

    /// The numbers of its subscriptions; clocks and effects have none.
    pub(crate) fn subscriptions(&self) -> Vec<u64> {
        let subscribed = self.sources.iter().filter(|known| {
            let source = Source::read(&known.source);
            matches!(source, Ok(Source::State { .. } | Source::Result { .. }))
        });
        subscribed.map(|known| known.watch).collect()
    }

    /// The questions to services that it keeps: their numbers, and whether an answer has come.
    pub(crate) fn effects(&self) -> Vec<(u64, Source, bool)> {
        let effects = self.sources.iter().filter_map(|known| {
            let source = Source::read(&known.source).ok()?;
            let is_answered = known.said.is_some();
            matches!(source, Source::Effect { .. }).then_some((known.watch, source, is_answered))
        });
        effects.collect()
    }

    /// The source of a subscription.
    pub(crate) fn source_mut(&mut self, watch: u64) -> Option<&mut Known> {
        self.sources.iter_mut().find(|known| known.watch == watch)
    }
}

/// An error as a message has it.
fn shown_error(error: &Data) -> Data {
    let Data::Error(thrown) = error else {
        // What a script throws may be no message.
        return match error.shape().needs_normalising {
            true => Data::from(error.to_json().as_str()),
            false => error.clone(),
        };
    };
    let mut properties: Vec<(&str, Data)> = vec![("name", Data::from(thrown.kind.name()))];
    for name in ["message", "code"] {
        if let Some(value @ Data::Text(_)) = thrown.properties().get(&name.into()) {
            properties.push((name, value.clone()));
        }
    }
    let properties = properties.into_iter();
    let shown = properties.map(|(key, value)| (key.into(), value));
    Data::object(shown.collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        Known {
            source: Data::Null,
            watch: 0,
            timer: None,
            said: None,
            version: 0,
            chain: Vec::new(),
            is_cyclic: false,
        }
    }

    fn told(said: Option<Said>, chain: &[&str]) -> Told {
        Told {
            said,
            chain: chain.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    #[test]
    fn a_function_in_its_own_chain_reads_an_error_until_the_source_says_a_value_without_it() {
        let mut source = known();
        let value = Some(Said::Value(Data::Number(1.0)));
        assert!(source.take(told(None, &["B/[]", "A/[]"]), 1, "A/[]"));
        let Some(Said::Error(error)) = &source.said else {
            panic!("{source:?}");
        };
        let shown = shown_error(error);
        let message = shown.property("message").and_then(Data::as_text);
        assert_eq!(
            message.map(ToString::to_string).as_deref(),
            Some("a cycle of reactive functions: A/[] → B/[] → A/[]")
        );
        let error = Some(Said::Error(Data::Null));
        assert!(!source.take(told(error, &["B/[]"]), 2, "A/[]") && source.is_cyclic);
        assert!(source.take(told(value.clone(), &["B/[]"]), 3, "A/[]"));
        assert_eq!((source.said, source.is_cyclic), (value, false));
    }

    #[test]
    fn an_equal_value_is_nothing_to_look_at_but_its_version_counts() {
        let mut source = known();
        let value = || Some(Said::Value(Data::from("x")));
        assert!(source.take(told(value(), &[]), 1, "A/[]"));
        assert!(!source.take(told(value(), &[]), 2, "A/[]"));
        assert_eq!(source.version, 2);
    }
}
