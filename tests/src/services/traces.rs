//! Traces as tests want to see them, made from what Jaeger's query API answers. Keeps every tag as text;
//! what is not understood is left out, never guessed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

/// The spans of one trace that have arrived.
#[derive(Clone, Debug)]
pub struct Trace {
    /// 32 hex digits.
    pub id: String,
    /// In the order of their start.
    pub spans: Vec<Span>,
}

/// One span.
#[derive(Clone, Debug)]
pub struct Span {
    /// 16 hex digits.
    pub id: String,
    /// The id of its parent, where it has one.
    pub parent: Option<String>,
    /// Ids of trace and span of the causes that it is linked to without being their child.
    pub links: Vec<(String, String)>,
    /// Its name, such as `turn`.
    pub name: String,
    /// The resource attribute `service.name` of its process.
    pub service: String,
    /// The resource attribute `service.instance.id` of its process; empty where it has none.
    pub instance: String,
    /// Microseconds since 1970.
    pub start_us: u64,
    /// Microseconds.
    pub duration_us: u64,
    /// Its attributes, as text.
    pub tags: BTreeMap<String, String>,
}

impl Trace {
    /// The spans of this name, in the order of their start.
    #[must_use]
    pub fn named(&self, name: &str) -> Vec<&Span> {
        self.spans.iter().filter(|span| span.name == name).collect()
    }

    /// The instances (nodes) that sent spans of it, each once, sorted.
    #[must_use]
    pub fn instances(&self) -> Vec<&str> {
        let instances: BTreeSet<&str> = self.spans.iter().map(|s| s.instance.as_str()).collect();
        instances.into_iter().collect()
    }
}

impl Span {
    /// The attribute of this name, as text.
    #[must_use]
    pub fn tag(&self, name: &str) -> Option<&str> {
        self.tags.get(name).map(String::as_str)
    }
}

/// What `/api/traces` answers, without the fields that nothing here reads.
#[derive(Deserialize)]
struct Answer {
    /// Null where nothing was found.
    data: Option<Vec<RawTrace>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawTrace {
    #[serde(rename = "traceID")]
    trace_id: String,
    spans: Vec<RawSpan>,
    processes: BTreeMap<String, RawProcess>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSpan {
    #[serde(rename = "spanID")]
    span_id: String,
    operation_name: String,
    #[serde(default)]
    references: Vec<RawReference>,
    start_time: u64,
    duration: u64,
    #[serde(default)]
    tags: Vec<RawTag>,
    #[serde(rename = "processID")]
    process_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawReference {
    ref_type: String,
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
}

#[derive(Deserialize)]
struct RawTag {
    key: String,
    value: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawProcess {
    service_name: String,
    #[serde(default)]
    tags: Vec<RawTag>,
}

/// The traces of an answer; panics when it is none, since then Jaeger is not the version expected.
pub(super) fn from_json(answer: &Value) -> Vec<Trace> {
    let answer: Answer = serde_json::from_value(answer.clone())
        .unwrap_or_else(|error| panic!("Jaeger's answer is not understood ({error}): {answer}"));
    answer
        .data
        .unwrap_or_default()
        .into_iter()
        .map(trace)
        .collect()
}

fn trace(raw: RawTrace) -> Trace {
    let mut spans: Vec<Span> = raw
        .spans
        .into_iter()
        .map(|span| make_span(span, &raw.trace_id, &raw.processes))
        .collect();
    spans.sort_by(|a, b| (a.start_us, &a.id).cmp(&(b.start_us, &b.id)));
    Trace {
        id: raw.trace_id,
        spans,
    }
}

fn make_span(raw: RawSpan, trace_id: &str, processes: &BTreeMap<String, RawProcess>) -> Span {
    let process = processes.get(&raw.process_id);
    let mut parent = None;
    let mut links = Vec::new();
    for reference in raw.references {
        if reference.ref_type == "CHILD_OF" && reference.trace_id == trace_id && parent.is_none() {
            parent = Some(reference.span_id);
        } else {
            links.push((reference.trace_id, reference.span_id));
        }
    }
    Span {
        id: raw.span_id,
        parent,
        links,
        name: raw.operation_name,
        service: process.map(|p| p.service_name.clone()).unwrap_or_default(),
        instance: process
            .and_then(|p| p.tags.iter().find(|tag| tag.key == "service.instance.id"))
            .map(|tag| text(&tag.value))
            .unwrap_or_default(),
        start_us: raw.start_time,
        duration_us: raw.duration,
        tags: raw
            .tags
            .into_iter()
            .map(|tag| (tag.key, text(&tag.value)))
            .collect(),
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Percent-encodes a value for the query part of a URL.
pub(super) fn encode(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn every_byte_with_a_meaning_is_encoded() {
        assert_eq!(
            encode(r#"{"a":"é & b"}"#),
            "%7B%22a%22%3A%22%C3%A9%20%26%20b%22%7D"
        );
        assert_eq!(encode("az-09_.~"), "az-09_.~");
    }
}
