//! Every limit of the crate: name, unit, default and reason.
//!
//! [`ShardLimits`] bear on what a turn or a command results in, so they are part of a shard's state
//! and change only by a `Configure` in its log. The constants below it only bound encodings and
//! caches; they never decide an outcome that two replicas could see differently.

use serde::{Deserialize, Serialize};

/// Limits that are part of a shard's state. Changed by `Command::Configure` alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShardLimits {
    /// What a turn and a worker may use: instructions, bytes, depth, messages in its mailbox.
    /// Defaults are the machine's own.
    pub turn: vm::limits::Limits,
    /// Instructions that one command may spend on turns before the rest waits for the next command.
    /// 5 million keep one command under about a tenth of a second.
    pub command_instructions: u64,
    /// Instructions that every queued delivery is charged beyond what it executes, so that a
    /// flood of empty turns is bounded as well.
    pub delivery_instructions: u64,
    /// Deliveries in the run queue beyond which the door answers `429`. 100,000 is about a second.
    pub queue_soft: u64,
    /// Messages in one mailbox beyond which the door answers `429`.
    pub mailbox_soft: u64,
    /// Causes in a row, without anything from outside, after which a message is refused: a chain
    /// that long is a loop that would never end by itself.
    pub chain_hops: u32,
    /// Door messages of one node that a shard remembers. Wider than what a node keeps in flight.
    pub door_window: u64,
    /// How long an idempotency key is remembered, in milliseconds of shard time: a day.
    pub idempotency_ms: u64,
    /// Emitted values that an instance keeps for those who follow its output.
    pub output_count: u64,
    /// Age at which an emitted value is forgotten, in milliseconds: a week.
    pub output_age_ms: u64,
    /// Steps of history that an instance keeps.
    pub history_steps: u64,
    /// Records of messages that are no step of an instance: sent on by the home of a name, waiting, emitted,
    /// for a service, late, given up. The oldest goes first.
    pub message_records: u64,
    /// How long such a record is kept, in milliseconds.
    pub message_ms: u64,
    /// How long an ended run is kept, in milliseconds, where its `retention` says nothing: a week.
    pub ended_ms: u64,
    /// How long an instance that is no daemon may receive nothing before it ends, in milliseconds, where its
    /// `idle` says nothing; none: for ever, because a run that waits for a month is what this is for.
    pub idle_ms: Option<u64>,
    /// How late a time of a schedule may be taken before it counts as missed, in milliseconds: a minute,
    /// longer than an election and a restart take.
    pub schedule_grace_ms: u64,
    /// Dead letters that a shard keeps; the oldest goes first.
    pub dead_letters: u64,
    /// How long a message for an external service is sent again, in milliseconds: a day.
    pub service_time_to_live_ms: u64,
    /// Messages to one external service that wait for their acknowledgement at a time.
    pub service_window: u64,
    /// Messages that wait for one external service; more become dead letters.
    pub service_queue: u64,
    /// First pause before a message is sent to a silent service again, in milliseconds.
    pub service_backoff_min_ms: u64,
    /// Longest such pause, in milliseconds. It doubles from the first.
    pub service_backoff_max_ms: u64,
    /// Readers of one source: subscriptions to the states of one instance, or to one result. All are told
    /// within one turn.
    pub source_readers: u64,
    /// How long a reactive function runs without a reader, in milliseconds of shard time: a minute.
    pub unread_ms: u64,
    /// Timers that one command fires; the rest is due at once again.
    pub timers_per_command: u64,
}

impl Default for ShardLimits {
    fn default() -> Self {
        const DAY_MS: u64 = 24 * 60 * 60 * 1000;
        ShardLimits {
            turn: vm::limits::Limits::default(),
            command_instructions: 5_000_000,
            delivery_instructions: 200,
            queue_soft: 100_000,
            mailbox_soft: 10_000,
            chain_hops: 10_000_000,
            door_window: 16_384,
            idempotency_ms: DAY_MS,
            output_count: 10_000,
            output_age_ms: 7 * DAY_MS,
            history_steps: 100_000,
            message_records: 1_000_000,
            message_ms: 7 * DAY_MS,
            ended_ms: 7 * DAY_MS,
            idle_ms: None,
            schedule_grace_ms: 60_000,
            dead_letters: 100_000,
            service_time_to_live_ms: DAY_MS,
            service_window: 16,
            service_queue: 100_000,
            service_backoff_min_ms: 200,
            service_backoff_max_ms: 30_000,
            source_readers: 10_000,
            unread_ms: 60_000,
            timers_per_command: 1_000,
        }
    }
}

/// Bytes of one encoded entry (20 MiB): a start with a configuration and a message, both of the largest
/// kind. Proposers batch far below it, and keep what is large beside the log.
pub const ENTRY_BYTES_MAX: usize = 20 * 1024 * 1024;

/// Commands in one entry.
pub const ENTRY_COMMANDS_MAX: usize = 4096;

/// Bytes of a key of the state store: one less than a length of 16 bits can say, which is what
/// engines store, so that a store can keep a key to itself without refusing one.
pub const KEY_BYTES_MAX: usize = u16::MAX as usize - 1;

/// Bytes of a value of the state store (16 MiB): far above any worker's snapshot, far below what an
/// engine's 32-bit lengths can say.
pub const VALUE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Bytes of an idempotency key.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 256;

/// Bytes of parcels that one batch of a channel carries, unless its first alone has more: half of
/// what the bus takes in one message, with room for headers.
pub const CHANNEL_BATCH_BYTES: usize = 512 * 1024;

/// Bytes of one parcel: a body with stamp and addresses. A larger one could never be logged by its target,
/// so the message becomes a dead letter at its sender.
pub const PARCEL_BYTES_MAX: usize = BODY_BYTES_MAX + 64 * 1024;

/// Bytes of a message's body or a run's configuration as they are encoded: `message_bytes` counts a number
/// as eight bytes, and it takes nine. The script hears of what is too large, so nothing that it sends
/// comes near this.
pub const BODY_BYTES_MAX: usize = (MESSAGE_BYTES / 8) * 9 + 64 * 1024;

/// The usual limit of a message, which this file's other bounds are made for.
const MESSAGE_BYTES: usize = 8 * 1024 * 1024;

// A batch of a channel always fits an entry, and a record with a message one value of the store.
const _: () = assert!(PARCEL_BYTES_MAX + 64 * 1024 < ENTRY_BYTES_MAX);
const _: () = assert!(2 * BODY_BYTES_MAX + 64 * 1024 < ENTRY_BYTES_MAX);
const _: () = assert!(PARCEL_BYTES_MAX + 1024 * 1024 < VALUE_BYTES_MAX);

/// Parcels in one batch of a channel.
pub const CHANNEL_BATCH_PARCELS: usize = 1024;

/// Answers of replicas that one verdict on a checkpoint records: far more than a shard has.
pub const VERDICT_REPLICAS_MAX: usize = 64;

/// Bytes of memory of the instances of a shard that stay decoded, unless its node says otherwise. A
/// cache: nothing but speed depends on it. 16 MiB: some ten thousand small workers.
pub const HOT_BYTES: usize = 16 << 20;

/// Rows that one page of a query returns at most.
pub const PAGE_ROWS_MAX: usize = 1000;

/// Bytes of rows after which a page of a query ends, unless its first alone has more (16 MiB): what a node
/// holds of an answer, and sends to another.
pub const PAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Nodes that a cluster has at most: what the system group's state is sized for.
pub const NODES_MAX: usize = 1024;

/// Shards that a cluster has at most.
pub const SHARDS_MAX: u32 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_may_send_fits_a_body_whatever_its_encoding_adds() {
        let limits = ShardLimits::default().turn;
        let numbers = usize::try_from(limits.message_bytes).unwrap() / 8 - 8;
        let value = vm::Data::array(vec![vm::Data::Number(0.1); numbers]).unwrap();
        assert!(u64::from(value.shape().byte_count) <= limits.message_bytes);
        let body = crate::message::Body::from_data(value).bytes().len();
        assert!(body as u64 > limits.message_bytes, "{body}");
        assert!(body <= BODY_BYTES_MAX, "{body}");
    }
}
