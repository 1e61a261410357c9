//! Every limit of this crate, with its unit and its reason.
//! Before and after it: nothing; the codec, addresses, headers and buses read it.
//! Guarantees: what is written within these limits is read within them.
//! Leaves to others: limits on mailboxes, turns and programs (`cluster`, `vm`).

/// Longest namespace, in bytes of UTF-8. Longer ones make paths and subjects unreadable.
pub const NAMESPACE_BYTES_MAX: usize = 64;

/// Longest name of a worker or service, in bytes of UTF-8. An identifier of a script fits easily.
pub const NAME_BYTES_MAX: usize = 128;

/// Longest key of an instance, in bytes of UTF-8. Escaped threefold, a whole subject still fits
/// the 4,096 bytes of a NATS control line.
pub const KEY_BYTES_MAX: usize = 512;

/// Longest name of a cluster, in bytes of UTF-8.
pub const CLUSTER_NAME_BYTES_MAX: usize = 64;

/// Longest subject or subject pattern, in bytes. Leaves room for a reply subject and the sizes
/// on the same control line of NATS (4,096 bytes).
pub const SUBJECT_BYTES_MAX: usize = 3_072;

/// Longest value of `tracestate`, in bytes. W3C asks to carry at least 512.
pub const TRACE_STATE_BYTES_MAX: usize = 512;

/// Most headers of one bus message. We write six.
pub const HEADERS_MAX: usize = 32;

/// Longest value of one header, in bytes.
pub const HEADER_VALUE_BYTES_MAX: usize = 1_024;

/// Longest name of one header, in bytes.
pub const HEADER_NAME_BYTES_MAX: usize = 64;

/// Largest payload of one bus message, in bytes: the default of a NATS server. The embedded bus
/// has the same, so that what works on one node works in a cluster.
pub const PAYLOAD_BYTES_MAX: usize = 1_048_576;

/// Largest encoded envelope, in bytes. Leaves room in a payload for what carries envelopes
/// in batches.
pub const ENVELOPE_BYTES_MAX: usize = PAYLOAD_BYTES_MAX - 64 * 1_024;

/// Messages that a subscription holds before it drops, where the subscriber names no number.
pub const SUBSCRIPTION_CAPACITY: usize = 65_536;
