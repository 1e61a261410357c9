//! The lines of a message file: one JSON message a line, or one with a time.
//!
//! `{"$at": MS, "$message": M}` says when; a plain message comes at the time of the line before.

use crate::data::{Data, parse_json};
use crate::limits::Limits;

/// A message for the instance, with its time where the line says one.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalMessage {
    /// Virtual milliseconds from the start; the time of the line before where left out.
    pub at_ms: Option<u64>,
    /// The message.
    pub body: Data,
}

/// Why a line is not a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Not JSON.
    #[error("it is not JSON: {0}")]
    Json(String),
    /// `$at` without `$message`, or a time that is none.
    #[error("a line with `$at` has the form {{\"$at\": MILLISECONDS, \"$message\": …}}")]
    Form,
}

/// Reads one line. Empty lines are the caller's to skip.
pub fn parse_line(line: &str, limits: &Limits) -> Result<LocalMessage, LineError> {
    let json = |error: crate::data::JsonError| LineError::Json(error.to_string());
    let value = parse_json(line, limits, true).map_err(json)?;
    if value.property("$at").is_none() && value.property("$message").is_none() {
        return Ok(LocalMessage {
            at_ms: None,
            body: Data::from_json(line, limits).map_err(json)?,
        });
    }
    let Data::Object(object) = &value else {
        return Err(LineError::Form);
    };
    match (
        value.property("$at"),
        value.property("$message"),
        object.properties().len(),
    ) {
        (Some(Data::Number(at)), Some(body), 2)
            if *at >= 0.0 && *at <= 1e15 && at.fract() == 0.0 =>
        {
            Ok(LocalMessage {
                at_ms: Some(*at as u64),
                body: body.clone(),
            })
        }
        _ => Err(LineError::Form),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_may_have_a_time() {
        let limits = Limits::default();
        assert_eq!(
            parse_line("5", &limits).unwrap(),
            LocalMessage {
                at_ms: None,
                body: Data::Number(5.0)
            }
        );
        let timed = parse_line(r#"{"$at": 10, "$message": null}"#, &limits).unwrap();
        assert_eq!(
            timed,
            LocalMessage {
                at_ms: Some(10),
                body: Data::Null
            }
        );
        for wrong in [
            r#"{"$at": -1, "$message": 1}"#,
            r#"{"$at": 1}"#,
            r#"{"$at": 1, "$message": 1, "x": 1}"#,
        ] {
            assert_eq!(parse_line(wrong, &limits), Err(LineError::Form), "{wrong}");
        }
        assert!(matches!(parse_line("{", &limits), Err(LineError::Json(_))));
        assert!(matches!(
            parse_line(r#"{"$x": 1}"#, &limits),
            Err(LineError::Json(_))
        ));
    }
}
