//! A Jaeger server of one test: takes OTLP, keeps traces in memory, answers the query API. Nodes that export
//! come before it; the test reads back what arrived. Telemetry is asynchronous: ask with a deadline.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::binary::jaeger_server;
use super::process::{Process, free_port};
use super::traces::{Trace, encode, from_json};
use crate::wait::{PATIENCE, try_until, until};

/// How often a server is started anew when another process took one of its ports in between.
const STARTS: usize = 5;

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub struct Jaeger {
    process: Process,
    ports: Ports,
    _folder: TempDir,
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    otlp_grpc: u16,
    otlp_http: u16,
    query: u16,
    query_grpc: u16,
}

impl Jaeger {
    /// Starts a server on free ports of loopback and returns once its query API answers. `None` only where
    /// the user allows the binary to be missing; panics when the server does not come up.
    #[must_use]
    pub fn start() -> Option<Self> {
        let binary = jaeger_server()?;
        for _ in 0..STARTS {
            if let Some(server) = Self::try_start(&binary) {
                return Some(server);
            }
        }
        panic!("jaeger ended {STARTS} times at its start");
    }

    fn try_start(binary: &Path) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let ports = Ports {
            otlp_grpc: free_port(),
            otlp_http: free_port(),
            query: free_port(),
            query_grpc: free_port(),
        };
        let config = folder.path().join("jaeger.yaml");
        std::fs::write(&config, configuration(ports)).unwrap();
        let mut command = Command::new(binary);
        command.arg("--config").arg(&config);
        let process = Process::start(&mut command, &folder.path().join("log"));
        let mut server = Self {
            process,
            ports,
            _folder: folder,
        };
        let up = try_until(PATIENCE, || {
            let answers = server.get("/api/services").is_ok();
            let ended = server.process.ended().is_some();
            (answers || ended).then_some(!ended)
        });
        match up {
            Some(true) => Some(server),
            Some(false) => {
                eprintln!(
                    "jaeger ended at its start:\n{}",
                    server.process.last_output()
                );
                None
            }
            None => panic!("jaeger does not answer:\n{}", server.process.last_output()),
        }
    }

    /// Where nodes send spans: OTLP over gRPC, `http://127.0.0.1:PORT`.
    pub fn otlp_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.otlp_grpc)
    }

    /// Where other programs send spans: OTLP over HTTP, without the path `/v1/traces`.
    pub fn otlp_http_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.otlp_http)
    }

    /// The trace with this id (32 hex digits), as far as its spans have arrived.
    #[must_use]
    pub fn trace(&self, id: &str) -> Option<Trace> {
        let answer = self.get(&format!("/api/traces/{id}")).ok()?;
        from_json(&answer).into_iter().next()
    }

    /// Waits until the trace with this id is as `complete` says. Panics with what has arrived when `patience`
    /// has passed.
    pub fn wait_for_trace(
        &self,
        id: &str,
        patience: Duration,
        complete: impl Fn(&Trace) -> bool,
    ) -> Trace {
        let found = try_until(patience, || self.trace(id).filter(&complete));
        found.unwrap_or_else(|| {
            panic!(
                "trace {id} is not as expected after {patience:?}: {:#?}",
                self.trace(id)
            )
        })
    }

    /// Traces of the last hour in which a span of `service` has all of `tags`; the newest 200 at most.
    #[must_use]
    pub fn find(&self, service: &str, tags: &[(&str, &str)]) -> Vec<Trace> {
        let tags: serde_json::Map<String, serde_json::Value> = tags
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).into()))
            .collect();
        let tags = serde_json::Value::Object(tags).to_string();
        let (service, tags) = (encode(service), encode(&tags));
        let path = format!("/api/traces?service={service}&tags={tags}&lookback=1h&limit=200");
        let answer = until("an answer to a search for traces", PATIENCE, || {
            self.get(&path).ok()
        });
        from_json(&answer)
    }

    /// The names of the services that sent spans.
    #[must_use]
    pub fn services(&self) -> Vec<String> {
        let answer = until("an answer to the list of services", PATIENCE, || {
            self.get("/api/services").ok()
        });
        let names = answer["data"].as_array().cloned().unwrap_or_default();
        names
            .iter()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect()
    }

    fn get(&self, path: &str) -> Result<serde_json::Value, ureq::Error> {
        let url = format!("http://127.0.0.1:{}{path}", self.ports.query);
        ureq::get(&url).call()?.body_mut().read_json()
    }
}

fn configuration(ports: Ports) -> String {
    let Ports {
        otlp_grpc,
        otlp_http,
        query,
        query_grpc,
    } = ports;
    format!(
        r#"service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces: {{ receivers: [otlp], processors: [batch], exporters: [jaeger_storage_exporter] }}
  telemetry: {{ metrics: {{ level: none }} }}
extensions:
  jaeger_storage: {{ backends: {{ mem: {{ memory: {{ max_traces: 100000 }} }} }} }}
  jaeger_query:
    storage: {{ traces: mem }}
    http: {{ endpoint: "127.0.0.1:{query}" }}
    grpc: {{ endpoint: "127.0.0.1:{query_grpc}" }}
receivers:
  otlp:
    protocols:
      grpc: {{ endpoint: "127.0.0.1:{otlp_grpc}" }}
      http: {{ endpoint: "127.0.0.1:{otlp_http}" }}
processors: {{ batch: {{ timeout: 50ms }} }}
exporters: {{ jaeger_storage_exporter: {{ trace_storage: mem }} }}
"#
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Jaeger;
    use crate::wait::{PATIENCE, until};

    const TRACE: &str = "5b8efff798038103d269b633813fc60c";

    fn send_two_spans(jaeger: &Jaeger) {
        let span = |id: &str, parent: &str, name: &str| {
            json!({ "traceId": TRACE, "spanId": id, "parentSpanId": parent, "name": name, "kind": 1,
                "startTimeUnixNano": now_ns(), "endTimeUnixNano": now_ns() + 1_000_000,
                "attributes": [{ "key": "troupe.shard", "value": { "stringValue": "7 \"é\"" } }] })
        };
        let resource = json!({ "attributes": [
            { "key": "service.name", "value": { "stringValue": "starter" } },
            { "key": "service.instance.id", "value": { "stringValue": "n1" } } ] });
        let spans = [
            span("eee19b7ec3c1b174", "", "door"),
            span("eee19b7ec3c1b175", "eee19b7ec3c1b174", "turn"),
        ];
        let body = json!({ "resourceSpans": [{ "resource": resource, "scopeSpans": [{ "spans": spans }] }] });
        ureq::post(format!("{}/v1/traces", jaeger.otlp_http_url()))
            .send_json(&body)
            .unwrap();
    }

    fn now_ns() -> u64 {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        u64::try_from(now.as_nanos()).unwrap()
    }

    #[test]
    fn what_was_sent_is_read_back() {
        let Some(jaeger) = Jaeger::start() else {
            return;
        };
        assert!(jaeger.trace(TRACE).is_none());
        send_two_spans(&jaeger);
        let trace = jaeger.wait_for_trace(TRACE, PATIENCE, |trace| trace.spans.len() == 2);
        let (door, turn) = (trace.named("door"), trace.named("turn"));
        assert_eq!((door.len(), turn.len()), (1, 1));
        assert_eq!(turn[0].parent.as_deref(), Some(door[0].id.as_str()));
        assert_eq!(
            (door[0].service.as_str(), door[0].instance.as_str()),
            ("starter", "n1")
        );
        assert_eq!(turn[0].tag("troupe.shard"), Some("7 \"é\""));
        assert_eq!(trace.instances(), ["n1"]);

        until("the service in the list", PATIENCE, || {
            jaeger
                .services()
                .contains(&"starter".to_owned())
                .then_some(())
        });
        let found = jaeger.find("starter", &[("troupe.shard", "7 \"é\"")]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].id, TRACE);
        assert!(jaeger.find("starter", &[("troupe.shard", "8")]).is_empty());
    }
}
