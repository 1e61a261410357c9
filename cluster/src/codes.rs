//! The stable codes of refusals and dead letters, with a title each.
//!
//! Before and after it: nothing; `commands/`, the door and `docs/errors` read it.
//! Guarantees: a code keeps its meaning. Leaves to others: the codes of scripts (`vm`).

/// A panic in the engine while a turn ran: the turn was undone and the worker failed.
pub const INTERNAL: &str = "E-internal";
/// No worker of that name is deployed, and the request needs one.
pub const UNKNOWN_WORKER: &str = "E-unknown-worker";
/// There is no such instance.
pub const UNKNOWN_INSTANCE: &str = "E-unknown-instance";
/// The instance runs already.
pub const RUNNING: &str = "E-running";
/// The instance has ended, and its worker does not start again by a message.
pub const ENDED: &str = "E-ended";
/// The instance was killed or failed while the message waited in its mailbox.
pub const MAILBOX_LEFT: &str = "E-mailbox-left";
/// Too much is waiting; try again later.
pub const BUSY: &str = "E-busy";
/// The disk of the state is too far behind for more work of clients; try again later.
pub const DISK_BEHIND: &str = "E-disk-behind";
/// The instance's mailbox is full.
pub const MAILBOX_FULL: &str = "E-mailbox-full";
/// Too much waits for this external service.
pub const SERVICE_FULL: &str = "E-service-full";
/// The external service stayed silent until the message's time to live ended.
pub const SERVICE_SILENT: &str = "E-service-silent";
/// Too many read this source.
pub const SOURCE_FULL: &str = "E-source-full";
/// The name is that of a reactive function, which is read, or the request reads what is none.
pub const REACTIVE: &str = "E-reactive";
/// Too many messages in a row without anything from outside.
pub const CHAIN: &str = "E-chain";
/// The message is too large to travel between shards.
pub const TOO_LARGE: &str = "E-too-large";
/// The idempotency key was used for another request.
pub const KEY_REUSED: &str = "E-idempotency-reused";
/// The request is older than what the shard remembers; whether it took effect is unknown here.
pub const OUTCOME_UNKNOWN: &str = "E-outcome-unknown";
/// The request was sent to a shard that does not own its target.
pub const WRONG_SHARD: &str = "E-wrong-shard";
/// The channel belongs to another life of this shard.
pub const WRONG_INCARNATION: &str = "E-wrong-incarnation";
/// The bytes are no program, or one that this version does not run.
pub const BAD_PROGRAM: &str = "E-bad-program";
/// The program is not installed in this shard.
pub const UNKNOWN_PROGRAM: &str = "E-unknown-program";
/// The bytes are no value of the language.
pub const BAD_BODY: &str = "E-bad-body";
/// The key is one that only the runtime makes.
pub const RESERVED_KEY: &str = "E-reserved-key";
/// There is no dead letter of that number.
pub const UNKNOWN_DEAD_LETTER: &str = "E-unknown-dead-letter";
/// The command or its parcels are not what this shard can read.
pub const MALFORMED: &str = "E-malformed";
/// The `key` function of the worker failed for this message.
pub const KEY_FAILED: &str = "E-key-failed";
/// A script named a target that no address can be made of.
pub const BAD_ADDRESS: &str = "E-bad-address";
/// A limit has a value with which the shard could not go on.
pub const BAD_LIMIT: &str = "E-bad-limit";
/// The replicas of the shard have different states, and none has a majority: the shard has stopped.
pub const DISAGREEMENT: &str = "E-disagreement";
/// There is no member of that id or name.
pub const MEMBER_UNKNOWN: &str = "E-member-unknown";
/// The member runs, or holds replicas.
pub const MEMBER_IN_USE: &str = "E-member-in-use";
/// There is no shard of that number.
pub const SHARD_UNKNOWN: &str = "E-shard-unknown";
/// The shard map does not allow the move, or the place that was asked for.
pub const MOVE_IMPOSSIBLE: &str = "E-move-impossible";
/// What is to be recovered has a quorum, and goes on by itself.
pub const HAS_QUORUM: &str = "E-has-quorum";
/// Nothing can go on from that node: it is silent, or holds no replica that takes part.
pub const RECOVER_SOURCE: &str = "E-recover-source";
/// No backup could be made: something changed again and again while it began.
pub const BACKUP_FAILED: &str = "E-backup-failed";
/// A backup that cannot be gone on with.
pub const BACKUP_GONE: &str = "E-backup-gone";
/// A version of what scripts mean that a member does not support, or that is no newer one.
pub const SEMANTICS: &str = "E-semantics";
/// The instance was killed.
pub const KILLED: &str = "E-killed";
