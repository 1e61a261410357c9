//! Subjects and patterns of the bus: tokens joined by dots, `*` for one, `>` for the rest.
//! Before it: `subjects`, which builds ours. After it: the bus adapters.
//! Guarantees: a `Subject` can be published to, a `Pattern` can be subscribed to, on every bus.
//! Leaves to others: what a subject means.

use std::fmt;
use std::sync::Arc;

use crate::limits::SUBJECT_BYTES_MAX;

/// Why a text is no subject or pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// Empty, or with an empty token.
    #[error("{text:?} has an empty token")]
    EmptyToken {
        /// The text, as given.
        text: String,
    },
    /// Longer than a bus takes.
    #[error("the subject has {bytes} bytes, at most {SUBJECT_BYTES_MAX} are allowed")]
    TooLong {
        /// Bytes that it has.
        bytes: usize,
    },
    /// A blank, a control character, or a byte outside ASCII.
    #[error("{text:?} holds other than visible ASCII")]
    Character {
        /// The text, as given.
        text: String,
    },
    /// A wildcard where none may stand.
    #[error(
        "{text:?}: a '*' stands alone in its token, a '>' alone in the last, and neither in a subject to publish to"
    )]
    Wildcard {
        /// The text, as given.
        text: String,
    },
}

/// Where a message is published. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject(Arc<str>);

/// What a subscription listens to: a subject, with wildcards or without. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(Arc<str>);

impl Subject {
    /// A subject without wildcards.
    pub fn new(text: &str) -> Result<Self, SubjectError> {
        check(text)?;
        match text.contains(['*', '>']) {
            true => Err(SubjectError::Wildcard {
                text: text.to_owned(),
            }),
            false => Ok(Self(text.into())),
        }
    }

    /// A subject that is known to be valid, such as one that a builder made.
    pub(crate) fn trusted(text: String) -> Self {
        debug_assert!(
            Self::new(&text).is_ok(),
            "builders make valid subjects: {text}"
        );
        Self(text.into())
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The pattern that matches this subject alone.
    #[must_use]
    pub fn pattern(&self) -> Pattern {
        Pattern(Arc::clone(&self.0))
    }
}

impl Pattern {
    /// A subject in which `*` stands for one token and a last `>` for one token or more.
    pub fn new(text: &str) -> Result<Self, SubjectError> {
        check(text)?;
        let mut tokens = text.split('.').peekable();
        while let Some(token) = tokens.next() {
            let alone = token == "*" || (token == ">" && tokens.peek().is_none());
            if token.contains(['*', '>']) && !alone {
                return Err(SubjectError::Wildcard {
                    text: text.to_owned(),
                });
            }
        }
        Ok(Self(text.into()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it has no wildcard, so that it matches one subject alone.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        !self.0.contains(['*', '>'])
    }

    /// Whether messages to `subject` belong to this pattern.
    #[must_use]
    pub fn matches(&self, subject: &Subject) -> bool {
        let mut tokens = subject.as_str().split('.');
        for wanted in self.0.split('.') {
            let Some(token) = tokens.next() else {
                return false;
            };
            match wanted {
                ">" => return true,
                "*" => {}
                _ if wanted == token => {}
                _ => return false,
            }
        }
        tokens.next().is_none()
    }
}

fn check(text: &str) -> Result<(), SubjectError> {
    if text.len() > SUBJECT_BYTES_MAX {
        return Err(SubjectError::TooLong { bytes: text.len() });
    }
    if text.split('.').any(str::is_empty) {
        return Err(SubjectError::EmptyToken {
            text: text.to_owned(),
        });
    }
    if !text.bytes().all(|byte| (0x21..0x7f).contains(&byte)) {
        return Err(SubjectError::Character {
            text: text.to_owned(),
        });
    }
    Ok(())
}

impl fmt::Display for Subject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Subject({self})")
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Pattern({self})")
    }
}

#[cfg(test)]
mod tests;
