//! `/metrics`: what the node counts, in the text format of Prometheus.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use cluster_raft::Groups;
use cluster_raft::log::LogStatistics;
use cluster_raft::memory::MemoryStatistics;

use super::Context;
use crate::door::Door;

/// Name, type, help and value.
type Row = (&'static str, &'static str, &'static str, u64);

/// `GET /metrics`
pub(super) async fn show(State(context): State<Context>) -> impl IntoResponse {
    let door = context.door();
    let mut rows = vec![(
        "troupe_serving",
        "gauge",
        "1 where the node serves, 0 while it starts",
        u64::from(door.is_ok()),
    )];
    match &door {
        Ok(door) => {
            let groups = door.groups();
            let is_full = groups.shortage().is_some();
            rows.extend(of_log(groups.log_statistics(), is_full));
            rows.extend(of_shards(door));
            rows.extend(of_memory(groups.memory_statistics()));
            rows.extend(of_history(groups));
            rows.extend(of_payloads(groups));
            rows.extend(of_requests(door));
            rows.push((
                "troupe_subscription_refused_total",
                "counter",
                "Messages of the bus that were given up because no worker can take them",
                door.heard_refused(),
            ));
        }
        Err(_) => {
            let counts = context.beginning.counts().into_iter();
            rows.extend(counts.flat_map(|counts| {
                let log = of_log(counts.log, counts.is_full);
                log.into_iter().chain(of_memory(counts.memory))
            }));
        }
    }
    rows.extend([
        (
            "troupe_spans_exported_total",
            "counter",
            "Spans exported",
            context.spans_exported(),
        ),
        (
            "troupe_spans_dropped_total",
            "counter",
            "Spans not exported",
            context.spans_dropped(),
        ),
    ]);
    let mut text = String::new();
    for (name, kind, help, value) in rows {
        text.push_str(&format!(
            "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n"
        ));
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

fn of_log(log: LogStatistics, is_full: bool) -> [Row; 5] {
    [
        (
            "troupe_log_flushes_total",
            "counter",
            "Flushes of the log",
            log.flushes,
        ),
        (
            "troupe_log_entries_total",
            "counter",
            "Entries written to the log",
            log.entries,
        ),
        (
            "troupe_log_bytes_total",
            "counter",
            "Bytes written to the log",
            log.bytes,
        ),
        (
            "troupe_log_segments",
            "gauge",
            "Segments of the log in use",
            log.segments,
        ),
        (
            "troupe_disk_full",
            "gauge",
            "1 where the disk has no room and the node takes no new work",
            u64::from(is_full),
        ),
    ]
}

fn of_requests(door: &Door) -> [Row; 5] {
    let (under_way, waiting) = door.requests();
    let snapshots = door.groups().snapshots();
    [
        (
            "troupe_requests",
            "gauge",
            "Requests of clients under way",
            under_way,
        ),
        (
            "troupe_requests_waiting",
            "gauge",
            "Requests of clients that wait for a place at the door",
            waiting,
        ),
        (
            "troupe_snapshots_sending",
            "gauge",
            "Snapshots that this node sends to others",
            snapshots.sending,
        ),
        (
            "troupe_snapshots_waiting",
            "gauge",
            "Snapshots that wait for their turn to be sent",
            snapshots.waiting,
        ),
        (
            "troupe_snapshots_waited_total",
            "counter",
            "Snapshots that had to wait for their turn",
            snapshots.waited,
        ),
    ]
}

fn of_memory(memory: MemoryStatistics) -> [Row; 4] {
    [
        (
            "troupe_workers_decoded_bytes",
            "gauge",
            "Memory of the workers that are decoded, about",
            memory.worker_bytes,
        ),
        (
            "troupe_workers_decoded_bytes_max",
            "gauge",
            "Memory that they may take",
            memory.worker_bytes_max,
        ),
        (
            "troupe_state_unflushed_bytes",
            "gauge",
            "Changes of state that the disk does not have yet",
            memory.unflushed_bytes,
        ),
        (
            "troupe_state_unflushed_bytes_max",
            "gauge",
            "Changes beyond which clients are told to come back",
            memory.unflushed_bytes_max,
        ),
    ]
}

fn of_history(groups: &Groups) -> [Row; 4] {
    let (history, bytes_max) = groups.history();
    [
        (
            "troupe_history_bytes",
            "gauge",
            "History that the shards of this node keep, before packing",
            history.bytes,
        ),
        (
            "troupe_history_bytes_max",
            "gauge",
            "History beyond which the oldest goes before its time; 0 without a bound",
            bytes_max,
        ),
        (
            "troupe_history_pruned_steps_total",
            "counter",
            "Steps of history that went before their time",
            history.pruned_steps,
        ),
        (
            "troupe_message_records",
            "gauge",
            "Records of messages that are no steps of history",
            history.message_records,
        ),
    ]
}

fn of_payloads(groups: &Groups) -> [Row; 4] {
    let payloads = groups.payload_statistics();
    [
        (
            "troupe_payloads",
            "gauge",
            "Large payloads beside the log",
            payloads.count,
        ),
        (
            "troupe_payloads_bytes",
            "gauge",
            "Bytes of large payloads beside the log",
            payloads.bytes,
        ),
        (
            "troupe_payloads_removed_total",
            "counter",
            "Large payloads that were removed because nothing needed them",
            payloads.removed,
        ),
        (
            "troupe_payloads_fetched_total",
            "counter",
            "Large payloads that were missing here and came from another node",
            payloads.fetched,
        ),
    ]
}

fn of_shards(door: &Door) -> [Row; 2] {
    let shards = door.shards();
    let led = shards.iter().filter(|shard| door.groups().leads(**shard));
    let led = led.count() as u64;
    [
        (
            "troupe_shards",
            "gauge",
            "Shards of the cluster",
            shards.len() as u64,
        ),
        (
            "troupe_shards_led",
            "gauge",
            "Shards that this node leads",
            led,
        ),
    ]
}
