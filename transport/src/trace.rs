//! W3C trace context: which trace and span a message continues.
//! Before it: a request's `traceparent`, or a root message's id. After it: the stamp, the headers.
//! Guarantees: ids are derived from message ids, so that a replay gives the same trace; never
//! all zero; what is printed parses back.
//! Leaves to others: spans themselves and their export (`node`).
//! Source: W3C Trace Context, <https://www.w3.org/TR/trace-context/>.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use crate::ids::{IdError, MessageId, ShardId, read_hex, write_hex};
use crate::limits::TRACE_STATE_BYTES_MAX;

/// The flag that says: this trace is recorded.
pub const FLAG_SAMPLED: u8 = 1;

/// Why a trace context was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TraceError {
    /// Not of the form `VERSION-TRACE-SPAN-FLAGS`.
    #[error("a traceparent is 00-TRACE-SPAN-FLAGS with 32, 16 and 2 digits")]
    Form,
    /// A part that is no lower-case hexadecimal number of its length.
    #[error("{0}")]
    Digits(#[from] IdError),
    /// Version ff, which W3C forbids.
    #[error("version ff is not allowed")]
    Version,
    /// A trace or span id of zeros, which W3C forbids.
    #[error("trace id and span id must not be all zero")]
    Zero,
    /// A `tracestate` that is too long or holds other than printable ASCII.
    #[error("a tracestate is printable ASCII of at most {TRACE_STATE_BYTES_MAX} bytes")]
    State,
}

/// What other tracing systems want carried along; opaque here.
#[derive(Clone, PartialEq, Eq)]
pub struct TraceState(Arc<str>);

/// Trace, current span, flags, and the opaque state.
#[derive(Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace; not all zero.
    pub trace_id: [u8; 16],
    /// The span that the receiver's spans are children of; not all zero.
    pub span_id: [u8; 8],
    /// W3C flags; bit 0: sampled.
    pub flags: u8,
    /// `tracestate`, where the caller sent one.
    pub state: Option<TraceState>,
}

/// Which hop of a message a span stands for. The number is part of the hashed layout: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum HopKind {
    /// Entered a node.
    Door = 1,
    /// From append to committed.
    Commit = 2,
    /// What a message made its worker do.
    Turn = 3,
    /// Left its sender's shard.
    Send = 4,
    /// Arrived at its target's shard.
    Deliver = 5,
    /// A call to the outside.
    Effect = 6,
    /// A delay that passed.
    Timer = 7,
}

impl HopKind {
    /// The hop of that number.
    pub(crate) const fn numbered(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Door,
            2 => Self::Commit,
            3 => Self::Turn,
            4 => Self::Send,
            5 => Self::Deliver,
            6 => Self::Effect,
            7 => Self::Timer,
            _ => return None,
        })
    }

    /// The name of the span.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Door => "door",
            Self::Commit => "commit",
            Self::Turn => "turn",
            Self::Send => "send",
            Self::Deliver => "deliver",
            Self::Effect => "effect",
            Self::Timer => "timer",
        }
    }
}

impl TraceContext {
    /// The context of a story that brought none: its trace id is the root message's id, so that
    /// either finds the other. Sampled.
    #[must_use]
    pub fn root(id: MessageId) -> Self {
        let span_id = span_id(id, HopKind::Door);
        Self {
            trace_id: Self::trace_of(id),
            span_id,
            flags: FLAG_SAMPLED,
            state: None,
        }
    }

    /// The trace id of a story that brought none.
    pub(crate) fn trace_of(root: MessageId) -> [u8; 16] {
        match root.0 == [0; 16] {
            true => NON_ZERO_TRACE,
            false => root.0,
        }
    }

    /// The same trace, at the span of `hop` of message `id`.
    #[must_use]
    pub fn child(&self, id: MessageId, hop: HopKind) -> Self {
        Self {
            span_id: span_id(id, hop),
            ..self.clone()
        }
    }

    /// Whether this trace is recorded.
    #[must_use]
    pub const fn is_sampled(&self) -> bool {
        self.flags & FLAG_SAMPLED != 0
    }

    /// The value of the `traceparent` header.
    #[must_use]
    pub fn traceparent(&self) -> String {
        self.to_string()
    }

    /// Reads `traceparent` and, where there is one, `tracestate`. A bad `tracestate` is left out,
    /// as W3C asks; a bad `traceparent` is an error.
    pub fn parse(traceparent: &str, tracestate: Option<&str>) -> Result<Self, TraceError> {
        let mut context: Self = traceparent.parse()?;
        context.state = tracestate.and_then(|state| TraceState::new(state).ok());
        Ok(context)
    }
}

/// Stands in for a trace id of zeros, which W3C forbids.
const NON_ZERO_TRACE: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/// The id of the span of one hop of one message: XXH3 over the id and the hop's number.
#[must_use]
pub fn span_id(id: MessageId, hop: HopKind) -> [u8; 8] {
    let mut layout = [0u8; 17];
    layout[..16].copy_from_slice(&id.0);
    layout[16] = hop as u8;
    xxh3_64(&layout).max(1).to_be_bytes()
}

/// The id of the span of one leg of a message's way between shards: a bare name takes it by way of the
/// name's home. A leg is a place in a channel of its source, the same at every resend.
#[must_use]
pub fn leg_span_id(id: MessageId, hop: HopKind, source: ShardId, number: u64) -> [u8; 8] {
    let mut layout = [0u8; 29];
    layout[..16].copy_from_slice(&id.0);
    layout[16] = hop as u8;
    layout[17..21].copy_from_slice(&source.0.to_le_bytes());
    layout[21..].copy_from_slice(&number.to_le_bytes());
    xxh3_64(&layout).max(1).to_be_bytes()
}

impl fmt::Display for TraceContext {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut trace, mut span) = ([0u8; 32], [0u8; 16]);
        let trace = write_hex(&self.trace_id, &mut trace);
        let span = write_hex(&self.span_id, &mut span);
        write!(out, "00-{trace}-{span}-{:02x}", self.flags)
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "TraceContext({self}")?;
        if let Some(state) = &self.state {
            write!(out, ", {state}")?;
        }
        out.write_str(")")
    }
}

impl FromStr for TraceContext {
    type Err = TraceError;

    fn from_str(text: &str) -> Result<Self, TraceError> {
        let mut parts = text.splitn(5, '-');
        let mut next = || parts.next().ok_or(TraceError::Form);
        let (version, trace, span, flags) = (next()?, next()?, next()?, next()?);
        let more = parts.next();
        let mut version_byte = [0u8; 1];
        let mut flags_byte = [0u8; 1];
        let mut context = Self {
            trace_id: [0; 16],
            span_id: [0; 8],
            flags: 0,
            state: None,
        };
        read_hex(version, &mut version_byte, "a trace version")?;
        read_hex(trace, &mut context.trace_id, "a trace id")?;
        read_hex(span, &mut context.span_id, "a span id")?;
        read_hex(flags, &mut flags_byte, "a byte of trace flags")?;
        context.flags = flags_byte[0];
        if version_byte[0] == 0xff {
            return Err(TraceError::Version);
        }
        // A later version may append parts; version 00 has exactly four.
        if version_byte[0] == 0 && more.is_some() {
            return Err(TraceError::Form);
        }
        if context.trace_id == [0; 16] || context.span_id == [0; 8] {
            return Err(TraceError::Zero);
        }
        Ok(context)
    }
}

impl TraceState {
    /// Takes a header's value; refuses what is empty, too long, or not printable ASCII.
    pub fn new(text: &str) -> Result<Self, TraceError> {
        let text = text.trim_matches([' ', '\t']);
        let printable = text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        if text.is_empty() || text.len() > TRACE_STATE_BYTES_MAX || !printable {
            return Err(TraceError::State);
        }
        Ok(Self(text.into()))
    }

    /// The header's value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TraceState {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for TraceState {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "TraceState({:?})", self.as_str())
    }
}

#[cfg(test)]
mod tests;
