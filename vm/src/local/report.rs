//! A local run as JSON lines, in the form that `run` prints.
//!
//! One line for each send, and a last one that says how the instance stands.

use super::{LocalEnd, LocalEvent, LocalStatus};
use crate::data::{Data, quote_json};
use crate::error::ScriptError;
use crate::text::Text;

impl LocalStatus {
    /// The status as it is printed.
    pub fn as_str(self) -> &'static str {
        match self {
            LocalStatus::Waiting => "waiting",
            LocalStatus::Completed => "completed",
            LocalStatus::Failed => "failed",
            LocalStatus::Killed => "killed",
        }
    }
}

impl LocalEvent {
    /// The line of a send; other events are not part of the output.
    pub fn to_line(&self) -> Option<String> {
        let LocalEvent::Sent {
            at_ms,
            from,
            to,
            message,
            ..
        } = self
        else {
            return None;
        };
        let (from, to, message) = (quoted(&from.to_string()), quoted(to), message.to_json());
        Some(format!(
            "{{\"at\":{at_ms},\"from\":{from},\"to\":{to},\"message\":{message}}}"
        ))
    }
}

impl LocalEnd {
    /// The last line.
    pub fn to_line(&self) -> String {
        let mut line = format!("{{\"status\":{}", quoted(self.status.as_str()));
        if !matches!(self.result, Data::Undefined) {
            line.push_str(&format!(",\"result\":{}", self.result.to_json()));
        }
        if let Some(error) = &self.error {
            line.push_str(&format!(",\"error\":{}", error_json(error)));
        }
        let states: Vec<String> = self.state.iter().map(Data::to_json).collect();
        line.push_str(&format!(",\"state\":[{}]}}", states.join(",")));
        line
    }
}

fn error_json(error: &ScriptError) -> String {
    let frames = error.stack.iter().map(|frame| {
        quoted(&format!(
            "{} ({}:{}:{})",
            frame.function, frame.file, frame.line, frame.column
        ))
    });
    let stack = frames.collect::<Vec<_>>().join(",");
    let mut json = format!(
        "{{\"code\":{},\"message\":{}",
        quoted(&error.code),
        quoted(&error.message)
    );
    if let Some(value) = error
        .value
        .as_ref()
        .filter(|value| !matches!(value, Data::Error(_)))
    {
        json.push_str(&format!(",\"value\":{}", value.to_json()));
    }
    json.push_str(&format!(",\"stack\":[{stack}]}}"));
    json
}

fn quoted(text: &str) -> String {
    let mut out = String::new();
    quote_json(&Text::from(text), &mut out);
    out
}
