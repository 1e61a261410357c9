//! What can be measured, one file for each kind of question. Comes after the command line; each starts what
//! it needs, or takes nodes that run, and returns rows and figures.

pub(super) mod beside;
pub(super) mod curves;
pub(super) mod failover;
pub(super) mod load;
pub(super) mod overload;
pub(super) mod start;
pub(super) mod ways;
