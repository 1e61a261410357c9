//! `Log`: any value becomes a record in this node's log. The shard's queue comes before it, whatever
//! `tracing` writes to after it. Guarantees: records of one worker are in the order in which they were
//! sent, and name the trace, worker, run and step that sent them; one that is written again after a
//! change of leaders has the same message id. Left to others: formats and filters (`node`).

use cluster::action::ServiceCall;
use cluster::query;
use cluster::record::MessageFate;
use vm::Data;

use crate::driver::DriverParts;

/// The target of these records, by which a filter finds them.
const TARGET: &str = "worker";

/// Writes the record.
pub(super) fn perform(parts: &DriverParts, call: &ServiceCall, body: &Data) {
    let (message, record) = split(body);
    let worker = call
        .from
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let (run, step) = turn_of(parts, call).unwrap_or_default();
    let trace = call.stamp.trace.trace_id;
    let trace: String = trace.iter().map(|byte| format!("{byte:02x}")).collect();
    let id = call.stamp.id;
    macro_rules! write {
        ($level:ident) => {
            tracing::event!(
                target: TARGET,
                tracing::Level::$level,
                %worker, %run, step, %trace, %id, record, "{message}"
            )
        };
    }
    match level(body).as_str() {
        "error" => write!(ERROR),
        "warn" | "warning" => write!(WARN),
        "debug" => write!(DEBUG),
        "trace" => write!(TRACE),
        _ => write!(INFO),
    }
}

/// What `level` says, in small letters.
fn level(body: &Data) -> String {
    match body.property("level") {
        Some(Data::Text(text)) => text.to_string_lossy().to_ascii_lowercase(),
        _ => String::new(),
    }
}

/// The text of a record, and all else in it as JSON.
fn split(body: &Data) -> (String, String) {
    let Data::Object(object) = body else {
        return match body {
            Data::Text(text) => (text.to_string_lossy(), String::new()),
            other => (String::new(), other.to_json()),
        };
    };
    let message = match body.property("message") {
        Some(Data::Text(text)) => Some(text.to_string_lossy()),
        _ => None,
    };
    let is_rest = |key: &vm::text::Text| {
        let key = key.to_string_lossy();
        key != "level" && !(key == "message" && message.is_some())
    };
    let rest = object.properties().iter().filter(|(key, _)| is_rest(key));
    let rest: vm::data::PropertyTable<Data> = rest
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let record = match rest.is_empty() {
        true => String::new(),
        false => Data::object(rest).unwrap_or_default().to_json(),
    };
    (message.unwrap_or_default(), record)
}

/// The run and step whose turn sent the record: its cause was taken there, in this very shard.
fn turn_of(parts: &DriverParts, call: &ServiceCall) -> Option<(String, u64)> {
    let cause = call.stamp.cause?;
    let record = query::message(&*parts.reader, cause).ok()??;
    match record.fate {
        MessageFate::Applied { run, step, .. } => Some((run.to_string(), step)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts_of(json: &str) -> (String, String, String) {
        let body = Data::from_json(json, &vm::Limits::default()).unwrap();
        let (message, record) = split(&body);
        (level(&body), message, record)
    }

    #[test]
    fn a_record_has_a_level_a_text_and_the_rest() {
        let whole = parts_of(r#"{ "level": "Warn", "message": "low", "left": 3, "tags": ["a"] }"#);
        let expected = ("warn", "low", r#"{"left":3,"tags":["a"]}"#);
        assert_eq!(
            (whole.0.as_str(), whole.1.as_str(), whole.2.as_str()),
            expected
        );
        assert_eq!(parts_of(r#""plain""#).1, "plain");
        assert_eq!(parts_of("[1,2]").2, "[1,2]");
        assert_eq!(parts_of(r#"{ "message": 5 }"#).2, r#"{"message":5}"#);
    }
}
