//! What each command does to a shard, one file for each.
//!
//! Before it: `shard::apply`. After it: the shard's parts. Guarantees: each returns one outcome,
//! and an error only where the shard itself cannot go on. Leaves to others: batching and stamps.

pub(crate) mod activate;
pub(crate) mod agreed;
pub(crate) mod begin_life;
pub(crate) mod channel;
pub(crate) mod checkpoint;
pub(crate) mod configure;
pub(crate) mod cut;
pub(crate) mod dead_letter;
pub(crate) mod deliver;
pub(crate) mod effect;
pub(crate) mod go_on;
pub(crate) mod install;
pub(crate) mod kill;
pub(crate) mod meet;
pub(crate) mod pause;
pub(crate) mod prune;
pub(crate) mod read;
pub(crate) mod send;
pub(crate) mod start;
pub(crate) mod timer;

#[cfg(test)]
mod tests;
