//! Spans to an OTLP endpoint (gRPC), such as Jaeger. Takes finished hops from the door, the raft groups
//! and their drivers; a task of its own sends them in batches. A queue that is full drops and counts:
//! telemetry never blocks a turn. Ids are the hops' own, derived from message ids, which is why spans
//! are made here and not by the SDK's tracer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{
    Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue, Value};
use opentelemetry_otlp::{SpanExporter as OtlpExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter, SpanLinks};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use transport::{Attribute, HopKind, Span, SpanSink, TraceContext};

/// Spans that wait to be sent, at most. At a few hundred bytes each: some ten megabytes.
const QUEUE_SPANS_MAX: usize = 32_768;
/// Spans in one request, at most.
const BATCH_SPANS_MAX: usize = 512;
/// How long a span waits for others to share its request.
const BATCH_WAIT: Duration = Duration::from_millis(200);
/// How long one request may take.
const EXPORT_DEADLINE: Duration = Duration::from_secs(5);

enum Message {
    Span(Box<Span>),
    Flush(oneshot::Sender<()>),
}

/// What became of the spans so far.
#[derive(Debug, Default)]
pub struct SinkCounts {
    /// Taken by the endpoint.
    pub exported: AtomicU64,
    /// Not taken: the queue was full, or the endpoint did not answer.
    pub dropped: AtomicU64,
}

/// The sink that exports.
pub struct OtlpSink {
    queue: mpsc::Sender<Message>,
    counts: Arc<SinkCounts>,
}

impl OtlpSink {
    /// Starts exporting to `endpoint` in the background; the endpoint may come and go.
    ///
    /// # Errors
    /// The endpoint is not a URL.
    pub fn start(endpoint: &str, instance: &str) -> anyhow::Result<OtlpSink> {
        let mut exporter = OtlpExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .with_timeout(EXPORT_DEADLINE)
            .build()?;
        exporter.set_resource(
            &Resource::builder_empty()
                .with_attributes([
                    KeyValue::new("service.name", "troupe"),
                    KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
                    KeyValue::new("service.instance.id", instance.to_owned()),
                ])
                .build(),
        );
        let (queue, waiting) = mpsc::channel(QUEUE_SPANS_MAX);
        let counts = Arc::new(SinkCounts::default());
        tokio::spawn(export(exporter, waiting, Arc::clone(&counts)));
        Ok(OtlpSink { queue, counts })
    }

    /// What became of the spans so far.
    #[must_use]
    pub fn counts(&self) -> Arc<SinkCounts> {
        Arc::clone(&self.counts)
    }

    /// Waits until what was recorded before has been sent or dropped.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if self.queue.send(Message::Flush(done)).await.is_ok() {
            // An error means that the exporter ended, so that nothing is left to wait for.
            let _ = flushed.await;
        }
    }
}

impl SpanSink for OtlpSink {
    fn is_enabled(&self) -> bool {
        true
    }

    fn record(&self, span: Span) {
        if span.context.is_sampled() && self.queue.try_send(Message::Span(Box::new(span))).is_err()
        {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn export(
    exporter: OtlpExporter,
    mut queue: mpsc::Receiver<Message>,
    counts: Arc<SinkCounts>,
) {
    let scope = InstrumentationScope::builder("troupe").build();
    let mut failing = false;
    while let Some(first) = queue.recv().await {
        let (batch, flush) = gather(first, &mut queue, &scope).await;
        let size = batch.len() as u64;
        if size > 0 {
            let error = send(&exporter, batch).await;
            match error {
                None => counts.exported.fetch_add(size, Ordering::Relaxed),
                Some(_) => counts.dropped.fetch_add(size, Ordering::Relaxed),
            };
            if let Some(error) = error.as_ref().filter(|_| !failing) {
                tracing::warn!(%error, "cannot export traces; going on without, trying again");
            }
            failing = error.is_some();
        }
        if let Some(done) = flush {
            // Whoever asked may have gone.
            let _ = done.send(());
        }
    }
}

async fn send(exporter: &OtlpExporter, batch: Vec<SpanData>) -> Option<String> {
    match timeout(EXPORT_DEADLINE, exporter.export(batch)).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("no answer in time".to_owned()),
    }
}

/// Fills a batch until it is large enough, old enough, or a flush is asked for.
async fn gather(
    first: Message,
    queue: &mut mpsc::Receiver<Message>,
    scope: &InstrumentationScope,
) -> (Vec<SpanData>, Option<oneshot::Sender<()>>) {
    let until = tokio::time::Instant::now() + BATCH_WAIT;
    let mut batch = Vec::new();
    let mut next = Some(first);
    while let Some(message) = next {
        match message {
            Message::Span(span) => batch.push(span_data(*span, scope)),
            Message::Flush(done) => return (batch, Some(done)),
        }
        if batch.len() >= BATCH_SPANS_MAX {
            break;
        }
        next = tokio::time::timeout_at(until, queue.recv())
            .await
            .ok()
            .flatten();
    }
    (batch, None)
}

fn span_data(span: Span, scope: &InstrumentationScope) -> SpanData {
    let attributes = span.attributes.into_iter().map(|(name, value)| {
        let value = match value {
            Attribute::Text(text) => Value::from(text),
            Attribute::Integer(number) => Value::from(number),
        };
        KeyValue::new(name, value)
    });
    let mut links = SpanLinks::default();
    links.links = span
        .links
        .iter()
        .map(|link| Link::new(span_context(link), Vec::new(), 0))
        .collect();
    SpanData {
        span_context: span_context(&span.context),
        parent_span_id: span.parent.map_or(SpanId::INVALID, SpanId::from_bytes),
        parent_span_is_remote: matches!(span.hop, HopKind::Deliver | HopKind::Door),
        span_kind: kind(span.hop),
        name: span.hop.name().into(),
        start_time: time(span.start_unix_nanos),
        end_time: time(span.end_unix_nanos),
        attributes: attributes.collect(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links,
        status: span.error.map_or(Status::Unset, Status::error),
        instrumentation_scope: scope.clone(),
    }
}

fn span_context(context: &TraceContext) -> SpanContext {
    SpanContext::new(
        TraceId::from_bytes(context.trace_id),
        SpanId::from_bytes(context.span_id),
        TraceFlags::new(context.flags),
        true,
        TraceState::NONE,
    )
}

fn kind(hop: HopKind) -> SpanKind {
    match hop {
        HopKind::Door => SpanKind::Server,
        HopKind::Send => SpanKind::Producer,
        HopKind::Deliver => SpanKind::Consumer,
        HopKind::Effect => SpanKind::Client,
        HopKind::Commit | HopKind::Turn | HopKind::Timer => SpanKind::Internal,
    }
}

fn time(unix_nanos: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(unix_nanos)
}
