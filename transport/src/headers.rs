//! Headers of a bus message, and the stamp as headers for programs in any language.
//! Before it: the stamp of an outgoing message. After it: the bus adapter, an external service.
//! Guarantees: bounded; names and values hold nothing that could break a line of the protocol;
//! a stamp written here is read back equal.
//! Leaves to others: headers of their own.

use std::borrow::Cow;

use crate::clock::{HybridTime, TimeError};
use crate::ids::{IdError, MessageId};
use crate::limits::{HEADER_NAME_BYTES_MAX, HEADER_VALUE_BYTES_MAX, HEADERS_MAX};
use crate::stamp::Stamp;
use crate::trace::{TraceContext, TraceError};

/// The message's own id.
pub const MESSAGE_ID: &str = "Troupe-Message-Id";
/// The id of its cause; absent on the first message of a story.
pub const CAUSATION_ID: &str = "Troupe-Causation-Id";
/// The id of the first message of its story.
pub const CORRELATION_ID: &str = "Troupe-Correlation-Id";
/// Its hybrid logical clock time, `MILLISECONDS.COUNTER`.
pub const TIMESTAMP: &str = "Troupe-Timestamp";
/// W3C trace context.
pub const TRACEPARENT: &str = "traceparent";
/// W3C trace state.
pub const TRACESTATE: &str = "tracestate";

/// Why headers were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// More headers than one message may have.
    #[error("a message has at most {HEADERS_MAX} headers")]
    TooMany,
    /// A name that is empty, too long, or holds other than visible ASCII without a colon.
    #[error("{name:?} is no name of a header")]
    Name {
        /// The name, as given.
        name: String,
    },
    /// A value that is too long or holds other than printable ASCII.
    #[error("the value of {name} is not printable ASCII of at most {HEADER_VALUE_BYTES_MAX} bytes")]
    Value {
        /// The header's name.
        name: String,
    },
    /// A header that a stamp needs is not there.
    #[error("there is no header {name}")]
    Missing {
        /// The header's name.
        name: &'static str,
    },
    /// A header that holds no id.
    #[error("{name}: {source}")]
    Id {
        /// The header's name.
        name: &'static str,
        /// What is wrong with it.
        source: IdError,
    },
    /// A timestamp that is none.
    #[error("{TIMESTAMP}: {0}")]
    Time(#[from] TimeError),
    /// A trace context that is none.
    #[error("{TRACEPARENT}: {0}")]
    Trace(#[from] TraceError),
}

/// Headers of one message. Names compare without regard to case. A bus may change the order.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    entries: Vec<(Cow<'static, str>, String)>,
}

impl Headers {
    /// No headers; takes no memory.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            entries: Vec::new(),
        }
    }

    /// Sets a header, in place of one of that name.
    pub fn set(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<String>,
    ) -> Result<(), HeaderError> {
        let (name, value) = (name.into(), value.into());
        if !is_name(&name) {
            return Err(HeaderError::Name {
                name: name.into_owned(),
            });
        }
        let printable = value.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        // Blanks at the ends are lost on NATS, so they are refused everywhere.
        if !printable || value.len() > HEADER_VALUE_BYTES_MAX || value.trim() != value {
            return Err(HeaderError::Value {
                name: name.into_owned(),
            });
        }
        if let Some(entry) = self.entries.iter_mut().find(|entry| same(&entry.0, &name)) {
            entry.1 = value;
        } else if self.entries.len() == HEADERS_MAX {
            return Err(HeaderError::TooMany);
        } else {
            self.entries.push((name, value));
        }
        Ok(())
    }

    /// The value of a header.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.entries
            .iter()
            .find(|entry| same(&entry.0, name))
            .map(|entry| entry.1.as_str())
    }

    /// All headers, as name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries
            .iter()
            .map(|(name, value)| (name.as_ref(), value.as_str()))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes that the headers take on NATS, which counts them with the payload: a version line,
    /// a line for each header, and an empty line. None where there are no headers.
    #[must_use]
    pub fn wire_bytes(&self) -> usize {
        if self.entries.is_empty() {
            return 0;
        }
        let lines: usize = self
            .entries
            .iter()
            .map(|(name, value)| name.len() + value.len() + ": \r\n".len())
            .sum();
        "NATS/1.0\r\n\r\n".len() + lines
    }

    /// The headers of a message with that stamp.
    #[must_use]
    pub fn of_stamp(stamp: &Stamp) -> Self {
        let mut entries = Vec::with_capacity(6);
        let mut add = |name, value| entries.push((Cow::Borrowed(name), value));
        add(MESSAGE_ID, stamp.id.to_string());
        if let Some(cause) = stamp.cause {
            add(CAUSATION_ID, cause.to_string());
        }
        add(CORRELATION_ID, stamp.root.to_string());
        add(TIMESTAMP, stamp.time.to_string());
        add(TRACEPARENT, stamp.trace.to_string());
        if let Some(state) = &stamp.trace.state {
            add(TRACESTATE, state.as_str().to_owned());
        }
        Self { entries }
    }

    /// The stamp that `of_stamp` wrote.
    pub fn stamp(&self) -> Result<Stamp, HeaderError> {
        Ok(Stamp {
            id: self
                .id(MESSAGE_ID)?
                .ok_or(HeaderError::Missing { name: MESSAGE_ID })?,
            cause: self.id(CAUSATION_ID)?,
            root: self.id(CORRELATION_ID)?.ok_or(HeaderError::Missing {
                name: CORRELATION_ID,
            })?,
            time: self
                .time()?
                .ok_or(HeaderError::Missing { name: TIMESTAMP })?,
            trace: self
                .trace()?
                .ok_or(HeaderError::Missing { name: TRACEPARENT })?,
        })
    }

    /// The trace context that the sender wants continued, if it sent one.
    pub fn trace(&self) -> Result<Option<TraceContext>, HeaderError> {
        let Some(parent) = self.get(TRACEPARENT) else {
            return Ok(None);
        };
        Ok(Some(TraceContext::parse(parent, self.get(TRACESTATE))?))
    }

    fn id(&self, name: &'static str) -> Result<Option<MessageId>, HeaderError> {
        let parse = |text: &str| {
            text.parse()
                .map_err(|source| HeaderError::Id { name, source })
        };
        self.get(name).map(parse).transpose()
    }

    fn time(&self) -> Result<Option<HybridTime>, HeaderError> {
        Ok(self.get(TIMESTAMP).map(str::parse).transpose()?)
    }
}

/// Equal where both have the same names and values, in any order.
impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self
                .iter()
                .all(|(name, value)| other.get(name) == Some(value))
    }
}

impl Eq for Headers {}

fn same(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right)
}

/// Visible ASCII without a colon, which would end the name.
fn is_name(name: &str) -> bool {
    let visible = |byte: u8| (0x21..0x7f).contains(&byte) && byte != b':';
    !name.is_empty() && name.len() <= HEADER_NAME_BYTES_MAX && name.bytes().all(visible)
}

#[cfg(test)]
mod tests;
