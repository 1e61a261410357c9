//! A finished span of a hop, and the port that takes it.
//! Before it: the place that did the hop's work (door, raft group, driver). After it: the node's
//! exporter. Guarantees: ids come from message ids, so the same hop has the same span on any node.
//! Leaves to others: batching, export, and dropping what cannot be exported (counted there).

use crate::trace::{HopKind, TraceContext};

/// The value of a span's attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attribute {
    /// Text, such as a worker's name.
    Text(String),
    /// A count, such as instructions.
    Integer(i64),
}

/// One hop of one message, done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Which hop it stands for; names the span.
    pub hop: HopKind,
    /// Its trace and its own span id.
    pub context: TraceContext,
    /// The span that it is a child of; none for the first of a trace.
    pub parent: Option<[u8; 8]>,
    /// When it began, nanoseconds since 1970.
    pub start_unix_nanos: u64,
    /// When it ended, nanoseconds since 1970.
    pub end_unix_nanos: u64,
    /// What is known of it; names as OpenTelemetry writes them.
    pub attributes: Vec<(&'static str, Attribute)>,
    /// Other spans that it follows from without being their child.
    pub links: Vec<TraceContext>,
    /// Why the hop failed, where it did.
    pub error: Option<String>,
}

/// Takes finished spans. Never blocks and never fails: what it cannot take it drops and counts.
pub trait SpanSink: Send + Sync + 'static {
    /// Whether spans go anywhere; where not, callers need not make them.
    fn is_enabled(&self) -> bool;
    /// Takes one span.
    fn record(&self, span: Span);
}

/// Where no traces are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSpans;

impl SpanSink for NoSpans {
    fn is_enabled(&self) -> bool {
        false
    }

    fn record(&self, _span: Span) {}
}
