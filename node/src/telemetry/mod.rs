//! What the node tells about itself: logs on standard error and spans to an OTLP endpoint. Comes after
//! every hop that takes time; guarantees that telling never blocks and never fails a turn.

mod exporter;
mod logs;

pub use exporter::{OtlpSink, SinkCounts};
pub use logs::start_logs;
