//! Every limit and time of the crate: name, unit, value and reason.

use std::time::Duration;

/// Frames that wait to be written to one connection. More make the sender wait, within its deadline.
pub(crate) const OUTGOING_FRAMES: usize = 4096;

/// Frames that are written with one call.
pub(crate) const BATCH_FRAMES: usize = 256;

/// Bytes that a connection's buffers keep; a larger one is let go after its use.
pub(crate) const BUFFER_BYTES: usize = 256 * 1024;

/// Bytes of one frame besides its payload: subject and headers.
pub(crate) const FRAME_OVERHEAD_BYTES: usize = 64 * 1024;

/// Bytes of the payload of one frame that is accepted: what the largest bus takes.
pub(crate) const PAYLOAD_BYTES: usize = 64 * 1024 * 1024;

/// Longest wait for the certificates and the greeting of a connection: on a local network they take a
/// millisecond, and until then the bus below is used.
pub(crate) const CONNECT_DEADLINE: Duration = Duration::from_secs(2);

/// Longest wait for the kernels at both ends to connect. Theirs repeat a lost packet after a second, and then after
/// twice as long each time; a new attempt finds a network that is mended sooner. Nodes that are further apart than this
/// have no use for each other: a leader has to show itself more often.
pub(crate) const REACH_DEADLINE: Duration = Duration::from_millis(250);

/// Pause after a connection that failed, at first and at most.
pub(crate) const RETRY_MIN: Duration = Duration::from_millis(50);
/// See [`RETRY_MIN`]. As [`REACH_DEADLINE`]: a node that is back should not wait for the next attempt.
pub(crate) const RETRY_MAX: Duration = Duration::from_millis(200);

/// A connection from which nothing came for that long although answers are due is given up: the bus below may
/// reach the node where this does not, and a new connection is there sooner than the kernel goes on with this one.
pub(crate) const SILENCE: Duration = Duration::from_millis(500);

/// A connection is given up where the other end has acknowledged nothing for that long. Longer than [`SILENCE`], for the
/// end that only answers: it would keep what the other end gave up.
pub(crate) const UNACKNOWLEDGED: Duration = Duration::from_secs(2);

/// How long a connection is quiet before the kernel asks the other end whether it is there.
pub(crate) const QUIET: Duration = Duration::from_secs(10);

/// How often a node says where it is, should a word have been lost.
pub(crate) const ANNOUNCE_EVERY: Duration = Duration::from_secs(10);

/// Connections that greet at a time; more wait to be accepted, so that strangers cannot take memory.
pub(crate) const GREETINGS: usize = 64;
