//! Problem details (RFC 9457): how every refused HTTP request is answered. Comes before the handlers
//! that return it and the client that prints it; guarantees that a stable code is always there.

use serde::{Deserialize, Serialize};

/// One refusal: what, where, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A page that explains the code, relative to the documentation.
    #[serde(rename = "type")]
    pub kind: String,
    /// What happened, the same words for the same code.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable code, such as `E-unknown-worker`.
    pub code: String,
    /// What happened this time, with the names and values that it concerns.
    pub detail: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Rendered diagnostics of a script that does not compile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diagnostics: Vec<String>,
}

impl Problem {
    /// Whether the same request may succeed in a moment: the node starts, or a leader is being elected.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        self.status == 503
    }

    /// A problem with a code, its title and what happened this time.
    pub fn new(status: u16, code: &str, title: &str, detail: impl Into<String>) -> Problem {
        Problem {
            kind: format!("docs/errors/{code}.md"),
            title: title.to_owned(),
            status,
            code: code.to_owned(),
            detail: detail.into(),
            hint: None,
            diagnostics: Vec::new(),
        }
    }

    /// The same problem with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Problem {
        self.hint = Some(hint.into());
        self
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "[{}] {}: {}", self.code, self.title, self.detail)
    }
}

impl std::error::Error for Problem {}
