//! Every time and size of this adapter, with its reason.
//! Before and after it: nothing; `options` and `subscriber` read it.
//! Guarantees: defaults alone; what an operator may change is in `NatsOptions`.
//! Leaves to others: limits of what is sent (`transport::limits`).

use std::time::Duration;

/// Longest wait between two attempts to connect. A failover must not wait for the next attempt.
pub const RECONNECT_DELAY_MAX: Duration = Duration::from_millis(50);

/// First wait between two attempts; each later one is twice as long.
pub const RECONNECT_DELAY_MIN: Duration = Duration::from_millis(10);

/// Between two pings, where nothing else comes. A connection that is dead but open is given up after three of them: before
/// the kernel would go on with it where the network is mended a moment later.
pub const PING_INTERVAL: Duration = Duration::from_millis(250);

/// How often a server that does not answer is asked anew, without an end of the question before.
pub const REACH_EVERY: Duration = Duration::from_millis(200);

/// Longest wait for one attempt to connect.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(2);

/// Longest wait for a publish to be taken, or for a subscription to be known to the server.
pub const CALL_DEADLINE: Duration = Duration::from_secs(5);

/// Messages that the client holds for one subscription until they are moved to the subscriber's
/// own queue. They are moved at once, so this is a reserve for a busy runtime: the connection
/// reads some 30,000 small messages before it lets another task run on its thread.
pub const CLIENT_QUEUE_MESSAGES: usize = 262_144;

/// Messages on their way to the connection. While it is broken, these wait; what is published
/// after the break was noticed is refused.
pub const SEND_QUEUE_MESSAGES: usize = 4_096;
