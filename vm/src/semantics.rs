//! The version of what scripts mean: engine, Unicode tables, regular expressions, number formatting, mathematics,
//! limits and hashes. Replicas that differ in any of them compute different states from the same log.
//! Before and after it: nothing; the cluster keeps the version that is in force, and nodes say which they support.
//! Guarantees: a change of what any script computes raises `LATEST`; what is older than `OLDEST` is not run any
//! more. Leaves to others: agreeing on one (`cluster::system`).

/// The newest version that this program runs.
pub const LATEST: u32 = 1;

/// The oldest version that this program runs still.
pub const OLDEST: u32 = 1;

// Nothing asks which version is in force when it computes, neither a turn nor what reads a compiled program or an
// exported history. So a program that runs two of them must not be built before that is there (decision 0042).
const _: () = assert!(
    OLDEST == LATEST,
    "a second version of what scripts mean has to stand in each shard's log, in programs and in histories first"
);
