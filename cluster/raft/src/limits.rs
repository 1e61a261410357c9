//! Every limit of this crate, with its unit, default and reason. Settings of a node are checked
//! against these before anything is opened; tests shrink them to reach rolls, relief and refusals
//! within a few records. Left to others: limits that bear on a turn (they travel in the log).

/// Sizes and bounds of the segmented log. All are bytes unless the name says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLimits {
    /// Length of a segment file. Default 32 MiB: a roll costs two flushes, so that at 10 MB/s it
    /// is one in thirty thousand flushes, and a fresh file is zero-filled within 50 ms.
    pub segment_bytes: u32,
    /// Most bytes in one write, and so between two flushes. Default 4 MiB: also the reach of a
    /// torn write that recovery has to wipe. An entry must fit into it.
    pub write_bytes_max: u32,
    /// Bytes of recent entries kept in memory, over all groups. Default 16 MiB: replication and
    /// apply read what was appended within the last second or so.
    pub cache_bytes_max: u64,
    /// Free bytes on the disk below which appends are refused. Default 64 MiB: room for two more
    /// segments, so that votes and purges still go through.
    pub free_bytes_reserve: u64,
    /// Count of segments from which on a few old live entries are rewritten forward, so that the
    /// segments behind them can be reused. Default 16 (half a GiB).
    pub segments_pinned_max: u32,
    /// Count of used-up segment files that are kept for reuse. Default 2: a reused file needs no
    /// zero-filling and keeps the short flush.
    pub segments_spare_max: u32,
    /// Most bytes that one read of entries for replication returns (the first entry always
    /// does). Default 512 KiB: half of the bus's message limit.
    pub read_bytes_max: u64,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self {
            segment_bytes: 32 << 20,
            write_bytes_max: 4 << 20,
            cache_bytes_max: 16 << 20,
            free_bytes_reserve: 64 << 20,
            segments_pinned_max: 16,
            segments_spare_max: 2,
            read_bytes_max: 512 << 10,
        }
    }
}

impl LogLimits {
    /// Names the first limit that contradicts another, or nothing if they fit together.
    #[must_use]
    pub fn contradiction(&self) -> Option<String> {
        if self.write_bytes_max < 512 {
            return Some(format!(
                "write_bytes_max is {}, at least 512 is needed",
                self.write_bytes_max
            ));
        }
        // A segment holds at least a whole write with its checkpoint (twice the limit, at most).
        if u64::from(self.segment_bytes) < 4 * u64::from(self.write_bytes_max) {
            return Some(format!(
                "segment_bytes ({}) must be at least four times write_bytes_max ({})",
                self.segment_bytes, self.write_bytes_max
            ));
        }
        if self.segments_pinned_max < 2 {
            return Some("segments_pinned_max must be at least 2".to_owned());
        }
        None
    }
}

/// What the shards of a node may take of its memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryLimits {
    /// Bytes of workers that stay decoded, over all shards of the node. Default 256 MiB: some two
    /// hundred thousand small workers; the others are read from disk when a message comes.
    pub worker_bytes_max: usize,
    /// Bytes of changes that the disk of the state does not have yet beyond which clients are told to come
    /// back; beyond twice as many apply waits. Default 64 MiB, which takes about twice as much
    /// memory: several times what waits while the disk keeps up.
    pub unflushed_bytes_max: u64,
}

impl Default for MemoryLimits {
    fn default() -> Self {
        Self {
            worker_bytes_max: 256 << 20,
            unflushed_bytes_max: 64 << 20,
        }
    }
}

/// Evidence files of replicas that differed, kept for each shard. Each has a few hundred bytes.
pub const EVIDENCE_MAX: usize = 8;

/// Bytes of one file of a snapshot that is being received (16 MiB): reserved at once, so that a full
/// disk is noticed early, and little enough that a small snapshot reserves little.
pub const SPOOL_FILE_BYTES: u64 = 16 << 20;

/// Bytes of one piece of a request or answer between nodes that is larger (256 KiB): a quarter of what a
/// bus takes in one message, so that what is small passes between two pieces.
pub const PIECE_BYTES: usize = 256 << 10;

/// Bytes of large requests and answers that a node keeps while their pieces come and go (128 MiB): beyond
/// it a request is told to come again.
pub const PIECES_BYTES_MAX: usize = 128 << 20;

/// Milliseconds without another piece after which a transfer is given up.
pub const PIECES_IDLE_MS: u64 = 10_000;

/// Bytes in a millisecond that a transfer makes at least (1 MB in a second): what is slower has failed.
pub const SLOWEST_BYTES_PER_MS: u64 = 1_000;

/// Large proposals of a node that are on their way to a quorum at a time (8): each has its payload in
/// memory, and more would only share the same network.
pub const PAYLOADS_PLACING_MAX: usize = 8;

/// Entries that a node may lack of a group's log and still be asked to lead it: those that are on their way to it.
pub const HAND_OVER_LAG_MAX: u64 = 16;

/// Milliseconds that an entry waits for its payload, which no node gives, before its group stops here.
pub const PAYLOAD_MISSING_MS: u64 = 600_000;

/// How long large payloads are kept beside the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadLimits {
    /// Milliseconds that a payload is kept which no entry of the log names. Default 120,000: far longer
    /// than an entry takes from the moment that its payload is on a quorum.
    pub grace_ms: u64,
    /// Bytes of payloads that the log of one group may name without being cut as far as its snapshot
    /// goes. Default 64 MiB: what is behind a snapshot only serves followers that are a little late.
    pub named_bytes_max: u64,
    /// Milliseconds between two looks at which payloads are needed. Default 5,000.
    pub look_ms: u64,
}

impl Default for PayloadLimits {
    fn default() -> Self {
        Self {
            grace_ms: 120_000,
            named_bytes_max: 64 << 20,
            look_ms: 5_000,
        }
    }
}

/// Bounds of what is proposed to a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposerLimits {
    /// Proposals that may wait for one group. Default 16,384: about a second of work; beyond it a
    /// client is better told to come back.
    pub queue_proposals_max: usize,
    /// Bytes of commands that share an entry. Default 256 KiB: a few fit one bus message.
    pub entry_bytes: usize,
    /// Commands that share an entry. Default 1,024: what is gained by sharing is gained by then.
    pub entry_commands_max: usize,
    /// Bytes of the commands of one proposal from which on they stand beside the log. Default 128 KiB: below
    /// it one flush of the log costs less than a file of its own.
    pub payload_bytes_min: usize,
    /// Bytes of the commands of one proposal. Default: what a whole entry may have.
    pub command_bytes_max: usize,
    /// Milliseconds that an append may take before whoever proposed is told that its outcome is
    /// unknown. Default 10,000: longer than any election.
    pub append_deadline_ms: u64,
    /// Milliseconds after which an overloaded group is worth another try. Default 100.
    pub retry_after_ms: u64,
}

impl Default for ProposerLimits {
    fn default() -> Self {
        Self {
            queue_proposals_max: 16_384,
            entry_bytes: 256 << 10,
            entry_commands_max: 1_024,
            payload_bytes_min: 128 << 10,
            command_bytes_max: cluster::limits::ENTRY_BYTES_MAX,
            append_deadline_ms: 10_000,
            retry_after_ms: 100,
        }
    }
}

/// Bounds of what a leader's driver keeps and how often it acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverLimits {
    /// News that a slow subscriber may be behind before it loses the oldest and reads state. Default 512, made at once
    /// for each shard.
    pub news_capacity: usize,
    /// Bytes of parcels of one channel kept in memory; beyond it they are read from the store.
    /// Default 4 MiB.
    pub channel_memory_bytes: usize,
    /// Milliseconds that one batch of a channel may take. Default 2,000.
    pub channel_deadline_ms: u64,
    /// Milliseconds before a failed batch is sent again. Default 50, so that an election of the
    /// target is noticed at once.
    pub channel_retry_ms: u64,
    /// Milliseconds between two records of how far a channel was taken. Default 250: nothing waits
    /// for them, and there is a channel for each pair of shards.
    pub channel_acknowledge_ms: u64,
    /// Milliseconds that an external service has for its answer. Default 5,000.
    pub service_deadline_ms: u64,
    /// Milliseconds that an HTTP request of a worker has where it says nothing else. Default 10,000.
    pub http_deadline_ms: u64,
    /// Milliseconds that it may ask for. Default 120,000: it holds one of the places of its shard.
    pub http_deadline_ms_max: u64,
    /// Bytes of a response that a worker gets. Default 512 KiB: as a value it may be larger, and has
    /// to fit a message.
    pub http_response_bytes: usize,
    /// Redirects that a request follows. Default 5.
    pub http_redirects_max: u32,
    /// Calls to external services under way at a time for one shard. Default 256.
    pub service_calls_max: usize,
    /// Milliseconds between two hashes of a shard's state, where something was applied. Default
    /// 30,000.
    pub checkpoint_ms: u64,
    /// Milliseconds that a checkpoint waits for the hashes of replicas. Default 60,000: replicas that
    /// are still silent then count as lost, and if the others differ the shard stops.
    pub agreement_ms: u64,
    /// Milliseconds between two looks at what replicas have said. Default 250: half of the time
    /// between two reports.
    pub agreement_look_ms: u64,
    /// Bytes of history that the shards of a node may keep together, each an even part; 0: all that
    /// retention leaves. Default 0: a node sets it.
    pub history_bytes_max: u64,
    /// Newest steps that an instance keeps while it runs, although its shard keeps too much. Default 100.
    pub history_floor_steps: u64,
    /// Milliseconds between two looks at how much history a shard keeps. Default 1,000.
    pub history_look_ms: u64,
    /// Milliseconds before the driver proposes again what could not be proposed. Default 50.
    pub propose_retry_ms: u64,
}

impl Default for DriverLimits {
    fn default() -> Self {
        Self {
            news_capacity: 512,
            channel_memory_bytes: 4 << 20,
            channel_deadline_ms: 2_000,
            channel_retry_ms: 50,
            channel_acknowledge_ms: 250,
            service_deadline_ms: 5_000,
            http_deadline_ms: 10_000,
            http_deadline_ms_max: 120_000,
            http_response_bytes: 512 << 10,
            http_redirects_max: 5,
            service_calls_max: 256,
            checkpoint_ms: 30_000,
            agreement_ms: 60_000,
            agreement_look_ms: 250,
            history_bytes_max: 0,
            history_floor_steps: 100,
            history_look_ms: 1_000,
            propose_retry_ms: 50,
        }
    }
}

/// Times of what nodes tell each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterLimits {
    /// Milliseconds between two reports of a node to all others. Default 500: a report has a few
    /// hundred bytes.
    pub report_ms: u64,
    /// Milliseconds without a report after which a node counts as silent. Default 2,500.
    pub silent_ms: u64,
    /// Milliseconds between two hellos of a node that looks for its cluster. Default 50.
    pub hello_ms: u64,
    /// Milliseconds that a node which expects nobody else listens for a cluster of its name on a
    /// bus that others can reach. Default 300.
    pub discovery_ms: u64,
    /// Milliseconds that one request between nodes may take. Default 2,000.
    pub request_ms: u64,
    /// Milliseconds that the first try of a request may take which is sent again where it gets no
    /// answer; each further one has twice as long, up to `request_ms`. Default 400.
    pub first_try_ms: u64,
    /// Milliseconds between two looks of the placement controller. Default 200.
    pub placement_ms: u64,
    /// Moves of shards under way at a time. Default 2: a move copies a shard.
    pub moves_max: usize,
    /// Milliseconds that a move may take before it is given up. Default 120,000.
    pub move_deadline_ms: u64,
    /// Entries that a learner may be behind when it becomes a voter. Default 64.
    pub caught_up_entries: u64,
    /// Milliseconds between two tries of a proposal that found no leader. Default 20.
    pub submit_retry_ms: u64,
}

impl Default for ClusterLimits {
    fn default() -> Self {
        Self {
            report_ms: 500,
            silent_ms: 2_500,
            hello_ms: 50,
            discovery_ms: 300,
            request_ms: 2_000,
            first_try_ms: 400,
            placement_ms: 200,
            moves_max: 2,
            move_deadline_ms: 120_000,
            caught_up_entries: 64,
            submit_retry_ms: 20,
        }
    }
}
