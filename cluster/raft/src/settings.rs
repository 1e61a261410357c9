//! Times and sizes of raft on this node: settings that cannot change an outcome. `node` makes them
//! from its configuration, everything in this crate reads them. Guarantees: the values of one
//! `Timing` fit together. Left to others: limits that bear on a turn (they travel in the log).

use std::time::Duration;

use cluster::store::GroupId;
use openraft::SnapshotPolicy;

use crate::network::NetworkTiming;

/// Times and sizes of raft.
#[derive(Debug, Clone)]
pub struct Timing {
    /// A leader shows itself this often, unless replication does.
    pub heartbeat_ms: u64,
    /// Shortest wait for a silent leader, beyond its lease.
    pub election_timeout_min_ms: u64,
    /// Longest such wait, and the leader's lease: a leader that fails is replaced between lease
    /// plus shortest and lease plus longest wait after its last sign.
    pub election_timeout_max_ms: u64,
    /// Bytes of entries applied after which the log is cut behind a snapshot.
    pub snapshot_bytes: u64,
    /// Entries applied after which the log is cut behind a snapshot.
    pub snapshot_entries: u64,
    /// Entries that stay in the log behind a snapshot, for followers that are a little late.
    pub keep_entries: u64,
    /// How often the bytes are looked at.
    pub snapshot_check: Duration,
    /// Of raft's network.
    pub network: NetworkTiming,
}

impl Default for Timing {
    /// A leader is replaced 550 to 700 ms after its last sign: long enough that a process which
    /// waits for a busy core keeps its leads.
    fn default() -> Self {
        Self {
            heartbeat_ms: 60,
            election_timeout_min_ms: 200,
            election_timeout_max_ms: 350,
            snapshot_bytes: 16 << 20,
            snapshot_entries: 8192,
            keep_entries: 1024,
            snapshot_check: Duration::from_secs(5),
            network: NetworkTiming {
                append_deadline: Duration::from_millis(500),
                heartbeat_deadline: Duration::from_millis(150),
                heartbeat_linger: Duration::from_millis(4),
                quorum_silence: Duration::from_millis(150),
                release_after: Duration::from_millis(400),
                commit_linger: Duration::from_millis(20),
                chunk_deadline: Duration::from_secs(30),
                appends_in_flight: 8,
                messages_in_flight: 8,
                chunk_bytes: 256 << 10,
                snapshots_at_a_time: 2,
                snapshot_bytes_per_second: 64 << 20,
                snapshot_bytes_max: 1 << 40,
                spool_free_bytes_min: 128 << 20,
            },
        }
    }
}

impl Timing {
    /// openraft's configuration for one group.
    ///
    /// # Panics
    /// Where the times contradict each other, which is a fault of the program that sets them.
    #[must_use]
    pub fn raft_config(&self, group: GroupId) -> openraft::Config {
        let config = openraft::Config {
            cluster_name: format!("group {group}"),
            heartbeat_interval: self.heartbeat_ms,
            heartbeat_min_interval: Some(self.heartbeat_ms),
            election_timeout_min: self.election_timeout_min_ms,
            election_timeout_max: self.election_timeout_max_ms,
            install_snapshot_timeout: 10 * 60 * 1000,
            max_payload_entries: 1024,
            max_append_entries: Some(1024),
            replication_lag_threshold: u64::MAX,
            snapshot_policy: SnapshotPolicy::LogsSinceLast(self.snapshot_entries),
            max_in_snapshot_log_to_keep: self.keep_entries,
            purge_batch_size: 256,
            // A restarted leader may not know what was committed, so it stands for election again.
            enable_leader_restore: Some(false),
            enable_pre_vote: Some(true),
            backoff: "50ms 100ms 200ms ...500ms".to_owned(),
            ..openraft::Config::default()
        };
        let lease = Duration::from_millis(self.election_timeout_max_ms);
        assert!(
            self.network.release_after > lease,
            "a lease is over before a lead is let go"
        );
        config
            .validate()
            .expect("the times of a group fit together")
    }
}
